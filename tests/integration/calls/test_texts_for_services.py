"""Additional words in a text for a service: they are read as other arguments, or repeated as unknown and noted."""

from typing import Any

from askproai_runtime.sentences import say
from tests.worlds.rows import each_row
from tests.worlds.spoken_calls import SpokenCall, empty_book, friday_at
from tests.worlds.tenant_pod import TenantPod

CHECK, BOOK = "check_availability", "book_appointment"
FOR_ONE = "Meinen Sie Haarschnitt für eine Person? Mehr habe ich nicht verstanden."


@each_row(
    ("service", "answered"),
    [
        ("Haarschnitt bei Mehmet nächsten Donnerstag um 13 Uhr", "um 13 Uhr bei Mehmet. "),
        ("Donnerstag um 14 Uhr Haarschnitt bei Mehmet", "um 14 Uhr bei Mehmet. "),
        ("Haarschnitt ohne Anna", " bei Mehmet"),
        ("Haarschnitt für 3 Uhr", "um 15 Uhr bei Anna. "),
        ("zwei Haarschnitte", "bei Anna und um"),
        ("Haarschnitt (2 Personen) Freitag 12 Uhr", "um 12 Uhr bei Anna und Mehmet. "),
        ("Termin am Freitag um 10 Uhr", "Was möchten Sie buchen"),
        ("Haarschnitt für meine Frau und mich", FOR_ONE),
        ("ein Haarschnitt für mich und einen für meinen Sohn", FOR_ONE),
        ("beide Haarschnitt", FOR_ONE),
        ("fünf Haarschnitte", FOR_ONE),
        ("a couple of haircuts", FOR_ONE),
        ("a haircut for Tim and a haircut for Tom", FOR_ONE),
        ("Haarschnitt keinesfalls am Freitag", FOR_ONE),
        ("Haarschnitte", "Meinen Sie Haarschnitt für eine Person?"),
    ],
)
async def test_search_uses_or_repeats_words_beside_the_service(
    spoken_salon: TenantPod, service: str, answered: str
) -> None:
    found = await SpokenCall(spoken_salon).ask(CHECK, {"service": service})
    assert answered in found["message"], found


@each_row(
    ("service", "more"),
    [
        ("Haarschnitt, Freitag zehn Uhr", {"date": "Freitag", "time": "zehn Uhr"}),
        ("Haarschnitt am Freitag um zehn", {"date": "Freitag", "time": "zehn"}),
        ("Haarschnitt, nächsten Dienstag halb elf", {"date": "nächsten Dienstag", "time": "halb elf"}),
        ("Am fünfzehnten um vierzehn Uhr dreißig Haarschnitt bitte.", {"date": "15. Dezember", "time": "14 Uhr 30"}),
    ],
)
async def test_words_of_the_search_book_its_offer(spoken_salon: TenantPod, service: str, more: dict[str, str]) -> None:
    await empty_book(spoken_salon)
    call = SpokenCall(spoken_salon)
    call.say(service)
    found = await call.ask(CHECK, {"service": service, **more})
    assert found["success"], found
    call.say("Ja. Petra Lange.")
    start = found["slots"][0]["start"]
    done = await call.ask(BOOK, {"service": service, "start": start, "customer_name": "Petra Lange"})
    assert (done["success"], done.get("start")) == (True, start), done


@each_row(
    ("service", "more", "turns", "notes"),
    [
        ("Haarschnitt für 14 Uhr", {}, 1, None),
        ("Haarschnitt am Freitag bei Anna", {"staff": "Anna"}, 1, None),
        ("Haarschnitt für meinen Mann", {}, 1, "für meinen Mann"),
        ("fünf Haarschnitte", {}, 2, "fünf Haarschnitte"),
        ("haircut for both", {}, 2, "haircut for both"),
        ("Haarschnitt mit Waschen vorher", {}, None, None),
        ("Haarschnitt bei Mehmet", {"staff": "Anna"}, 3, "bei Mehmet"),
        ("Haarschnitt um 11 Uhr", {}, 3, "um 11 Uhr"),
    ],
)
async def test_booking_notes_words_beside_the_service(
    spoken_salon: TenantPod, service: str, more: dict[str, Any], turns: int | None, notes: str | None
) -> None:
    await empty_book(spoken_salon)
    call, asked = SpokenCall(spoken_salon), list[str]()
    call.say("Am Freitag um zwei.")
    for _ in range(3):
        done = await call.ask(BOOK, friday_at(call.pod, service=service, **more))
        if done["success"]:
            break
        assert done["message"] not in asked or turns is None, "the same question twice"
        asked.append(done["message"])
        call.say("Ja.")
    rows = await call.pod.db.fetch(
        "SELECT notes FROM appointments WHERE call_id = $1 AND status = 'confirmed'", call.call_id
    )
    assert (len(asked) + 1 if done["success"] else None, [row["notes"] for row in rows]) == (
        turns,
        [] if turns is None else [notes],
    )
    assert (say().rest_noted_of_one in done["message"]) == (notes is not None)


@each_row("service", ["men's cut (bei Anna, um zwei)", "um zwei, men's cut"])
async def test_service_words_of_other_arguments_are_not_repeated(call: SpokenCall, service: str) -> None:
    asked = await call.ask(BOOK, friday_at(call.pod, "um zwei", service=service, staff="bei Anna"))
    assert (asked["success"], asked["message"], asked["heard"]) == (False, "Meinen Sie Haarschnitt?", "men's cut"), (
        asked
    )


async def test_named_companions_need_no_question(call: SpokenCall) -> None:
    mia = {"customer_name": "Mia Lange"}
    done = await call.ask(BOOK, friday_at(call.pod, service="zwei Haarschnitte", companions=[mia]))
    assert (done["success"], sorted(each[3] for each in await call.live())) == (True, ["Mia Lange", "Petra Lange"])
