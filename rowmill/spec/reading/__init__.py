"""Reading cells: what `generate` says of each column, or what is inferred, becomes its kind."""
