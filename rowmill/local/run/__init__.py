"""One run, while this process is at work on it: admitted, planned, watched, verified."""
