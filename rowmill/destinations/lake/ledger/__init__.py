"""The ledger of an experiment without Postgres: objects under `PREFIX/_rowmill/ledger/`."""
