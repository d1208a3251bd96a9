"""Answers to callers' questions about the business, from the tenant's declarations in the config alone."""
