"""Who has heard what is free and wants none of it waits: what is free is named once, and stays free for others."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from askproai_runtime.booking import Answer, CallContext, WaitlistKeeper, join_waitlist
from askproai_runtime.calls.payload import OngoingCall, Utterance, read_declined
from askproai_runtime.tasks import TaskRun
from tests.worlds.booking_environment import Salon, booking_args, call

FRIDAY = {"service": "Haarschnitt", "date": "2026-11-27", "part_of_day": "vormittags", "customer_name": "Wanda"}
LIST = "nein, da passt mir keine der Zeiten, setzen Sie mich auf die Warteliste"


def after(answers: list[Answer], said: list[str]) -> CallContext:
    """Return the call as Retell sends it: each answer, and what the caller said to it."""
    transcript: list[Utterance] = []
    for answer, words in zip(answers, said, strict=True):
        transcript.append(Utterance(role="tool_call_result", content=json.dumps(answer.as_json())))
        transcript.append(Utterance(role="user", content=words))
    declined = read_declined(OngoingCall(call_id="call_1", transcript_with_tool_calls=transcript))
    return replace(call(), declined=declined)


async def join(salon: Salon, context: CallContext, **args: Any) -> Answer:
    return await join_waitlist(salon.booking, context, FRIDAY | args)


async def save(_: dict[str, Any]) -> None: ...


@pytest.fixture
async def salon(new_salon) -> Salon:
    return await new_salon()


async def test_the_second_request_is_accepted_when_the_caller_takes_nothing_of_what_is_free(salon: Salon) -> None:
    first = await join(salon, call())
    assert (first.success, first.outcome.value) == (False, "offered")
    assert (await join(salon, call())).outcome.value == "offered"  # nothing was said since
    assert not (await join(salon, after([first], ["Wie bitte?"]))).success
    assert not (await join(salon, after([first], ["ja, gern"]))).success
    joined = await join(salon, after([first], ["das ist mir alles zu früh"]))
    assert (joined.success, joined.outcome.value) == (True, "waiting")


async def test_what_was_declined_before_is_not_named_again(salon: Salon) -> None:
    offered = await salon.booking.check_availability(call(), FRIDAY)
    joined = await join(salon, after([offered], [LIST]))
    assert (joined.success, joined.outcome.value) == (True, "waiting")
    assert len(await salon.rows("SELECT 1 FROM waitlist")) == 1


async def test_a_day_of_which_nothing_was_named_is_offered_first(salon: Salon) -> None:
    offered = await salon.booking.check_availability(call(), FRIDAY)
    other = await join(salon, after([offered], [LIST]), date="2026-11-26")
    assert (other.success, other.outcome.value) == (False, "offered")
    week = await join(salon, after([offered], [LIST]), date="nächste Woche")
    assert (week.success, week.outcome.value) == (False, "offered")


async def test_what_was_declined_is_free_for_others_and_not_offered_to_who_waits(salon: Salon) -> None:
    offered = await salon.booking.check_availability(call(), FRIDAY)
    assert (await join(salon, after([offered], [LIST]))).success
    start = offered.fields["slots"][0]["start"]
    booked = await salon.booking.book_appointment(call("call_2", "+4915112345679"), booking_args(start))
    assert booked.success, booked
    await salon.cancel(booked.fields["appointment_id"])
    await WaitlistKeeper(salon.booking).run(TaskRun("waitlist", {}, "corr-run", save))
    begins = datetime.fromisoformat(start).astimezone(UTC)
    assert begins not in {row["starts_at"] for row in await salon.rows("SELECT starts_at FROM waitlist_offers")}
