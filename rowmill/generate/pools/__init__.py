"""Pools: the distinct texts that `faker` columns draw from, shipped or made once."""
