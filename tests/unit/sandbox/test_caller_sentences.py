"""What the demo's agent reads in sentences, as docs/demo-agent.md promises it. Times are passed on as they were said."""

from typing import Any

import pytest

from askproai_sandbox.caller.catalogue import Catalogue, read_catalogue
from askproai_sandbox.caller.choice import choose
from askproai_sandbox.caller.intent import Intent
from askproai_sandbox.caller.sentence import read_sentence, split_at_new_time

PRACTICE = read_catalogue(
    "Du bist der Empfang.\n- Sei freundlich (immer).\n\n## Buchbar\n- Implantat (60 Minuten)\n"
    "- Kontrolle (20 Minuten; auch: Vorsorge)\n- Professionelle Zahnreinigung (45 Minuten; auch: PZR), nur in Park und Nord\n"
    "\n## Team\n- Park: Doktor Winter, Dr. Anna Sommer\n- Nord: Doktor Winter\n\n## Regeln\n- Jetzt ist {{current_time}}."
)
SALON = read_catalogue(
    "## Buchbar\n- Haarschnitt (45 Minuten; auch: Schneiden, Herrenschnitt)\n- Färben (90 Minuten; auch: Farbe, Strähnen)\n"
    "\n## Team\n- Mitte: Anna, Mehmet"
)


def test_the_prompt_is_read_as_the_operator_writes_it() -> None:
    assert [service.name for service in PRACTICE.services] == ["Implantat", "Kontrolle", "Professionelle Zahnreinigung"]
    assert PRACTICE.services[1].spoken_names == ("Vorsorge",)
    assert (PRACTICE.staff, PRACTICE.branches) == (("Doktor Winter", "Dr. Anna Sommer"), ("Park", "Nord"))
    assert read_catalogue("") == Catalogue()


@pytest.mark.parametrize(
    ("text", "services"),
    [
        ("eine professionelle Zahnreinigung", ["Professionelle Zahnreinigung"]),
        ("zur professionellen Zahnreinigung", ["Professionelle Zahnreinigung"]),
        ("eine Reinigung", ["Professionelle Zahnreinigung"]),
        ("eine PZR", ["Professionelle Zahnreinigung"]),
        ("ein Zahnimplantat", ["Implantat"]),
        ("zum Kontrolltermin", ["Kontrolle"]),
        ("Implantat und Vorsorge", ["Implantat", "Kontrolle"]),
        ("einen Termin", []),
        ("wegen Zahnschmerzen", []),
    ],
)
def test_services_are_matched_by_their_words(text: str, services: list[str]) -> None:
    assert list(read_sentence(text, PRACTICE).services) == services


def test_words_that_mean_one_service_are_one_service() -> None:
    assert read_sentence("Farbe und Strähnchen am Donnerstag", SALON).services == ("Färben",)
    assert read_sentence("Einen Herrenhaarschnitt, bitte", SALON).services == ("Haarschnitt",)


@pytest.mark.parametrize(
    ("text", "noun"),
    [
        ("Farbe und Strähnchen am Donnerstag", "Farbe und Strähnchen"),
        ("Ich hätte gern Farbe und Strähnchen", "Farbe und Strähnchen"),
        ("Ein Bleaching am Montag um zehn", "Bleaching"),
        ("Massage, bitte", "Massage"),
        ("Und noch Färben danach, bitte.", "Färben"),
        ("Kann ich morgen in die Sprechstunde kommen?", "Sprechstunde"),
        ("Haben Sie am Dienstag um zehn etwas frei?", None),
        ("Ich brauche einen Termin am Dienstag", None),
        ("Geht am Dienstag um zehn etwas?", None),
        ("Ich möchte am Dienstag kommen", None),
    ],
)
def test_a_service_that_there_is_not_is_passed_on_as_it_was_said(text: str, noun: str | None) -> None:
    """The function answers what there is; nothing else is booked in its place."""
    assert read_sentence(text, PRACTICE).unknown_service == noun


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("bei Doktor Winter", {"staff": "Doktor Winter"}),
        ("zu Dr. Winter", {"staff": "Doktor Winter"}),
        ("bei Frau Doktor Sommer", {"staff": "Dr. Anna Sommer"}),
        ("bei Herrn Herbst", {"staff": "Herrn Herbst"}),
        ("zur Kontrolle", {"staff": None}),
        ("Mein Name ist Ida Winter", {"staff": None, "name": "Ida Winter"}),
        ("Ja, Karl-Friedrich von Hohenzollern", {"loose_words": ("Karl-Friedrich", "von", "Hohenzollern")}),
        ("Ich heiße Jan van der Berg und brauche Hilfe", {"name": "Jan van der Berg"}),
        ("Ich bin Patientin bei Ihnen", {"name": None, "staff": None}),
        ("eine Kontrolle in 10119", {"branch": "10119", "services": ("Kontrolle",)}),
        ("in Nord am Montag", {"branch": "Nord", "when": {"date": "Montag"}}),
        ("im Dezember", {"branch": None, "when": {"date": "im Dezember"}}),
        ("nächste Woche Donnerstag nach 17 Uhr", {"when": {"date": "nächste Woche Donnerstag", "time": "nach 17 Uhr"}}),
        ("Donnerstag nächste Woche um drei", {"when": {"date": "Donnerstag nächste Woche", "time": "drei"}}),
        ("um acht Uhr fünfzehn", {"when": {"time": "acht Uhr fünfzehn"}}),
        ("zwischen drei und fünf am Wochenende", {"when": {"date": "Wochenende", "time": "zwischen drei und fünf"}}),
        ("am Dienstag, den 24. November", {"when": {"date": "Dienstag, den 24. November"}}),
        ("so bald wie möglich", {"when": {"date": "bald"}}),
        ("Verbinden Sie mich bitte.", {"intent": Intent.TRANSFER}),
        ("Ich möchte mit einem Menschen sprechen", {"intent": Intent.TRANSFER}),
        ("Sind Sie ein echter Mensch?", {"intent": Intent.AI}),
        ("Welche Termine habe ich?", {"intent": Intent.LIST}),
        ("Wann haben Sie einen Termin frei?", {"intent": Intent.APPOINTMENT}),
        ("Wann haben Sie offen?", {"intent": Intent.HOURS}),
        ("Was kostet ein Implantat?", {"intent": Intent.PRICES}),
        ("Kostet es etwas, wenn ich absage?", {"intent": Intent.CANCELLATION}),
        ("Bis wann kann ich den Termin stornieren?", {"intent": Intent.CANCELLATION}),
        ("Kann ich den Termin absagen?", {"intent": Intent.CANCEL}),
        ("Ich sage den Termin ab.", {"intent": Intent.CANCEL}),
        ("Ich kann am Dienstag nicht kommen", {"intent": Intent.CANCEL}),
    ],
)  # fmt: skip
def test_a_sentence_is_read(text: str, fields: dict[str, Any]) -> None:
    sentence = read_sentence(text, PRACTICE)
    assert {name: getattr(sentence, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("Ja aber nicht um zehn, lieber um elf.", {"when": {"time": "elf"}, "rejected": {"time"}, "no": True}),
        ("Ja aber nicht morgens, lieber nachmittags", {"when": {"part_of_day": "nachmittag"}, "rejected": {"part_of_day"}}),
        ("Nicht am Donnerstag um zehn, sondern am Freitag", {"when": {"date": "Freitag"}, "rejected": {"date", "time"}}),
        (
            "Einen Haarschnitt am Freitag, nein, doch am Donnerstag um zehn",
            {"when": {"date": "Donnerstag", "time": "zehn"}, "rejected": {"date"}},
        ),
        ("Am Freitag um neun, ach nein, um zehn", {"when": {"date": "Freitag", "time": "zehn"}, "rejected": {"time"}}),
        ("Um zehn geht es bei mir leider nicht", {"when": {}, "rejected": {"time"}}),
        ("Weder um zehn noch um elf", {"when": {}, "rejected": {"time"}}),
        ("Am Freitag habe ich keine Zeit, lieber Montag", {"when": {"date": "Montag"}}),
        ("Das ist mir zu früh", {"when": {}, "is_too": "früh", "no": True}),
        ("Um zehn ist mir zu spät", {"when": {}, "is_too": "spät"}),
        ("Nicht so früh, bitte", {"when": {}, "is_too": "früh"}),
        ("Ja, aber nicht bei Doktor Winter", {"staff": None, "no": True}),
        ("Keine Kontrolle, ein Implantat", {"services": ("Implantat",)}),
        ("Geht es nicht um elf?", {"when": {"time": "elf"}}),  # a negative question asks for it
        ("Ich kann am Dienstag um zehn nicht kommen", {"when": {"date": "Dienstag", "time": "zehn"}}),  # which one
        ("am Mittwoch nicht vor zehn", {"when": {"date": "Mittwoch", "time": "nicht vor zehn"}}),
        ("am Mittwoch ab acht", {"when": {"date": "Mittwoch", "time": "ab acht"}}),
    ],
)  # fmt: skip
def test_what_the_caller_rejects_is_not_what_the_caller_wants(text: str, fields: dict[str, Any]) -> None:
    sentence = read_sentence(text, PRACTICE)
    assert {name: getattr(sentence, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Ich komme am Freitag leider nicht", Intent.CANCEL),
        ("Können Sie meinen Termin von Freitag um eine Stunde nach hinten schieben?", Intent.MOVE),
        ("Und ist der Termin jetzt eingetragen?", Intent.LIST),
        ("Rückruf bitte", Intent.CALLBACK),
        ("Rufen Sie mich bitte am Freitag zurück", Intent.CALLBACK),
        ("Kann ich mit Doktor Sommer sprechen?", Intent.TRANSFER),
        ("Ich möchte mit Ihnen über einen Termin sprechen", Intent.APPOINTMENT),
        ("Ich will keinen Termin", Intent.NOTHING),
        ("Nein, dann lassen wir es", Intent.NOTHING),
        ("Eine PZR am Donnerstag um neun, egal bei wem.", None),
        ("Bei wem kann ich buchen?", Intent.STAFF),
    ],
)
def test_what_is_no_booking_is_read_as_what_it_is(text: str, intent: Intent | None) -> None:
    assert read_sentence(text, PRACTICE).intent is intent


ITEMS = [
    {"start": "2026-11-24T10:30:00+01:00", "spoken": "Dienstag, den 24. November, um 10 Uhr 30, Kontrolle bei Doktor Winter"},
    {"start": "2026-11-24T16:00:00+01:00", "spoken": "Dienstag, den 24. November, um 16 Uhr, Implantat bei Dr. Anna Sommer"},
    {"start": "2026-11-26T10:45:00+01:00", "spoken": "Donnerstag, den 26. November, um 10 Uhr 45, Implantat bei Doktor Winter"},
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("die zweite", 1),
        ("den letzten bitte", 2),
        ("egal", 0),
        ("um halb elf", 0),
        ("dreiviertel elf", 2),
        ("um vier", 1),
        ("16 Uhr", 1),
        ("10:45", 2),
        ("am Donnerstag", 2),
        ("am 26.", 2),
        ("am 26. Oktober", None),
        ("am Dienstag", None),
        ("am Dienstag um vier", 1),
        ("bei Doktor Sommer", 1),
        ("für die Kontrolle", 0),
        ("nicht den ersten, den zweiten", 1),
        ("nicht um halb elf", None),
        ("egal bei wem", None),
        ("nach vier", None),
        ("ja", None),
    ],
)
def test_a_choice_names_exactly_one(text: str, index: int | None) -> None:
    assert choose(ITEMS, read_sentence(text, PRACTICE)) == (None if index is None else ITEMS[index])


def test_a_move_says_which_appointment_and_its_new_time() -> None:
    text = "Bitte den Termin am Dienstag auf Freitag um zehn verschieben"
    assert split_at_new_time(text) == ("Bitte den Termin am Dienstag", "auf Freitag um zehn verschieben")
    assert split_at_new_time("Freitag um zehn") == ("", "Freitag um zehn")
    assert split_at_new_time("Den am Dienstag verschieben")[1] == ""
