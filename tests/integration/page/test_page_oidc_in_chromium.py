"""Somebody logs in at the tenant's issuer, which is another site to the browser, does something on the page, and logs out."""

from pathlib import Path

import pytest

from tests.worlds.chromium import PROGRAM, browsing
from tests.worlds.databases import Database
from tests.worlds.oidc_issuer import person, running_issuer
from tests.worlds.oidc_page import running_page

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(PROGRAM is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.nightly,
]


async def test_issuer_login_works_by_keyboard(database: Database, tmp_path: Path) -> None:
    (tmp_path / "pod").mkdir()
    async with running_issuer(person("team"), host="localhost") as issuer:
        issuer.asks = True
        async with running_page(database, tmp_path / "pod", issuer) as pod, browsing(tmp_path / "browser") as browser:
            await browser.send("Page.navigate", url=f"{pod.private_url}/week?day=2026-11-27")
            await browser.wait_for("location.pathname === '/login'")
            await browser.tab_to("#issuer")
            await browser.press("Enter")
            await browser.wait_for(f"location.href.startsWith('{issuer.url}/authorize')")
            await browser.tab_to("#confirm")
            await browser.press("Enter")
            await browser.wait_for("location.pathname === '/week' && location.search === '?day=2026-11-27'")
            assert "anna@salon.example" in await browser.evaluate("document.querySelector('.who').textContent")
            # The browser sends the session with actions on the page, and not with links or forms from elsewhere.
            await browser.open(f"{pod.private_url}/blocks/new")
            assert await browser.evaluate("document.cookie") == "", "no script reads a cookie"
            await browser.click("header [action='/logout'] button")
            await browser.wait_for("location.pathname === '/login'")
            await browser.send("Page.navigate", url=f"{pod.private_url}/week")
            await browser.wait_for("location.pathname === '/login'")
