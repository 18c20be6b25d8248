"""Unit tests of helm."""
