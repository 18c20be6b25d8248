"""The worker pod's entry point, thin over `rowmill.worker`."""
