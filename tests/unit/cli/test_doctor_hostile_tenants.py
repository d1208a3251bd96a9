"""Values that a tenant's own role can write do not end `askproai doctor`, which looks at all tenants."""

from typing import cast

import pytest

from askproai_cli.doctor import outside, reading
from askproai_cli.doctor.examine import _read_token
from askproai_core.kube import HttpTransport

TENANT = {"metadata": {"namespace": "berlin", "name": "salon"}}


async def test_doctor_reports_admin_token_that_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read_secret(*_: object) -> dict[str, bytes]:
        return {"token": b"\xff"}

    monkeypatch.setattr(reading, "read_secret", read_secret)
    assert isinstance(await _read_token(cast("HttpTransport", None), TENANT), str)


async def test_doctor_reads_no_certificate_of_impossible_host() -> None:
    assert await outside.read_certificates([f"https://{'x' * 64}.example/salon"]) == []
