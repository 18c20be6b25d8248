"""Tests of what Rowmill does with a real Postgres."""
