"""Tables into batches, parts and shards, and the batch size that fits the memory."""
