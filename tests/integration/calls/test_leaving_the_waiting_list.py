"""A waiting caller hears of the entry, and leaves the waiting list after a yes."""

import pytest

from askproai_runtime.sentences import say
from tests.worlds.spoken_calls import COLOR, CUT, SpokenCall, friday_at

BOOK, FIND, CANCEL, JOIN = "book_appointment", "find_appointments", "cancel_appointment", "join_waitlist"
QUESTION = say().shall_i_remove.partition("{")[0]


async def wait(call: SpokenCall, service: str = CUT) -> str:
    """Put the caller on the list for a day of which the offered times do not suit, and return the id of the entry."""
    args = {key: value for key, value in friday_at(call.pod, service=service).items() if key != "time"}
    assert (await call.ask(JOIN, args))["slots"]
    call.say("Nein, das passt mir alles nicht.")
    body = await call.ask(JOIN, args)
    assert body["success"], body
    return str(body["waitlist_id"])


async def states(call: SpokenCall) -> dict[str, str]:
    rows = await call.pod.db.fetch("SELECT id, state FROM waitlist WHERE call_id = $1", call.call_id)
    return {str(row["id"]): row["state"] for row in rows}


async def test_waiting_caller_hears_about_the_waiting_list_entry(call: SpokenCall) -> None:
    entry = await wait(call)
    later = SpokenCall(call.pod, call.number)
    found = await later.ask(FIND, {})
    assert (found["success"], found["waiting"][0]["waitlist_id"]) == (True, entry)
    assert "auf der Warteliste steht aber: Haarschnitt, Freitag" in found["message"]
    assert "waiting" not in await SpokenCall(call.pod).ask(FIND, {})


@pytest.mark.parametrize("said", ["Ja.", "Ja, bitte streichen.", "Ja, genau, streichen Sie mich bitte."])
@pytest.mark.parametrize("args", [{}, {"confirmed": True}])
async def test_yes_removes_the_waiting_list_entry(call: SpokenCall, said: str, args: dict[str, bool]) -> None:
    entry = await wait(call)
    call.say("Bitte von der Warteliste streichen.")
    asked = await call.ask(CANCEL, args)
    assert asked["message"] == say().shall_i_remove_place.format(entries="Haarschnitt, Freitag, den 27. November"), (
        asked
    )
    assert await states(call) == {entry: "waiting"}
    call.say(said)
    for _ in range(2):  # a repeated request finds it done
        done = await call.ask(CANCEL, {"confirmed": True})
        assert (done["success"], "auf der Warteliste ist gestrichen" in done["message"]) == (True, True), done
    assert await states(call) == {entry: "removed"}


@pytest.mark.parametrize("said", ["Nein.", "Nein, doch nicht.", "Nee, lassen Sie mich drauf."])
async def test_spoken_no_leaves_the_waiting_list_entry(call: SpokenCall, said: str) -> None:
    entry = await wait(call)
    await call.ask(CANCEL, {})
    call.say(said)
    kept = await call.ask(CANCEL, {"confirmed": False})
    assert (kept["success"], "auf der Warteliste bleibt" in kept["message"]) == (False, True), kept
    assert await states(call) == {entry: "waiting"}


@pytest.mark.parametrize("claimed", [{}, {"confirmed": True}])
async def test_unanswered_question_removes_no_entry(call: SpokenCall, claimed: dict[str, bool]) -> None:
    entry = await wait(call)
    for _ in range(2):
        assert not (await call.ask(CANCEL, claimed))["success"]
    assert await states(call) == {entry: "waiting"}


@pytest.mark.parametrize("by_id", [True, False])
async def test_caller_chooses_one_of_two_entries(call: SpokenCall, by_id: bool) -> None:
    cut, color = await wait(call), await wait(call, COLOR)
    asked = await call.ask(CANCEL, {})
    assert {each["waitlist_id"] for each in asked["waiting"]} == {cut, color}
    call.say("Das Färben.")
    named = {"appointment_id": color} if by_id else {"service": COLOR}
    assert (await call.ask(CANCEL, named))["message"].startswith(f"{QUESTION}Färben")
    call.say("Ja.")
    assert (await call.ask(CANCEL, named))["success"]
    assert await states(call) == {cut: "waiting", color: "removed"}


async def test_cancellation_asks_about_appointment_before_waitlist_entry(call: SpokenCall) -> None:
    entry = await wait(call)
    assert (await call.ask(BOOK, friday_at(call.pod, "15:00", service=COLOR)))["success"]
    assert "Soll ich den Termin" in (await call.ask(CANCEL, {}))["message"]
    call.say("Nein, von der Warteliste.")
    kept = await call.ask(CANCEL, {"confirmed": False})
    assert ([each["waitlist_id"] for each in kept["waiting"]], "Warteliste" in kept["message"]) == ([entry], True)
    assert (await call.ask(CANCEL, {"waitlist_id": entry}))["message"].startswith(QUESTION)
    call.say("Ja, bitte.")
    assert (await call.ask(CANCEL, {"waitlist_id": entry, "confirmed": True}))["success"]
    assert (await states(call), len(await call.live())) == ({entry: "removed"}, 1)


async def wait_and_book(call: SpokenCall) -> tuple[SpokenCall, str]:
    """Return a later call of a number that has a place, and an appointment for something else."""
    entry = await wait(call)
    assert (await call.ask(BOOK, friday_at(call.pod, "15:00", service=COLOR)))["success"]
    return SpokenCall(call.pod, call.number), entry


async def left(call: SpokenCall) -> tuple[list[str], int]:
    """Return the states of the places of the calling number, and how many appointments it has."""
    places = await call.pod.db.fetch("SELECT state FROM waitlist WHERE caller = $1", call.number)
    booked = "SELECT count(*) FROM appointments WHERE caller = $1 AND status IN ('confirmed', 'pending_sync')"
    return [row["state"] for row in places], await call.pod.db.fetchval(booked, call.number)


@pytest.mark.parametrize("said", ["Nein, die Warteliste.", "Von der Warteliste bitte.", "The waiting list, please."])
async def test_caller_chooses_the_entry_over_the_appointment(call: SpokenCall, said: str) -> None:
    later, entry = await wait_and_book(call)
    later.say("Nehmen Sie mich bitte raus.")
    asked = await later.ask(CANCEL, {})
    assert ([each["waitlist_id"] for each in asked["waiting"]], "absagen oder den Platz" in asked["message"]) == (
        [entry],
        True,
    )
    later.say(said)
    assert (await later.ask(CANCEL, {}))["message"].startswith("Soll ich den Platz auf der Warteliste streichen")
    later.say("Ja.")
    assert (await later.ask(CANCEL, {"confirmed": True}))["success"]
    assert await left(later) == (["removed"], 1)


@pytest.mark.parametrize("reason", ["Warteliste", "von der Warteliste streichen", "off the waitlist"])
@pytest.mark.parametrize("claimed", [{}, {"confirmed": True}])
async def test_reason_naming_the_waiting_list_removes_the_entry(
    call: SpokenCall, reason: str, claimed: dict[str, bool]
) -> None:
    later, _ = await wait_and_book(call)
    args = {"reason": reason, **claimed}
    assert (await later.ask(CANCEL, args))["message"].startswith("Soll ich den Platz auf der Warteliste streichen")
    assert await left(later) == (["waiting"], 1)
    later.say("Ja, bitte.")
    assert (await later.ask(CANCEL, args))["success"]
    assert await left(later) == (["removed"], 1)


@pytest.mark.parametrize("said", ["Den Termin.", "Den Termin bitte.", "Das Färben absagen."])
async def test_caller_chooses_the_appointment_over_the_entry(call: SpokenCall, said: str) -> None:
    later, _ = await wait_and_book(call)
    await later.ask(CANCEL, {})
    later.say(said)
    asked = await later.ask(CANCEL, {})
    assert (asked["needs_confirmation"], await left(later)) == (True, (["waiting"], 1)), asked
    later.say("Ja.")
    assert (await later.ask(CANCEL, {"confirmed": True}))["success"]
    assert await left(later) == (["waiting"], 0)


async def test_named_appointment_is_confirmed_directly(call: SpokenCall) -> None:
    later, _ = await wait_and_book(call)
    named = {"appointment_date": str(friday_at(call.pod)["date"]), "appointment_time": "15:00"}
    asked = await later.ask(CANCEL, named)
    assert (asked["needs_confirmation"], "waiting" in asked) == (True, False), asked
    later.say("Ja.")
    assert (await later.ask(CANCEL, {**named, "confirmed": True}))["success"]
    assert await left(later) == (["waiting"], 0)


async def test_stranger_removes_no_waiting_list_entry(call: SpokenCall) -> None:
    entry, stranger = await wait(call), SpokenCall(call.pod)
    for _ in range(2):
        assert "Warteliste" not in (await stranger.ask(CANCEL, {"appointment_id": entry}))["message"]
        stranger.say("Ja.")
    assert await states(call) == {entry: "waiting"}


async def wait_at_two_and_book_at_four(call: SpokenCall) -> SpokenCall:
    """Return a later call of a number that waits for two o'clock, and has an appointment at four, both for a haircut."""
    for staff in ("Anna", "Mehmet"):
        taken = friday_at(call.pod, customer_name="Murat Kurz", staff=staff, another=True)
        assert (await SpokenCall(call.pod).ask(BOOK, taken))["success"]
    call.say("Nur um zwei.")
    for _ in range(2):
        waits = await call.ask(JOIN, friday_at(call.pod))
        call.say("Nein, nur um zwei, bitte auf die Warteliste.")
    assert waits["success"], waits
    assert (await call.ask(BOOK, friday_at(call.pod, "16:00", another=True)))["success"]
    return SpokenCall(call.pod, call.number)


@pytest.mark.parametrize(
    "said",
    [
        "Ach, den um vier brauche ich nicht, die Warteliste reicht. Bitte absagen.",
        "Ich bin ja auf der Warteliste, sagen Sie den Termin um vier ab.",
        "Cancel the one at four, keep me on the waiting list.", "Auf der Warteliste bleibe ich.",
    ],
)  # fmt: skip
@pytest.mark.parametrize("day", [{}, {"appointment_date": "Freitag"}])
async def test_appointments_hour_selects_it_beside_a_waitlist_entry(
    call: SpokenCall, said: str, day: dict[str, str]
) -> None:
    later = await wait_at_two_and_book_at_four(call)
    await later.ask(FIND, {})
    later.say(said)
    named = {"appointment_time": "vier Uhr"} | day
    assert "Soll ich Ihren Termin" in (asked := await later.ask(CANCEL, named))["message"], asked
    later.say("Ja.")
    assert (await later.ask(CANCEL, named | {"confirmed": True}))["success"]
    assert await left(later) == (["waiting"], 0)


@pytest.mark.parametrize(
    "said",
    ["Den Termin bitte absagen, auf der Warteliste bleibe ich.", "Bleibe ich dann auf der Warteliste?", "Die Liste reicht mir."],
)  # fmt: skip
async def test_ambiguous_waitlist_remark_asks_appointment_or_entry(call: SpokenCall, said: str) -> None:
    later = await wait_at_two_and_book_at_four(call)
    await later.ask(FIND, {})
    later.say(said)
    assert "absagen oder den Platz" in (asked := await later.ask(CANCEL, {}))["message"], asked


@pytest.mark.parametrize("said", ["Ja bitte.", "Ja, streichen.", "Ja."])
@pytest.mark.parametrize("asks_back", [False, True])
async def test_entry_is_removed_after_cancelling_an_appointment(
    call: SpokenCall, said: str, *, asks_back: bool
) -> None:
    later = await wait_at_two_and_book_at_four(call)
    named = {"appointment_time": "vier Uhr"}
    await later.ask(CANCEL, named)
    later.say("Ja.")
    assert (await later.ask(CANCEL, named | {"confirmed": True}))["success"]
    later.say("Und bitte von der Warteliste.")
    question = await later.ask(CANCEL, {})
    assert question["message"].startswith("Soll ich den Platz auf der Warteliste streichen"), question
    if asks_back:
        later.say("Was kostet das?")
        assert (await later.ask(CANCEL, {}))["message"] == question["message"]
    later.say(said)
    done = await later.ask(CANCEL, {"confirmed": True})
    assert (done["success"], await left(later)) == (True, (["removed"], 0)), done


@pytest.mark.parametrize(
    "named", [{"appointment_date": "Freitag", "appointment_time": "zwei Uhr"}, {"appointment_time": "14:00"}]
)
async def test_entrys_hour_selects_it_beside_an_appointment(call: SpokenCall, named: dict[str, str]) -> None:
    later = await wait_at_two_and_book_at_four(call)
    later.say("Den um zwei brauche ich nicht mehr.")
    asked = await later.ask(CANCEL, named)
    assert asked["message"].startswith("Soll ich den Platz auf der Warteliste streichen"), asked
    later.say("Ja.")
    assert (await later.ask(CANCEL, named | {"confirmed": True}))["success"]
    assert await left(later) == (["removed"], 1)


@pytest.mark.parametrize(
    "said", ["Nehmen Sie mich von der Liste.", "Die Vormerkung bitte löschen.", "Ich muss nicht mehr warten."]
)
async def test_other_words_for_the_waiting_list_are_understood(call: SpokenCall, said: str) -> None:
    later = await wait_at_two_and_book_at_four(call)
    await later.ask(FIND, {})
    later.say(said)
    asked = await later.ask(CANCEL, {})
    assert asked["message"].startswith("Soll ich den Platz auf der Warteliste streichen"), asked


KEEPS_THE_APPOINTMENT = [
    "Bitte von der Liste nehmen, der Termin bleibt.", "Warteliste streichen, Termin behalten.",
    "Ich brauche die Warteliste nicht mehr.", "Take me off the list, the appointment stays.",
]  # fmt: skip


@pytest.mark.parametrize("first", KEEPS_THE_APPOINTMENT)
@pytest.mark.parametrize("said", ["Ja.", "Den Platz.", "Warteliste streichen, Termin behalten."])
async def test_kept_appointment_is_not_asked_about(call: SpokenCall, first: str, said: str) -> None:
    later = await wait_at_two_and_book_at_four(call)
    later.say(first)
    asked = await later.ask(CANCEL, {})
    assert asked["message"].startswith("Soll ich den Platz auf der Warteliste streichen"), asked
    later.say(said)
    assert (await later.ask(CANCEL, {"confirmed": True}))["success"]
    assert await left(later) == (["removed"], 1)


@pytest.mark.parametrize(
    "said", [*KEEPS_THE_APPOINTMENT, "Den Platz.", "Das zweite.", "Das letzte, bitte.", "The second one."]
)
async def test_caller_chooses_entry_from_either_or_question(call: SpokenCall, said: str) -> None:
    later = await wait_at_two_and_book_at_four(call)
    later.say("Bitte absagen.")
    assert "absagen oder den Platz" in (await later.ask(CANCEL, {}))["message"]
    later.say(said)
    asked = await later.ask(CANCEL, {})
    assert asked["message"].startswith("Soll ich den Platz auf der Warteliste streichen"), asked
    later.say("Ja.")
    assert (await later.ask(CANCEL, {"confirmed": True}))["success"]
    assert await left(later) == (["removed"], 1)


@pytest.mark.parametrize("said", ["Das erste.", "Den ersten, bitte.", "Den Termin."])
async def test_caller_chooses_appointment_from_either_or_question(call: SpokenCall, said: str) -> None:
    later = await wait_at_two_and_book_at_four(call)
    await later.ask(CANCEL, {})
    later.say(said)
    assert "Soll ich Ihren Termin" in (asked := await later.ask(CANCEL, {}))["message"], asked
    later.say("Ja.")
    assert (await later.ask(CANCEL, {"confirmed": True}))["success"]
    assert await left(later) == (["waiting"], 0)


@pytest.mark.parametrize("said", ["Nein, nicht von der Warteliste!", "Hm.", "Das zweite.", "Was ist die Warteliste?"])
async def test_unclear_answer_removes_no_entry(call: SpokenCall, said: str) -> None:
    later = await wait_at_two_and_book_at_four(call)
    later.say("Von der Warteliste bitte.")
    await later.ask(CANCEL, {})
    later.say(said)
    assert not (await later.ask(CANCEL, {"confirmed": True}))["success"] or said == "Hm."
    assert (await left(later))[1] == 1
