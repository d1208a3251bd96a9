"""The functions that a tenant's pods share through Redis. All of them work without Redis, and none decides about a booking."""
