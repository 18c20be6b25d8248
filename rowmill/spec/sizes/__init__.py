"""The bytes of cells and rows in Postgres, and what fits one of its pages."""
