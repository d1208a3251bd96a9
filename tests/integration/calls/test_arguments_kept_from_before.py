"""Arguments that a model repeats from an earlier request or answer, beside the caller's newer words."""

from typing import Any

import pytest

from tests.worlds.spoken_calls import CUT, SpokenCall, empty_book, friday_at, next_friday
from tests.worlds.tenant_pod import TenantPod


async def search(salon: TenantPod, **args: Any) -> tuple[SpokenCall, str, str]:
    """Search on a Friday, and return the call, the day and the first offered start."""
    call = SpokenCall(salon)
    day = str(friday_at(salon)["date"])
    found = await call.ask("check_availability", {"service": CUT, "date": day} | args)
    return call, day, found["slots"][0]["start"]


@pytest.mark.parametrize(
    ("said", "others"),
    [
        ("Ach nein, lieber um elf.", {"time": "11:00"}),
        ("Doch lieber um elf, Petra Lange.", {"date": "{day}", "time": "um elf"}),
        ("Nein, am Donnerstag.", {"date": "Donnerstag", "time": "10 Uhr"}),
        ("Lieber nachmittags.", {"part_of_day": "nachmittags"}),
    ],
)
async def test_unchanged_start_with_another_spoken_time_is_asked(
    spoken_salon: TenantPod, said: str, others: dict[str, str]
) -> None:
    call, day, start = await search(spoken_salon, time="10:00")
    call.say(said)
    others = {name: text.format(day=day) for name, text in others.items()}
    args = {"service": CUT, "customer_name": "Petra Lange", "start": start, **others}
    asked = await call.ask("book_appointment", args)
    assert (asked["success"], len(asked["candidates"])) == (False, 2)
    assert await call.live() == []


@pytest.mark.parametrize(
    "kept", [{}, {"date": "{day}"}, {"date": "{day}", "time": "9 bis 11 Uhr"}, {"time": "9 bis 11 Uhr"}]
)
async def test_arguments_repeated_from_search_keep_booked_start(spoken_salon: TenantPod, kept: dict[str, str]) -> None:
    call, day, start = await search(spoken_salon, time="9 bis 11 Uhr")
    call.say("Ja, die nehme ich.")
    kept = {name: text.format(day=day) for name, text in kept.items()}
    booked = await call.ask(
        "book_appointment", {"service": CUT, "customer_name": "Petra Lange", "start": start, **kept}
    )
    assert booked["start"] == start


async def test_new_time_outranks_an_earlier_part_of_day(spoken_salon: TenantPod) -> None:
    call, day, _ = await search(spoken_salon, part_of_day="vormittags")
    call.say("Nein, doch nachmittags um drei.")
    args = {"service": CUT, "date": day, "time": "um drei", "part_of_day": "vormittags"}
    (slot,) = (await call.ask("check_availability", args))["slots"]
    assert slot["start"][11:16] == "15:00"
    fresh = await SpokenCall(spoken_salon).ask("check_availability", args)
    assert len(fresh["candidates"]) == 2


@pytest.mark.parametrize("time", ["00:00", "00:00:00", "0:00"])
async def test_midnight_argument_is_no_requested_time(spoken_salon: TenantPod, time: str) -> None:
    day = friday_at(spoken_salon)["date"]
    found = await SpokenCall(spoken_salon).ask("check_availability", {"service": CUT, "date": day, "time": time})
    assert (found["success"], {slot["start"][:10] for slot in found["slots"]}) == (True, {day})
    args = friday_at(spoken_salon, time)
    assert (await SpokenCall(spoken_salon).ask("book_appointment", args))["success"] is False


@pytest.mark.parametrize("day", ["0000-00-00", "0000-00-00T00:00:00", "00.00.0000", "0001-01-01"])
async def test_zero_date_is_ignored(spoken_salon: TenantPod, day: str) -> None:
    found = await SpokenCall(spoken_salon).ask("check_availability", {"service": CUT, "date": day})
    assert len(found["slots"]) > 1


@pytest.mark.parametrize(
    ("args", "staff"),
    [
        ({"service": f"{CUT} (45 Minuten; auch: Schneiden)"}, "anna"), ({"service": f"{CUT} (45 minutes)"}, "anna"),
        ({"staff": "Salon Müller Mitte: Anna, Mehmet"}, "anna"), ({"staff": "Salon Müller Mitte: Mehmet"}, "mehmet"),
    ],
)  # fmt: skip
async def test_arguments_copied_from_prompt_identify_service_and_staff(
    spoken_salon: TenantPod, args: dict[str, str], staff: str
) -> None:
    call = SpokenCall(spoken_salon)
    assert (await call.ask("book_appointment", friday_at(spoken_salon) | args))["staff"] == staff


@pytest.mark.parametrize(
    ("name", "meant"),
    [("Schmitz", "Schmitz"), ("Schmitz (nicht Schmidt)", "Schmitz"), ("Schmitz, nicht Schmidt", "Schmitz")],
)
async def test_misheard_surname_renames_the_booking(spoken_salon: TenantPod, name: str, meant: str) -> None:
    call = SpokenCall(spoken_salon)
    await call.ask("book_appointment", friday_at(spoken_salon, customer_name="Schmidt"))
    call.say("Nein, Schmitz, mit t z.")
    renamed = await call.ask("book_appointment", friday_at(spoken_salon, customer_name=name))
    assert (renamed["success"], [row[3] for row in await call.live()]) == (True, [meant]), renamed


async def test_corrected_email_address_is_read_back(spoken_salon: TenantPod) -> None:
    call = SpokenCall(spoken_salon)
    await call.ask("book_appointment", friday_at(spoken_salon, email="jonas.bek@web.de"))
    call.say("Nein, Beck mit c k.")
    new = friday_at(spoken_salon, email="jonas.beck@web.de", email_confirmed=False)
    asked = await call.ask("book_appointment", new)
    assert (asked["needs_confirmation"], asked["email"]) == (True, "jonas.beck@web.de")
    call.say("Nein, auch nicht.")
    assert "email" not in await call.ask("book_appointment", new)


@pytest.mark.parametrize(
    ("said", "left"),
    [("Nein, nicht Mayer, Beyer mit B.", "Beyer"), ("Das ist falsch, Beyer.", "Mayer"), ("No, Beyer.", "Beyer")],
)
async def test_different_name_after_a_no_renames(spoken_salon: TenantPod, said: str, left: str) -> None:
    """A name that sounds otherwise is asked about, unless it replaces the rejected one or follows the no."""
    call = SpokenCall(spoken_salon)
    await call.ask("book_appointment", friday_at(spoken_salon, customer_name="Mayer"))
    call.say(said)
    answer = await call.ask("book_appointment", friday_at(spoken_salon, customer_name="Beyer"))
    assert (answer.get("choices"), [row[3] for row in await call.live()]) == (
        None if left == "Beyer" else ["rename", "further"], [left]
    ), answer  # fmt: skip


@pytest.mark.parametrize("made_up", ["apt_001", "2", "letzter Termin"])
async def test_invented_id_does_not_hide_named_day(spoken_salon: TenantPod, made_up: str) -> None:
    await empty_book(spoken_salon)
    first = SpokenCall(spoken_salon)
    for number in (1, 2):
        day = next_friday(spoken_salon, 10, number).date().isoformat()
        booked = await first.ask("book_appointment", friday_at(spoken_salon, date=day, another=True))
        assert booked["success"], booked
    call = SpokenCall(spoken_salon, number=first.number)
    args = {"appointment_id": made_up, "appointment_date": day, "date": day, "time": "15:00"}
    moved = await call.ask("reschedule_appointment", args)
    assert (moved["success"], moved["start"][:16]) == (True, f"{day}T15:00")
    asked = await call.ask("cancel_appointment", {"appointment_id": made_up, "appointment_date": day})
    assert (asked["needs_confirmation"], asked["start"][:10]) == (True, day)
    alone = await call.ask("cancel_appointment", {"appointment_id": made_up})
    assert len(alone["appointments"]) == 2


async def test_cancellation_mentions_the_remaining_appointment(spoken_salon: TenantPod) -> None:
    await empty_book(spoken_salon)
    call = SpokenCall(spoken_salon)
    await call.ask(
        "book_appointment", friday_at(spoken_salon, customer_name="Nina Pfeiffer", companions=["Ole Pfeiffer"])
    )
    later = SpokenCall(spoken_salon, number=call.number)
    later.say("Wir müssen beide absagen, Nina und Ole.")
    args = {"customer_name": "Nina und Ole Pfeiffer"}
    await later.ask("cancel_appointment", args)
    later.say("Ja, alle beide.")
    done = await later.ask("cancel_appointment", args | {"confirmed": True})
    assert done["success"]
    assert "bleibt bestehen" in done["message"]


@pytest.mark.parametrize("topic", ["price", "Preise", "cost", "prices", "pricing"])
async def test_business_topic_is_recognized_by_related_words(spoken_salon: TenantPod, topic: str) -> None:
    answer = await SpokenCall(spoken_salon).ask("business_information", {"topic": topic, "service": "Herrenschnitt"})
    assert "neununddreißig Euro" in answer["message"]


@pytest.mark.parametrize("spelled", ["M-A-Y-R", "M A Y R", "M. A. Y. R."])
async def test_spelled_letters_become_the_customers_name(spoken_salon: TenantPod, spelled: str) -> None:
    call = SpokenCall(spoken_salon)
    assert (await call.ask("book_appointment", friday_at(spoken_salon, customer_name=spelled)))[
        "customer_name"
    ] == "Mayr"


@pytest.mark.parametrize("time", ["bleibt gleich", "die Uhrzeit bleibt", "Uhrzeit kann bleiben", "wie bisher"])
async def test_words_for_unchanged_time_keep_the_appointments_time(spoken_salon: TenantPod, time: str) -> None:
    await empty_book(spoken_salon)
    call = SpokenCall(spoken_salon)
    await call.ask("book_appointment", friday_at(spoken_salon))
    day = next_friday(spoken_salon, 10, 2).date().isoformat()
    moved = await call.ask("reschedule_appointment", {"date": day, "time": time})
    assert moved["start"][:16] == f"{day}T14:00"


@pytest.mark.parametrize("words", ["Ja, aber lieber um drei.", "Okay, the earliest you have."])
async def test_yes_with_more_words_confirms_the_service(spoken_salon: TenantPod, words: str) -> None:
    call = SpokenCall(spoken_salon)
    args = friday_at(spoken_salon, service="men's cut")
    assert (await call.ask("book_appointment", args))["heard"] == "men's cut"
    call.say(words)
    assert (await call.ask("book_appointment", args))["success"]
