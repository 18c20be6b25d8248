"""The rules that a whole manifest must keep: keys, references, uniqueness, cycles."""
