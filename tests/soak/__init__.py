"""A storm over several tenants on real parts, and a check of what everybody was answered: `make soak` (docs/performance.md)."""
