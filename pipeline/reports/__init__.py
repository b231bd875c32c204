"""What was done and how it stands: read from the database alone, never a field value."""
