"""What is stored, read again and compared."""
