"""The operator's access to the database: its schema, and each tenant's login role, rows, resources and state."""
