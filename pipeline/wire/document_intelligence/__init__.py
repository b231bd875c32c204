"""Document Intelligence 2022-08-31 to 2024-11-30: `decode` reads what the service says, `encode` says it."""
