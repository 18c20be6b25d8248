"""The cluster engine: Experiments of one namespace, by their API server."""
