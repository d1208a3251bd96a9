"""`askproai erase` says what an erasure leaves."""

from typing import Any

import pytest

from askproai_cli import privacy

FREE_WORDS = (
    "another caller has named this person: what was said freely in that call stays until its transcript goes by age"
)


@pytest.mark.parametrize(("of_others", "is_said"), [(0, False), (2, True)])
def test_free_words_of_others_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], of_others: int, is_said: bool
) -> None:
    erasure = {"id": "e1", "state": "open", "evidence": {"calls": 1, "function_requests_of_others": of_others}}
    answer: dict[str, Any] = {"erasure": erasure, "cancelled": 0, "at_calcom": []}
    monkeypatch.setattr(privacy, "change", lambda *_: answer)
    privacy.erase("+4915155500077", "salon.salon", yes=True)
    assert (FREE_WORDS in capsys.readouterr().out.splitlines()) is is_said
