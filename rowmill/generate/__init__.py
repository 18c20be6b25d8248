"""Cells: pure functions from row indexes to Arrow arrays."""
