"""Callers that ask and book over HTTP, as the agent's functions do."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from tests.load.events import signed

from askproai_sandbox.world import AGENT_ID, NUMBER

DAYS = 30  # the calls spread over the next thirty days, so that no day fills up


@dataclass
class Booked:
    """Seconds that each function took, and what was answered instead of a confirmed appointment."""

    asked: list[float] = field(default_factory=list)
    booked: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)


async def call_function(
    session: aiohttp.ClientSession, url: str, number: int, name: str, args: dict[str, Any]
) -> tuple[float, dict[str, Any]]:
    """Call one function for caller `number`; give how long it took and what it answered."""
    call = {
        "call_id": f"call_book_{number}",
        "agent_id": AGENT_ID,
        "to_number": NUMBER,
        "from_number": f"+49151{number:08d}",
    }
    body = json.dumps({"name": name, "call": call, "args": args}).encode()
    began = time.perf_counter()
    headers = {"x-retell-signature": signed(body)}
    async with session.post(f"{url}/retell/functions/{name}", data=body, headers=headers) as response:
        return time.perf_counter() - began, await response.json(content_type=None)


async def play(session: aiohttp.ClientSession, url: str, number: int, into: Booked) -> None:
    """Ask for a haircut on some day and take the first time that is offered."""
    day = (datetime.now(UTC) + timedelta(days=1 + number % DAYS)).date().isoformat()
    wish = {"service": "Haarschnitt", "date": day}
    seconds, offer = await call_function(session, url, number, "check_availability", wish)
    into.asked.append(seconds)
    if not offer.get("slots"):
        into.refused[f"check_availability: {offer}"] += 1
        return
    order = {"service": "Haarschnitt", "start": offer["slots"][0]["start"], "customer_name": f"Petra Müller {number}"}
    seconds, answer = await call_function(session, url, number, "book_appointment", order)
    into.booked.append(seconds)
    if answer.get("status") != "confirmed":
        into.refused[f"book_appointment: {answer}"] += 1


async def play_calls(url: str, first: int, calls: int, *, at_once: int) -> Booked:
    """Play `calls` calls, `at_once` of them side by side."""
    into, numbers = Booked(), iter(range(first, first + calls))
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as tasks:

        async def caller() -> None:
            for number in numbers:
                await play(session, url, number, into)

        for _ in range(at_once):
            tasks.create_task(caller())
    return into
