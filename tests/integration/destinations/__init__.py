"""Each destination on its real server."""
