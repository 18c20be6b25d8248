"""The embedded servers of one machine: Postgres and S3, their disks and their processes."""
