"""Published tables in Postgres: read for verify and trace, queried by a person."""
