"""The functions that a tenant's pods share through Redis. Each works without Redis, and none decides about a booking."""
