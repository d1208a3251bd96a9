"""What the tenant's own people do with the book, by the private API and the page. Its modules are its public API."""
