"""Draw the pictures of the pages in docs/images, of an invented salon and an invented fleet: python -m hack.page_pictures

Run it from the root of the repository after a change of a page's templates (it needs Chromium).
`--every-view FOLDER` draws each view there, light and dark, on a desk and on a phone: look at all of them after a change of one.
"""

import argparse
import asyncio
import base64
import hashlib
import os
import struct
import sys
import tempfile
import zlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from askproai_core.database import open_pool
from askproai_core.logging import configure_logs
from askproai_runtime.page import fleet, routes, views
from askproai_sandbox.cluster import ControlPlane, KubeClient
from askproai_sandbox.postgres import EmbeddedPostgres
from tests.worlds.accessibility import set_look
from tests.worlds.chromium import PROGRAM, Browser, browsing
from tests.worlds.databases import Database, fresh_database
from tests.worlds.fleet_page_environment import SYSTEM, TOKEN, create_example_fleet, fleet_page
from tests.worlds.page_rows import filled
from tests.worlds.page_visitor import Visitor, visiting
from tests.worlds.salon_day import fill_day
from tests.worlds.tenant_pod import ADMIN_TOKEN, open_pod, running_web

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "docs" / "images"
TEMPLATES: Final = Path(routes.__file__).parent / "templates"
FLEET_TEMPLATES: Final = Path(fleet.__file__).parent / "templates"
_ZONE: Final = ZoneInfo("Europe/Berlin")
_LOOKS: Final = tuple((width, colours) for width in (1440, 390) for colours in ("light", "dark"))


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of one view of a page. After a change of one of `templates`, which the view uses, draw the picture anew."""

    name: str
    path: str
    width: int
    colours: str
    language: str
    templates: tuple[Path, ...]

    @property
    def file(self) -> Path:
        return FOLDER / f"{self.name}.png"

    def digest(self) -> str:
        """Return a hash of the templates. The picture's file contains it, so that a test notices an outdated picture."""
        return hashlib.sha256(b"".join(each.read_bytes() for each in self.templates)).hexdigest()


_BASE: Final = TEMPLATES / "base.html"
_DAY: Final = (_BASE, TEMPLATES / "day.html")
_CALL: Final = (_BASE, TEMPLATES / "call.html", TEMPLATES / "_macros.html")
_FIGURES: Final = (_BASE, TEMPLATES / "figures.html")
_FLEET: Final = (_BASE, FLEET_TEMPLATES / "fleet_base.html", FLEET_TEMPLATES / "fleet.html")
OF_SALON: Final = (
    Picture("page-day", "/?day={day}", 1440, "light", "de", _DAY),
    Picture("page-day-dark", "/?day={day}", 1440, "dark", "en", _DAY),
    Picture("page-day-phone-light", "/?day={day}", 390, "light", "de", _DAY),
    Picture("page-day-phone", "/?day={day}", 390, "dark", "de", _DAY),
    Picture("page-failed-booking", "/calls/{failed}", 1440, "light", "de", _CALL),
    Picture("page-failed-booking-phone", "/calls/{failed}", 390, "dark", "en", _CALL),
    Picture("page-figures", "/figures", 1440, "light", "en", _FIGURES),
)
OF_FLEET: Final = (
    Picture("fleet-page", "/", 1440, "light", "de", _FLEET),
    Picture("fleet-page-phone", "/", 390, "dark", "de", _FLEET),
)


async def draw(every_view: Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder, "postgres"))
        await server.start()
        try:
            async with fresh_database(server) as database:
                await _draw_salon(database, Path(folder), every_view)
                await _draw_fleet(database, Path(folder), every_view)
        finally:
            await server.remove()


async def _draw_salon(database: Database, folder: Path, every_view: Path | None) -> None:
    day = _open_day()
    pod_folder = folder / "pod"
    pod_folder.mkdir()
    async with open_pod(database, pod_folder, "salon-mueller") as pod:
        config = pod.config()
        (branch,) = config.branches
        everybody = tuple(replace(each, working_hours=None) for each in branch.staff)
        pod.write_config(replace(config, branches=(replace(branch, staff=everybody),)))
        ids = await fill_day(pod, lambda clock: datetime.combine(day, time.fromisoformat(clock), _ZONE))
        async with (
            running_web(pod, worker_port=9),
            visiting(pod) as visitor,
            _screen(folder / "salon", visitor) as browser,
        ):
            await visitor.log_in(ADMIN_TOKEN, "Karin")
            await _keep_session(browser, visitor)
            for each in OF_SALON:
                await _take(browser, visitor, each, each.path.format(day=day.isoformat(), **ids))
            if every_view is not None:
                paths = [filled(path, ids | {"calls": ids["failed"]}) for path in (*views.VIEWS, *views.FORMS)]
                paths = [path for path in paths if "{id}" not in path and not path.endswith("/")] + [
                    "/login",
                    "/calls/none",
                ]
                await _take_all(
                    browser,
                    visitor,
                    [f"/?day={day.isoformat()}", f"/calls/{ids['ongoing']}?personal=true", *paths],
                    every_view,
                )


async def _draw_fleet(database: Database, folder: Path, every_view: Path | None) -> None:
    await database.admin.ensure_coordinator("password")
    async with (
        ControlPlane(folder / "plane") as plane,
        KubeClient(plane.kubeconfig) as client,
        open_pool(database.admin.coordinator_dsn("password"), max_size=1) as pool,
    ):
        crds = str(ROOT / "crds")
        await plane.kubectl("apply", "--server-side", "-f", crds)
        await plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", crds)
        tenants = await create_example_fleet(client)
        async with (
            fleet_page(plane.kubeconfig, SYSTEM, folder / "secrets", pool) as page,
            visiting(page) as visitor,
            _screen(folder / "fleet", visitor) as browser,
        ):
            await visitor.log_in(TOKEN, "Ayşe")
            await _keep_session(browser, visitor)
            await browser.open(f"{page.private_url}/")
            await browser.wait_for(f"document.querySelectorAll('tbody tr').length === {len(tenants)}")
            for each in OF_FLEET:
                await _take(browser, visitor, each, each.path)
            if every_view is not None:
                await _take_all(browser, visitor, ["/", f"/tenants/{tenants[0]}/salon", "/login"], every_view, "fleet-")


@asynccontextmanager
async def _screen(folder: Path, visitor: Visitor) -> AsyncIterator[Browser]:
    async with browsing(folder, "--hide-scrollbars") as browser:
        await browser.send("Network.enable")  # for the language of each picture
        await browser.open(f"{visitor.pod.private_url}/login")
        yield browser


async def _keep_session(browser: Browser, visitor: Visitor) -> None:
    for name, value in visitor.cookies().items():
        await browser.send("Network.setCookie", name=name, value=value, url=visitor.pod.private_url)


async def _take(browser: Browser, visitor: Visitor, picture: Picture, path: str) -> None:
    shot = await _shoot(browser, f"{visitor.pod.private_url}{path}", picture.width, picture.colours, picture.language)
    picture.file.write_bytes(_with_text(shot, "page", picture.digest()))


async def _take_all(browser: Browser, visitor: Visitor, paths: Iterable[str], folder: Path, prefix: str = "") -> None:
    for path in paths:
        name = path.partition("?")[0].strip("/").replace("/", "-")[:40] or "start"
        for width, colours in _LOOKS:
            shot = await _shoot(
                browser, f"{visitor.pod.private_url}{path}", width, colours, "de" if colours == "light" else "en"
            )
            (folder / f"{prefix}{name}-{width}-{colours}.png").write_bytes(shot)


async def _shoot(browser: Browser, url: str, width: int, colours: str, language: str) -> bytes:
    await browser.send("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})
    await set_look(browser, width, colours)
    await browser.open(url)
    await browser.wait_for("document.querySelector('main') !== null && document.fonts.status === 'loaded'")
    shot = await browser.send("Page.captureScreenshot", format="png")
    return base64.b64decode(shot["data"])


def _open_day() -> date:
    """Return today if the salon is open today, else the next day on which it is open."""
    day = datetime.now(_ZONE).date()
    while day.weekday() in {6, 0}:  # Sunday and Monday
        day += timedelta(days=1)
    return day


def _with_text(png: bytes, key: str, text: str) -> bytes:
    """Return the PNG with a text chunk (tEXt: key and text) added before its last chunk."""
    content = b"tEXt" + key.encode() + b"\0" + text.encode()
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    end = png.rindex(b"IEND") - 4
    return png[:end] + chunk + png[end:]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every-view", type=Path, metavar="FOLDER", help="draw each view there, too")
    options = parser.parse_args()
    if PROGRAM is None:
        print("Chromium is missing", file=sys.stderr)
        return 2
    if options.every_view is not None:
        options.every_view.mkdir(parents=True, exist_ok=True)
    os.environ["LANGUAGE"] = "de"  # of dates that Chromium formats, if it has the translations
    configure_logs("error", component="pictures")
    asyncio.run(draw(options.every_view))
    return 0


if __name__ == "__main__":
    sys.exit(main())
