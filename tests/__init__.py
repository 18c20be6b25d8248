"""The tests; imports between them are absolute, from the repository's root."""
