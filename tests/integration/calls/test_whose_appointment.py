"""The appointment that a cancellation or move means: the one asked about, or the one matching a name or service."""

from typing import Any

import pytest

from askproai_runtime.sentences import say
from tests.worlds.spoken_calls import BEARD, CUT, SpokenCall, friday_at
from tests.worlds.tenant_pod import next_friday

BOOK, MOVE, CANCEL = "book_appointment", "reschedule_appointment", "cancel_appointment"
PETRA, OTTO = "Petra Lange", "Otto Kurz"


@pytest.fixture
async def call(call: SpokenCall) -> SpokenCall:
    """Petra Lange has a haircut at 14:00, and Otto Kurz a beard trim at 16:00 of the same day."""
    assert (await call.ask(BOOK, friday_at(call.pod)))["success"]
    otto = friday_at(call.pod, "16:00", service=BEARD, customer_name=OTTO, another=True, staff="mehmet")
    assert (await call.ask(BOOK, otto))["success"]
    return call


def day_of(call: SpokenCall) -> str:
    return next_friday(call.pod, 10).date().isoformat()


async def cancel(call: SpokenCall, **named: Any) -> dict[str, Any]:
    """Cancel an appointment that the arguments decide."""
    asked = await call.ask(CANCEL, named)
    assert asked["needs_confirmation"], asked
    call.say("Ja, absagen.")
    return await call.ask(CANCEL, named | {"confirmed": True})


async def times(call: SpokenCall) -> list[str]:
    return [at for _, at, _, _ in await call.live()]


@pytest.mark.parametrize("yes", ["Ja.", "Ja, genau.", "Ja, bitte absagen.", "Ja, danke."])
@pytest.mark.parametrize("repeats", ["the day", "the first one's time", "the first one's id", "the first one's name"])
async def test_yes_cancels_the_appointment_asked_about(call: SpokenCall, yes: str, repeats: str) -> None:
    first = await cancel(call, appointment_time="14 Uhr")
    call.say("Und den um vier bitte auch.")
    asked = await call.ask(CANCEL, {"appointment_date": day_of(call)})
    assert asked["needs_confirmation"], asked
    assert "16 Uhr" in asked["message"]
    call.say(yes)
    stale = {
        "the day": {"appointment_date": day_of(call)},
        "the first one's time": {"appointment_time": "14 Uhr"},
        "the first one's id": {"appointment_id": first["appointment_id"]},
        "the first one's name": {"customer_name": PETRA},
    }[repeats]
    done = await call.ask(CANCEL, stale | {"confirmed": True})
    assert (done["success"], "16 Uhr" in done["message"]) == (True, True), done
    assert await times(call) == []


@pytest.mark.parametrize("words", ["Nein, nur den ersten.", "Moment."])
async def test_second_appointment_is_not_cancelled_without_a_yes(call: SpokenCall, words: str) -> None:
    await cancel(call, appointment_time="14 Uhr")
    call.say("Und den um vier bitte auch.")
    named = {"appointment_date": day_of(call)}
    assert (await call.ask(CANCEL, named))["needs_confirmation"]
    call.say(words)
    assert not (await call.ask(CANCEL, named | {"confirmed": True}))["success"]
    assert await times(call) == ["16:00"]


@pytest.mark.parametrize("named", [{"customer_name": OTTO}, {"service": BEARD}, {"staff": "Mehmet"}])
async def test_thanks_after_cancellation_cancel_no_second_appointment(call: SpokenCall, named: dict[str, Any]) -> None:
    await cancel(call, appointment_time="14 Uhr")
    call.say("Ja, danke.")
    asked = await call.ask(CANCEL, named | {"confirmed": True})
    assert (asked["success"], "16 Uhr" in asked["message"]) == (False, True), asked
    assert await times(call) == ["16:00"]


@pytest.mark.parametrize("said", ["Ja, danke.", "Ja."])
async def test_repeated_cancellation_day_cancels_no_second_appointment(call: SpokenCall, said: str) -> None:
    """The agent may have asked whether to cancel the other one, too."""
    await cancel(call, appointment_time="14 Uhr")
    call.say(said)
    asked = await call.ask(CANCEL, {"appointment_date": day_of(call), "confirmed": True})
    assert (asked["success"], "16 Uhr" in asked["message"]) == (False, True), asked
    assert await times(call) == ["16:00"]


@pytest.mark.parametrize(
    ("named", "left"),
    [
        ({"customer_name": OTTO}, "14:00"),
        ({"customer_name": "Otto"}, "14:00"),
        ({"customer_name": "Herr Kurz"}, "14:00"),
        ({"customer_name": PETRA}, "16:00"),
        ({"service": BEARD}, "14:00"),
        ({"service": CUT}, "16:00"),
        ({"staff": "Mehmet"}, "14:00"),
        ({"appointment_date": "day", "customer_name": OTTO}, "14:00"),
        ({"appointment_date": "day", "service": "bartschnitt"}, "14:00"),
        ({"appointment_id": "7f1c2a34-0000-4000-8000-000000000000", "customer_name": OTTO}, "14:00"),
    ],
)
async def test_any_further_argument_selects_one_of_two_appointments(
    call: SpokenCall, named: dict[str, str], left: str
) -> None:
    if "appointment_date" in named:
        named |= {"appointment_date": day_of(call)}
    asked = await call.ask(CANCEL, named)
    if "appointment_id" in named:
        assert asked["needs_answer"], asked
        call.say("Ja.")
        asked = await call.ask(CANCEL, named)
    assert asked["needs_confirmation"], asked
    call.say("Ja.")
    assert (await call.ask(CANCEL, named | {"confirmed": True}))["success"]
    assert await times(call) == [left]


@pytest.mark.parametrize(
    "named", [{"customer_name": "Mia Meier"}, {"service": "Dauerwelle"}, {"customer_name": PETRA, "service": BEARD}, {}]
)
async def test_argument_matching_neither_of_two_appointments_is_asked(call: SpokenCall, named: dict[str, str]) -> None:
    for function, more in ((CANCEL, {}), (MOVE, {"date": day_of(call), "time": "12:00"})):
        asked = await call.ask(function, named | more)
        assert (asked["success"], len(asked["appointments"])) == (False, 2), asked
        assert "Welchen Termin" in asked["message"]
    assert await times(call) == ["14:00", "16:00"]


@pytest.mark.parametrize("named", [{"customer_name": OTTO}, {"customer_name": "Kurz"}, {"service": BEARD}])
async def test_appointment_matching_the_argument_is_moved(call: SpokenCall, named: dict[str, str]) -> None:
    moved = await call.ask(MOVE, named | {"date": day_of(call), "time": "12:00"})
    assert moved["success"], moved
    assert say().only_time_moved not in moved["message"]
    assert [(each[0], each[1]) for each in await call.live()] == [("bart", "12:00"), ("haarschnitt", "14:00")]


async def test_target_staff_member_chooses_no_appointment(call: SpokenCall) -> None:
    asked = await call.ask(MOVE, {"staff": "Mehmet", "date": day_of(call), "time": "12:00"})
    assert (asked["success"], len(asked["appointments"])) == (False, 2), asked


async def test_move_with_another_service_is_asked_about(call: SpokenCall) -> None:
    named = {"appointment_time": "14 Uhr", "service": "Färben", "staff": "Mehmet"}
    asked = await call.ask(MOVE, named | {"date": day_of(call), "time": "12:00"})
    assert (asked["success"], "stattdessen Färben bei Mehmet" in asked["message"]) == (False, True), asked
    assert [each[:2] for each in await call.live()] == [("haarschnitt", "14:00"), ("bart", "16:00")]


@pytest.mark.parametrize("function", [MOVE, CANCEL])
async def test_repeated_request_affects_the_named_persons_appointment(call: SpokenCall, function: str) -> None:
    """Only the other person's appointment is still on the named day."""
    named = {"appointment_date": day_of(call), "customer_name": OTTO}
    later = next_friday(call.pod, 10, 2).date().isoformat()
    more = {"date": later, "time": "12:00"} if function == MOVE else {"confirmed": True}
    first = await call.ask(function, named | more)
    if function == CANCEL:
        call.say("Ja.")
        first = await call.ask(function, named | more)
    for words in ("Den von Otto.", "Ja."):
        call.say(words)
        again = await call.ask(function, named | more)
        assert (again["success"], again["appointment_id"]) == (True, first["appointment_id"]), again
    assert (await call.live())[0][1:] == ("14:00", "anna", PETRA)


@pytest.mark.parametrize("name", ["Petra Lange und Otto Kurz", "Petra Lange + Otto Kurz", "Petra Lange and Otto Kurz"])
async def test_move_for_two_names_mentions_the_remaining_appointment(call: SpokenCall, name: str) -> None:
    call.say("Bitte beide auf zwölf.")
    moved = await call.ask(MOVE, {"customer_name": name, "appointment_time": "14:00", "time": "12:00"})
    assert (moved["success"], "16 Uhr für Otto Kurz, bleibt bestehen" in moved["message"]) == (True, True), moved
    alone = await call.ask(MOVE, {"customer_name": PETRA, "time": "11:00"})
    assert (alone["success"], "bleibt" in alone["message"]) == (True, False), alone
