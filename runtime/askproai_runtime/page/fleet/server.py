"""The fleet's page: its login, its selection of tenants, and the view for each path. It changes nothing."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import msgspec
import structlog
from aiohttp import web

from askproai_core.fleet import FleetObject, FleetRow, Severity, count, matches
from askproai_core.http_server import Problem
from askproai_runtime.admin_api import Pulse
from askproai_runtime.arrivals import keep_until_answered
from askproai_runtime.page.event_stream import stream_changes
from askproai_runtime.page.feed import Feed, event_id
from askproai_runtime.page.fleet.ended_sessions import EndedSessions
from askproai_runtime.page.fleet.reading import FleetReader, FleetView
from askproai_runtime.page.fleet.rights import FleetRights
from askproai_runtime.page.fleet.sources import FLEET_TOKEN, MIN_TOKEN, FleetSources
from askproai_runtime.page.frontend import Frontend
from askproai_runtime.page.logins import LOGIN_PATHS, LoginRequest, Logins, LoginTexts
from askproai_runtime.page.request import end_login, path_of, read_form, send_to_login
from askproai_runtime.page.sessions import Session, Signer
from askproai_runtime.page.words import FILES, WORDS, Words, choose_language, convert_words

log = structlog.get_logger(__name__)

_SUBJECTS: Final = ("tenants", "figures")

PAGE_ROWS: Final = 100  # of a page


class State(StrEnum):
    """A filter of the fleet's page: by the urgency of a tenant's state, or by drift of an agent at Retell."""

    ALL = "all"
    FAILING = "failing"
    OVER_BUDGET = "over_budget"
    INTENDED = "intended"
    GOOD = "good"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class Selection:
    """The tenants on one page of search results. `found` is the number of all matches, `counts` their number by `State`."""

    search: str
    state: State
    rows: Sequence[FleetRow]
    found: int
    first: int
    is_whole: bool
    counts: Mapping[State, int]

    def link(self, **changes: object) -> str:
        """Return the URL of this selection with the given query parameters changed."""
        query = {"q": self.search, "state": "" if self.state is State.ALL else self.state, **changes}
        kept = {name: value for name, value in query.items() if value}
        return f"/?{urlencode(kept)}" if kept else "/"


def select_rows(rows: Sequence[FleetRow], query: Mapping[str, str]) -> Selection:
    """Return the tenants that a request's query selects: `q`, `state`, `from` (the first row), `rows=all`. Ignores bad values."""
    search = query.get("q", "").strip()[:100]
    state = State(query["state"]) if query.get("state") in set(State) else State.ALL
    found = [row for row in rows if matches(row, search)] if search else list(rows)
    counts = {State(name): number for name, number in count(found).items()}
    counts |= {State.ALL: len(found), State.DRIFT: sum(row.drift is not None for row in found)}
    chosen = [row for row in found if _is_in_state(row, state)]
    is_whole = query.get("rows") == "all"
    text = query.get("from", "")
    first = 0 if is_whole or not (text.isascii() and text.isdigit() and len(text) < len("100000")) else int(text)
    page = chosen if is_whole else chosen[first : first + PAGE_ROWS]
    return Selection(search, state, page, len(chosen), first, is_whole, counts)


def _is_in_state(row: FleetRow, state: State) -> bool:
    if state is State.ALL:
        return True
    return row.drift is not None if state is State.DRIFT else row.severity is Severity[state.name]


class FleetWords(msgspec.Struct, frozen=True, kw_only=True):
    """The section `fleet` of a language's words: `unconfigured` with {key} and {length}, `no_role` with {name} and {issuer}."""

    fleet: str
    key_hint: str
    unconfigured: str
    back: str
    issuer_not_ready: str
    no_role: str
    shown: Mapping[str, Any]


FLEET_WORDS: Final = {language: convert_words(words["fleet"], FleetWords) for language, words in FILES.items()}


class FleetServer:
    """Answers requests to the fleet's page."""

    def __init__(self, sources: FleetSources, reader: FleetReader, http: aiohttp.ClientSession) -> None:
        self._sources, self._reader = sources, reader
        self._rights, self._ended = FleetRights(sources), EndedSessions(sources.shared)
        self._logins = Logins(self._rights, http, sources.clock)
        self._feed = Feed(self._pulse, sources.clock)
        self._frontend = Frontend("fleet/templates", "templates")

    def close(self) -> None:
        """End the open event streams of this page."""
        self._feed.close()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request. Errors are HTML, too."""
        if request.path.startswith("/page/"):
            return self._frontend.answer_asset(request.path)
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
        selection = await asyncio.to_thread(select_rows, view.rows, request.query)
        return await self._html(words, own, "fleet.html", shown | {"selection": selection, "states": tuple(State)})

    async def _tenant(self, request: web.Request, view: FleetView) -> dict[str, Any]:
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
        origin = self._rights.origin(request)
        session = self._rights.signer(token).read(request.cookies.get(origin.cookie, ""), self._sources.clock.now())
        if session is None or not session.opens(origin):
            return None
        keep_until_answered(request)
        return None if await self._ended.has(session) else session

    async def _goes_on(self, request: web.Request) -> bool:
        """Return True while the session of an open stream is valid: not ended, not expired, and its token still mounted."""
        return await self._session(request) is not None

    async def _logout(
        self, request: web.Request, form: Mapping[str, str], signer: Signer, session: Session
    ) -> web.Response:
        if not signer.is_csrf(session.id, form.get("csrf", "")):
            raise Problem(403, "Forbidden", "The form is not of this session: reload the page")
        await self._ended.add(session)
        log.info("fleet_page.logout", session=session.id, claimed_by=session.name)
        origin = self._rights.origin(request)
        return end_login(origin.cookie, is_secure=origin.is_secure)

    async def _html(
        self, words: Words, own: FleetWords, template: str, values: Mapping[str, Any], status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> web.Response:  # fmt: skip
        named = {
            "business": f"AskProAI · {own.fleet}", "f": own.shown, "instant": datetime.fromisoformat, "step": PAGE_ROWS, **values,
        }  # fmt: skip
        return await self._frontend.answer(words, self._sources.zone, template, named, status, headers or {})


def _pulse_of(view: FleetView) -> Pulse:
    return Pulse(marks=dict(view.marks))


def _worst_first(each: FleetObject) -> tuple[bool, bool, str, str]:
    ready = each.ready
    is_ready = ready is not None and ready.is_good
    return is_ready, all(condition.is_good for condition in each.conditions), each.kind, each.name
