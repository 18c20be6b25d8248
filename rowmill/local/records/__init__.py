"""What is told of runs: by their ledgers, by a live supervisor, by their logs."""
