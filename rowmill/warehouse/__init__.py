"""What a published run left, opened for reading: the same of every engine."""
