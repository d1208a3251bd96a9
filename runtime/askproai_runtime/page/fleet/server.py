"""The fleet's page: who may see it, and from which view each path is answered. It changes nothing."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

import aiohttp
import structlog
from aiohttp import web

from askproai_core.fleet import FleetObject
from askproai_core.http_server import Problem
from askproai_runtime.admin_api import Pulse
from askproai_runtime.arrivals import keep_until_answered
from askproai_runtime.page.assets import answer_asset, load_assets
from askproai_runtime.page.event_stream import stream_changes
from askproai_runtime.page.feed import Feed, event_id
from askproai_runtime.page.fleet.ended_sessions import EndedSessions
from askproai_runtime.page.fleet.reading import FleetReader, FleetView
from askproai_runtime.page.fleet.rights import FleetRights
from askproai_runtime.page.fleet.selection import ROWS, State, select
from askproai_runtime.page.fleet.sources import FLEET_TOKEN, MIN_TOKEN, FleetSources
from askproai_runtime.page.fleet.words import FLEET_WORDS, FleetWords
from askproai_runtime.page.logins import LOGIN_PATHS, LoginRequest, Logins, LoginTexts
from askproai_runtime.page.rendering import load_templates, render
from askproai_runtime.page.request import SECURITY, path_of, read_form, send_to_login
from askproai_runtime.page.sessions import Session, Signer
from askproai_runtime.page.words import WORDS, Words, choose_language

log = structlog.get_logger(__name__)

_SUBJECTS: Final = ("tenants", "figures")


class FleetServer:
    """Answers requests to the fleet's page."""

    def __init__(self, sources: FleetSources, reader: FleetReader, http: aiohttp.ClientSession) -> None:
        self._sources, self._reader = sources, reader
        self._rights, self._ended = FleetRights(sources), EndedSessions(sources.shared)
        self._logins = Logins(self._rights, http, sources.clock)
        self._feed = Feed(self._pulse, sources.clock)
        self._templates, self._assets = load_templates("fleet/templates", "templates"), load_assets()
        self._by_path = {asset.path: asset for asset in self._assets.values()}
        self._rendering = asyncio.Lock()

    def close(self) -> None:
        """End the open streams."""
        self._feed.close()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, as HTML also where it fails."""
        if request.path.startswith("/page/"):
            return answer_asset(self._by_path, request.path)
        language = choose_language(request.headers.get("Accept-Language", ""))
        words, own = WORDS[language], FLEET_WORDS[language]
        token = self._sources.token()
        if token is None:
            text = own.unconfigured.format(key=FLEET_TOKEN, length=MIN_TOKEN)
            return await self._html(words, own, "unconfigured.html", {"text": text}, 503)
        try:
            form = await read_form(request) if request.method == "POST" else {}
            return await self._route(request, form, self._rights.signer(token), words, own)
        except Problem as problem:
            text = words.not_found if problem.status == web.HTTPNotFound.status_code else problem.detail
            values = {"text": text, "back": own.back}
            return await self._html(words, own, "problem.html", values, problem.status, problem.headers)

    async def _route(
        self, request: web.Request, form: Mapping[str, str], signer: Signer, words: Words, own: FleetWords
    ) -> web.StreamResponse:
        if request.path in LOGIN_PATHS:
            texts = LoginTexts(own.key_hint, own.issuer_not_ready, own.no_role)
            origin, render = self._rights.origin(request), partial(self._html, words, own)
            return await self._logins.answer(LoginRequest(request, form, signer, origin, words, texts, render))
        session = await self._session(request)
        if session is None:
            return send_to_login(request)
        if request.path == "/logout":
            return await self._logout(request, form, signer, session)
        if request.path == "/live":
            return await stream_changes(request, self._feed, self._sources.clock, partial(self._goes_on, request))
        view = await self._reader.view()
        shown = {
            "session": session, "csrf": signer.csrf(session.id), "since": event_id(_pulse_of(view)), "url": request.rel_url,
            "subjects": _SUBJECTS, "now": self._sources.clock.now(), "notice": "", "problem": None, "fleet": view,
        }  # fmt: skip
        if path_of(request) == "/tenants/{namespace}/{name}":
            return await self._html(words, own, "tenant.html", shown | await self._tenant(request, view))
        selection = await asyncio.to_thread(select, view.rows, request.query)
        return await self._html(words, own, "fleet.html", shown | {"selection": selection, "states": tuple(State)})

    async def _tenant(self, request: web.Request, view: FleetView) -> dict[str, Any]:
        """Return what is known of one Tenant. Raises `Problem` 404."""
        namespace, name = request.match_info["namespace"], request.match_info["name"]
        found = await self._reader.tenant(namespace, name)
        row = next((each for each in view.rows if each.tenant == f"{namespace}.{name}"), None)
        if found is None or row is None:
            raise Problem(404, "Not Found", "There is no such Tenant")
        tenant, parts = found
        return {"row": row, "tenant": tenant, "objects": [tenant, *sorted(parts, key=_worst_first)]}

    async def _pulse(self) -> Pulse:
        return _pulse_of(await self._reader.view())

    async def _session(self, request: web.Request) -> Session | None:
        token = self._sources.token()
        if token is None:
            return None
        cookie = request.cookies.get(self._rights.origin(request).cookie, "")
        session = self._rights.signer(token).read(cookie, self._sources.clock.now())
        if session is None:
            return None
        keep_until_answered(request)
        return None if await self._ended.has(session) else session

    async def _goes_on(self, request: web.Request) -> bool:
        """Return whether the session of an open stream has not ended nor expired, and the token is the same and mounted."""
        return await self._session(request) is not None

    async def _logout(
        self, request: web.Request, form: Mapping[str, str], signer: Signer, session: Session
    ) -> web.Response:
        if not signer.is_csrf(session.id, form.get("csrf", "")):
            raise Problem(403, "Forbidden", "The form is not of this session: reload the page")
        await self._ended.add(session)
        log.info("fleet_page.logout", session=session.id, claimed_by=session.name)
        response = web.Response(status=303, headers=SECURITY | {"Location": "/login"})
        origin = self._rights.origin(request)
        response.del_cookie(origin.cookie, path="/", secure=origin.is_secure, httponly=True, samesite="Strict")
        return response

    async def _html(
        self, words: Words, own: FleetWords, template: str, values: Mapping[str, Any], status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> web.Response:  # fmt: skip
        paths = {name: asset.path for name, asset in self._assets.items()}
        common = {
            "assets": paths,
            "business": f"AskProAI · {own.fleet}",
            "f": own.shown,
            "session": None,
            "instant": datetime.fromisoformat,
            "step": ROWS,
        }
        # In a thread: the Lease is renewed meanwhile. One at a time, since each thread of Python takes time from the others.
        async with self._rendering:
            merged = common | dict(values)
            text = await asyncio.to_thread(render, self._templates, template, words, self._sources.zone, merged)
        answer = SECURITY | dict(headers or {})
        return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=answer)


def _pulse_of(view: FleetView) -> Pulse:
    return Pulse(marks=dict(view.marks))


def _worst_first(each: FleetObject) -> tuple[bool, bool, str, str]:
    ready = each.ready
    is_ready = ready is not None and ready.is_good
    return is_ready, all(condition.is_good for condition in each.conditions), each.kind, each.name
