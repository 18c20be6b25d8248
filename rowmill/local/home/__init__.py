"""What one machine keeps in the folder ROWMILL_HOME."""
