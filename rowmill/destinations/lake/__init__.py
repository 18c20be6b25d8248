"""One experiment's tables in a bucket: claims, records, parts as Parquet, and their reading."""
