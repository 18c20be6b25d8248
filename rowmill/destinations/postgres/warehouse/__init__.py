"""What prepare, finalize, publish, reset and delete do to the tables in Postgres."""
