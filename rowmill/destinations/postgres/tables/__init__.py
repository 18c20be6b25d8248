"""An experiment's tables in Postgres: whose they are, where they are staged, what hangs on them."""
