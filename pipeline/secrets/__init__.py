"""Secret values by name, from the environment, a `.env` file or a Key Vault."""
