"""The figures of docs/benchmarks.md for one machine: `python -m tests.bench`."""
