"""A practice that is in no example is applied and rung: the demo's agent understands its callers as they mean it.

The dialogues hold what docs/demo-agent.md promises. Expected are the functions that were called, with their arguments.
"""

from typing import Any

import pytest
import yaml

from askproai_sandbox.caller import CallRecord
from askproai_sandbox.demo.environment import PROJECT
from tests.worlds.running_demo import Demo, apply_with_number

MANIFEST = PROJECT / "tests" / "e2e" / "dental_practice.yaml"
NAMESPACE, KEY, NUMBER = "praxis-am-park", "key_test_praxis_am_park", "+495117654310"
REGULAR = "+4915177700999"  # calls several times
CLEANING = "Professionelle Zahnreinigung"


def asks(service: str | None = None, **args: str) -> tuple[str, dict[str, str]]:
    return "check_availability", ({"service": service} if service else {}) | args


def books(service: str, offer: int, name: str, **args: str) -> tuple[str, dict[str, Any]]:
    """`offer` counts from 1, in the last answer."""
    return "book_appointment", {"service": service, "start": offer, "customer_name": name, **args}


def wants_to_know(topic: str, question: str, **args: str) -> tuple[str, dict[str, str]]:
    return "business_information", {"topic": topic, "question": question, **args}


DIALOGUES: list[tuple[list[str], list[tuple[str, dict[str, Any]]]]] = [
    (
        ["Ich brauche ein Implantat am kommenden Dienstag um zehn.", "Ja, Max Zahn."],
        [asks("Implantat", date="kommenden Dienstag", time="zehn"), books("Implantat", 1, "Max Zahn")],
    ),
    (
        ["Ich hätte gern eine professionelle Zahnreinigung am kommenden Donnerstag um halb elf.", "Ja, gern.", "Anna Nym"],
        [asks(CLEANING, date="kommenden Donnerstag", time="halb elf"), books(CLEANING, 1, "Anna Nym")],
    ),
    (
        ["Eine Kontrolle bei Doktor Winter am kommenden Mittwoch um neun.", "Ja, mein Name ist Ida Winter."],
        [
            asks("Kontrolle", staff="Doktor Winter", date="kommenden Mittwoch", time="neun"),
            books("Kontrolle", 1, "Ida Winter", staff="Doktor Winter"),
        ],
    ),
    (
        ["Guten Tag, ich möchte einen Termin zur Zahnreinigung bei Dr. Sommer am kommenden Freitag um 15 Uhr.", "Ja, Petra Probe"],
        [
            asks(CLEANING, staff="Doktor Sommer", date="kommenden Freitag", time="15 Uhr"),
            books(CLEANING, 1, "Petra Probe", staff="Doktor Sommer"),
        ],
    ),
    (
        ["Kann Doktor Winter mich am kommenden Donnerstag um 17 Uhr zur Vorsorge drannehmen?", "Gern, auf den Namen Otto Normal"],
        [
            asks("Kontrolle", staff="Doktor Winter", date="kommenden Donnerstag", time="17 Uhr"),
            books("Kontrolle", 1, "Otto Normal", staff="Doktor Winter"),
        ],
    ),
    (  # three offers: a yes alone chooses none of them
        ["Am kommenden Mittwoch um dreizehn Uhr eine Kontrolle, bitte.", "Ja, Lisa van der Berg", "Den dritten bitte"],
        [asks("Kontrolle", date="kommenden Mittwoch", time="dreizehn Uhr"), books("Kontrolle", 3, "Lisa van der Berg")],
    ),
    (
        ["Eine Kontrolle am kommenden Mittwoch um 13 Uhr.", "Um vierzehn Uhr", "Ja, Tim Test"],  # offered on two days
        [
            asks("Kontrolle", date="kommenden Mittwoch", time="13 Uhr"),
            asks("Kontrolle", date="kommenden Mittwoch", time="vierzehn Uhr"),
            books("Kontrolle", 1, "Tim Test"),
        ],
    ),
    (
        ["Eine PZR am kommenden Freitag Nachmittag bitte.", "Lieber um vier.", "Ja, Nina Neu"],
        [
            asks(CLEANING, date="kommenden Freitag", part_of_day="Nachmittag"),
            books(CLEANING, 2, "Nina Neu"),  # four was offered
        ],
    ),
    (
        ["Eine Kontrolle am kommenden Donnerstag um acht.", "Lieber später", "Um 16 Uhr 15", "Ja, ich heiße Tom Tau"],
        [
            asks("Kontrolle", date="kommenden Donnerstag", time="acht"),
            asks("Kontrolle", date="kommenden Donnerstag", time="16 Uhr 15"),
            books("Kontrolle", 1, "Tom Tau"),
        ],
    ),
    (
        ["Einen Termin am kommenden Dienstag um elf.", "Kontrolle", "Ja, Eva Ernst"],
        [
            asks(date="kommenden Dienstag", time="elf"),
            asks("Kontrolle", date="kommenden Dienstag", time="elf"),
            books("Kontrolle", 1, "Eva Ernst"),
        ],
    ),
    (
        ["Ein Bleaching am kommenden Montag um zehn bitte.", "Dann eine Zahnreinigung.", "Ja, Ben Bauer"],
        [
            asks("Bleaching", date="kommenden Montag", time="zehn"),
            asks(CLEANING, date="kommenden Montag", time="zehn"),
            books(CLEANING, 1, "Ben Bauer"),
        ],
    ),
    (
        ["Eine Kontrolle bei Doktor Herbst am kommenden Freitag um neun.", "Doktor Sommer", "Ja, Jan Jung"],
        [
            asks("Kontrolle", staff="Doktor Herbst", date="kommenden Freitag", time="neun"),
            asks("Kontrolle", staff="Doktor Sommer", date="kommenden Freitag", time="neun"),
            books("Kontrolle", 1, "Jan Jung", staff="Doktor Sommer"),
        ],
    ),
    (
        ["Eine Kontrolle oder ein Implantat am kommenden Montag um 15 Uhr.", "Das Implantat.", "Ja, Udo Uhl"],
        [asks("Implantat", date="kommenden Montag", time="15 Uhr"), books("Implantat", 1, "Udo Uhl")],
    ),
    (
        ["Ein Implantat nächste Woche Donnerstag nach 14 Uhr."],
        [asks("Implantat", date="nächste Woche Donnerstag", time="nach 14 Uhr")],
    ),
    (
        ["Eine Kontrolle am kommenden Donnerstag um zehn.", "Ja aber nicht um zehn, lieber um elf.", "Ja, Rita Rau"],
        [
            asks("Kontrolle", date="kommenden Donnerstag", time="zehn"),
            asks("Kontrolle", date="kommenden Donnerstag", time="elf"),
            books("Kontrolle", 1, "Rita Rau"),
        ],
    ),
    (
        ["Eine Kontrolle am kommenden Montag um acht.", "Ja aber nicht morgens, lieber nachmittags."],
        [
            asks("Kontrolle", date="kommenden Montag", time="acht"),
            asks("Kontrolle", date="kommenden Montag", part_of_day="nachmittag"),
        ],
    ),
    (
        ["Eine PZR am kommenden Donnerstag um neun, egal bei wem.", "Das ist mir zu früh."],
        [
            asks(CLEANING, date="kommenden Donnerstag", time="neun"),
            asks(CLEANING, date="kommenden Donnerstag", part_of_day="Nachmittag"),
        ],
    ),
    (["Kann ich mit Doktor Sommer sprechen?"], [("transfer_to_human", {})]),
    (["Ich will keinen Termin.", "Ja, gern."], []),
    (["Rückruf bitte."], []),
    (["Ich brauche einen Termin."], [asks()]),
    (["Welche Termine habe ich?"], [("find_appointments", {})]),
    (["Mit einem Menschen verbinden, bitte.", "Hallo?"], [("transfer_to_human", {})]),
    (["Was kostet eine Zahnreinigung?"], [wants_to_know("prices", "Was kostet eine Zahnreinigung?", service=CLEANING)]),
    (["Wann haben Sie offen?"], [wants_to_know("opening_hours", "Wann haben Sie offen?")]),
    (["Xylophon quietscht lila."], []),
]  # fmt: skip


class Practice:
    def __init__(self, demo: Demo) -> None:
        self.demo = demo

    async def call(self, caller: str, *say: str) -> CallRecord:
        record = await self.demo.call(NUMBER, *say, from_number=caller)
        assert record.errors == []
        return record

    async def live(self, caller: str) -> list[str]:
        """Return the services of a caller's live appointments, by time."""
        sql = "SELECT service FROM appointments WHERE tenant = $1 AND caller = $2 AND status = 'confirmed' ORDER BY starts_at"
        return [row["service"] for row in await self.demo.rows(sql, f"{NAMESPACE}.{NAMESPACE}", caller)]


@pytest.fixture(scope="module")
async def practice(demo):
    await apply_with_number(demo, MANIFEST, NAMESPACE, KEY, NUMBER)
    yield Practice(demo)
    await demo.kubectl("delete", "namespace", NAMESPACE, "--timeout=120s")


def test_the_practice_is_in_no_example():
    services = [
        each["spec"]["displayName"]
        for each in yaml.safe_load_all(MANIFEST.read_text())
        if each["kind"] == "ServiceOffering"
    ]
    examples = "".join(path.read_text() for path in (PROJECT / "examples").glob("*.yaml"))
    assert [name for name in services if name in examples] == []


def called(record: CallRecord) -> list[tuple[str, dict[str, Any]]]:
    """Return the functions with their arguments; a `start` as the number of the offer in the answer before."""
    functions, offered = [], list[str]()
    for step in record.steps:
        if step.kind != "tool":
            continue
        args = dict(step.arguments or {})
        if "start" in args:
            args["start"] = offered.index(args["start"]) + 1
        functions.append((str(step.name), args))
        answer = step.answer if isinstance(step.answer, dict) else {}
        offered = [slot["start"] for slot in answer.get("slots") or answer.get("alternatives") or ()] or offered
    return functions


@pytest.mark.parametrize("dialogue", range(len(DIALOGUES)), ids=[says[0] for says, _ in DIALOGUES])
async def test_the_demos_agent_understands_ordinary_sentences(practice, dialogue):
    say, expected = DIALOGUES[dialogue]
    caller = f"+4915177700{dialogue:03}"
    record = await practice.call(caller, *say)
    assert called(record) == expected, record.transcript
    booked = [args["service"] for name, args in expected if name == "book_appointment"]
    assert len(await practice.live(caller)) == len(booked), record.transcript


async def test_the_named_appointment_is_moved_or_cancelled_and_no_other(practice):
    await practice.call(REGULAR, "Eine Kontrolle am kommenden Dienstag um 16 Uhr.", "Ja, Rosa Rot")
    await practice.call(REGULAR, "Ein Implantat am kommenden Donnerstag um neun.", "Ja, Rosa Rot")
    await practice.call(REGULAR, "Ich möchte den am Dienstag absagen.", "Ja, bitte.")
    assert await practice.live(REGULAR) == ["implantat"]
    await practice.call(REGULAR, "Eine Kontrolle am kommenden Dienstag um 16 Uhr.", "Ja, Rosa Rot")
    moved = await practice.call(
        REGULAR, "Bitte verschieben Sie meinen Termin am Donnerstag auf kommenden Freitag um 11 Uhr."
    )
    assert moved.answers("reschedule_appointment")[-1]["success"] is True, moved.transcript
    assert "11 Uhr, Implantat" in moved.transcript
    await practice.call(REGULAR, "Ich möchte den Termin für die Kontrolle stornieren.", "Ja, bitte.")
    assert await practice.live(REGULAR) == ["implantat"]


async def test_questions_about_the_practice_are_answered_from_its_manifest(practice):
    record = await practice.call("+4915177700997", "Wann haben Sie offen?", "Was kostet eine Kontrolle?")
    assert (
        "Geöffnet ist Montag bis Freitag von acht bis zwölf Uhr und von vierzehn bis achtzehn Uhr. Samstag und Sonntag ist"
        " geschlossen."
    ) in record.transcript
    assert "Den Preis für Kontrolle kann ich Ihnen leider nicht sagen." in record.transcript, "no price is declared"


async def test_what_the_demos_agent_does_not_understand_is_marked_as_its_own(practice):
    for sentence, remark in (
        ("Xylophon quietscht lila.", "[demo agent] did not understand “Xylophon quietscht lila.”"),
        ("Rückruf bitte.", "[demo agent] the agent at Retell has no function that notes a callback"),
    ):
        record = await practice.call("+4915177700998", sentence)
        (note,) = [step.text for step in record.steps if step.kind == "note"]
        assert note.startswith(remark)
        assert "[demo agent]" not in record.transcript, "no caller hears it"


async def test_the_second_of_the_next_free_times_is_booked(practice):
    """The last test: what is free next may be what another dialogue asks for."""
    caller = "+4915177700996"
    record = await practice.call(
        caller, "Ein Implantat, bitte.", "Die zweite. Mein Name ist Karl-Friedrich von Hohenzollern."
    )
    assert called(record) == [
        asks("Implantat"),
        books("Implantat", 2, "Karl-Friedrich von Hohenzollern"),
    ], record.transcript
    assert await practice.live(caller) == ["implantat"]
