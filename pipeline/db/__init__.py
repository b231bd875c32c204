"""The database: connection, table definitions, migrations, and the statements of each table."""
