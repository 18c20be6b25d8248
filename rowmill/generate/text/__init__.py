"""Texts: spelled, cased and laid out in columns; other types as text and back."""
