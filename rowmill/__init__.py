"""Rowmill: synthetic relational data at warehouse scale, the same rows every time."""

__version__ = "0.1.0"
