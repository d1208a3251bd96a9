"""Login at the tenant's issuer, at a real pod: who gets in with which role, and who does not, whatever the issuer answers."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.web import HTTPForbidden, HTTPNotFound, HTTPOk, HTTPSeeOther, HTTPServiceUnavailable
from yarl import URL

from askproai_core.languages import Language
from askproai_core.tenant_config.page import OIDC_CLIENT_SECRET, PageRoles, PageSettings
from askproai_runtime.oidc import Failure
from askproai_runtime.oidc import issuer as issuer_module
from askproai_runtime.page.routes import PATHS
from askproai_runtime.page.words import WORDS
from askproai_runtime.web import PAGE_CONNECTIONS
from tests.worlds.databases import Database
from tests.worlds.oidc_issuer import CLIENT_SECRET, OidcIssuer, person, running_issuer
from tests.worlds.oidc_page import HOST, changed, oidc_settings, running_page, set_page
from tests.worlds.page_rows import add_call
from tests.worlds.page_visitor import Visitor, hidden, visiting
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod
from tests.worlds.waiting import SOON, eventually

GERMAN = WORDS[Language.DE].login

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
async def shared_issuer() -> AsyncIterator[OidcIssuer]:
    async with running_issuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
async def oidc_pod(module_database: Database, tmp_path_factory, shared_issuer: OidcIssuer) -> AsyncIterator[TenantPod]:
    async with running_page(module_database, tmp_path_factory.mktemp("oidc"), shared_issuer) as pod:
        yield pod


@pytest.fixture
async def issuer(oidc_pod: TenantPod, shared_issuer: OidcIssuer) -> AsyncIterator[OidcIssuer]:
    """The issuer without a fault, at which somebody of the team logs in; faults end with the test."""
    shared_issuer.claims = person("team")
    usual = OidcIssuer()
    faults = ("change", "algorithm", "kid", "hidden", "userinfo_subject", "metadata", "statuses", "silent", "answer")
    yield shared_issuer
    for name in faults:
        setattr(shared_issuer, name, getattr(usual, name))
    await set_page(oidc_pod, PageSettings(oidc_settings(shared_issuer), HOST))
    oidc_pod.write_credential(OIDC_CLIENT_SECRET, CLIENT_SECRET)


async def begin(visitor: Visitor, wanted: str = "/") -> URL:
    """Begin a login, and return where the issuer sends the browser back to."""
    status, page, sent = await visitor.get(f"/login/issuer?next={wanted}")
    assert status == HTTPSeeOther.status_code, page
    async with visitor.session.get(URL(sent.headers["Location"], encoded=True), allow_redirects=False) as asked:
        return URL(asked.headers["Location"], encoded=True)


async def entries(pod: TenantPod, action: str) -> list[dict[str, Any]]:
    details = "SELECT detail FROM audit_log WHERE tenant = $1 AND actor = 'page' AND action = $2 ORDER BY id"
    rows = await pod.db.fetch(details, pod.store.tenant, action)
    return [json.loads(row["detail"]) for row in rows]


async def forget_issuer(pod: TenantPod, issuer: OidcIssuer) -> None:
    """Make the pod read the issuer's metadata again, as after an hour. With another authority it is another issuer."""
    await set_page(pod, PageSettings(oidc_settings(issuer, private_ca=True), HOST))
    async with visiting(pod) as visitor:
        _, page, _ = await visitor.get("/login/issuer")
        assert GERMAN.failures[Failure.NOT_SET_UP] in page, "the authority is not mounted"
    await set_page(pod, PageSettings(oidc_settings(issuer), HOST))


@pytest.fixture
async def unread_issuer(oidc_pod: TenantPod, issuer: OidcIssuer) -> AsyncIterator[OidcIssuer]:
    """The issuer; the pod knows nothing about it yet, and afterwards nothing about its faults."""
    await forget_issuer(oidc_pod, issuer)
    yield issuer
    await forget_issuer(oidc_pod, issuer)


@pytest.mark.parametrize("published", [False, True])
async def test_group_of_the_issuer_decides_role_and_audit(
    oidc_pod: TenantPod, shared_issuer: OidcIssuer, published: bool
) -> None:
    roles = ("bosses", "owner", "Inhaber"), ("team", "staff", "Team"), ("guests", "reader", "nur lesen")
    for group, role, shown in roles:
        shared_issuer.claims = person("others", group, subject=f"u-{group}")
        async with visiting(oidc_pod, published=published) as visitor:
            status, page = await visitor.log_in_at_issuer("/week?day=2026-11-27")
            assert status == 200, page
            assert 'content="0;url=/week?day=2026-11-27"' in page
            status, page, _ = await visitor.get("/week?day=2026-11-27")
            assert status == 200
            assert shown in page
            assert "anna@salon.example" in page
            assert (await visitor.post("/logout", csrf=hidden(page)))[0] == HTTPSeeOther.status_code
        assert (await entries(oidc_pod, "page.logout"))[-1] == {"role": role, "claimed_by": "anna@salon.example"}
        identity = {"issuer": shared_issuer.url, "subject": f"u-{group}", "claimed_by": "anna@salon.example"}
        assert (await entries(oidc_pod, "page.login"))[-1] == identity | {"role": role}


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ({"change": lambda claims: claims | {"nonce": "of another login"}}, Failure.NOT_VALID),
        ({"algorithm": "HS256"}, Failure.NOT_VALID),
        ({"kid": "of somebody else"}, Failure.NOT_VALID),
        ({"answer": lambda query: query | {"iss": "https://evil.example"}}, Failure.NOT_VALID),
        ({"answer": lambda query: query | {"state": "guessed"}}, Failure.BEGIN_AGAIN),
        ({"answer": lambda query: {"state": query["state"]}}, Failure.BEGIN_AGAIN),
        ({"answer": lambda query: query | {"code": "guessed"}}, Failure.BEGIN_AGAIN),
        ({"answer": lambda query: {"state": query["state"], "error": "access_denied"}}, Failure.DENIED),
        ({"answer": lambda query: {"state": query["state"], "error": "invalid_scope"}}, Failure.NOT_SET_UP),
        ({"statuses": {"/token": 500}}, Failure.UNAVAILABLE),
    ],
)
async def test_wrong_answer_of_an_issuer_admits_nobody(
    oidc_pod: TenantPod, issuer: OidcIssuer, fault: dict[str, Any], failure: Failure, published: bool
) -> None:
    for name, value in fault.items():
        setattr(issuer, name, value)
    before = await entries(oidc_pod, "page.login")
    async with visiting(oidc_pod, published=published) as visitor:
        status, page = await visitor.log_in_at_issuer()
        assert status == (HTTPServiceUnavailable if failure is Failure.UNAVAILABLE else HTTPForbidden).status_code
        assert GERMAN.failures[failure] in page
        assert [name for name in visitor.cookies() if not name.endswith("-login")] == []
        assert (await visitor.get("/"))[0] == HTTPSeeOther.status_code
    assert await entries(oidc_pod, "page.login") == before


async def test_login_is_completed_once_in_its_own_browser(oidc_pod: TenantPod, issuer: OidcIssuer) -> None:
    async with visiting(oidc_pod) as visitor, visiting(oidc_pod) as stranger:
        back = await begin(visitor)
        status, page = await stranger.come_back(back)
        assert status == HTTPForbidden.status_code, "a link has led them here: they would be logged in as somebody else"
        assert GERMAN.failures[Failure.BEGIN_AGAIN] in page
        own = await begin(stranger)
        status, _ = await stranger.come_back(own.update_query(code=back.query["code"]))
        assert status == HTTPForbidden.status_code, "a code that was issued to another browser's verifier"
        async with visiting(oidc_pod) as third:
            again = await begin(third)
            assert (await third.come_back(again))[0] == HTTPOk.status_code
            assert (await third.come_back(again))[0] == HTTPForbidden.status_code, "the back button, or a replay"
            assert (await third.get("/"))[0] == HTTPOk.status_code


async def test_login_and_its_cookies_lead_to_this_page(oidc_pod: TenantPod, issuer: OidcIssuer) -> None:
    async with visiting(oidc_pod, published=True) as visitor:
        _, _, sent = await visitor.get("/login/issuer?next=//evil.example/")
        (attempt,) = sent.cookies.values()
        assert (attempt["httponly"], attempt["secure"]) == (True, True)
        assert (attempt["samesite"], attempt["max-age"]) == ("Lax", "600")
        query = URL(sent.headers["Location"]).query
        assert query["redirect_uri"] == f"https://{HOST}/login/callback"
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        assert query["scope"] == "openid profile"
        async with visitor.session.get(URL(sent.headers["Location"], encoded=True), allow_redirects=False) as asked:
            back = URL(asked.headers["Location"], encoded=True)

        async def follow() -> Any:
            status, page, answer = await visitor.get(
                back.raw_path_qs, **{"X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil"}
            )
            return (page, answer) if status == HTTPOk.status_code else None

        page, answer = await eventually(follow, every=0.3)
        assert 'content="0;url=/"' in page, "no other site"
        session, gone = sorted(answer.cookies.values(), key=lambda each: len(each.key))
        assert session.key.startswith("__Host-")
        assert (session["httponly"], session["secure"]) == (True, True)
        assert (session["samesite"], session["path"]) == ("Strict", "/")
        assert session["domain"] == ""
        assert session["max-age"] == "43200"
        assert gone.value == ""


async def test_token_opens_no_session_at_the_published_page(oidc_pod: TenantPod, issuer: OidcIssuer) -> None:
    async with visiting(oidc_pod) as owner, visiting(oidc_pod, published=True) as visitor:
        assert await owner.log_in(ADMIN_TOKEN) == HTTPSeeOther.status_code
        _, form, _ = await owner.get("/login")
        _, page, _ = await visitor.get("/login")
        assert 'type="password"' not in page
        assert (await visitor.post("/login", csrf=hidden(form), token=ADMIN_TOKEN))[0] == HTTPNotFound.status_code
        ((_, cookie),) = [(name, value) for name, value in owner.cookies().items() if not name.endswith("-login")]
        await visitor.log_in_at_issuer()
        ((name, _),) = visitor.cookies().items()
        async with visiting(oidc_pod, published=True) as thief:
            assert (await thief.get("/", Cookie=f"{name}={cookie}"))[0] == HTTPSeeOther.status_code


async def test_published_port_has_only_the_page(oidc_pod: TenantPod, issuer: OidcIssuer) -> None:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    paths = (
        "/api/v1/appointments", "/openapi.json", "/metrics", "/health", "/health/detailed", "/livez", "/readyz", "/startupz",
        "/webhooks/retell", "/retell/functions/book_appointment", "//api/v1/appointments", "/%2e/metrics",
    )  # fmt: skip
    async with visiting(oidc_pod, published=True) as visitor:
        for path in paths:
            assert (await visitor.get(path, **headers))[0] == HTTPNotFound.status_code, path
        assert (await visitor.get("/login"))[0] == HTTPOk.status_code
    await set_page(oidc_pod, PageSettings(oidc_settings(issuer), ""))
    async with visiting(oidc_pod, published=True) as visitor:
        for path in PATHS:
            assert (await visitor.get(path.replace("{", "").replace("}", "")))[0] == HTTPNotFound.status_code, path


async def test_person_without_role_is_refused_and_audited_once(oidc_pod: TenantPod, issuer: OidcIssuer) -> None:
    """Everybody with an account at the issuer may try, at the published host, as often as they like."""
    issuer.claims = person("others", subject="u-9", name="<b>Otto</b>")
    before = await entries(oidc_pod, "page.login_refused")
    for _ in range(2):
        async with visiting(oidc_pod, published=True) as visitor:
            status, page = await visitor.log_in_at_issuer()
            assert status == HTTPForbidden.status_code
            assert "page.oidc.roles" in page
            assert "&lt;b&gt;Otto&lt;/b&gt;, Sie sind bei 127.0.0.1 angemeldet" in page
            assert visitor.cookies() == {}
    assert (await entries(oidc_pod, "page.login_refused"))[len(before) :] == [
        {"role": None, "issuer": issuer.url, "subject": "u-9", "claimed_by": "<b>Otto</b>"}
    ]


async def test_groups_come_from_the_same_persons_userinfo(oidc_pod: TenantPod, issuer: OidcIssuer) -> None:
    issuer.hidden = frozenset({"groups"})
    async with visiting(oidc_pod) as visitor:
        assert (await visitor.log_in_at_issuer())[0] == HTTPOk.status_code
        assert "Team" in (await visitor.get("/"))[1]
    issuer.userinfo_subject = "somebody else"
    async with visiting(oidc_pod) as visitor:
        assert (await visitor.log_in_at_issuer())[0] == HTTPForbidden.status_code


async def test_rotated_key_is_fetched_without_queries_for_strangers(
    oidc_pod: TenantPod, unread_issuer: OidcIssuer
) -> None:
    issuer = unread_issuer
    async with visiting(oidc_pod) as visitor:
        assert (await visitor.log_in_at_issuer())[0] == HTTPOk.status_code
    issuer.rotate()
    issuer.algorithm = "ES256"
    issuer.requests.clear()
    async with visiting(oidc_pod) as visitor:
        assert (await visitor.log_in_at_issuer())[0] == HTTPOk.status_code
    assert issuer.requests.count("/keys") == 1
    assert "/.well-known/openid-configuration" not in issuer.requests, "known for an hour"
    issuer.kid = "of somebody else"
    for _ in range(3):
        async with visiting(oidc_pod) as visitor:
            assert (await visitor.log_in_at_issuer())[0] == HTTPForbidden.status_code
    assert issuer.requests.count("/keys") == 1, "once in ten seconds"


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ({"silent": {"/.well-known/openid-configuration"}}, Failure.UNAVAILABLE),
        ({"statuses": {"/.well-known/openid-configuration": 404}}, Failure.UNAVAILABLE),
        ({"metadata": {"issuer": "https://evil.example"}}, Failure.NOT_SET_UP),
        ({"metadata": {"token_endpoint": None}}, Failure.NOT_SET_UP),
        ({"metadata": {"authorization_endpoint": "http://evil.example/authorize"}}, Failure.NOT_SET_UP),
        ({"metadata": {"authorization_endpoint": "javascript:alert(1)"}}, Failure.NOT_SET_UP),
    ],
)
async def test_faulty_issuer_gives_a_page_and_delays_nobody(
    oidc_pod: TenantPod,
    unread_issuer: OidcIssuer,
    monkeypatch: pytest.MonkeyPatch,
    fault: dict[str, Any],
    failure: Failure,
) -> None:
    issuer = unread_issuer
    monkeypatch.setattr(issuer_module, "REQUEST_SECONDS", 0.5)
    for name, value in fault.items():
        setattr(issuer, name, value)
    async with visiting(oidc_pod) as visitor:
        waiting = asyncio.create_task(visitor.get("/login/issuer"))
        reply = await oidc_pod.function(
            "check_availability", "call_meanwhile", {"service": "Haarschnitt", "date": "Freitag"}
        )
        assert reply.status == HTTPOk.status_code
        status, page, _ = await waiting
        assert status == (HTTPServiceUnavailable if failure is Failure.UNAVAILABLE else HTTPForbidden).status_code
        assert GERMAN.failures[failure] in page
        issuer.requests.clear()
        await visitor.get("/login/issuer")
        assert issuer.requests == [], "not asked by every visitor"


async def test_an_endpoint_without_tls_gets_no_secret(oidc_pod: TenantPod, unread_issuer: OidcIssuer) -> None:
    unread_issuer.metadata = {"token_endpoint": "http://token.example/token"}
    async with visiting(oidc_pod) as visitor:
        status, page = await visitor.log_in_at_issuer()
        assert (status, GERMAN.failures[Failure.NOT_SET_UP] in page) == (HTTPForbidden.status_code, True)


async def test_client_refused_by_the_issuer_is_called_misconfigured(
    oidc_pod: TenantPod, unread_issuer: OidcIssuer
) -> None:
    unread_issuer.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"]}
    async with visiting(oidc_pod) as visitor:
        assert (await visitor.log_in_at_issuer())[0] == HTTPOk.status_code, "by the other method"
    oidc_pod.write_credential(OIDC_CLIENT_SECRET, "of yesterday")
    async with visiting(oidc_pod) as visitor:
        status, page = await visitor.log_in_at_issuer()
        assert (status, GERMAN.failures[Failure.NOT_SET_UP] in page) == (HTTPForbidden.status_code, True)


async def test_missing_secret_is_reported_while_tokens_still_work(oidc_pod: TenantPod, issuer: OidcIssuer) -> None:
    async with visiting(oidc_pod) as colleague:
        assert (await colleague.log_in_at_issuer())[0] == HTTPOk.status_code
        oidc_pod.write_credential(OIDC_CLIENT_SECRET, "")
        assert (await colleague.get("/"))[0] == HTTPSeeOther.status_code, "the login is not in force"
        for published in (False, True):
            async with visiting(oidc_pod, published=published) as visitor:
                _, page, _ = await visitor.get("/login")
                assert GERMAN.not_ready in page
                assert 'id="issuer"' not in page
                assert (await visitor.get("/login/issuer"))[0] == HTTPForbidden.status_code
                assert (await visitor.get("/login/callback?code=a&state=b"))[0] == HTTPForbidden.status_code
        async with visiting(oidc_pod) as owner:
            assert await owner.log_in(ADMIN_TOKEN) == HTTPSeeOther.status_code
        oidc_pod.write_credential(OIDC_CLIENT_SECRET, CLIENT_SECRET)
        assert (await colleague.get("/"))[0] == HTTPOk.status_code


@pytest.mark.parametrize(
    "change", [{"roles": PageRoles(owner=("bosses",))}, {"client_id": "other"}, {"roles_claim": "roles"}]
)
async def test_changed_login_settings_end_only_issuer_sessions(oidc_pod: TenantPod, issuer: OidcIssuer, change) -> None:
    async with visiting(oidc_pod) as colleague, visiting(oidc_pod) as owner:
        assert (await colleague.log_in_at_issuer())[0] == HTTPOk.status_code
        assert await owner.log_in(ADMIN_TOKEN) == HTTPSeeOther.status_code
        settings = oidc_settings(issuer)
        await set_page(oidc_pod, PageSettings(changed(settings, **change), HOST))
        assert (await colleague.get("/"))[0] == HTTPSeeOther.status_code
        assert (await owner.get("/"))[0] == HTTPOk.status_code
        await set_page(oidc_pod, PageSettings(settings, "other.page.example"))
        assert (await colleague.get("/"))[0] == HTTPOk.status_code, "another host is the same login"


async def test_issuer_logins_are_limited_separately_from_tokens(oidc_pod: TenantPod, issuer: OidcIssuer) -> None:
    async with visiting(oidc_pod) as visitor:
        await begin(visitor)
        answers = await asyncio.gather(*(visitor.get("/login/callback?code=guess&state=guess") for _ in range(30)))
        statuses = [status for status, _, _ in answers]
        assert set(statuses) <= {403, 429}
        assert statuses.count(429) > 0
        assert await visitor.log_in(ADMIN_TOKEN) == HTTPSeeOther.status_code


async def test_silent_connections_end_no_logged_in_page(oidc_pod: TenantPod, issuer: OidcIssuer) -> None:
    """They displace only each other, although an open page is the oldest connection of all."""
    port = URL(oidc_pod.page_url).port
    async with visiting(oidc_pod, published=True) as visitor:
        assert (await visitor.log_in_at_issuer())[0] == HTTPOk.status_code
        async with visitor.session.get(f"{visitor.base_url}/live") as stream:
            await stream.content.readuntil(b"\n\n")
            strangers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(PAGE_CONNECTIONS + 8)]
            try:
                assert await strangers[0][0].read() == b"", "the oldest of them makes place"
                await add_call(oidc_pod)
                async with asyncio.timeout(SOON):
                    assert b"event: calls" in await stream.content.readuntil(b"data: calls\n\n")
            finally:
                for _, writer in strangers:
                    writer.close()
