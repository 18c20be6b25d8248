"""Batches into Postgres by binary COPY."""
