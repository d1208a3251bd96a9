"""`askproai erase` says what an erasure leaves."""

from typing import Any

import pytest
from typer.testing import CliRunner

from askproai_cli.main import app
from askproai_cli.tenant_api import TenantApi

FREE_WORDS = (
    "another caller has named this person: what was said freely in that call stays until its transcript goes by age"
)


@pytest.mark.parametrize(("of_others", "is_said"), [(0, False), (2, True)])
def test_erase_command_lists_words_that_stay(monkeypatch: pytest.MonkeyPatch, of_others: int, is_said: bool) -> None:
    erasure = {"id": "e1", "state": "open", "evidence": {"calls": 1, "function_requests_of_others": of_others}}
    answer: dict[str, Any] = {"erasure": erasure, "cancelled": 0, "at_calcom": []}
    monkeypatch.setattr(TenantApi, "change", lambda *_: answer)
    command = ["erase", "--caller", "+4915155500077", "-t", "salon.salon", "--yes"]
    said = CliRunner().invoke(app, command).stdout
    assert (FREE_WORDS in said.splitlines()) is is_said
