"""The fleet's page over a real API server, PostgreSQL and Valkey: who sees it, what is on it, and that it is live."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from yarl import URL

from askproai_core.api_resource import AGENTS
from askproai_runtime.page.fleet import FleetOidc
from askproai_runtime.page.fleet.serving import CONNECTIONS
from askproai_runtime.page.fleet.sources import OIDC_CLIENT_SECRET
from askproai_sandbox.cluster import ControlPlane, KubeClient
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.accessibility import find_violations
from tests.worlds.chromium import PROGRAM, browsing
from tests.worlds.coordinator_environment import CoordinatorEnvironment, coordinator_url
from tests.worlds.fleet_page_environment import GOOD, TOKEN, FleetPage, condition, create_salon, fleet_page
from tests.worlds.oidc_issuer import CLIENT_ID, person, running_issuer
from tests.worlds.page_visitor import Visitor, hidden, tags, visiting
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

BROKEN = {
    "conditions": [condition(status="False", reason="CredentialsInvalid", message="put a valid key into the Secret")]
}
STAFF = (("mitte", "anna", 1), ("mitte", "mehmet", 1))
FIGURES = {
    "calls24h": 31,
    "bookingSuccessPercent": "97.4",
    "errorBudgetPercent": "61.0",
    "release": "0.9.0",
    "pageUrl": "https://salon.example",
}


@pytest.fixture
async def page(
    env: CoordinatorEnvironment, crds: None, control_plane: ControlPlane, kube_namespace: str, tmp_path: Path
) -> AsyncIterator[FleetPage]:
    async with fleet_page(control_plane.kubeconfig, kube_namespace, tmp_path / "secrets", env.context.pool) as served:
        yield served


@pytest.fixture
async def visitor(page: FleetPage) -> AsyncIterator[Visitor]:
    async with visiting(page) as one:
        assert await one.log_in(TOKEN, "Ayşe") == 303
        yield one


async def order(visitor: Visitor, namespace: str, query: str = "") -> list[str]:
    """Return the names of the tenants of a namespace in the order of the page."""
    _, text, _ = await visitor.get(f"/?q={namespace}{query}")
    links = [attrs["href"] or "" for tag, attrs in tags(text) if tag == "a"]
    return [link.rpartition("/")[2] for link in links if link.startswith(f"/tenants/{namespace}/")]


async def test_newly_unready_tenant_moves_to_the_top(visitor: Visitor, kube_client: KubeClient, kube_namespace) -> None:
    await create_salon(kube_client, kube_namespace, "nord", GOOD | FIGURES)
    south = await create_salon(kube_client, kube_namespace, "sued", GOOD | FIGURES)
    await eventually(lambda: _are(visitor, kube_namespace, ["nord", "sued"]), SOON, "both tenants")
    async with visitor.session.get(f"{visitor.pod.private_url}/live") as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        await _event(stream.content, "tenants")
        await kube_client.merge(f"{south}/status", {"status": BROKEN})
        await _event(stream.content, "tenants")
    assert await order(visitor, kube_namespace) == ["sued", "nord"]
    assert await order(visitor, kube_namespace, "&state=good") == ["nord"]
    assert await order(visitor, kube_namespace, "+valid+key") == [], "a search is one text"


async def test_tenant_view_has_each_condition_and_page_link(
    visitor: Visitor, env: CoordinatorEnvironment, kube_client: KubeClient, kube_namespace: str
) -> None:
    await create_salon(kube_client, kube_namespace, kube_namespace, BROKEN | FIGURES)
    agent = AGENTS.path(kube_namespace, f"{kube_namespace}-agent")
    drifted = [condition(), condition("Drifted", "True", "ChangedAtProvider", "the prompt was edited")]
    await kube_client.merge(f"{agent}/status", {"status": {"conditions": drifted}})
    tenant = await env.database.create_tenant(kube_namespace, STAFF)
    await env.event(tenant, "gone", status="dead", job="dead")
    await eventually(lambda: _are(visitor, kube_namespace, [kube_namespace]), SOON, "the tenant")

    async def shown() -> str | None:
        _, text, _ = await visitor.get(f"/tenants/{kube_namespace}/{kube_namespace}")
        return text if "the prompt was edited" in text else None

    text = await eventually(shown, SOON, "the agent's condition")
    for part in ("31", "97,4", "61,0", "0.9.0", "CredentialsInvalid", "put a valid key into the Secret", "Drifted"):
        assert part in text
    assert 'href="https://salon.example"' in text
    assert f"kubectl -n {kube_namespace} port-forward service/{kube_namespace}-admin 8081" in text
    _, listed, _ = await visitor.get(f"/?q={kube_namespace}")
    assert "changed at Retell" in listed or "bei Retell geändert" in listed
    assert await order(visitor, kube_namespace, "&state=drift") == [kube_namespace]


async def test_only_the_current_platform_token_opens_the_page(page: FleetPage, visitor: Visitor) -> None:
    async with visiting(page) as stranger:
        for path in ("/", "/tenants/a/b", "/?rows=all"):
            status, _, answer = await stranger.get(path)
            assert (status, answer.headers["Location"].partition("?")[0]) == (303, "/login")
        assert (await stranger.get("/live"))[0] == 401
        assert await stranger.log_in("token-of-somebody-else-0123456") == 403
        _, form, _ = await stranger.get("/login")
        assert (await stranger.post("/login", csrf="0" * 64, token=TOKEN))[0] == 403, "a form of another visitor"
        assert "Ayşe" not in form
    status, text, answer = await visitor.get("/")
    assert (status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "Ayşe" in text
    assert (await visitor.post("/logout", csrf="0" * 64))[0] == 403
    (page.folder / "FLEET_TOKEN").write_text("another-token-of-the-platform-01")
    assert (await visitor.get("/"))[0] == 303


async def test_logout_ends_the_session_at_every_pod(
    env: CoordinatorEnvironment, own_valkey: EmbeddedRedis, crds: None, control_plane: ControlPlane, kube_namespace: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    url, config = await coordinator_url(own_valkey), control_plane.kubeconfig
    one = fleet_page(config, kube_namespace, tmp_path / "one", env.context.pool, url)
    other = fleet_page(config, kube_namespace, tmp_path / "other", env.context.pool, url)
    with capture_logs() as logs:
        async with one as first, other as second, visiting(first) as visitor, visiting(second) as stolen:
            assert await visitor.log_in(TOKEN, "Ayşe") == 303
            stolen.session.cookie_jar.update_cookies(visitor.cookies())
            assert (await stolen.get("/"))[0] == 200, "any pod reads the session"
            _, text, _ = await visitor.get("/")
            assert (await visitor.post("/logout", csrf=hidden(text)))[0] == 303
            assert (await stolen.get("/"))[0] == 303
    said = [(entry["event"], entry["claimed_by"]) for entry in logs if "claimed_by" in entry]
    assert said == [("fleet_page.login", "Ayşe"), ("fleet_page.logout", "Ayşe")]


@pytest.mark.parametrize("group", ["operations", "bosses"])
async def test_only_platform_groups_may_log_in_by_issuer(
    env: CoordinatorEnvironment,
    crds: None,
    control_plane: ControlPlane,
    kube_namespace: str,
    tmp_path: Path,
    group: str,
) -> None:
    async with running_issuer(person(group)) as issuer:
        oidc = FleetOidc(issuer.url, CLIENT_ID, ("operations", "security"))
        served = fleet_page(control_plane.kubeconfig, kube_namespace, tmp_path / "one", env.context.pool, oidc=oidc)
        with capture_logs() as logs:
            async with served as page, visiting(page) as visitor:
                status, text = await visitor.log_in_at_issuer("/?state=failing")
                assert status == (200 if group == "operations" else 403)
                assert ("anna@salon.example" in (await visitor.get("/"))[1]) == (group == "operations")
                assert ("fleetPage.oidc.platformGroups" in text) == (group != "operations")
                (page.folder / OIDC_CLIENT_SECRET).write_text("another")
                assert (await visitor.get("/"))[0] == 303, "a login that is set up otherwise is another one"
        said = [(entry["event"], entry["subject"]) for entry in logs if "subject" in entry]
        assert said == [("fleet_page.login" if group == "operations" else "fleet_page.login_refused", "u-1")]


async def test_nobody_can_try_tokens_on_a_published_page(
    env: CoordinatorEnvironment, control_plane: ControlPlane, tmp_path: Path
) -> None:
    oidc = FleetOidc("https://login.example", CLIENT_ID, ("operations",))
    pool, config = env.context.pool, control_plane.kubeconfig
    async with fleet_page(config, "none", tmp_path / "one", pool, oidc=oidc, host="fleet.example") as page:
        async with visiting(page, Host="fleet.example") as visitor:
            _, text, _ = await visitor.get("/login")
            assert 'name="token"' not in text
            assert "login.example" in text
            assert (await visitor.post("/login", csrf="0" * 64, token=TOKEN))[0] == 404
        async with visiting(page) as visitor:
            assert await visitor.log_in(TOKEN) == 303


async def test_silent_connections_disturb_neither_process_nor_open_page(
    page: FleetPage, visitor: Visitor, kube_client: KubeClient, kube_namespace: str
) -> None:
    """Sweeps and the Lease share the sockets and the memory of the process with these connections."""
    port = URL(page.private_url).port
    async with visitor.session.get(f"{page.private_url}/live") as stream:
        await _event(stream.content, "tenants")
        strangers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS + 8)]
        try:
            async with asyncio.timeout(SOON):
                assert await strangers[0][0].read() == b"", "the oldest of them makes place"
            await create_salon(kube_client, kube_namespace, "nord", BROKEN)
            async with asyncio.timeout(SOON):
                await _event(stream.content, "tenants")
        finally:
            for _, writer in strangers:
                writer.close()


@pytest.mark.parametrize("token", [None, "short"])
async def test_tokenless_page_explains_its_setup_without_api_requests(
    env: CoordinatorEnvironment, tmp_path: Path, control_plane: ControlPlane, token: str | None
) -> None:
    served = fleet_page(control_plane.kubeconfig, "none", tmp_path / "secrets", env.context.pool, token=token)
    with capture_logs() as logs:
        async with served as page, visiting(page, **{"Accept-Language": "en"}) as visitor:
            for path in ("/", "/login", "/tenants/a/b"):
                status, text, _ = await visitor.get(path)
                assert status == 503
                assert "FLEET_TOKEN" in text
                assert "fleetPage.existingSecret" in text
    assert logs == []


@pytest.mark.processes
@pytest.mark.skipif(PROGRAM is None, reason="needs Chromium: apt-get install chromium")
async def test_open_page_updates_itself_and_keeps_typed_text(
    page: FleetPage, visitor: Visitor, kube_client: KubeClient, kube_namespace: str, tmp_path: Path
) -> None:
    await create_salon(kube_client, kube_namespace, "nord", GOOD | FIGURES)
    south = await create_salon(kube_client, kube_namespace, "sued", GOOD | FIGURES)
    await eventually(lambda: _are(visitor, kube_namespace, ["nord", "sued"]), SOON, "both tenants")
    first = "document.querySelector('tbody a').textContent"
    async with browsing(tmp_path / "profile") as browser:
        await browser.open(f"{page.private_url}/login")
        await browser.tab_to("#token")
        await browser.type(TOKEN)
        await browser.press("Enter")
        await browser.wait_for("location.pathname === '/'")
        await browser.open(f"{page.private_url}/?q={kube_namespace}")
        await browser.wait_for(f"{first} === 'Salon Nord'")
        await browser.tab_to("#q")
        await browser.type("half a wor")
        await kube_client.merge(f"{south}/status", {"status": BROKEN})
        await browser.wait_for(f"{first} === 'Salon Sued'")
        assert await browser.evaluate("document.activeElement.value") in {"half a wor", f"{kube_namespace}half a wor"}
        await browser.tab_to("tbody a")
        await browser.press("Enter")
        await browser.wait_for(f"location.pathname === '/tenants/{kube_namespace}/sued'")


@pytest.mark.processes
@pytest.mark.skipif(PROGRAM is None, reason="needs Chromium: apt-get install chromium")
async def test_axe_finds_no_violation_on_views_or_login(
    page: FleetPage, visitor: Visitor, kube_client: KubeClient, kube_namespace: str, tmp_path: Path
) -> None:
    await create_salon(kube_client, kube_namespace, "nord", GOOD | FIGURES)
    await create_salon(kube_client, kube_namespace, "sued", BROKEN | {"calls24h": 3})
    await eventually(lambda: _are(visitor, kube_namespace, ["nord", "sued"]), SOON, "both tenants")
    paths = ("/", f"/?q={kube_namespace}&rows=all", "/?q=nobody", f"/tenants/{kube_namespace}/sued", "/tenants/no/body")
    async with browsing(tmp_path / "profile") as browser:
        await browser.open(f"{page.private_url}/login")
        found = await find_violations(browser, [f"{page.private_url}/login"])
        for name, value in visitor.cookies().items():
            await browser.send("Network.setCookie", name=name, value=value, url=page.private_url)
        found += await find_violations(browser, [page.private_url + path for path in paths])
    assert found == []


async def _are(visitor: Visitor, namespace: str, names: list[str]) -> bool:
    return sorted(await order(visitor, namespace)) == names


async def _event(content: "asyncio.StreamReader", subject: str) -> None:
    """Wait until the stream names a subject."""
    async with asyncio.timeout(SOON):
        while (await content.readline()).decode().strip() != f"event: {subject}":
            pass
