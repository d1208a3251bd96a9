"""The mail catcher: SMTP (RFC 5321) without login and encryption, on loopback only, and HTTP to read the mails.

`GET /mails` lists all as JSON, the oldest first; `GET /mails/1.html` shows the first as a mail program does.
"""

import asyncio
import email
import email.policy
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from itertools import count
from typing import Any, Final

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

_KEPT: Final = 1000  # mails; older ones go
_LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """A caught mail. `number` counts from 1, `received` is ISO 8601, `calendar` is the .ics file and `method` its METHOD."""

    number: int
    received: str
    sender: str
    to: list[str]
    subject: str
    text: str
    html: str
    method: str | None
    calendar: str | None


class MailCatcher:
    """Keeps the newest mails. It is a handler of aiosmtpd."""

    def __init__(self) -> None:
        self.mails: deque[CaughtMail] = deque(maxlen=_KEPT)
        self._numbers = count(1)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store a mail and return the SMTP answer 250."""
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        message = email.message_from_bytes(raw, policy=email.policy.default)
        self.mails.append(_read(message, next(self._numbers), envelope.rcpt_tos))
        return "250 kept, and delivered to nobody"

    def app(self) -> web.Application:
        """Return the application that shows the mails."""
        app = web.Application()
        app.router.add_get("/mails", self._list)
        app.router.add_get(r"/mails/{number:\d+}.html", self._show)
        return app

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response({"mails": [asdict(mail) for mail in self.mails]})

    async def _show(self, request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        mail = next((mail for mail in self.mails if mail.number == number), None)
        if mail is None:
            raise web.HTTPNotFound(text=f"there is no mail {number}\n")
        return web.Response(text=mail.html, content_type="text/html", charset="utf-8")


def _read(message: EmailMessage, number: int, to: list[str]) -> CaughtMail:
    """Return the mail with the parts that a person sees. `to` are the recipients of the SMTP transaction."""
    method, calendar = None, None
    for part in message.walk():
        if part.get_content_type() == "text/calendar":
            method, calendar = str(part.get_param("method")), str(part.get_content())
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return CaughtMail(
        number, now, str(message["From"]), list(to), str(message["Subject"]),
        _body(message, "plain"), _body(message, "html"), method, calendar,
    )  # fmt: skip


def _body(message: EmailMessage, kind: str) -> str:
    body: Any = message.get_body((kind,))
    return "" if body is None else str(body.get_content()).replace("\r\n", "\n")


@asynccontextmanager
async def serve_catcher(catcher: MailCatcher, smtp_port: int = 0, http_port: int = 0) -> AsyncIterator[tuple[int, str]]:
    """Serve on loopback, and yield the port for SMTP and the URL for reading. Port 0 takes a free port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(catcher, hostname=_LOOPBACK), _LOOPBACK, smtp_port)
    runner = web.AppRunner(catcher.app(), access_log=None, shutdown_timeout=1)
    try:
        await runner.setup()
        await web.TCPSite(runner, _LOOPBACK, http_port).start()
        yield server.sockets[0].getsockname()[1], f"http://{_LOOPBACK}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
        server.close()
