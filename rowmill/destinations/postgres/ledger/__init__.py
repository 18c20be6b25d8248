"""The ledger in Postgres: runs, work, locks and pools beside the rows they account for."""
