"""Dead letters and open circuits in the running demo, as an operator on call meets them; and a call's timeline."""

import asyncio
import json
import os
import sys
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.worlds.running_demo import Demo, fetch, send, signed
from tests.worlds.waiting import SOON, eventually

SATURDAY = 5
TENANT, UNDECLARED = "salon-mueller.salon-mueller", "+49309876543"


async def askproai(demo: Demo, *arguments: str) -> Any:
    """Run a command against the demo's tenant, and return its JSON."""
    state = demo.state
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("askproai")), *arguments, "-t", TENANT, "--url", state.adminUrls[TENANT], "-o", "json",
        env=os.environ | {"ASKPROAI_TOKEN": state.adminTokens[TENANT]}, stdout=-1, stderr=-1,
    )  # fmt: skip
    out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return json.loads(out)


async def test_a_dead_letter_is_found_repaired_and_redriven(demo: Demo) -> None:
    status, _ = await send(demo, *signed("call_started", "call_forgotten", to_number=UNDECLARED))
    assert status == 200

    async def dead() -> Any:
        return (await askproai(demo, "events", "list", "--status", "dead", "--source", "retell"))["events"]

    letter = (await eventually(dead, SOON, "the dead letter"))[0]
    detail = await askproai(demo, "events", "show", letter["id"])
    assert "unroutable" in detail["job"]["last_error"]
    numbers = [{"number": "030 1234567"}, {"number": UNDECLARED}]

    async def declare(numbers: list[dict[str, str]]) -> None:
        change = json.dumps({"spec": {"phoneNumbers": numbers}})
        await demo.kubectl("patch", "branch.askproai.de", "mitte", "-n", "salon-mueller", "--type=merge", "-p", change)

    await declare(numbers)
    try:

        async def processed() -> bool:
            detail = await askproai(demo, "events", "show", letter["id"])
            if detail["event"]["status"] == "dead":
                await askproai(demo, "events", "redrive", letter["id"])
            return detail["event"]["status"] == "processed"

        await eventually(processed, SOON, "the redriven event")
    finally:
        await declare(numbers[:1])
    assert await dead() == []
    timeline = await askproai(demo, "timeline", "call_forgotten")
    assert timeline["call"]["branch"] == "mitte"
    assert [entry["name"] for entry in timeline["moments"] if entry["what"] == "event"] == ["call_started"]


async def test_timeline_of_the_demo_call_is_complete(demo: Demo) -> None:
    call_id, *_ = await demo.rows("SELECT call_id FROM appointments WHERE status = 'confirmed' ORDER BY created_at")
    timeline = await askproai(demo, "timeline", call_id["call_id"])
    kinds = [entry["what"] for entry in timeline["moments"]]
    assert {"function", "action", "appointment", "provider", "event"} <= set(kinds)
    events = [entry["name"] for entry in timeline["moments"] if entry["what"] == "event"]
    assert (events[0], events[-1]) == ("call_started", "call_analyzed")
    book = (await askproai(demo, "appointments", "list", "--status", "confirmed"))["appointments"]
    row = next(appointment for appointment in book if appointment["call_id"] == call_id["call_id"])
    free = await askproai(
        demo, "slots", "--branch", row["branch"], "--service", row["service"], "--date", row["start"][:10]
    )
    assert (row["start"], row["staff"]) not in {(slot["start"], slot["staff"]) for slot in free["slots"]}


@pytest.mark.nightly
async def test_an_operator_closes_a_circuit_by_hand(demo: Demo) -> None:
    async def circuit() -> str:
        listed = (await askproai(demo, "circuits", "list"))["circuits"]
        return next(row["state"] for row in listed if row["provider"] == "calcom")

    async def book(day: date, hour: int) -> str:
        start = datetime.combine(day, time(hour), ZoneInfo("Europe/Berlin"))
        _, answer = await demo.book(start, "Klara Kreis", f"+491577{start:%m%d%H}0", staff="anna")
        return str(answer["status"])

    day, later_day = await demo.open_days(2, SATURDAY)  # when no other test books
    assert await circuit() == "closed"
    down = [{"operation": each, "fault": "down", "count": None} for each in ("create-booking", "list-bookings")]
    await fetch(f"{demo.state.calcomUrl}/_sim/faults", "POST", json=down)
    try:
        assert {await book(day, hour) for hour in range(9, 14)} == {"pending_sync"}
        assert await circuit() == "open"
    finally:
        await fetch(f"{demo.state.calcomUrl}/_sim/faults", "DELETE")
    await askproai(demo, "circuits", "reset", "calcom")
    assert await circuit() == "closed"
    assert await book(later_day, 9) == "confirmed"
