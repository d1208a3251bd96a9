"""The branch that a call is for, by the tenant's business model. Pure: the hints of the database are passed in."""
