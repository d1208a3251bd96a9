"""The tenant's page: people see what happens. Behind a login, at `/` on port 8081, which is never routed from outside.

A tenant that wants it publishes the same page and nothing else on port 8082, with the login at its issuer alone.
`fleet` is the coordinator's page of all tenants.
"""

from askproai_runtime.page.origin import IS_PUBLISHED
from askproai_runtime.page.routes import Page

__all__ = ["IS_PUBLISHED", "Page", "fleet"]
