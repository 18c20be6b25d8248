"""The pod's program, run as a process."""
