"""The manifest: its typed model, its rules, and the dataset that it resolves to."""
