"""Golden answers are the same lines for the same exchanges, and a change names both sentences."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.worlds import golden_answers, golden_records
from tests.worlds.golden_answers import GoldenAnswers, Recorder
from tests.worlds.golden_records import describe_change, read_records, write_records

MODULE = "tests/integration/calls/test_some_calls.py"


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(running=True)


def test_record_ends_at_concurrent_requests(recorder: Recorder) -> None:
    with recorder.exchange("ask", {}):
        pass
    with recorder.exchange("ask", {"name": "a"}), recorder.exchange("ask", {"name": "b"}):
        pass
    with recorder.exchange("ask", {}):
        pass
    first, rest = recorder.lines()
    assert first == '{"function": "ask", "args": {}, "answer": null}'
    assert "at_once" in rest


def test_unsuccessful_attempts_are_dropped(recorder: Recorder) -> None:
    for _ in range(2):
        with recorder.exchange("ask", {}):
            pass
    recorder.forget_since(1)
    assert len(recorder.lines()) == 1


def test_golden_records_are_read_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden_records, "FOLDER", tmp_path / "golden")
    records = {"test_b": ['{"function": "ask"}'], "test_a[ä]": ['{"function": "ask"}', '{"function": "say"}']}
    write_records(MODULE, records)
    assert read_records(MODULE) == records
    assert list(read_records(MODULE)) == sorted(records)
    write_records(MODULE, {})
    assert list((tmp_path / "golden").iterdir()) == []


def test_changed_answer_shows_old_and_new_sentence() -> None:
    line = '{"function": "ask", "args": {"time": "zehn"}, "answer": {"success": true, "message": "%s"}}'
    text = describe_change(MODULE, "test_a", ["same", line % "Ja."], ["same", line % "Nein."])
    assert text.splitlines()[1:-1] == ['  ask {"time": "zehn"}', '    - message: "Ja."', '    + message: "Nein."']
    assert f"--golden=record '{MODULE}'" in text


def test_changed_function_of_an_answer_is_shown() -> None:
    line = '{"function": "ask", "args": {}, "answer": {"message": "Ja."}}'
    kept, new = line, line.replace("ask", "say")
    assert describe_change(MODULE, "test_a", [kept], [new, kept]).splitlines()[1:-1] == [f"  + {new}"]
    assert describe_change(MODULE, "test_a", [kept], [new]).splitlines()[1:-1] == [f"  - {kept}", f"  + {new}"]


@pytest.mark.parametrize(
    ("arguments", "collected", "gone"),
    [
        (["tests/integration/calls"], {"test_a"}, ["test_b"]),
        (["tests/integration/calls"], {"test_a", "test_b"}, []),
        ([f"{MODULE}::test_a"], {"test_a"}, []),
        (["tests/unit"], None, []),
    ],
)
def test_a_record_without_its_test_fails_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], collected: set[str] | None, gone: list[str]
) -> None:
    monkeypatch.setattr(golden_records, "FOLDER", tmp_path)
    monkeypatch.setattr(golden_answers, "FOLDER", tmp_path)
    monkeypatch.setattr(golden_answers, "ROOT", tmp_path)
    (tmp_path / MODULE).parent.mkdir(parents=True)
    (tmp_path / MODULE).touch()
    write_records(MODULE, {"test_a": ["{}"], "test_b": ["{}"]})
    config = SimpleNamespace(getoption=lambda _: "compare", args=arguments)
    golden, session = GoldenAnswers(config), SimpleNamespace(exitstatus=0)
    if collected is not None:
        golden.tests[MODULE] = collected
    golden.pytest_sessionfinish(session)
    assert golden.gone == [f"{MODULE}::{test}" for test in gone]
    assert session.exitstatus == (1 if gone else 0)
