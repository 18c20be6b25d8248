"""Unit tests of kubectl."""
