"""Remove an experiment's data, and tell what of it was removed."""
