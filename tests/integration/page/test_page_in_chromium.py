"""A failed booking is found, and its dead letter is redriven, by somebody with a mouse and by somebody with a keyboard alone."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from askproai_runtime.page.action_words import ENGLISH, GERMAN
from askproai_runtime.page.actions import Notice
from tests.integration.page.test_page import seed
from tests.worlds.chromium import PROGRAM, Browser, browsing
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
        await browser.open(f"{pod.private_url}/login")
        await browser.tab_to("#name")
        await browser.type("Karin")
        await browser.tab_to("#token")
        await browser.type(ADMIN_TOKEN)
        await browser.press("Enter")
        await browser.wait_for("location.pathname === '/'")
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
