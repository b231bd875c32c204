"""Real and doubled parts of Azure for tests and the rehearsal."""
