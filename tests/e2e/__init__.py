"""End-to-end tests: the operator, the chart and the pods on a real Kubernetes node."""
