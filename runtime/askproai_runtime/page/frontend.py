"""The HTML and the static files of a page. The path of each file has its hash, so that browsers can cache it forever."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web

from askproai_core.http_server import Problem
from askproai_runtime.page.day_plan import MAX_LANES, ROWS
from askproai_runtime.page.rendering import load_templates, render
from askproai_runtime.page.request import SECURITY
from askproai_runtime.page.words import Words

_TYPES: Final = {
    "htmx.min.js": "text/javascript",
    "htmx-ext-sse.min.js": "text/javascript",
    "page.css": "text/css",
    "icon.svg": "image/svg+xml",
}

_FOREVER: Final = "public, max-age=31536000, immutable"
_HOUR_PIXELS: Final = 84  # twelve rows of 7 pixels, as in page.css


@dataclass(frozen=True, slots=True)
class Asset:
    path: str
    content: bytes
    content_type: str


class Frontend:
    """The templates and the static files of one page. The templates of the folder `own` can include those of `shared`."""

    def __init__(self, own: str = "templates", *shared: str) -> None:
        self._templates, assets = load_templates(own, *shared), _load_assets()
        self._by_path = {asset.path: asset for asset in assets.values()}
        self._paths = {name: asset.path for name, asset in assets.items()}
        self._rendering = asyncio.Lock()

    def answer_asset(self, path: str) -> web.Response:
        """Return the response with the static file at a path. Raises `Problem` 404 if there is no such file."""
        asset = self._by_path.get(path)
        if asset is None:
            raise Problem(404, "Not Found", "There is no such file")
        headers = {"Cache-Control": _FOREVER, "X-Content-Type-Options": "nosniff"}
        return web.Response(body=asset.content, content_type=asset.content_type, charset="utf-8", headers=headers)

    async def answer(
        self, words: Words, zone: ZoneInfo, template: str, values: Mapping[str, Any], status: int, headers: Mapping[str, str]
    ) -> web.Response:  # fmt: skip
        """Return the response with a template's HTML."""
        merged = {"assets": self._paths, "session": None, **values}
        # In a thread, because callers' requests and the Lease would wait for it (50 ms and more); one at a time, because each
        # thread of Python takes 5 ms from the others, and the default threads resolve names, too.
        async with self._rendering:
            text = await asyncio.to_thread(render, self._templates, template, words, zone, merged)
        return web.Response(
            text=text, status=status, content_type="text/html", charset="utf-8", headers=SECURITY | dict(headers)
        )


def _load_assets() -> Mapping[str, Asset]:
    folder = files("askproai_runtime.page") / "static"
    loaded = {}
    for name, content_type in _TYPES.items():
        content = (folder / name).read_bytes()
        if name == "page.css":
            content += _places()
        digest = hashlib.sha256(content).hexdigest()[:16]
        loaded[name] = Asset(f"/page/{digest}/{name}", content, content_type)
    return loaded


def _places() -> bytes:
    """Return CSS classes for all positions of an appointment in the day plan: Content-Security-Policy permits no inline styles."""
    rows = [f".b{row}{{grid-row-start:{row + 1}}}" for row in range(ROWS)]
    lengths = [f".l{length}{{grid-row-end:span {length}}}" for length in range(1, ROWS + 1)]
    lanes = [f".k{lane}{{grid-column:{lane + 1}}}" for lane in range(MAX_LANES)]
    heights = [f".h{hours}{{min-height:{hours * _HOUR_PIXELS}px}}" for hours in range(1, 25)]
    return "".join([*rows, *lengths, *lanes, *heights]).encode()
