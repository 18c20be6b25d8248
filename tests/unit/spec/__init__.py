"""Unit tests of spec."""
