"""The tenant's page, on which people watch and change the tenant's business. It needs a login, at `/` on port 8081, which is
never routed from outside. If the tenant publishes the page, port 8082 serves the page alone, with the login at the tenant's
issuer. `fleet` is the coordinator's page of all tenants.
"""

from askproai_runtime.page.origin import IS_PUBLISHED
from askproai_runtime.page.routes import Page

__all__ = ["IS_PUBLISHED", "Page", "fleet"]
