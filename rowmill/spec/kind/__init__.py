"""What every kind stands on: its questions, its entry, what its reader is told, laws of numbers."""
