"""A headless Chromium, driven by its DevTools protocol: pages as a person uses them, by mouse or by keyboard."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.worlds.waiting import SOON, eventually

PROGRAM: Final = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
_FLAGS: Final = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync",
    "--disable-component-update", "--disable-dev-shm-usage", "--remote-debugging-port=0",
)  # fmt: skip
_KEYS: Final = {"Tab": (9, ""), "Enter": (13, "\r"), "ArrowDown": (40, "")}
# The frame after an element came, by the clock of the machine, in milliseconds; a hidden element has no rectangles.
_NOTE_FIRST_FRAME: Final = """(selector => {
    const noted = window.firstFrames ??= {};
    const look = () => document.querySelector(selector)?.getClientRects().length
        && requestAnimationFrame(() => noted[selector] ??= Date.now());
    new MutationObserver(look).observe(document, {childList: true, subtree: true, attributes: true});
    look();
})"""


class Browser:
    """One tab. Each method waits until Chromium has answered."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._last = socket, 0

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        self._last += 1
        await self._socket.send_json({"id": self._last, "method": method, "params": params})
        async with asyncio.timeout(SOON):
            while True:
                answer = json.loads(await self._socket.receive_str())
                if answer.get("id") == self._last:
                    assert "error" not in answer, answer
                    return dict(answer["result"])

    async def evaluate(self, script: str) -> Any:
        """Return the value of a script, or None while its page is being replaced."""
        result = await self.send("Runtime.evaluate", expression=script, returnByValue=True)
        return None if "exceptionDetails" in result else result["result"].get("value")

    async def open(self, url: str) -> None:
        await self.send("Page.navigate", url=url)
        await self.wait_for(f"location.href.startsWith({json.dumps(url)})")

    async def wait_for(self, condition: str) -> Any:
        """Wait until a page is loaded and the script is true; return the script's value."""
        return await eventually(
            lambda: self.evaluate(f"document.readyState === 'complete' && ({condition})"), what=condition
        )

    async def note_first_frame(self, selector: str) -> None:
        """Make the open page record when it first shows an element, which need not exist yet."""
        await self.evaluate(f"{_NOTE_FIRST_FRAME}({json.dumps(selector)})")

    async def first_frame(self, selector: str) -> float:
        """Return when the page first showed an element of `note_first_frame`, as seconds since the epoch."""
        return float(await self.wait_for(f"window.firstFrames[{json.dumps(selector)}]")) / 1000

    async def click(self, selector: str) -> None:
        """Press and release the mouse in the middle of an element, or of its first line if it has several."""
        script = f"""(() => {{ const each = document.querySelector({json.dumps(selector)}); if (!each) return null;
            each.scrollIntoView({{block: 'center', behavior: 'instant'}}); const r = each.getClientRects()[0];
            return [r.x + r.width / 2, r.y + r.height / 2]; }})()"""
        x, y = await self.wait_for(script)
        for kind in ("mousePressed", "mouseReleased"):
            await self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def press(self, key: str) -> None:
        code, text = _KEYS[key]
        event = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        await self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **event)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **event)

    async def type(self, text: str) -> None:
        await self.send("Input.insertText", text=text)

    async def tab_to(self, selector: str, most: int = 80) -> None:
        """Press the tabulator until an element has the focus, as somebody without a mouse does."""
        for _ in range(most):
            if await self.evaluate(f"document.activeElement?.matches({json.dumps(selector)})"):
                return
            await self.press("Tab")
        raise AssertionError(f"{selector} is not reached by the keyboard")


@asynccontextmanager
async def browsing(folder: Path, *flags: str) -> AsyncIterator[Browser]:
    """Run Chromium with a profile of its own in `folder`."""
    assert PROGRAM is not None, "the test is skipped without it"
    process = await asyncio.create_subprocess_exec(
        PROGRAM, *_FLAGS, *flags, f"--user-data-dir={folder}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        file = folder / "DevToolsActivePort"
        # The port, and on a second line the browser's path: the file is there before it is written.
        port, _ = (await eventually(lambda: file.exists() and re.match(r"(\d+)\n(.)", file.read_text()))).groups()
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as listed:
                tab = next(each for each in await listed.json() if each["type"] == "page")
            async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Browser(socket)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
