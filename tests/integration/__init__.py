"""Tests on a real Postgres and a real S3 server."""
