"""The command line as a user runs it, in processes of its own."""
