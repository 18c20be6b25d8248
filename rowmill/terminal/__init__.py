"""What all commands share in how they speak to people: figures, tables, errors, exit codes."""
