"""Records as people see them: the tables that both faces print."""
