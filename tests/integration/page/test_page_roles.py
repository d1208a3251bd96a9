"""Every page and every action as every role, with a token and by a login, at both ports, and as somebody of another tenant.

A path of `PATHS` or `ACTIONS` that has no expectation here fails the first test.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp.web import HTTPForbidden, HTTPNotFound, HTTPOk, HTTPSeeOther

from askproai_core.reader_token import reader_token_of
from askproai_runtime.admin_api import Right, Role, rights_of
from askproai_runtime.page.actions import ACTIONS
from askproai_runtime.page.logins import LOGIN_PATHS
from askproai_runtime.page.routes import PATHS
from askproai_runtime.page.views import FORMS, VIEWS
from tests.worlds.databases import Database
from tests.worlds.oidc_issuer import OidcIssuer, person, running_issuer
from tests.worlds.oidc_page import running_page
from tests.worlds.page_forms import fields_of, seed, state_of, token_of
from tests.worlds.page_rows import CALLER, ILLNESS, NAME, filled
from tests.worlds.page_rows import seed as seed_rows
from tests.worlds.page_visitor import Visitor, tags, visiting
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod

pytestmark = pytest.mark.nightly

ALL, OWNER = frozenset(Role), frozenset({Role.OWNER})
NOT_READER = frozenset({Role.OWNER, Role.STAFF})
# The roles that see each view. A reader's version of it names nobody.
SEEN_BY: dict[str, frozenset[Role]] = {
    "/": ALL, "/week": ALL, "/calls": ALL, "/calls/{id}": ALL, "/timeline": ALL, "/timeline?id=none": ALL,
    "/appointments/{id}": ALL, "/blocks": ALL, "/blocks/{id}": ALL,
    "/failures": ALL, "/messages": ALL, "/waitlist": ALL, "/dead-letters": ALL, "/figures": ALL, "/system": ALL,
    "/sessions": OWNER,
    "/calls/{id}?personal=true": OWNER,
    **dict.fromkeys(FORMS, NOT_READER),
}  # fmt: skip
DONE_BY: dict[str, frozenset[Role]] = {
    "/appointments/{id}/cancel": NOT_READER,
    "/appointments/{id}/move": NOT_READER,
    "/appointments/{id}/attendance": NOT_READER,
    "/blocks/new": NOT_READER,
    "/pause": NOT_READER,
    "/blocks/{id}/remove": NOT_READER,
    "/messages/{id}/done": NOT_READER,
    "/dead-letters/events/{id}/redrive": OWNER,
    "/dead-letters/notifications/{id}/redrive": OWNER,
    "/sessions/{id}/end": OWNER,
}
# Tested by test_page_oidc.py, and test_page_sessions.py.
WITHOUT_LOGIN = {*LOGIN_PATHS, "/live", "/page/{digest}/{name}"}
GROUPS = {Role.OWNER: "bosses", Role.STAFF: "team", Role.READER: "guests"}
TOKENS = {Role.OWNER: ADMIN_TOKEN, Role.READER: reader_token_of(ADMIN_TOKEN)}
NEEDLES = (CALLER, *NAME.split(), ILLNESS)


def test_role_table_covers_every_path_and_action() -> None:
    assert set(PATHS) | set(FORMS) == {path.partition("?")[0] for path in SEEN_BY} | WITHOUT_LOGIN
    assert set(ACTIONS) == set(DONE_BY)
    for path, action in ACTIONS.items():
        assert {role for role in Role if action.right in rights_of(role)} == DONE_BY[path], path
    assert {role for role in Role if Right.LISTEN in rights_of(role)} == SEEN_BY["/calls/{id}?personal=true"]


@pytest.fixture(scope="module")
async def issuer() -> AsyncIterator[OidcIssuer]:
    async with running_issuer() as running:
        yield running


@pytest.fixture(scope="module")
async def oidc_pod(module_database: Database, tmp_path_factory, issuer: OidcIssuer) -> AsyncIterator[TenantPod]:
    async with running_page(module_database, tmp_path_factory.mktemp("roles"), issuer) as pod:
        yield pod


@pytest.fixture(scope="module")
async def visitors(oidc_pod: TenantPod, issuer: OidcIssuer) -> AsyncIterator[Mapping[tuple[str, Role], Visitor]]:
    """Somebody of each role: at both ports by a login, and at the private one by a token."""
    async with AsyncExitStack() as stack:
        found: dict[tuple[str, Role], Visitor] = {}
        for role, group in GROUPS.items():
            for where in ("private", "published"):
                issuer.claims = person(group, subject=f"u-{role}", name=f"{role}@salon.example")
                visitor = await stack.enter_async_context(visiting(oidc_pod, published=where == "published"))
                assert (await visitor.log_in_at_issuer())[0] == HTTPOk.status_code
                found[where, role] = visitor
        for role, token in TOKENS.items():
            visitor = await stack.enter_async_context(visiting(oidc_pod))
            assert await visitor.log_in(token, role) == HTTPSeeOther.status_code
            found["token", role] = visitor
        yield found


@pytest.fixture(scope="module")
async def rows(oidc_pod: TenantPod) -> Mapping[str, str]:
    return await seed_rows(oidc_pod, NAME, ILLNESS)


WHO = [
    (where, role) for where in ("private", "published", "token") for role in Role if where != "token" or role in TOKENS
]


@pytest.mark.parametrize(("where", "role"), WHO)
async def test_each_role_sees_its_views_without_readers_names(
    visitors: Mapping[tuple[str, Role], Visitor], rows: Mapping[str, str], where: str, role: Role
) -> None:
    visitor, seen = visitors[where, role], ""
    for path, roles in SEEN_BY.items():
        status, page, _ = await visitor.get(filled(path, dict(rows)))
        assert status == (HTTPOk if role in roles else HTTPForbidden).status_code, (path, page)
        seen += page
    named = [needle for needle in NEEDLES if needle in seen]
    assert named == ([] if role is Role.READER else list(NEEDLES))
    assert (f"{NAME}: {ILLNESS}" in seen) is (role is Role.OWNER), "what was said"
    # No button without the right.
    offered = re.findall(r'(?:action|href)="[^"]*/(?:cancel|move|attendance|new|remove|done|redrive|pause)"', seen)
    assert bool(offered) is (role is not Role.READER), offered
    assert ('/redrive"' in seen) is (role is Role.OWNER)
    assert ('id="block"' in seen) is ('id="done-' in seen) is (role is not Role.READER)
    assert ('href="?personal=true"' in seen) is (role is Role.OWNER)


@pytest.mark.parametrize(("number", "where", "role"), [(number, *who) for number, who in enumerate(WHO, 1)])
async def test_each_role_does_only_its_permitted_actions(
    oidc_pod: TenantPod, visitors: Mapping[tuple[str, Role], Visitor], number: int, where: str, role: Role
) -> None:
    visitor, targets = visitors[where, role], await seed(oidc_pod, number)
    csrf = await token_of(visitor)
    # Cancelled last: a cancelled appointment is not moved.
    for path in sorted(DONE_BY, key=lambda each: each.endswith("/cancel")):
        await _act(oidc_pod, visitor, path, targets, number, csrf, may=role in DONE_BY[path])
    if role is not Role.READER:
        by = "SELECT DISTINCT detail->>'claimed_by' AS name FROM audit_log WHERE tenant = $1 AND actor = 'desk'"
        names = [str(row["name"]) for row in await oidc_pod.db.fetch(by, oidc_pod.store.tenant)]
        start = role if where == "token" else f"{role}@salon.example ("
        assert any(name.startswith(start) for name in names), names


async def _act(
    pod: TenantPod, visitor: Visitor, path: str, targets: Mapping[str, str], number: int, csrf: str, *, may: bool
) -> None:
    before = await state_of(pod)
    fields = fields_of(pod, path, number)
    request_id = f"00000000-0000-4000-8000-{number:06}{list(DONE_BY).index(path):06}"
    url = path.replace("{id}", targets[path])
    status, page, answer = await visitor.post(url, csrf=csrf, request_id=request_id, **fields)
    if may:
        assert status == HTTPSeeOther.status_code, (path, page)
        assert "?done=" in answer.headers["Location"], path
        assert await state_of(pod) != before
    else:
        assert status == HTTPForbidden.status_code, (path, page)
        assert await state_of(pod) == before, path


async def test_foreign_pages_session_opens_nothing_at_any_port(
    oidc_pod: TenantPod,
    issuer: OidcIssuer,
    visitors: Mapping[tuple[str, Role], Visitor],
    rows: Mapping[str, str],
    module_database: Database,
    tmp_path: Path,
) -> None:
    """Both tenants have the same issuer, client, secret, groups and even the same admin token."""
    async with running_page(module_database, tmp_path, issuer, "foreign") as other:
        targets = await seed(oidc_pod, 9)
        for published in (False, True):
            mine = visitors["published" if published else "private", Role.OWNER]
            ((name, value),) = mine.cookies().items()
            async with visiting(other, published=published) as foreign:
                issuer.claims = person("bosses")
                assert (await foreign.log_in_at_issuer())[0] == HTTPOk.status_code
                ((own, _),) = foreign.cookies().items()
                for path in SEEN_BY:
                    url = filled(path, dict(rows))
                    status, page, _ = await foreign.get(url)
                    assert status == (HTTPNotFound if "{id}" in path else HTTPOk).status_code, path
                    assert "{id}" in path or not [each for each in (*NEEDLES, rows["calls"]) if each in page]
                before, csrf = await state_of(oidc_pod), await token_of(foreign)
                for path in DONE_BY:
                    if path in {"/blocks/new", "/pause"}:
                        continue  # they name no row of anybody
                    url = path.replace("{id}", targets[path])
                    status, page, _ = await foreign.post(
                        url, csrf=csrf, request_id="00000000-0000-4000-8000-000000000000", **fields_of(other, path, 9)
                    )
                    assert status in {HTTPNotFound.status_code, 400, 409}, (path, page)
                assert await state_of(oidc_pod) == before
            async with visiting(other, published=published) as thief:
                for cookie in (name, own):
                    assert (await thief.get("/", Cookie=f"{cookie}={value}"))[0] == HTTPSeeOther.status_code


async def test_a_view_of_people_is_audited_once(oidc_pod: TenantPod, rows: Mapping[str, str]) -> None:
    async with visiting(oidc_pod) as owner, visiting(oidc_pod) as reader:
        assert await owner.log_in(ADMIN_TOKEN, "Karin Liest") == HTTPSeeOther.status_code
        assert await reader.log_in(TOKENS[Role.READER], "Rita Liest") == HTTPSeeOther.status_code
        for visitor in (owner, owner, reader):
            for path in VIEWS:
                await visitor.get(filled(path, dict(rows)))
    found = await oidc_pod.db.fetch(
        "SELECT detail->>'list' AS list, detail->>'role' AS role FROM audit_log WHERE tenant = $1 AND action = 'list.read'"
        " AND detail->>'claimed_by' LIKE '% Liest' ORDER BY 1", oidc_pod.store.tenant,
    )  # fmt: skip
    lists = ("appointments", "blocks", "messages", "waitlist")
    assert {tuple(row) for row in found} == {(f"/{name}", "owner") for name in lists}
    assert len(found) < len(VIEWS), "two views at the same moment may both be written, each view of two visits is not"


async def test_audit_entry_of_a_reading_announces_no_change(oidc_pod: TenantPod) -> None:
    async with visiting(oidc_pod) as owner:
        assert await owner.log_in(ADMIN_TOKEN, "Lou Liest") == HTTPSeeOther.status_code
        pages = [(await owner.get("/messages"))[1] for _ in range(2)]
    before, after = ([values["sse-connect"] for tag, values in tags(page) if tag == "body"] for page in pages)
    assert before == after
