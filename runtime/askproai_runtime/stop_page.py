"""The public page on which a customer stops reminders: a GET shows a button, and only a POST stops them.

Programs that check the links of mails send a GET; mail programs with a button of their own send the POST (RFC 8058).
"""

import html
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from askproai_core.database import DATABASE_UNAVAILABLE
from askproai_core.http_server import Problem, correlation_id
from askproai_core.languages import Language
from askproai_runtime.arrivals import read_body, require_readable_body
from askproai_runtime.notifications.render import one_line
from askproai_runtime.notifications.stop_link import read_token, stop_by_link
from askproai_runtime.notifications.words import WORDS, StopPage
from askproai_runtime.process import Process
from askproai_runtime.redis.rate_limiter import RateLimiter, too_many_requests

log = structlog.get_logger(__name__)

_MAX_BODY_BYTES: Final = 4096  # "List-Unsubscribe=One-Click"; its content is not needed
_PER_SECOND: Final = 20
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_PAGE: Final = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title></head>
<body style="font-family:sans-serif;max-width:34em;margin:3em auto;padding:0 1em"><h1>{title}</h1><p>{text}</p>{form}</body></html>
"""
_FORM: Final = '<form method="post"><button style="font-size:1.1em;padding:.6em 1.2em">{button}</button></form>'


@dataclass(frozen=True, slots=True)
class StopReminders:
    """The page of one tenant on which customers stop reminders. Requests without a valid token never reach the database."""

    process: Process
    limiter: RateLimiter

    async def answer(self, request: web.Request, token: str) -> web.Response:
        """Answer a GET with the question, a POST with the result. Raises a `Problem` for any other method."""
        if request.method not in {"GET", "POST"}:
            raise Problem(405, "Method Not Allowed", "Send it by GET or POST", {"Allow": "GET, POST"})
        key, tenant, words = self.process.admin_token(), self.process.tenant, self._words()
        if key is None or read_token(key, tenant, token) is None:
            return self._page(words.unknown, 404)
        if not await self.limiter.admits(_PER_SECOND):
            raise too_many_requests()
        if request.method == "GET":
            return self._page(words.question, button=words.button)
        require_readable_body(request, _MAX_BODY_BYTES)
        async with read_body(request, _MAX_BODY_BYTES):
            pass
        try:
            stopped = await stop_by_link(self.process.pool, key, tenant, token, correlation_id(request))
        except DATABASE_UNAVAILABLE as error:
            log.warning("reminders.not_stopped", error=type(error).__name__)
            return self._page(words.later, 503)
        log.info("reminders.stopped_by_link", known=stopped)
        return self._page(words.done) if stopped else self._page(words.unknown, 404)

    def _language(self) -> Language:
        settings = self.process.config.current.notifications
        return settings.language if settings else Language.DE

    def _words(self) -> StopPage:
        return WORDS[self._language()].stop_page

    def _page(self, text: str, status: int = 200, button: str = "") -> web.Response:
        title = html.escape(one_line(self.process.config.current.display_name))
        form = _FORM.format(button=html.escape(button)) if button else ""
        body = _PAGE.format(language=self._language(), title=title, text=html.escape(text), form=form)
        return web.Response(text=body, status=status, content_type="text/html", charset="utf-8", headers=_HEADERS)
