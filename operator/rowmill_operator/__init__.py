"""The operator: Experiments on a Kubernetes cluster become Jobs, and their state becomes status."""
