"""`examples/hotline.yaml` is applied, and callers reach the right one of three salons by one number."""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from askproai_sandbox.caller import CallRecord
from tests.e2e.conftest import HOTLINE, KEY
from tests.worlds.model_calls import Turn, books, play_turns, searches
from tests.worlds.running_demo import Demo, fetch
from tests.worlds.waiting import eventually

TENANT = "haarwerk.haarwerk"
SEARCH = {"service": "Haarschnitt", "date": "kommenden Freitag", "time": "zehn"}
REQUEST = "Guten Tag, ich hätte gern einen Haarschnitt am kommenden Freitag um zehn.", searches(**SEARCH)
# Another test's caller may have the time that was asked for.
YES = "Die erste, gern. Mein Name ist Erika Mustermann.", books("Erika Mustermann", "Haarschnitt")


def in_branch(said: str) -> Turn:
    """Return the answer to the question for the branch; a pressed key is in the transcript only."""
    return said, searches(**SEARCH) if said.startswith("[") else searches(**SEARCH, branch=said)


@dataclass
class Chain:
    """The tenant of the example: three salons with one hotline."""

    demo: Demo

    async def call(self, caller: str, *turns: Turn) -> CallRecord:
        record = await play_turns(self.demo.state.retellUrl, HOTLINE, *turns, from_number=caller)
        assert record.errors == []
        assert "{{" not in record.transcript
        return record

    async def booked(self, record: CallRecord) -> str:
        """Return the branch of the call's appointment, which is confirmed."""
        sql = "SELECT branch, status FROM appointments WHERE tenant = $1 AND call_id = $2"
        (row,) = await self.demo.rows(sql, TENANT, record.call_id)
        assert row["status"] == "confirmed"
        return str(row["branch"])

    async def number(self) -> dict[str, Any]:
        """Return the hotline's number as Retell has it."""
        state = await fetch(f"{self.demo.state.retellUrl}/_sim/state")
        return dict(state["workspaces"][KEY]["numbers"][HOTLINE])


@pytest.fixture(scope="module")
async def chain(hotline):
    return Chain(hotline)


async def test_caller_reaches_a_branch_by_question(chain):
    record = await chain.call("+4915155500001", REQUEST, in_branch("In Pankow, bitte."), YES)
    asked = record.answers("check_availability")[0]
    assert asked["message"].startswith("Für welche Filiale möchten Sie den Termin? Sagen oder drücken Sie eins für ")
    assert await chain.booked(record) == "pankow"


async def test_caller_reaches_a_branch_by_digit(chain):
    record = await chain.call("+4915155500002", REQUEST, in_branch("[3]"), YES)
    assert record.answers("check_availability")[1]["message"].startswith("Haarwerk Potsdam. ")
    assert await chain.booked(record) == "potsdam"


async def test_caller_reaches_a_branch_by_history(chain):
    """The usual branch is suggested, and used only if the caller agrees; the agent knows a returning caller before it speaks."""
    caller = "+4915155500004"
    first = await chain.call(caller, REQUEST, in_branch("Potsdam"), YES)
    assert await chain.booked(first) == "potsdam"
    repeated = await chain.call(caller, REQUEST, in_branch("wie immer"), YES)
    assert repeated.answers("check_availability")[0]["suggested"] == "potsdam"
    assert await chain.booked(repeated) == "potsdam"

    async def recognised() -> dict[str, str] | None:
        (ringing,) = [step for step in (await chain.call(caller, ("Hallo", None))).steps if step.name == "call_inbound"]
        variables: dict[str, str] = ringing.answer["call_inbound"]["dynamic_variables"]
        return variables if "caller_name" in variables else None

    # Nobody is known whose lookup takes more than 0.2 s, which a busy machine may need.
    variables = await eventually(recognised, what="the agent to know the caller")
    assert (variables["caller_name"], variables["caller_usual_branch"]) == ("Erika Mustermann", "Haarwerk Potsdam")
    assert re.search(r" Uhr( \d+)? in Haarwerk Potsdam$", variables["caller_next_appointment"])


async def test_another_salons_caller_is_unknown_to_the_hotline(chain):
    """Nothing crosses tenants: the demo's first caller has an appointment at Salon Müller."""
    record = await chain.call("+4915112345678", ("Hallo", None))
    (ringing,) = [step for step in record.steps if step.name == "call_inbound"]
    assert ringing.answer == {"call_inbound": {"dynamic_variables": {"caller_number": "bekannt"}}}


async def test_hotline_under_simple_model_is_refused_with_advice(chain):
    change = '{"spec": {"businessModel": "%s"}}'
    tenant = ("patch", "tenants.askproai.de", "haarwerk", "-n", "haarwerk", "--type=merge", "-p")
    await chain.demo.kubectl(*tenant, change % "Simple")
    jsonpath = "jsonpath={.status.conditions[?(@.type=='Synced')].message}"
    query = ("get", "retellagent", "hotline", "-n", "haarwerk", "-o", jsonpath)

    async def refused() -> bool:
        return "needs businessModel MultiBranchHotline" in await chain.demo.kubectl(*query)

    await eventually(refused, 60, "the condition")
    await chain.demo.kubectl(*tenant, change % "ComplexServiceMatrix")

    async def accepted() -> bool:
        return "is published" in await chain.demo.kubectl(*query)

    await eventually(accepted, 60, "the matrix to take the same agent")
    assert await chain.booked(await chain.call("+4915155500006", REQUEST, in_branch("die zwei"), YES)) == "pankow"
