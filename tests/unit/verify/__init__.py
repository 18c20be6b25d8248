"""Unit tests of verify."""
