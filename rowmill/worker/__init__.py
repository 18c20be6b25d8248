"""A run's steps: start, shards, finalize, publish, removal."""
