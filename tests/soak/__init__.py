"""A storm over several tenants on real parts, and a check of all answers: `make soak` (docs/performance.md)."""
