"""What runs a shard: prepare, the loop over batches, finalize, publish, purge."""
