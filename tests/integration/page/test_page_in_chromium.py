"""A failed booking is found, and its dead letter is redriven, by somebody with a mouse and by somebody with a keyboard alone."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from askproai_runtime.page.action_words import ENGLISH, GERMAN
from askproai_runtime.page.actions import Notice
from askproai_runtime.page.routes import FORM_PATHS
from tests.integration.page.test_page import seed
from tests.worlds.accessibility import find_violations
from tests.worlds.chromium import PROGRAM, Browser, browsing
from tests.worlds.page_rows import ILLNESS, NAME, filled
from tests.worlds.page_rows import seed as seed_rows
from tests.worlds.page_visitor import VIEWS
from tests.worlds.private_desk import asking, request
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(PROGRAM is None, reason="needs Chromium: apt-get install chromium"),
]


async def use_mouse(browser: Browser, selector: str) -> None:
    await browser.click(selector)


async def use_keyboard(browser: Browser, selector: str) -> None:
    await browser.wait_for(f"document.querySelector('{selector}') !== null")
    await browser.tab_to(selector)
    await browser.press("Enter")


async def log_in(browser: Browser, pod: TenantPod) -> None:
    """Log in as Karin, by the keyboard alone."""
    await browser.open(f"{pod.private_url}/login")
    await browser.tab_to("#name")
    await browser.type("Karin")
    await browser.tab_to("#token")
    await browser.type(ADMIN_TOKEN)
    await browser.press("Enter")
    await browser.wait_for("location.pathname === '/'")


@pytest.mark.parametrize("use", [use_mouse, use_keyboard])
async def test_from_a_failed_booking_to_the_redrive_of_its_dead_letter(
    shared_web_pod: TenantPod, tmp_path: Path, use: Callable[[Browser, str], Awaitable[None]]
) -> None:
    pod = shared_web_pod
    made = await seed(pod, "Petra Müller", "bitte kurz")
    job = await pod.db.fetchval(
        "SELECT id FROM jobs WHERE tenant = $1 AND appointment_id = $2::text::uuid",
        pod.store.tenant,
        made["appointments"],
    )
    async with browsing(tmp_path) as browser:
        await log_in(browser, pod)
        await use(browser, "#nav-failures")
        await browser.wait_for("location.pathname === '/failures'")
        await use(browser, f'a[href="/calls/{made["calls"]}"]')
        await browser.wait_for("location.pathname.startsWith('/calls/')")
        await use(browser, 'main a[href="/dead-letters"]')
        await browser.wait_for("location.pathname === '/dead-letters'")
        await use(browser, f'[id="r-job:{job}"]')
        # The browser sets the focus with the first frame, which can be later than the end of loading.
        await browser.wait_for("location.search === '?done=redriven' && document.activeElement !== document.body")
        focused = await browser.evaluate("document.activeElement.textContent")
        said = {words.notices[Notice.REDRIVEN] for words in (GERMAN, ENGLISH)}  # by the language of the machine
        assert focused in said, "who does not see the page hears it first"
        assert await browser.evaluate(f"document.getElementById('r-job:{job}')") is None
    assert await pod.db.fetchval("SELECT state FROM jobs WHERE id = $1", job) == "ready"
    detail = await pod.db.fetchval(
        "SELECT detail->>'claimed_by' FROM audit_log WHERE tenant = $1 AND action = 'event.redriven' AND detail->>'job' = $2",
        pod.store.tenant, str(job),
    )  # fmt: skip
    assert detail == "Karin"


async def test_what_is_said_in_a_call_grows_on_the_page_while_it_goes_on(
    shared_web_pod: TenantPod, tmp_path: Path
) -> None:
    """The rows are written as the worker writes them when `transcript_updated` comes."""
    pod, call = shared_web_pod, f"call_{uuid4().hex}"
    await pod.db.execute(
        """INSERT INTO calls (tenant, call_id, branch, status, started_at, transcript, correlation_id)
           VALUES ($1, $2, 'mitte', 'ongoing', now(), 'Agent: Guten Tag', $2)""",
        pod.store.tenant, call,
    )  # fmt: skip
    async with browsing(tmp_path) as browser:
        await log_in(browser, pod)
        await browser.open(f"{pod.private_url}/calls/{call}?personal=true")
        await browser.wait_for("document.querySelector('.transcript').textContent.includes('Guten Tag')")
        for said in ("User: Einen Haarschnitt bitte", "Agent: Wann denn?"):
            await pod.db.execute(
                "UPDATE calls SET transcript = transcript || $3, updated_at = clock_timestamp() WHERE tenant = $1 AND call_id = $2",
                pod.store.tenant, call, f"\n{said}",
            )  # fmt: skip
            await browser.wait_for(f"document.querySelector('.transcript').textContent.includes('{said}')")
    read = await pod.db.fetch(
        "SELECT detail FROM audit_log WHERE tenant = $1 AND action = 'call.read' AND detail->>'call' = $2",
        pod.store.tenant, call,
    )  # fmt: skip
    assert [json.loads(row["detail"])["claimed_by"] for row in read] == ["Karin"], (
        "it is one reading, not one for each turn"
    )


async def test_axe_finds_no_violation_on_any_view_form_or_login(shared_web_pod: TenantPod, tmp_path: Path) -> None:
    pod = shared_web_pod
    made = await seed_rows(pod, NAME, ILLNESS)
    paths = [filled(path, made) for path in (*VIEWS, *FORM_PATHS, "/calls/{id}?personal=true", "/calls/no-such-call")]
    paths += [f"/timeline?id={made['calls']}", "/timeline?id=none"]
    paused = asking(reason=ILLNESS)
    async with browsing(tmp_path) as browser:
        found = await find_violations(browser, [f"{pod.private_url}/login"])
        await log_in(browser, pod)
        found += await find_violations(browser, [pod.private_url + path for path in paths])
        status, added = await request(pod, "pauses", paused)
        assert status == 200, added
        block = added["block"]["id"]
        found += await find_violations(browser, [pod.private_url + path for path in ("/", "/week", f"/blocks/{block}")])
        assert (await request(pod, f"blocks/{block}/remove", asking()))[0] == 200
    assert found == []


@pytest.mark.parametrize(("width", "most"), [(390, 0.5), (1440, 0.2)])
async def test_long_names_leave_the_week_its_days(
    shared_web_pod: TenantPod, tmp_path: Path, width: int, most: float
) -> None:
    """A person of two branches, on a telephone and on a desk."""
    async with browsing(tmp_path) as browser:
        await log_in(browser, shared_web_pod)
        await browser.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500
        )
        await browser.open(f"{shared_web_pod.private_url}/week")
        await browser.wait_for("document.querySelector('.week tbody th') !== null")
        name = 'Doktor Kühn-Albrecht <span class="place">Tinte & Nadel Neustadt</span>'
        await browser.evaluate(f"document.querySelector('.week tbody th').innerHTML = '{name}'")
        column = await browser.evaluate("document.querySelector('.week tbody th').getBoundingClientRect().width")
        first_day = await browser.evaluate("document.querySelector('.week tbody td').getBoundingClientRect().right")
    assert column < most * width
    assert first_day < width
