"""What templates are read to: their fields, the texts of these, the addresses that they make."""
