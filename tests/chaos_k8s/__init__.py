"""Seeded fault schedules on a real node: `python -m tests.chaos_k8s`."""
