"""Where batches land: Parquet on S3, Postgres, and the ledger of what landed."""
