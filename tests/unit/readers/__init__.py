"""Unit tests of readers."""
