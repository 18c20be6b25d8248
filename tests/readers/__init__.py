"""What Rowmill writes, opened by other readers: `python -m tests.readers`."""
