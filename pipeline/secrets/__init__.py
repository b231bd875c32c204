"""Secret values by name, from the environment, a `.env` file, a Databricks scope or a Key Vault."""
