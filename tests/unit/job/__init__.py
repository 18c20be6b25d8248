"""Unit tests of job."""
