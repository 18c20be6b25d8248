"""Column types, and the values that a manifest writes, each read by its type."""
