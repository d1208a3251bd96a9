"""Values that a tenant's own role can write do not end `askproai doctor`, which looks at all tenants."""

from typing import cast

import pytest

from askproai_cli.doctor import outside, reading
from askproai_cli.doctor.examine import _read_token
from askproai_core.kube import HttpTransport

TENANT = {"metadata": {"namespace": "berlin", "name": "salon"}}


async def test_token_that_is_no_text_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read_secret(*_: object) -> dict[str, bytes]:
        return {"token": b"\xff"}

    monkeypatch.setattr(reading, "read_secret", read_secret)
    assert isinstance(await _read_token(cast("HttpTransport", None), TENANT), str)


async def test_impossible_host_shows_no_certificate() -> None:
    assert await outside.read_certificates([f"https://{'x' * 64}.example/salon"]) == []
