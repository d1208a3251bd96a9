"""Dead letters in the running demo, as an operator on call meets them: listed, shown, repaired, redriven; and a call's timeline."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp

from askproai_sandbox.retell import signature
from tests.worlds.running_demo import Demo
from tests.worlds.waiting import SOON, eventually

TENANT, KEY, UNDECLARED = "salon-mueller.salon-mueller", "key_demo_salon", "+49309876543"


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


async def send_call_started(demo: Demo, call_id: str) -> None:
    """Send the event of a call to a number that no branch declares."""
    call = {"call_id": call_id, "agent_id": "agent_unknown", "to_number": UNDECLARED, "call_status": "ongoing"}
    body = json.dumps({"event": "call_started", "call": call}).encode()
    url = f"{demo.state.runtimeUrls[TENANT]}/webhooks/retell"
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            url, data=body, headers={"X-Retell-Signature": signature(KEY, body, int(time.time() * 1000))}
        ) as response,
    ):
        assert response.status == 200


async def test_a_dead_letter_is_found_repaired_and_redriven(demo: Demo) -> None:
    await send_call_started(demo, "call_forgotten")

    async def dead() -> Any:
        return (await askproai(demo, "events", "list", "--status", "dead", "--source", "retell"))["events"]

    letter = (await eventually(dead, SOON, "the dead letter"))[0]
    detail = await askproai(demo, "events", "show", letter["id"])
    assert "unroutable" in detail["job"]["last_error"]
    numbers = [{"number": "030 1234567"}, {"number": UNDECLARED}]
    await demo.kubectl(
        "patch", "branch.askproai.de", "mitte", "-n", "salon-mueller", "--type=merge",
        "-p", json.dumps({"spec": {"phoneNumbers": numbers}}),
    )  # fmt: skip
    try:

        async def processed() -> bool:
            detail = await askproai(demo, "events", "show", letter["id"])
            if detail["event"]["status"] == "dead":
                await askproai(demo, "events", "redrive", letter["id"])
            return detail["event"]["status"] == "processed"

        await eventually(processed, SOON, "the redriven event")
    finally:
        await demo.kubectl(
            "patch", "branch.askproai.de", "mitte", "-n", "salon-mueller", "--type=merge",
            "-p", json.dumps({"spec": {"phoneNumbers": numbers[:1]}}),
        )  # fmt: skip
    assert await dead() == []
    timeline = await askproai(demo, "timeline", "call_forgotten")
    assert timeline["call"]["branch"] == "mitte"
    assert [entry["name"] for entry in timeline["moments"] if entry["what"] == "event"] == ["call_started"]


async def test_the_demo_calls_timeline_is_complete(demo: Demo) -> None:
    call_id = (
        await demo.rows("SELECT call_id FROM appointments WHERE status = 'confirmed' ORDER BY created_at LIMIT 1")
    )[0]
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
