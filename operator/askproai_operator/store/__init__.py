"""The operator's database login: the schema, and each tenant's role, row, resources and state."""
