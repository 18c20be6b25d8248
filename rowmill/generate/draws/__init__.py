"""Draws: from a key and a row to random bits, permutations and values of distributions."""
