"""The SQL statements of the private API and of the page."""
