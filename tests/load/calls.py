"""Callers who ask for slots and book over HTTP, through the agent's functions."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from askproai_sandbox.example_tenant import AGENT_ID, NUMBER
from tests.load.events import signed
from tests.load.measure import due_times
from tests.worlds.caller_names import surname

DAYS = 30  # the calls spread over the next thirty days, so that no day fills up


@dataclass
class CallResults:
    """The seconds of each function call, and the answers that were no confirmed appointment."""

    check_seconds: list[float] = field(default_factory=list)
    book_seconds: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


async def play_calls(url: str, first: int, calls: int, *, at_once: int = 1) -> CallResults:
    """Play `calls` calls, `at_once` of them side by side."""
    results, numbers = CallResults(), iter(range(first, first + calls))
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, connector=connector) as session, asyncio.TaskGroup() as tasks:

        async def caller() -> None:
            for number in numbers:
                await _play(session, number, results)

        for _ in range(at_once):
            tasks.create_task(caller())
    return results


async def _play(session: aiohttp.ClientSession, number: int, results: CallResults) -> None:
    """Ask for a haircut on some day and book the first slot that is offered."""
    day = (datetime.now(UTC) + timedelta(days=1 + number % DAYS)).date().isoformat()
    offer = await _function(
        session, number, "check_availability", {"service": "Haarschnitt", "date": day}, results.check_seconds
    )
    booking = {"service": "Haarschnitt", "customer_name": f"Petra {surname(number)}"}
    if slots := offer.get("slots"):
        booking["start"] = slots[0]["start"]
    answer = await _function(session, number, "book_appointment", booking, results.book_seconds)
    if answer.get("status") != "confirmed":
        results.refused.append(f"{offer} {answer}")


async def play_questions(
    url: str, first: int, calls: int, before: Callable[[], Awaitable[object]] | None = None
) -> list[float]:
    """Let `calls` callers ask for a day of the next nine, one after the other. `before` runs before each question.

    Return the seconds of each answer. Raises `AssertionError` for an answer that does not rest on both calendars.
    """
    seconds: list[float] = []
    async with aiohttp.ClientSession(url) as session:
        for number in range(first, first + calls):
            if before is not None:
                await before()
            day = (datetime.now(UTC) + timedelta(days=1 + number % 9)).date().isoformat()
            args = {"service": "Haarschnitt", "date": day}
            offer = await _function(session, number, "check_availability", args, seconds)
            assert offer.get("slots"), offer
            assert "basis" not in offer, offer
    return seconds


async def play_on_schedule(url: str, first: int, rate: float, seconds: float) -> CallResults:
    """Let `rate` callers a second book, each when it is due; `book_seconds` are from then until the second answer."""
    results, due = CallResults(), due_times(rate, seconds)
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0)) as session:
        start = time.perf_counter()

        async def caller(number: int) -> None:
            await asyncio.sleep(start + due[number] - time.perf_counter())
            answered = CallResults()
            await _play(session, first + number, answered)
            results.refused += answered.refused
            results.book_seconds.append(time.perf_counter() - start - due[number])

        await asyncio.gather(*map(caller, range(len(due))))
    return results


async def ask_on_schedule(url: str, first: int, rate: float, seconds: float) -> list[float]:
    """Let `rate` callers a second ask for a day, each when it is due; return the seconds from then until the answer.

    Raises `AssertionError` for an answer without free times.
    """
    answered, due = list[float](), due_times(rate, seconds)
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0)) as session:
        start = time.perf_counter()

        async def caller(number: int) -> None:
            await asyncio.sleep(start + due[number] - time.perf_counter())
            day = (datetime.now(UTC) + timedelta(days=1 + number % DAYS)).date().isoformat()
            args = {"service": "Haarschnitt", "date": day}
            offer = await _function(session, first + number, "check_availability", args, [])
            assert offer.get("slots"), offer
            answered.append(time.perf_counter() - start - due[number])

        await asyncio.gather(*map(caller, range(len(due))))
    return answered


async def play_crowd(url: str, first: int, callers: int, staff: str) -> tuple[float, list[dict[str, Any]]]:
    """Let all callers book the same slot of the same staff member at once.

    Return the seconds until the last answer, and all answers.
    """
    connector, request = aiohttp.TCPConnector(limit=0), {"service": "Haarschnitt", "staff": staff}
    async with aiohttp.ClientSession(url, connector=connector) as session:
        first_day, later_day = (
            {"date": (datetime.now(UTC) + timedelta(days=DAYS + n)).date().isoformat()} for n in (3, 10)
        )
        offer = await _function(session, first, "check_availability", request | first_day, [])
        # So that the first slot is no longer held.
        await _function(session, first, "check_availability", request | later_day, [])
        booking = request | {"start": offer["slots"][0]["start"], "customer_name": "Petra Müller"}
        started = time.perf_counter()
        numbers = range(first + 1, first + 1 + callers)
        answers = await asyncio.gather(*(_function(session, n, "book_appointment", booking, []) for n in numbers))
        return time.perf_counter() - started, answers


async def _function(
    session: aiohttp.ClientSession, number: int, name: str, args: dict[str, Any], seconds: list[float]
) -> dict[str, Any]:
    """Call a function in the call `number`, append its seconds and return its answer."""
    caller = f"+49151{number:08d}"
    call = {"call_id": f"call_book_{number}", "agent_id": AGENT_ID, "to_number": NUMBER, "from_number": caller}
    body = json.dumps({"name": name, "call": call, "args": args}).encode()
    headers, started = signed(body), time.perf_counter()
    async with session.post(f"/retell/functions/{name}", data=body, headers=headers) as response:
        answer: dict[str, Any] = await response.json(content_type=None)
    seconds.append(time.perf_counter() - started)
    return answer
