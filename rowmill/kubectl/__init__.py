"""`kubectl rowmill`: the commands of `rowmill` against a cluster."""
