"""Login at the tenant's issuer, at a real pod: who gets in with which role, and who does not."""

import json
from collections.abc import AsyncIterator

import pytest

from askproai_sandbox.databases import Database
from tests.worlds.oidc_issuer import OidcIssuer, person, running_issuer
from tests.worlds.oidc_page import running_page
from tests.worlds.page_visitor import visiting
from tests.worlds.tenant_pod import TenantPod


@pytest.fixture(scope="module")
async def shared_issuer() -> AsyncIterator[OidcIssuer]:
    async with running_issuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
async def oidc_pod(
    module_database: Database, tmp_path_factory: pytest.TempPathFactory, shared_issuer: OidcIssuer
) -> AsyncIterator[TenantPod]:
    async with running_page(module_database, tmp_path_factory.mktemp("oidc"), shared_issuer) as pod:
        yield pod


@pytest.mark.parametrize("published", [False, True])
async def test_each_group_has_its_role_and_the_audit_log_has_who_it_was(
    oidc_pod: TenantPod, shared_issuer: OidcIssuer, published: bool
) -> None:
    for group, role, shown in (
        ("bosses", "owner", "Inhaber"),
        ("team", "staff", "Team"),
        ("guests", "reader", "nur lesen"),
    ):
        shared_issuer.claims = person("others", group, subject=f"u-{group}")
        async with visiting(oidc_pod, published=published) as visitor:
            status, page = await visitor.log_in_at_issuer("/week?day=2026-11-27")
            assert status == 200, page
            assert 'content="0;url=/week?day=2026-11-27"' in page
            status, page, _ = await visitor.get("/week?day=2026-11-27")
            assert status == 200
            assert shown in page
            assert "anna@salon.example" in page
        entry = await oidc_pod.db.fetchval(
            "SELECT detail FROM audit_log WHERE tenant = $1 AND action = 'page.login' ORDER BY id DESC LIMIT 1",
            oidc_pod.store.tenant,
        )
        assert json.loads(entry) == {
            "role": role, "issuer": shared_issuer.url, "subject": f"u-{group}", "claimed_by": "anna@salon.example",
        }  # fmt: skip
