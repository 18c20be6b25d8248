"""Postgres: how it is reached, and the rooms for its ledger, tables, COPY and reading."""
