"""Cells of each kind: one module a kind, or a family of them."""
