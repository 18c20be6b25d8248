"""The start of a run: what is there, what is decided, what is carried out."""
