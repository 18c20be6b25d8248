"""Any S3: its client, what its answers mean, and a bucket's few operations."""
