"""Rows made on the spot, as text: any rows of a table, their parents and their children."""
