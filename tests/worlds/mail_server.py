"""A real SMTP server inside the test, which keeps accepted mails and returns the answers that the test requests."""

import asyncio
import email
import email.policy
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.worlds.certificates import new_certificate

USER, PASSWORD = "salon@mail.example", "not-a-secret"


@dataclass
class MailServer:
    """`mails` are the accepted mails in their order. `rcpt` and `data` are answers to give instead of accepting, by turns: a text
    such as "451 later", or None to accept; "hang" answers nothing, and "cut" ends the connection. After `data` has accepted a
    mail, "lose" ends the connection instead of the 250. With `hangs_at_quit` nobody gets a goodbye.
    """

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    rcpt: list[str | None] = field(default_factory=list)
    data: list[str | None] = field(default_factory=list)
    hangs_at_quit: bool = False
    connections: int = 0
    hanging: int = 0
    certificate: Path | None = None
    _server: Any = None
    _protocols: list[SMTP] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if answer := self.rcpt.pop(0) if self.rcpt else None:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.data.pop(0) if self.data else None
        match answer:
            case "hang":
                self.hanging += 1
                await asyncio.Event().wait()
            case "cut":
                server.transport.abort()
                return "421 gone"
        if answer not in {None, "lose"}:
            return str(answer)
        self.envelopes.append(envelope)
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
        if answer == "lose":
            server.transport.abort()
        return "250 OK"

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        if self.hangs_at_quit:
            await asyncio.Event().wait()
        return "221 Bye"

    async def stop(self) -> None:
        """End as if the server were killed: connections break, and nobody listens any more."""
        self._server.close()
        for protocol in self._protocols:
            if protocol.transport is not None:
                protocol.transport.abort()
        await self._server.wait_closed()

    async def start(
        self, *, tls: ssl.SSLContext | None = None, with_login: bool = False, implicit: bool = False
    ) -> None:
        """Listen, on the former port if there was one."""

        def serve() -> SMTP:
            self.connections += 1
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # it takes implicit TLS for none
                protocol = self._new_protocol(tls=tls, with_login=with_login, implicit=implicit)
            self._protocols.append(protocol)
            return protocol

        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(serve, "127.0.0.1", self.port, ssl=tls if implicit else None)
        self.port = self._server.sockets[0].getsockname()[1]

    def _new_protocol(self, *, tls: ssl.SSLContext | None, with_login: bool, implicit: bool) -> SMTP:
        def check_login(
            _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
        ) -> AuthResult:
            return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)

        return SMTP(
            self,
            hostname="127.0.0.1",
            tls_context=None if implicit else tls,
            require_starttls=tls is not None and not implicit,
            authenticator=check_login if with_login else None,
            auth_required=with_login,
            auth_require_tls=not implicit,
        )


@asynccontextmanager
async def running_mail_server(
    *, tls_folder: Path | None = None, with_login: bool = False, implicit: bool = False
) -> AsyncIterator[MailServer]:
    """Run a server during the block; with `tls_folder` it has a certificate there, whose authority is itself."""
    server, tls = MailServer(), None
    if tls_folder is not None:
        key, certificate = new_certificate()
        (tls_folder / "key.pem").write_bytes(key)
        (tls_folder / "cert.pem").write_bytes(certificate)
        server.certificate = tls_folder / "cert.pem"
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(tls_folder / "cert.pem", tls_folder / "key.pem")
    await server.start(tls=tls, with_login=with_login, implicit=implicit)
    try:
        yield server
    finally:
        await server.stop()
