"""Faults and journal, which both simulators share."""

from pathlib import Path

import aiohttp
import pytest
from sandbox_clients import Api

import askproai_sandbox.simulator

LLM = {"start_speaker": "agent"}


async def llms(retell: Api) -> int:
    return len((await retell("GET", "/v2/list-retell-llms"))["items"])


@pytest.mark.parametrize(("fault", "status", "committed"), [
    ("error-before-commit", 500, 0), ("error-after-commit", 500, 1), ("rate-limited", 429, 0), ("down", 503, 0),
    ("no-route", 404, 0),
])  # fmt: skip
async def test_fault_affects_its_operation_as_often_as_requested(
    retell: Api, fault: str, status: int, committed: int
) -> None:
    await retell.fault("create-llm", fault)
    await retell("GET", "/v2/list-phone-numbers")
    await retell("POST", "/create-retell-llm", LLM, expect=status)
    assert await llms(retell) == committed
    await retell("POST", "/create-retell-llm", LLM, expect=201)
    entry = next(e for e in await retell.journal() if e["operation"] == "create-llm")
    assert (entry["status"], entry["fault"], entry["body"]) == (status, fault, LLM)


async def test_timeout_after_commit_sends_no_answer_but_commits(retell: Api) -> None:
    await retell.fault("create-llm", "timeout-after-commit", seconds=0.01)
    with pytest.raises(aiohttp.ClientError):
        await retell("POST", "/create-retell-llm", LLM, expect=201)
    assert await llms(retell) == 1
    assert (await retell.journal())[0]["status"] is None


async def test_a_lagging_list_shows_new_objects_later(retell: Api) -> None:
    await retell("POST", "/create-retell-llm", LLM, expect=201)
    await retell.fault("list-llms", "lagging-list", requests=2)
    await retell("POST", "/create-retell-llm", LLM, expect=201)
    assert [await llms(retell) for _ in range(3)] == [1, 1, 2]
    await retell("DELETE", "/_sim/faults")
    await retell.fault("list-llms", "lagging-list", seconds=60)
    await retell("POST", "/create-retell-llm", LLM, expect=201)
    assert await llms(retell) == 2
    await retell("DELETE", "/_sim/faults")
    assert await llms(retell) == 3


async def test_journal_has_keys_and_operations_since_a_number(retell: Api) -> None:
    await retell("GET", "/v2/list-phone-numbers", key="key_very_secret_1234")
    await retell("GET", "/nowhere", expect=404)
    first, second = await retell.journal()
    assert (first["key"], first["method"], first["path"], first["status"]) == (
        "1234",
        "GET",
        "/v2/list-phone-numbers",
        200,
    )
    assert (second["operation"], second["status"]) == ("?", 404)
    later = await retell("GET", "/_sim/journal", since=first["seq"])
    assert [e["seq"] for e in later["entries"]] == [second["seq"]]


async def test_a_fault_that_would_never_act_is_refused(retell: Api) -> None:
    for wrong in (
        {"fault": "explode"}, {"operation": "create-llm"}, {"fault": "slow", "milliseconds": 3},
        {"fault": "slow"}, {"fault": "lagging-list", "operation": "list-llms"}, {"fault": "slow", "ms": "soon"},
        {"fault": "rate-limited", "operation": "create-retell-llm"},
    ):  # fmt: skip
        assert "error" in await retell("POST", "/_sim/faults", wrong, expect=400)


def test_simulators_import_no_checked_code() -> None:
    """Simulators share no line with the code that they check, not even a format or signature. From core they import only the clock.

    The simulated caller checks nothing, and finds times by the pods' grammar.
    """
    sandbox = Path(askproai_sandbox.simulator.__file__).parents[1]
    packages = {name: list((sandbox / name).glob("*.py")) for name in ("simulator", "retell", "calcom", "caller")}
    assert all(len(files) > 1 for files in packages.values())
    for file in (file for files in packages.values() for file in files):
        source = file.read_text(encoding="utf-8")
        assert "askproai_core" not in source.replace("from askproai_core.clock import", ""), file
        grammar = "from askproai_runtime.spoken_times.arguments import" if file.parent.name == "caller" else ""
        assert "askproai_runtime" not in (source.replace(grammar, "") if grammar else source), file
        assert "askproai_operator" not in source, file
