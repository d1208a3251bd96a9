"""An issuer of the business's own, whose certificate the system does not know."""

import ssl
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from askproai_core.clock import SystemClock
from askproai_runtime.oidc import Failure, LoginFailed, OidcClient, Registration
from tests.worlds.certificates import new_certificate
from tests.worlds.oidc_issuer import CLIENT_ID, CLIENT_SECRET, OidcIssuer


async def test_issuer_is_trusted_by_its_authority_alone(tmp_path: Path) -> None:
    key, certificate = new_certificate()
    (tmp_path / "key").write_bytes(key)
    (tmp_path / "ca").write_bytes(certificate)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "ca", tmp_path / "key")
    issuer = OidcIssuer()
    runner = web.AppRunner(issuer.app(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        issuer.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession() as session:
            for file, failure in (("ca", None), (None, Failure.UNAVAILABLE), ("key", Failure.NOT_SET_UP)):
                ca_file = tmp_path / file if file else None
                registration = Registration(issuer.url, CLIENT_ID, CLIENT_SECRET, ca_file=ca_file)
                begun = OidcClient(session, SystemClock()).begin(
                    registration, "https://page.example/login/callback", "/"
                )
                if failure is None:
                    location, attempt = await begun
                    assert location.startswith(f"{issuer.url}/authorize?")
                    assert attempt.verifier not in location
                    continue
                with pytest.raises(LoginFailed) as failed:
                    await begun
                assert failed.value.failure is failure
    finally:
        await runner.cleanup()
