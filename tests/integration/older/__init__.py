"""What an older commit left behind goes on working."""
