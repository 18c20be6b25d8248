"""Parquet on a real S3 server, and its faults."""
