"""The desk: the tenant's own people use the book through the private API and the page. Its modules are its public API."""
