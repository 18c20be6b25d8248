"""Patterns: their spelling, their automaton, the characters that they can give."""
