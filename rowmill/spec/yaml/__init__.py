"""YAML into plain values as kubectl reads it, with the place of every problem."""
