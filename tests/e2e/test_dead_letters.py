"""Dead letters on the running demo, as the one on call meets them: listed, shown, mended, redriven; and a call's timeline."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp

from askproai_sandbox.retell import signature
from tests.e2e.conftest import Demo

TENANT, KEY, FORGOTTEN = "salon-mueller.salon-mueller", "key_demo_salon", "+49309876543"


async def askproai(demo: Demo, *arguments: str) -> Any:
    state = demo.state
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("askproai")), *arguments, "-t", TENANT, "--url", state.adminUrls[TENANT], "-o", "json",
        env=os.environ | {"ASKPROAI_TOKEN": state.adminTokens[TENANT]}, stdout=-1, stderr=-1,
    )  # fmt: skip
    out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return json.loads(out)


async def ring(demo: Demo, call_id: str) -> None:
    """Send what Retell sends when somebody rings a number that nobody declared."""
    call = {"call_id": call_id, "agent_id": "agent_unknown", "to_number": FORGOTTEN, "call_status": "ongoing"}
    body = json.dumps({"event": "call_started", "call": call}).encode()
    url = f"{demo.state.runtimeUrls[TENANT]}/webhooks/retell"
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            url, data=body, headers={"X-Retell-Signature": signature(KEY, body, int(time.time() * 1000))}
        ) as answer,
    ):
        assert answer.status == 200


async def test_a_dead_letter_is_found_mended_and_done_again(demo: Demo) -> None:
    await ring(demo, "call_forgotten")

    async def dead() -> Any:
        return (await askproai(demo, "events", "list", "--status", "dead", "--source", "retell"))["events"]

    letter = (await demo.until(dead, 20, "the dead letter"))[0]
    shown = await askproai(demo, "events", "show", letter["id"])
    assert "unroutable" in shown["job"]["last_error"]
    numbers = [{"number": "030 1234567"}, {"number": FORGOTTEN}]
    await demo.kubectl(
        "patch", "branch.askproai.de", "mitte", "-n", "salon-mueller", "--type=merge",
        "-p", json.dumps({"spec": {"phoneNumbers": numbers}}),
    )  # fmt: skip
    try:

        async def done() -> bool:
            seen = await askproai(demo, "events", "show", letter["id"])
            if seen["event"]["status"] == "dead":
                await askproai(demo, "events", "redrive", letter["id"])
            return seen["event"]["status"] == "processed"

        await demo.until(done, 30, "the redriven event")
    finally:
        await demo.kubectl(
            "patch", "branch.askproai.de", "mitte", "-n", "salon-mueller", "--type=merge",
            "-p", json.dumps({"spec": {"phoneNumbers": numbers[:1]}}),
        )  # fmt: skip
    assert await dead() == []
    told = await askproai(demo, "timeline", "call_forgotten")
    assert told["call"]["branch"] == "mitte"
    assert [one["name"] for one in told["moments"] if one["what"] == "event"] == ["call_started"]


async def test_the_demos_call_is_told_from_ring_to_end(demo: Demo) -> None:
    call_id = (
        await demo.rows("SELECT call_id FROM appointments WHERE status = 'confirmed' ORDER BY created_at LIMIT 1")
    )[0]
    told = await askproai(demo, "timeline", call_id["call_id"])
    kinds = [one["what"] for one in told["moments"]]
    assert kinds[0] == "event"
    assert {"action", "appointment", "provider", "event"} <= set(kinds)
    book = (await askproai(demo, "appointments", "list", "--status", "confirmed"))["appointments"]
    row = next(one for one in book if one["call_id"] == call_id["call_id"])
    free = await askproai(
        demo, "slots", "--branch", row["branch"], "--service", row["service"], "--date", row["start"][:10]
    )
    assert (row["start"], row["staff"]) not in {(one["start"], one["staff"]) for one in free["slots"]}
