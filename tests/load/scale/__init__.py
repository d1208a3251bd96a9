"""`make scale`: what an installation with many tenants costs, and how long it takes (docs/performance.md)."""
