"""A real Kubernetes node of one machine's own, for tests: no Docker, no image registry."""
