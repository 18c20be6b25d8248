"""Recompute what is stored and compare; trace a stored row to its run."""
