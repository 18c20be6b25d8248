"""What keeps the memory right: watches, resync, the progress of pods."""
