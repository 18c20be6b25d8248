"""Seeded fault schedules on one machine: `python -m tests.chaos`."""
