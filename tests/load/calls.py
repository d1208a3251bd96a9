"""Callers that ask and book over HTTP, as the agent's functions do."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from tests.load.events import signed

from askproai_sandbox.example_tenant import AGENT_ID, NUMBER

DAYS = 30  # the calls spread over the next thirty days, so that no day fills up


@dataclass
class Played:
    """Seconds that each function took, and the answers that were no confirmed appointment."""

    asked: list[float] = field(default_factory=list)
    booked: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


async def play_calls(url: str, first: int, calls: int, *, at_once: int = 1) -> Played:
    """Play `calls` calls, `at_once` of them side by side."""
    into, numbers = Played(), iter(range(first, first + calls))
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, connector=connector) as session, asyncio.TaskGroup() as tasks:

        async def caller() -> None:
            for number in numbers:
                await _play(session, number, into)

        for _ in range(at_once):
            tasks.create_task(caller())
    return into


async def _play(session: aiohttp.ClientSession, number: int, into: Played) -> None:
    """Ask for a haircut on some day and take the first time that is offered."""
    day = (datetime.now(UTC) + timedelta(days=1 + number % DAYS)).date().isoformat()
    offer = await _function(session, number, "check_availability", {"service": "Haarschnitt", "date": day}, into.asked)
    order = {"service": "Haarschnitt", "customer_name": f"Petra Müller {number}"}
    if slots := offer.get("slots"):
        order["start"] = slots[0]["start"]
    answer = await _function(session, number, "book_appointment", order, into.booked)
    if answer.get("status") != "confirmed":
        into.refused.append(f"{offer} {answer}")


async def play_crowd(url: str, first: int, callers: int, staff: str) -> tuple[float, list[dict[str, Any]]]:
    """Let all callers ask for the same time of the same person at once; give the seconds until the last answer, and them all."""
    connector, wish = aiohttp.TCPConnector(limit=0), {"service": "Haarschnitt", "staff": staff}
    async with aiohttp.ClientSession(url, connector=connector) as session:
        wanted, later = ({"date": (datetime.now(UTC) + timedelta(days=DAYS + n)).date().isoformat()} for n in (3, 10))
        offer = await _function(session, first, "check_availability", wish | wanted, [])
        await _function(
            session, first, "check_availability", wish | later, []
        )  # so that the first time is held no longer
        order = wish | {"start": offer["slots"][0]["start"], "customer_name": "Petra Müller"}
        began = time.perf_counter()
        numbers = range(first + 1, first + 1 + callers)
        answers = await asyncio.gather(*(_function(session, n, "book_appointment", order, []) for n in numbers))
        return time.perf_counter() - began, answers


async def _function(
    session: aiohttp.ClientSession, number: int, name: str, args: dict[str, Any], took: list[float]
) -> dict[str, Any]:
    caller = f"+49151{number:08d}"
    call = {"call_id": f"call_book_{number}", "agent_id": AGENT_ID, "to_number": NUMBER, "from_number": caller}
    body = json.dumps({"name": name, "call": call, "args": args}).encode()
    headers, began = signed(body), time.perf_counter()
    async with session.post(f"/retell/functions/{name}", data=body, headers=headers) as response:
        answer: dict[str, Any] = await response.json(content_type=None)
    took.append(time.perf_counter() - began)
    return answer
