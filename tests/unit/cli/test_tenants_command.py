"""`askproai tenants`: each tenant in the list has its cause."""

from typing import Any

import pytest
from typer.testing import CliRunner

from askproai_cli import fleet
from askproai_cli.main import app
from askproai_core.fleet import read_object


def test_ready_tenant_over_its_budget_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = {"type": "Ready", "status": "True", "reason": "AsDeclared", "message": ""}
    metadata = {"namespace": "berlin", "name": "salon"}
    salon = {"kind": "Tenant", "metadata": metadata, "status": {"conditions": [ready], "errorBudgetPercent": "0.0"}}

    async def read(*_: Any) -> list[Any]:
        return [read_object(salon)]

    monkeypatch.setattr(fleet, "_read", read)
    result = CliRunner().invoke(app, ["tenants", "--failing"])
    assert "error budget used up: askproai figures -t berlin.salon" in result.output
