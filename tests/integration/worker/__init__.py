"""A worker's steps on real servers."""
