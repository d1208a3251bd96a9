"""An issuer does not answer for a moment, or has changed its keys or its certificate authority."""

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from askproai_core.clock import SystemClock
from askproai_runtime.oidc import Failure, LoginFailed, OidcClient, Registration
from askproai_runtime.oidc import issuer as issuer_module
from tests.worlds.certificates import new_certificate
from tests.worlds.clock import FixedClock
from tests.worlds.oidc_issuer import CLIENT_ID, CLIENT_SECRET, OidcIssuer, person, running_issuer

BACK = "https://page.example/login/callback"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def log_in(client: OidcClient, registration: Registration, session: aiohttp.ClientSession) -> Failure | None:
    """Log in at the issuer, and return the reason of the failure."""
    try:
        location, attempt = await client.begin(registration, BACK, "/")
        asked = session.get(URL(location, encoded=True), allow_redirects=False, ssl=False)
        async with asked as answer:
            back = URL(answer.headers["Location"], encoded=True)
        await client.complete(registration, attempt, back.query)
    except LoginFailed as failed:
        return failed.failure
    return None


async def test_visitors_do_not_queue_at_a_silent_issuer(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_module, "REQUEST_SECONDS", 0.3)
    clock = FixedClock(datetime.now(UTC))
    async with running_issuer(person("team")) as issuer:
        client, registration = OidcClient(session, clock), Registration(issuer.url, CLIENT_ID, CLIENT_SECRET)
        issuer.silent = {"/keys"}
        assert [await log_in(client, registration, session) for _ in range(3)] == [Failure.UNAVAILABLE] * 3
        assert issuer.requests.count("/keys") == 1
        issuer.silent = set()
        clock.advance(timedelta(seconds=3))
        assert await log_in(client, registration, session) is None


async def test_failed_key_refresh_leaves_known_keys(session: aiohttp.ClientSession) -> None:
    async with running_issuer(person("team")) as issuer:
        client = OidcClient(session, FixedClock(datetime.now(UTC)))
        registration = Registration(issuer.url, CLIENT_ID, CLIENT_SECRET)
        assert await log_in(client, registration, session) is None
        issuer.kid, issuer.statuses = "a new one", {"/keys": 404}
        assert await log_in(client, registration, session) is Failure.UNAVAILABLE
        issuer.kid, issuer.statuses = "", {}
        assert await log_in(client, registration, session) is None


async def test_issuers_replaced_authority_is_trusted_after_one_failure(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """The hour for which the issuer's metadata are known need not pass."""
    issuer, port = OidcIssuer(claims=person("team")), 0
    client = OidcClient(session, SystemClock())
    for failures in ([None], [Failure.UNAVAILABLE, None]):
        key, certificate = new_certificate()
        (tmp_path / "key").write_bytes(key)
        (tmp_path / "ca").write_bytes(certificate)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tmp_path / "ca", tmp_path / "key")
        runner = web.AppRunner(issuer.app(), access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
            port = runner.addresses[0][1]
            issuer.url = f"https://127.0.0.1:{port}"
            registration = Registration(issuer.url, CLIENT_ID, CLIENT_SECRET, ca_file=tmp_path / "ca")
            assert [await log_in(client, registration, session) for _ in failures] == failures
        finally:
            await runner.cleanup()
