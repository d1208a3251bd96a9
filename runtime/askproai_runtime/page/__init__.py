"""The tenant's page, `/` on port 8081: people see what happens. Behind a login, and never routed from outside by us.

`fleet` is the coordinator's page of all tenants.
"""

from askproai_runtime.page.routes import add_page

__all__ = ["add_page", "fleet"]
