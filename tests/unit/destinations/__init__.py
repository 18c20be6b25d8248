"""Unit tests of destinations."""
