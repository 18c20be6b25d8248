"""Unit tests of on_demand."""
