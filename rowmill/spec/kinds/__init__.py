"""Kinds of cells: as plain data, and read from the manifest by the column's type."""
