"""The part of Redis that a tenant's pods share. Each part works without it, and nothing here decides about a booking."""
