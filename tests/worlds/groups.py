"""A salon for calls by groups, and their requests."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from askproai_core.tenant_config import Service
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.calls.payload import OngoingCall, Utterance
from askproai_runtime.conversation.named_times import read_offered
from askproai_runtime.conversation.types import Answer
from tests.worlds.booking_environment import Salon, call
from tests.worlds.segmented_services import ABLE, FRIDAY, at, with_services

CUT = Service(
    name="schneiden", display_name="Haarschnitt", duration_minutes=30, buffer_after_minutes=10, slot_step_minutes=10,
    staff={"mitte": ("anna", "mehmet")},
)  # fmt: skip

COLOUR = Service(
    name="farbe", display_name="Färben", duration_minutes=60, buffer_after_minutes=10, slot_step_minutes=10, staff=ABLE
)

MIA = {"customer_name": "Mia Rot"}


@pytest.fixture
async def salon(new_salon: Any) -> Salon:
    salon = await new_salon(settings=BookingSettings(look_ahead=timedelta(days=3)))
    config = with_services(salon.configs[-1], CUT, COLOUR)
    (branch,) = config.branches
    staff = tuple(msgspec.structs.replace(each, working_hours=None) for each in branch.staff)
    branch = msgspec.structs.replace(branch, staff=staff)
    salon.apply_config(msgspec.structs.replace(config, branches=(branch,)))
    return salon


def caller(number: int = 1) -> Any:
    return call(f"call_{number}", f"+4915{number:08}")


async def look(
    salon: Salon, *companions: dict[str, str], time: str | None = "10 Uhr", number: int = 1, **more: Any
) -> Answer:
    args = {"service": "Haarschnitt", "date": str(FRIDAY), "time": time, "companions": list(companions), **more}
    return await salon.booking.check_availability(caller(number), args)


async def book(salon: Salon, clock: str, *companions: Any, number: int = 1, **more: Any) -> Answer:
    rosa = {"service": "Haarschnitt", "start": at(clock), "customer_name": "Rosa Rot"}
    args = {**rosa, "companions": list(companions), **more}
    return await salon.booking.book_appointment(caller(number), args)


async def block(salon: Salon, staff: str, clock: str, number: int = 90) -> None:
    """Book a time of a staff member for another customer."""
    args = {"service": "Haarschnitt", "start": at(clock), "customer_name": "Fremd", "staff": staff}
    assert (await salon.booking.book_appointment(caller(number), args)).success


async def booked(salon: Salon) -> list[tuple[str, str, str]]:
    rows = await salon.live()
    return sorted((f"{r['starts_at']:%H:%M}", r["staff"], r["customer_name"]) for r in rows)  # UTC: an hour less


def heard(*answers: Answer, number: int = 1) -> Any:
    """Return a call whose transcript has these answers, as Retell passes them back."""
    results = [Utterance(role="tool_call_result", content=msgspec.json.encode(a.fields).decode()) for a in answers]
    return replace(caller(number), offered=read_offered(OngoingCall(call_id="c", transcript_with_tool_calls=results)))


async def book_heard(salon: Salon, context: Any, clock: str, **args: Any) -> Answer:
    said = {"service": "Haarschnitt", "start": at(clock), "customer_name": "Rosa Rot", **args}
    return await salon.booking.book_appointment(context, said)


async def starts_by_name(salon: Salon) -> dict[str, str]:
    return {name: start for start, _, name in await booked(salon)}
