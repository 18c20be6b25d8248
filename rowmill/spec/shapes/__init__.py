"""What is known of a cell beforehand: its characters, its bytes in Postgres, its estimated room."""
