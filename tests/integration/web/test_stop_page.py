"""The public page on which customers stop reminders, as browsers, mail programs and strangers ask for it."""

from uuid import UUID

import aiohttp
import pytest

from askproai_runtime.notifications.stop_link import STOP_PATH, stop_url
from tests.worlds.statements import record_statements
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod

pytestmark = pytest.mark.nightly

EMAIL = "petra@example.de"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}  # RFC 8058


async def link_of(pod: TenantPod) -> str:
    """Return the link of an appointment of the pod's tenant, below the path that the tenant's URL has."""
    appointment: UUID = await pod.db.fetchval(
        """INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, attendee_email, correlation_id)
           VALUES ($1, 'mitte', 'haarschnitt', 'anna', now(), now() + interval '1 h', 'confirmed', $2, 'c') RETURNING id""",
        pod.store.tenant, EMAIL,
    )  # fmt: skip
    return stop_url(f"{pod.url}/salon/salon", ADMIN_TOKEN, pod.store.tenant, appointment, EMAIL)


async def opt_outs(pod: TenantPod) -> list[str]:
    rows = await pod.db.fetch("SELECT address FROM reminder_opt_outs WHERE since IS NOT NULL")
    return [row["address"] for row in rows]


async def test_only_the_links_button_stops_anything(web_pod: TenantPod) -> None:
    link = await link_of(web_pod)
    async with web_pod.session.get(link) as page:
        text = await page.text()
        assert (page.status, page.content_type) == (200, "text/html")
        assert '<form method="post">' in text
        assert EMAIL not in text
        assert page.headers["Referrer-Policy"] == "no-referrer"
    assert await opt_outs(web_pod) == [], "programs look at the links of mails"
    for body in ({}, ONE_CLICK):
        async with web_pod.session.post(link, data=body) as page:
            assert page.status == 200
            assert "Sie bekommen an diese E-Mail-Adresse keine Erinnerungen mehr" in await page.text()
        assert await opt_outs(web_pod) == [EMAIL]


async def test_wrong_link_explains_alternatives_without_a_table_read(web_pod: TenantPod, monkeypatch) -> None:
    link = await link_of(web_pod)
    statements = record_statements(monkeypatch)
    base, _, token = link.rpartition("/")
    for wrong in (token[:-2] + ("AA" if token[-2] != "A" else "BA"), "A" * len(token)):
        async with web_pod.session.post(f"{base}/{wrong}", data=ONE_CLICK) as page:
            assert page.status == 404
            assert "Antworten Sie auf unsere E-Mail mit STOPP" in await page.text()
    assert not [each for each in statements if "appointments" in each or "reminder_opt_outs" in each]
    for other in ("x", token + "A", ""):
        assert (await web_pod.post(f"{STOP_PATH}/{other}", b"")).status == 404
    assert await opt_outs(web_pod) == []


async def test_opt_out_link_ends_with_its_key(web_pod: TenantPod) -> None:
    link = await link_of(web_pod)
    async with web_pod.session.post(link, data=b"x" * 5000) as page:
        assert page.status == 413
    async with web_pod.session.put(link) as page:
        assert (page.status, page.headers["Allow"]) == (405, "GET, POST")
    (web_pod.folder / "token").write_text("another")
    async with web_pod.session.post(link, data=ONE_CLICK) as page:
        assert page.status == 404
    assert await opt_outs(web_pod) == []


async def test_stop_page_asks_for_retry_during_outages(web_pod: TenantPod, monkeypatch: pytest.MonkeyPatch) -> None:
    link = await link_of(web_pod)

    async def away(*_: object) -> bool:
        raise ConnectionRefusedError

    monkeypatch.setattr("askproai_runtime.stop_page.stop_by_link", away)
    async with aiohttp.ClientSession() as session, session.post(link, data=ONE_CLICK) as page:
        assert page.status == 503
        assert "noch einmal" in await page.text()
