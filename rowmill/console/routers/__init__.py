"""The paths of the API, a module a noun."""
