"""Unit tests of generate."""
