"""A caller who has declined all free times may wait. Free times are offered once, and stay free for others."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from askproai_runtime.book.waitlist_offers import WaitlistKeeper
from askproai_runtime.calls.payload import OngoingCall, Utterance
from askproai_runtime.conversation.named_times import read_named_times
from askproai_runtime.conversation.types import Answer, CallContext
from askproai_runtime.tasks import TaskRun
from tests.worlds.booking_environment import Salon, call, join_waitlist
from tests.worlds.full_calendar import nothing_free

pytestmark = pytest.mark.nightly

FRIDAY = {"service": "Haarschnitt", "date": "2026-11-27", "part_of_day": "vormittags", "customer_name": "Wanda"}
LIST = "nein, da passt mir keine der Zeiten, setzen Sie mich auf die Warteliste"


def after(answers: list[Answer], said: list[str]) -> CallContext:
    """Return the call as Retell sends it: each answer, and what the caller said to it."""
    transcript: list[Utterance] = []
    for answer, words in zip(answers, said, strict=True):
        transcript.append(Utterance(role="tool_call_result", content=json.dumps(answer.as_json())))
        transcript.append(Utterance(role="user", content=words))
    ongoing = OngoingCall(call_id="call_1", transcript_with_tool_calls=transcript)
    read = read_named_times(ongoing, call())
    return replace(call(), declined=read.declined, beside_declined=read.beside_declined)


async def join(salon: Salon, context: CallContext, **args: Any) -> Answer:
    return await join_waitlist(salon.booking, context, FRIDAY | args)


async def save(_: dict[str, Any]) -> None: ...


async def test_declining_all_free_times_allows_waiting(salon: Salon) -> None:
    first = await join(salon, call())
    assert (first.success, first.outcome.value) == (False, "offered")
    assert (await join(salon, call())).outcome.value == "offered"  # nothing was said since
    assert not (await join(salon, after([first], ["Wie bitte?"]))).success
    assert not (await join(salon, after([first], ["ja, gern"]))).success
    for unclear in ("zehn Uhr bitte", "Max Müller", "hm", "nein nein, den ersten bitte"):
        assert (await join(salon, after([first], [unclear]))).fields["instead_of_waiting"], unclear
    joined = await join(salon, after([first], ["das ist mir alles zu früh"]))
    assert (joined.success, joined.outcome.value) == (True, "waiting")


async def test_previously_declined_times_are_not_offered_again(salon: Salon) -> None:
    offered = await salon.booking.check_availability(call(), FRIDAY)
    joined = await join(salon, after([offered], [LIST]))
    assert (joined.success, joined.outcome.value) == (True, "waiting")
    assert len(await salon.rows("SELECT 1 FROM waitlist")) == 1


async def test_free_exact_time_cannot_be_waited_for(salon: Salon) -> None:
    """Such an entry would never get an offer, since declined times are not offered."""
    time = {"date": "2026-11-27", "time": "15 Uhr"}
    offered = await salon.booking.check_availability(call(), {"service": "Haarschnitt", "staff": "anna"} | time)
    refused = await join(salon, after([offered], [LIST]), part_of_day="", **time)
    assert (refused.success, refused.fields["instead_of_waiting"]) == (False, True)
    assert refused.message.count("um 15 Uhr") == 1
    assert await salon.rows("SELECT 1 FROM waitlist") == []
    joined = await join(salon, after([offered], [LIST]), part_of_day="", date="2026-11-27", time="14 bis 16 Uhr")
    assert (joined.success, joined.outcome.value) == (True, "waiting"), "another time of these hours may become free"


async def test_caller_hears_offers_before_waiting_for_another_day(salon: Salon) -> None:
    offered = await salon.booking.check_availability(call(), FRIDAY)
    other = await join(salon, after([offered], [LIST]), date="2026-11-26")
    assert (other.success, other.outcome.value) == (False, "offered")
    week = await join(salon, after([offered], [LIST]), date="nächste Woche")
    assert (week.success, week.outcome.value) == (False, "offered")


async def test_declined_time_can_be_booked_by_another_caller(salon: Salon) -> None:
    offered = await salon.booking.check_availability(call(), FRIDAY)
    assert (await join(salon, after([offered], [LIST]))).success
    start = offered.fields["slots"][0]["start"]
    booked = await salon.book(start, by=call("call_2", "+4915112345679"))
    assert booked.success, booked
    await salon.cancel(booked.fields["appointment_id"])
    await WaitlistKeeper(salon.booking).run(TaskRun("waitlist", {}, "corr-run", save))
    begins = datetime.fromisoformat(start).astimezone(UTC)
    assert begins not in {row["starts_at"] for row in await salon.rows("SELECT starts_at FROM waitlist_offers")}


@pytest.mark.parametrize("other", [{"service": "coloration"}, {"branch": "west"}])
async def test_decline_counts_only_for_its_service_and_branch(salon: Salon, other: dict[str, str]) -> None:
    first = await join(salon, call())
    declined = after([first], [LIST])
    assert declined.declined
    elsewhere = replace(declined, declined=frozenset(replace(s, **other) for s in declined.declined))
    assert (await join(salon, elsewhere)).fields["instead_of_waiting"]
    assert (await join(salon, declined)).success


async def test_undeclined_hold_stays_for_the_call(salon: Salon) -> None:
    declined = await salon.booking.check_availability(call(), FRIDAY)
    wanted = await salon.booking.check_availability(
        call(), FRIDAY | {"date": "2026-11-26", "part_of_day": "nachmittags"}
    )
    context = after([declined, wanted], [LIST, "ja, das passt"])
    assert {slot.start.date().day for slot in context.declined} == {27}
    assert (await join(salon, context)).success
    held = await salon.rows("SELECT starts_at FROM appointments WHERE status = 'held'")
    assert [row["starts_at"] for row in held] == [datetime.fromisoformat(wanted.fields["slots"][0]["start"])]


async def test_hold_of_a_declined_slot_ends(salon: Salon) -> None:
    declined = await salon.booking.check_availability(call(), FRIDAY)
    assert await salon.rows("SELECT 1 FROM appointments WHERE status = 'held'")
    assert (await join(salon, after([declined], [LIST]))).success
    assert not await salon.rows("SELECT 1 FROM appointments WHERE status = 'held'")


async def test_repeated_waitlist_request_forgets_earlier_declines(salon: Salon) -> None:
    await wait_twice(salon)
    (entry,) = await salon.rows("SELECT spans FROM waitlist")
    assert "declined" not in entry["spans"]


async def wait_twice(salon: Salon) -> None:
    """Wait with something declined, and again in another call in which nothing is free and nothing was declined."""
    offered = await salon.booking.check_availability(call(), FRIDAY)
    first = await join(salon, after([offered], [LIST]))
    async with nothing_free(salon):
        again = await join(salon, call("call_2"))
    assert (first.success, again.fields) == (True, first.fields)


async def test_undeclined_time_is_offered_again_and_held(salon: Salon) -> None:
    """A morning and an afternoon were named, and only the morning is declined: nobody waits for the free afternoon."""
    offered = await salon.booking.check_availability(call(), FRIDAY | {"part_of_day": ""})
    starts = [datetime.fromisoformat(slot["start"]) for slot in offered.fields["slots"]]
    mornings = [at for at in starts if at.hour < 12]
    afternoons = [at for at in starts if at.hour >= 12 and at.date() == mornings[0].date()]
    assert (mornings[:1], bool(afternoons)) == (starts[:1], True), "a choice"
    context = after([offered], ["Vormittags kann ich nicht."])
    assert {slot.start for slot in context.declined} == {at.astimezone(UTC) for at in mornings}
    answer = await join(salon, context, part_of_day="")
    assert not answer.success
    assert datetime.fromisoformat(answer.fields["slots"][0]["start"]) in afternoons
    answers, said = [offered, answer], ["Vormittags kann ich nicht.", "Nein, das passt mir auch nicht."]
    while not (answer := await join(salon, after(answers, said), part_of_day="")).success:
        later = {slot["start"] for each in answers[1:] for slot in each.fields["slots"]}
        assert answer.fields["slots"][0]["start"] not in later
        answers, said = [*answers, answer], [*said, "Nein, das auch nicht."]
    (entry,) = await salon.rows("SELECT spans FROM waitlist")
    assert json.loads(entry["spans"])[0]["declined"]
