"""The caller's choice arrives as the argument `choice` of the same request, and counts only after a question."""

from typing import Any

import pytest

from tests.worlds.spoken_calls import BEARD, COLOR, CUT, SpokenCall, friday_at
from tests.worlds.tenant_pod import TenantPod

pytestmark = pytest.mark.nightly

BOOK, CANCEL = "book_appointment", "cancel_appointment"
PETRA = "Petra Lange"
CUT_AT_TWO = ("haarschnitt", "14:00", "anna", PETRA)
NOTES = "SELECT notes FROM appointments WHERE customer_name = $1 AND status = 'confirmed'"
COLOR_INSTEAD = ("faerben", "14:00", "anna", PETRA)
COLOR_BESIDE = ("faerben", "14:00", "mehmet", PETRA)


@pytest.fixture
async def call(call: SpokenCall) -> SpokenCall:
    assert (await call.ask(BOOK, friday_at(call.pod, staff="Anna")))["success"]
    return call


async def choose(call: SpokenCall, choice: str | None, **changes: Any) -> dict[str, Any]:
    """Have a changed booking asked about, say something, and return the answer to the same request with a choice."""
    changed = friday_at(call.pod, **changes)
    asked = await call.ask(BOOK, changed)
    assert "choices" in asked, asked
    call.say("Otto nehme ich mit, der neue Termin nicht, beide um zwei.")
    return await call.ask(BOOK, changed | ({} if choice is None else {"choice": choice}))


@pytest.mark.parametrize(("choice", "booked"), [("cancel", [COLOR_INSTEAD]), ("further", [CUT_AT_TWO, COLOR_BESIDE])])
async def test_chosen_option_is_carried_out(call: SpokenCall, choice: str, booked: list[tuple[str, ...]]) -> None:
    done = await choose(call, choice, service=COLOR)
    assert done["success"], done
    assert await call.live() == booked
    assert ("abgesagt" in done["message"]) is (len(booked) == 1)
    again = await call.ask(BOOK, friday_at(call.pod, service=COLOR))
    assert again["message"].startswith("Der Termin steht schon"), again
    assert await call.live() == booked


@pytest.mark.parametrize("choice", [None, "", "move", "rename", "stattdessen", "ja", True, ["cancel", "further"]])
async def test_unknown_choice_changes_nothing(call: SpokenCall, choice: Any) -> None:
    """A visit of another service cannot be moved there, and the caller's words are the model's to understand."""
    assert not (await choose(call, choice, service=COLOR))["success"]
    assert await call.live() == [CUT_AT_TWO]


@pytest.mark.parametrize("choice", ["further", "move", "cancel", "rename"])
async def test_choice_before_any_question_changes_nothing(call: SpokenCall, choice: str) -> None:
    """A model that fills each argument has not asked."""
    call.say("Ach, um vier.")
    asked = await call.ask(BOOK, friday_at(call.pod, time="16:00", choice=choice))
    assert asked["choices"] == ["further", "move"]
    again = await call.ask(BOOK, friday_at(call.pod, time="16:00", choice=choice))
    assert not again["success"], "the caller has said nothing since the question"
    assert await call.live() == [CUT_AT_TWO]


async def test_replacement_gets_the_full_name(call: SpokenCall) -> None:
    assert (await choose(call, "cancel", service=COLOR, customer_name="Lange"))["success"]
    assert await call.live() == [COLOR_INSTEAD]


async def test_appointment_that_cannot_be_replaced_stays(call: SpokenCall) -> None:
    """The coloring would last into the next appointment of Anna."""
    other = SpokenCall(call.pod)
    assert (await other.ask(BOOK, friday_at(call.pod, "15:00", staff="Anna", customer_name="Otto Kurz")))["success"]
    failed = await choose(call, "cancel", service=COLOR, staff="Anna", time="14:15")
    assert not failed["success"]
    assert "bleibt bestehen" in failed["message"]
    assert await call.live() == [CUT_AT_TWO]


@pytest.mark.parametrize(("choice", "at"), [("move", ["16:00"]), ("further", ["14:00", "16:00"])])
async def test_choice_moves_or_adds_the_appointment(call: SpokenCall, choice: str, at: list[str]) -> None:
    done = await choose(call, choice, time="16:00")
    assert done["success"], done
    assert [each[1] for each in await call.live()] == at
    again = await call.ask(BOOK, friday_at(call.pod, "16:00"))
    assert again["message"].startswith("Der Termin steht schon"), again
    assert [each[1] for each in await call.live()] == at


async def test_chosen_move_goes_to_the_requested_time(call: SpokenCall) -> None:
    await call.ask(BOOK, friday_at(call.pod, time="16:00"))
    call.say("Verschieben, aber lieber auf fünf.")
    assert (await call.ask(BOOK, friday_at(call.pod, time="17:00", choice="move")))["success"]
    assert [each[1] for each in await call.live()] == ["17:00"]


@pytest.mark.parametrize(("choice", "count"), [(None, 1), ("further", 2)])
async def test_later_call_must_choose_a_further_appointment(call: SpokenCall, choice: str | None, count: int) -> None:
    later = SpokenCall(call.pod, call.number)
    done = await choose(later, choice)
    assert done["success"] is (choice is not None), done
    assert len([*await call.live(), *await later.live()]) == count


async def test_cancellation_needs_its_own_question(call: SpokenCall) -> None:
    """The words that answered the question before are not read for it."""
    asked = await call.ask(BOOK, friday_at(call.pod, service=COLOR))
    call.say("Nein, auf keinen Fall absagen.")
    assert not (await call.ask(CANCEL, {"appointment_id": asked["appointment_id"], "confirmed": True}))["success"]
    assert await call.live() == [CUT_AT_TWO]


async def test_overlapping_service_can_replace_the_appointment(call: SpokenCall) -> None:
    done = await choose(call, "cancel", service=BEARD, time="14:30")
    assert done["success"], done
    assert [each[:2] for each in await call.live()] == [("bart", "14:30")]


async def test_completed_move_choice_affects_no_later_booking(call: SpokenCall) -> None:
    moved = await choose(call, "move", time="16:00")
    assert moved["success"], moved
    call.say("Und für Otto Kurz auch um vier.")
    otto = await call.ask(BOOK, friday_at(call.pod, time="16:00", customer_name="Otto Kurz", choice="move"))
    assert "steht schon" not in otto["message"], otto
    call.say("Meine Allergie bitte notieren.")
    await call.ask(BOOK, friday_at(call.pod, time="16:00", notes="Allergie"))
    assert await call.pod.db.fetchval(NOTES, PETRA) == "Allergie"


async def test_notes_sent_with_a_choice_are_stored(call: SpokenCall) -> None:
    changed = friday_at(call.pod, time="16:00")
    await call.ask(BOOK, changed)
    call.say("Verschieben.")
    assert (await call.ask(BOOK, changed | {"notes": "Allergie", "choice": "move"}))["success"]
    assert await call.pod.db.fetchval(NOTES, PETRA) == "Allergie"


@pytest.mark.parametrize("name", ["Petra Lenge", "Otto Kurz"])
async def test_a_time_and_a_name_are_corrected_together(call: SpokenCall, name: str) -> None:
    """A name that sounds alike is spelled anew; another one is asked about once the appointment is moved."""
    await call.ask(BOOK, friday_at(call.pod, time="16:00"))
    call.say("Verschieben, und der Name ist anders.")
    both = friday_at(call.pod, time="16:00", customer_name=name)
    moved = await call.ask(BOOK, both | {"choice": "move"})
    assert moved["success"], moved
    assert [each[1:] for each in await call.live()] == [("16:00", "anna", PETRA if name == "Otto Kurz" else name)]
    if name == "Otto Kurz":
        assert moved["choices"] == ["rename", "further"]
        call.say("Ja, den Namen.")
        assert (await call.ask(BOOK, both | {"choice": "rename"}))["success"]
    assert [each[1:] for each in await call.live()] == [("16:00", "anna", name)]


async def test_new_spelling_at_another_time_offers_a_move(call: SpokenCall) -> None:
    """A caller who corrects time and spelling in one breath wants one appointment."""
    call.say("Um vier bitte, und der Name ist Lenge, mit e.")
    asked = await call.ask(BOOK, friday_at(call.pod, time="16:00", customer_name="Petra Lenge"))
    assert asked["choices"] == ["further", "move"]
    assert await call.live() == [CUT_AT_TWO]


@pytest.mark.parametrize(("choice", "names"), [("rename", ["Otto Kurz"]), ("further", ["Otto Kurz", PETRA])])
async def test_different_name_is_corrected_or_booked_additionally(
    call: SpokenCall, choice: str, names: list[str]
) -> None:
    done = await choose(call, choice, customer_name="Otto Kurz")
    assert done["success"], done
    assert sorted(each[3] for each in await call.live()) == names


async def test_another_staff_member_takes_over_the_appointment(call: SpokenCall) -> None:
    done = await choose(call, "cancel", staff="Mehmet")
    assert done["success"], done
    assert await call.live() == [("haarschnitt", "14:00", "mehmet", PETRA)]


async def test_notes_are_carried_to_the_replacement(call: SpokenCall) -> None:
    await call.ask(BOOK, friday_at(call.pod, notes="Allergie"))
    assert (await choose(call, "cancel", service=COLOR, notes="mit Hund"))["success"]
    assert await call.pod.db.fetchval(NOTES, PETRA) == "Allergie; mit Hund"


@pytest.mark.parametrize("notes", ["für Otto: Allergie", "mein Mann kommt mit"])
async def test_completed_move_is_said_before_other_questions(call: SpokenCall, notes: str) -> None:
    done = await choose(call, "move", time="16:00", notes=notes)
    assert done["success"], done
    assert done["message"].startswith("Der Termin ist verschoben"), done
    assert "Soll ich das beim Termin" in done["message"]
    assert done["message"].count("16 Uhr") == 2, "the question is about the time to which it is moved"
    assert [each[1] for each in await call.live()] == ["16:00"]


async def test_move_completes_the_full_name(spoken_salon: TenantPod) -> None:
    call = SpokenCall(spoken_salon)
    await call.ask(BOOK, friday_at(spoken_salon, staff="Anna", customer_name="Lange"))
    assert (await choose(call, "move", time="16:00"))["success"]
    assert await call.live() == [("haarschnitt", "16:00", "anna", PETRA)]


@pytest.mark.parametrize("service", [COLOR, f"{CUT} und {COLOR}"])
async def test_move_with_another_service_replaces_the_appointment(call: SpokenCall, service: str) -> None:
    await call.ask(BOOK, friday_at(call.pod, time="16:00"))
    call.say("Verschieben, und Färben.")
    done = await call.ask(BOOK, friday_at(call.pod, time="16:00", service=service, choice="move"))
    assert done["success"], done
    assert [each[:2] for each in await call.live()] == [
        ("faerben" if service == COLOR else "haarschnitt+faerben", "16:00")
    ]


async def test_booking_with_a_companion_offers_no_move(call: SpokenCall) -> None:
    both = friday_at(call.pod, time="16:00", companions=[{"customer_name": "Tim Lange"}])
    asked = await call.ask(BOOK, both)
    assert asked["choices"] == ["further"]
    call.say("Verschieben, und Tim kommt mit.")
    moved = await call.ask(
        "reschedule_appointment", {"appointment_id": asked["appointment_id"], "start": both["date"] + "T16:00"}
    )
    assert moved["success"], moved


async def test_changed_service_keeps_the_offered_staff_member(call: SpokenCall) -> None:
    friday = friday_at(call.pod)
    offer = await call.ask("check_availability", {"service": CUT, "date": friday["date"], "staff": "Mehmet"})
    start = offer["slots"][0]["start"]
    call.say("Dann da, aber Färben, und für Otto Kurz.")
    args = {"service": COLOR, "start": start, "customer_name": "Otto Kurz"}
    assert (await call.ask(BOOK, args))["success"]
    assert {each[2] for each in await call.live() if each[0] == "faerben"} == {"mehmet"}


OTTO = "Otto Kurz"


@pytest.fixture
async def both(call: SpokenCall) -> SpokenCall:
    """Petra at 14:00 with Anna, and Otto at 15:00."""
    assert (await call.ask(BOOK, friday_at(call.pod, "15:00", customer_name=OTTO, staff="Mehmet")))["success"]
    return call


async def test_move_choice_applies_to_the_appointment_with_id(call: SpokenCall) -> None:
    first = await call.ask(BOOK, friday_at(call.pod, notes="erster"))
    assert (await call.ask(BOOK, friday_at(call.pod, "16:00", another=True)))["success"]
    later = friday_at(call.pod, "17:00", appointment_id=first["appointment_id"])
    await call.ask(BOOK, later)
    call.say("Verschieben, den um zwei.")
    assert (await call.ask(BOOK, later | {"choice": "move"}))["success"]
    assert [each[1] for each in await call.live()] == ["16:00", "17:00"]


async def test_chosen_move_without_a_time_moves_nothing(call: SpokenCall) -> None:
    asked = await call.ask(BOOK, friday_at(call.pod, "16:00"))
    call.say("Verschieben.")
    lean = {"customer_name": PETRA, "appointment_id": asked["appointment_id"], "choice": "move"}
    assert not (await call.ask(BOOK, lean))["success"]
    assert await call.live() == [CUT_AT_TWO]


async def list_times(call: SpokenCall) -> dict[str, str]:
    return {name: at for _, at, _, name in await call.live()}


@pytest.mark.parametrize("in_turn", [False, True])
async def test_move_affects_each_persons_own_appointment(both: SpokenCall, in_turn: bool) -> None:
    requests = [friday_at(both.pod, "16:00"), friday_at(both.pod, "17:00", customer_name=OTTO)]
    for each in requests:
        assert (await both.ask(BOOK, each))["choices"] == ["further", "move"]
    both.say("Beide verschieben.")
    for each in requests:
        assert (await both.ask(BOOK, each | {"choice": "move"}))["success"]
        if not in_turn:
            both.say("Ja.")
    assert await list_times(both) == {PETRA: "16:00", OTTO: "17:00"}


async def test_choice_for_another_person_moves_nobody(both: SpokenCall) -> None:
    petra, otto = friday_at(both.pod, "16:00"), friday_at(both.pod, "16:00", customer_name=OTTO)
    await both.ask(BOOK, petra)
    both.say("Ach nein, ich meine Ottos.")
    assert not (await both.ask(BOOK, otto | {"choice": "move"}))["success"]
    assert await list_times(both) == {PETRA: "14:00", OTTO: "15:00"}
    both.say("Ja, verschieben.")
    assert (await both.ask(BOOK, otto | {"choice": "move"}))["success"]
    assert await list_times(both) == {PETRA: "14:00", OTTO: "16:00"}


async def test_replacement_affects_each_persons_own_appointment(both: SpokenCall) -> None:
    requests = [friday_at(both.pod, service=COLOR), friday_at(both.pod, "15:00", service=BEARD, customer_name=OTTO)]
    for each in requests:
        assert "cancel" in (await both.ask(BOOK, each))["choices"]
    both.say("Beide stattdessen.")
    for each in requests:
        done = await both.ask(BOOK, each | {"choice": "cancel"})
        assert done["success"], done
    assert {(service, name) for service, _, _, name in await both.live()} == {("faerben", PETRA), ("bart", OTTO)}


async def test_choice_cancels_no_already_booked_appointment(both: SpokenCall) -> None:
    await both.ask(BOOK, friday_at(both.pod, service=COLOR))
    both.say("Absagen, Otto bleibt.")
    otto = friday_at(both.pod, "15:00", customer_name=OTTO, staff="Mehmet", choice="cancel")
    assert "abgesagt" not in (await both.ask(BOOK, otto))["message"]
    assert await list_times(both) == {PETRA: "14:00", OTTO: "15:00"}


async def test_move_to_a_visit_replaces_its_single_service(call: SpokenCall) -> None:
    visit = friday_at(call.pod, time="16:00", service=f"{CUT} und {COLOR}")
    done = await choose(call, "move", **{name: visit[name] for name in ("time", "service")})
    assert done["success"], done
    assert [each[:2] for each in await call.live()] == [("haarschnitt+faerben", "16:00")]


async def test_one_person_is_booked_after_searching_for_two(call: SpokenCall) -> None:
    friday = friday_at(call.pod, "16:00")
    search = {name: friday[name] for name in ("service", "date", "time")}
    offer = await call.ask("check_availability", search | {"companions": [{"customer_name": "Ida Lange"}]})
    call.say("Ja, Ida Lange.")
    ida = friday | {"customer_name": "Ida Lange", "another": True}
    assert (await call.ask(BOOK, ida))["success"], offer
    assert {each[3] for each in await call.live()} == {PETRA, "Ida Lange"}


async def test_rename_choice_at_another_time_prompts_a_question(call: SpokenCall) -> None:
    await call.ask(BOOK, friday_at(call.pod, customer_name="Otto Kurz"))
    call.say("Den Namen ändern, und um vier.")
    asked = await call.ask(BOOK, friday_at(call.pod, time="16:00", customer_name="Otto Kurz", choice="rename"))
    assert asked["choices"] == ["further", "move"]
    assert await call.live() == [CUT_AT_TWO]
