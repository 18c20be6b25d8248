"""Postgres: how it is reached; rooms for ledger, tables, additions, warehouse, COPY, reading."""
