"""The REST API, over an engine that it does not name; the page is a client of it."""
