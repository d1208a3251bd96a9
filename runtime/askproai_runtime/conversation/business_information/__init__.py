"""The tenant's declarations about its business, said to callers who ask: answered from the config alone."""
