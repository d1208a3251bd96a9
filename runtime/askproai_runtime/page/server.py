"""The page of one tenant: its sessions, and the view or action for each path."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web

from askproai_core.database import DATABASE_UNAVAILABLE, StatementTimeout
from askproai_core.http_server import Problem, correlation_id
from askproai_core.languages import Language
from askproai_runtime.admin_api import PrivateApi, PulseStore, access_of, rights_of
from askproai_runtime.admin_api.desk import ChangeObstacle
from askproai_runtime.admin_api.sessions import SeenSessions
from askproai_runtime.arrivals import keep_until_answered
from askproai_runtime.page.actions import ACTIONS, EXPIRED, Action, Notice, obstacle_of
from askproai_runtime.page.event_stream import stream_changes
from askproai_runtime.page.feed import Feed, event_id
from askproai_runtime.page.frontend import Frontend
from askproai_runtime.page.logins import LOGIN_PATHS, LoginRequest, Logins, LoginTexts
from askproai_runtime.page.origin import Origin, origin_of
from askproai_runtime.page.request import SECURITY, UNKNOWN_PATH, end_login, path_of, read_form, send_to_login
from askproai_runtime.page.sessions import Session, Signer
from askproai_runtime.page.tenant_rights import TenantRights, session_detail
from askproai_runtime.page.views import FORMS, VIEWS, Asking, View, Views, list_menu
from askproai_runtime.page.words import WORDS, Words, choose_language
from askproai_runtime.sentences import speaking

log = structlog.get_logger(__name__)

# Obstacles whose sentence from the endpoint has more detail: the field, or the remote calendar's answer.
_MORE_IN_DETAIL: Final = frozenset({"invalid", "refused", "calendar_refused", "failed"})
_TURN_SECONDS: Final = 10.0  # how long an action waits for others: shorter than proxies, which would answer instead


class PageServer:
    """Answers requests to the page. At most one request at a time reads the database, and one carries out an action: callers
    wait for the same connections.
    """

    def __init__(self, api: PrivateApi, health: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        process = api.process
        self._api, self._process = api, process
        self._store = PulseStore(process.pool, process.tenant)
        self._views = Views(process, self._store, health)
        self._seen = SeenSessions(process.shared, process.clock)
        self._feed = Feed(self._views.pulse, process.clock)
        self._rights = TenantRights(process, self._store)
        self._logins = Logins(self._rights, process.session, process.clock)
        self._frontend = Frontend()
        self._reading, self._acting = asyncio.Lock(), asyncio.Lock()

    def close(self) -> None:
        """End the open event streams of this page."""
        self._feed.close()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request. Errors are HTML, too."""
        if request.path.startswith("/page/"):
            return self._frontend.answer_asset(request.path)
        words = WORDS[choose_language(request.headers.get("Accept-Language", ""))]
        if path_of(request) == UNKNOWN_PATH:
            return await self._html(words, "problem.html", {"text": words.not_found}, 404)
        form: Mapping[str, str] = {}
        try:
            form = await read_form(request) if request.method == "POST" else {}
            return await self._route(request, form, self._signer(), self._origin(request), words)
        except Problem as problem:
            if problem.status == web.HTTPServiceUnavailable.status_code and _action_of(request):
                text = words.act.obstacles.get(obstacle_of(problem), words.failed_page)
                return await self._offer_again(request, form, words, text)
            text = words.not_found if problem.status == web.HTTPNotFound.status_code else problem.detail
            return await self._html(words, "problem.html", {"text": text}, problem.status, problem.headers)
        except (StatementTimeout, *DATABASE_UNAVAILABLE) as error:
            log.warning("page.not_shown", error=type(error).__name__)
            if _action_of(request):
                return await self._offer_again(request, form, words, words.failed_page)
            return await self._html(words, "problem.html", {"text": words.failed_page}, 503)

    async def _route(
        self, request: web.Request, form: Mapping[str, str], signer: Signer, origin: Origin, words: Words
    ) -> web.StreamResponse:
        if request.path in LOGIN_PATHS:
            _, _, name = self._process.tenant.partition(".")  # NAMESPACE.NAME
            hint = words.key_hint.format(tenant=name)
            texts = LoginTexts(hint, words.login.not_ready, words.login.no_role)
            render = partial(self._html, words)
            return await self._logins.answer(LoginRequest(request, form, signer, origin, words, texts, render))
        action, session = _action_of(request), await self._session(request, signer, origin)
        if session is None and action:
            # After a login in another window it is sent again and shown once more, since the form is of the former session.
            return await self._offer_again(request, form, words, words.act.log_in_first, 401)
        if session is None:
            return send_to_login(request)
        if request.path == "/logout":
            return await self._logout(form, signer, session, origin)
        if request.path == "/live":
            return await stream_changes(request, self._feed, self._process.clock, partial(self._goes_on, request))
        access = access_of(self._process, session.role)
        asked = self._api.request(access, correlation_id(request), session.actor)
        asking = Asking(asked, request.query, request.match_info, form)
        if action:
            return await self._act(request, action, asking, session, signer, words)
        path = path_of(request)
        if path in FORMS:
            asking.request.access.require(ACTIONS[path].right, "change something")
        return await self._show(request, (VIEWS | FORMS)[path], asking, session, signer, words)

    async def _act(
        self, request: web.Request, action: Action, asking: Asking, session: Session, signer: Signer, words: Words
    ) -> web.Response:
        """Carry out an action and redirect to its result. If it is refused, show its view again with the reason."""
        asking.request.access.require(action.right, "change something")
        try:
            _require_own_form(signer, session, asking.form)
            async with self._turn():
                location = await action.carry_out(asking)
        except Problem as problem:
            log.info("page.not_done", path=path_of(request), status=problem.status, reason=obstacle_of(problem))
            if problem.status == web.HTTPServiceUnavailable.status_code:
                raise
            return await self._show(request, action.view, asking, session, signer, words, problem)
        log.info("page.done", path=path_of(request), session=session.id)
        return web.Response(status=303, headers=SECURITY | {"Location": location})

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Run the block when no other action runs. Raises `Problem` 503 after a time limit: the sender may try again."""
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await self._acting.acquire()
        except TimeoutError:
            text = "Other actions are being carried out: nothing was done"
            raise Problem(503, "Busy", text, {"Retry-After": "1"}, ChangeObstacle.BUSY.members) from None
        try:
            yield
        finally:
            self._acting.release()

    async def _offer_again(
        self, request: web.Request, form: Mapping[str, str], words: Words, text: str, status: int = 503
    ) -> web.Response:
        """Return a page with a form that sends the same action again. It has the same request id, so the action is done once."""
        log_in = status == web.HTTPUnauthorized.status_code
        values = {"text": text, "form": form, "path": request.rel_url.raw_path, "log_in": log_in}
        return await self._html(words, "send_again.html", values, status)

    def _signer(self) -> Signer:
        token = self._process.admin_token()
        if token is None:
            raise Problem(503, "Not Ready", "The Secret with the token is not mounted yet", {"Retry-After": "1"})
        return Signer(token, self._process.tenant, self._rights.fingerprint)

    def _origin(self, request: web.Request) -> Origin:
        page = self._process.config.current.page
        return origin_of(request, self._process.tenant, page.host if page is not None else "")

    async def _session(self, request: web.Request, signer: Signer, origin: Origin) -> Session | None:
        session = signer.read(request.cookies.get(origin.cookie, ""), self._process.clock.now())
        if session is None or not session.opens(origin):
            return None
        keep_until_answered(request)
        async with self._reading:  # after a change all open pages ask at once
            if await self._store.has_ended(session.id):
                return None
        await self._seen.note(session.id)
        return session

    async def _show(
        self, request: web.Request, view: View, asking: Asking, session: Session, signer: Signer, words: Words,
        problem: Problem | None = None,
    ) -> web.Response:  # fmt: skip
        """Return the response with a view. With a `problem`, the view says why an action was refused, and never updates itself."""
        async with self._reading:
            pulse = await self._views.pulse()
            with speaking(Language(words.language)):  # names of holidays
                shown = await view.read(self._views, asking)
            pauses = await self._views.list_pauses(asking)
        done = asking.query.get("done", "")
        values = {
            "session": session, "csrf": signer.csrf(session.id), "menu": list_menu(pulse), "since": event_id(pulse),
            "url": request.rel_url, "view": view.name, "subjects": () if problem else shown.subjects,
            # a form that is sent twice has the same id, and changes only once
            "now": self._process.clock.now(), "rights": rights_of(session.role), "new_id": lambda: str(uuid4()),
            "notice": words.act.notices[done] if done in set(Notice) else "",
            "problem": problem and _explain(problem, words), "pauses": pauses, **shown.values,
        }  # fmt: skip
        return await self._html(words, view.template, values, problem.status if problem else 200)

    async def _logout(self, form: Mapping[str, str], signer: Signer, session: Session, origin: Origin) -> web.Response:
        _require_own_form(signer, session, form)
        await self._store.record_session("page.logout", session.id, session_detail(session))
        return end_login(origin.cookie, is_secure=origin.is_secure)

    async def _goes_on(self, request: web.Request) -> bool:
        """Return True while the session of an open stream is valid: not ended, not expired, and its token still mounted."""
        token = self._process.admin_token()
        if token is None:
            return False
        signer = Signer(token, self._process.tenant, self._rights.fingerprint)
        return await self._session(request, signer, self._origin(request)) is not None

    async def _html(
        self, words: Words, template: str, values: Mapping[str, Any], status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> web.Response:  # fmt: skip
        config = self._process.config.current
        named = {"business": config.display_name, **values}
        return await self._frontend.answer(words, ZoneInfo(config.time_zone), template, named, status, headers or {})


def _require_own_form(signer: Signer, session: Session, form: Mapping[str, str]) -> None:
    """Raise `Problem` 403 unless the form comes from a page of this session, by its CSRF token."""
    if not signer.is_csrf(session.id, form.get("csrf", "")):
        text = "The form is not of this session: reload the page"
        raise Problem(403, "Forbidden", text, members={"reason": EXPIRED})


def _action_of(request: web.Request) -> Action | None:
    return ACTIONS.get(path_of(request)) if request.method == "POST" else None


def _explain(problem: Problem, words: Words) -> Mapping[str, Any]:
    """Return why an action was refused, in the page's language, with the endpoint's own detail and alternative free times."""
    obstacle = obstacle_of(problem)
    sentence = words.act.expired if obstacle == EXPIRED else words.act.obstacles.get(obstacle, words.act.generic)
    free = [
        {"start": datetime.fromisoformat(each["start"]), "staff": each["staff"]}
        for each in problem.members.get("alternatives", ())
    ]
    # The endpoint's sentence is English: it is left out if our own sentence says as much.
    is_said = words.language != Language.EN and obstacle in words.act.obstacles and obstacle not in _MORE_IN_DETAIL
    return {"sentence": sentence, "detail": "" if is_said else problem.detail, "free": free}
