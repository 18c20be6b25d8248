"""Postgres: how it is reached, and the rooms for its ledger, tables, users' additions, warehouse, COPY and reading."""
