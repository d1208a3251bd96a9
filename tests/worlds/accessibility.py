"""The findings of axe-core in a page, as Chromium paints it: light and dark, on a desk and on a phone."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from tests.worlds.chromium import Browser

AXE: Final = Path(__file__).with_name("axe") / "axe.min.js"
_PHONE: Final = 500  # pixels; a narrower screen is a phone
# Each width with one of the colours takes half of the time, and finds what is wrong with either.
LOOKS: Final = ((1440, "light"), (390, "dark"))
_RUN: Final = """axe.run(document, {resultTypes: ['violations']}).then(found => JSON.stringify(
    found.violations.map(each => each.id + ': ' + each.nodes.map(node => node.target.join(' ')).join(', '))))"""


@cache
def _axe() -> str:
    return AXE.read_text("utf-8")


async def set_look(browser: Browser, width: int, colours: str) -> None:
    """Render the page at a screen width of `width` pixels, light or dark."""
    await browser.send(
        "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < _PHONE
    )
    await browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": colours}])


async def find_violations(browser: Browser, urls: Iterable[str]) -> list[str]:
    """Return axe's findings on each page in each of `LOOKS`, and the pages that are wider than the screen."""
    found = []
    for url in urls:
        await browser.open(url)
        await browser.wait_for("document.querySelector('main') !== null")
        await browser.send("Runtime.evaluate", expression=_axe())
        for width, colours in LOOKS:
            await set_look(browser, width, colours)
            result = await browser.send(
                "Runtime.evaluate", expression=_RUN, awaitPromise=True, returnByValue=True
            )  # fmt: skip
            found += [f"{url} {width} {colours}: {each}" for each in json.loads(result["result"]["value"])]
            if await browser.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append(f"{url} {width} {colours}: wider than the screen")
    return found
