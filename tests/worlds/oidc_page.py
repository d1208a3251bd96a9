"""A tenant's pod whose page has a login at a simulated issuer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from askproai_core.tenant_config.page import OIDC_CLIENT_SECRET, OidcSettings, PageRoles, PageSettings
from tests.worlds.databases import Database
from tests.worlds.oidc_issuer import CLIENT_ID, CLIENT_SECRET, OidcIssuer
from tests.worlds.tenant_pod import TenantPod, open_pod, running_web
from tests.worlds.waiting import eventually

HOST = "salon.page.example"
ROLES = PageRoles(owner=("bosses",), staff=("team",), reader=("guests", "auditors"))


def oidc_settings(issuer: OidcIssuer, **changes: Any) -> OidcSettings:
    values = {"issuer": issuer.url, "client_id": CLIENT_ID, "roles": ROLES, "scopes": ("profile",)}
    return OidcSettings(**values | changes)


@asynccontextmanager
async def running_page(
    database: Database, folder: Path, issuer: OidcIssuer, name: str = "salon", *, host: str = HOST
) -> AsyncIterator[TenantPod]:
    """Run a web process with the login at the issuer, published unless `host` is empty."""
    async with open_pod(database, folder, name) as pod:
        pod.write_config(pod.config(page=PageSettings(oidc_settings(issuer), host)))
        pod.write_credential(OIDC_CLIENT_SECRET, CLIENT_SECRET)
        async with running_web(pod, worker_port=9):
            yield pod


async def set_page(pod: TenantPod, page: PageSettings | None) -> None:
    """Change the login of a running pod, and wait until it is in use."""
    wanted = pod.config(page=page)
    pod.write_config(wanted)
    live = pod.web._process.config
    await eventually(lambda: live.current.page == wanted.page, what="the config")


def changed(settings: OidcSettings, **changes: Any) -> OidcSettings:
    return msgspec.structs.replace(settings, **changes)
