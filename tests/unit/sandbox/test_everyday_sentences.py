"""Everyday sentences of callers, and the function that the demo's agent calls for each. A wrong call is worse than a question.

Times are compared by what the pods understand of them, at a Saturday noon.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from scripted_models import make_tools

from askproai_runtime.german_dates import understand_parts
from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 12, tzinfo=BERLIN)
CATALOGUE = read_catalogue(
    "## Buchbar\n- Haarschnitt (45 Minuten; auch: Schneiden, Herrenschnitt)\n- Färben (90 Minuten; auch: Strähnen)\n"
    "- Kontrolle (20 Minuten; auch: Vorsorge)\n- Professionelle Zahnreinigung (45 Minuten; auch: PZR)\n"
    "- Krankengymnastik (20 Minuten; auch: KG)\n- Massage (30 Minuten)\n- Sehtest (20 Minuten)\n"
    "\n## Team\n- Mitte: Doktor Winter, Doktor Sommer, Anna, Mehmet"
)
CHANGED = ("appointment_id", "date", "time", "part_of_day", "start")
DECLARED = {
    "check_availability": ("service", "staff", "date", "time", "part_of_day"),
    "book_appointment": ("start", "service", "staff", "customer_name", "email"),
    "find_appointments": (),
    "reschedule_appointment": CHANGED,
    "cancel_appointment": ("appointment_id", "confirmed"),
}
TOOLS = make_tools(DECLARED)
TOOLS["book_appointment"]["parameters"]["required"] = ["customer_name"]
CUT, CHECK, PZR, KG = "Haarschnitt", "Kontrolle", "Professionelle Zahnreinigung", "Krankengymnastik"


def offer(start: str, spoken: str = "") -> dict[str, str]:
    return {"start": f"2026-{start}:00+01:00", "spoken": spoken}


MONDAY_TUESDAY = (offer("11-23T08:40"), offer("11-23T13:30"), offer("11-24T08:40"))
EVENINGS = (offer("11-23T17:30"), offer("11-23T18:30"), offer("11-24T15:40"))
WEDNESDAY_THURSDAY = (offer("11-25T10:00"), offer("11-25T11:00"), offer("11-26T10:00"))
DECEMBER = (offer("12-28T09:00"), offer("12-28T10:00"), offer("12-29T09:00"))
ONE = (offer("11-27T14:30"),)
OWN = {"appointment_id": "a-1", "start": "2026-11-23T10:00:00+01:00", "spoken": "Montag um 10 Uhr, Kontrolle"}
SECOND = {"appointment_id": "a-2", "start": "2026-11-25T09:00:00+01:00", "spoken": "Mittwoch um 9 Uhr, Massage"}


def asks(when: str = "", service: str | None = None, **args: str) -> dict[str, Any]:
    return {"tool": "check_availability", "when": when, **({"service": service} if service else {}), **args}


def books(chosen: Mapping[str, str], name: str = "Eva Ernst", **args: str) -> dict[str, Any]:
    return {
        "tool": "book_appointment",
        "start": chosen["start"],
        "customer_name": name,
        "service": CUT,
        "when": "",
        **args,
    }


FIRST = [  # the first sentence of a call
    ("Vorsorge bei Doktor Sommer am Dienstag, ach nee, am Mittwoch um zehn",
     asks("Mittwoch um zehn", CHECK, staff="Doktor Sommer")),
    ("Einen Haarschnitt übermorgen um neun, nein, warten Sie, um zehn", asks("übermorgen um zehn", CUT)),
    ("Eine Massage am Dienstag um neun, nein um zehn, ach was, um elf", asks("Dienstag um elf", "Massage")),
    ("Am Montag, nein Dienstag, ach nein, am Mittwoch um drei", asks("Mittwoch um drei")),
    ("Mei Mutter hat am Donnerstag kei Zeit, gehts Freitag um acht?", asks("Freitag um acht")),
    ("In drei Wochen am Montag um zwanzig vor acht", asks("in drei Wochen am Montag um zwanzig vor acht")),
    ("Einmal Schneiden am Montag in acht Tagen um Viertel neun", asks("Montag in acht Tagen um Viertel neun", CUT)),
    ("Am Dreiundzwanzigsten Zwölften um neun", asks("am 23. 12. um neun")),
    ("Eine PZR am vierten Januar um neun", asks("4. Januar um neun", PZR)),
    ("Irgendwann vormittags, aber nicht vor neun", asks("irgendwann vormittags nicht vor neun")),
    ("Den Donnerstag bitte", asks("Donnerstag")),
    ("Zur Vorsorge halt", asks(service=CHECK)),
    ("Zwei Sehtests am Freitag um zehn, einen für mich und einen für meinen Mann", asks("Freitag um zehn", "Sehtest")),
    ("Ich bräuchte mal wieder einen Haarschnitt, am liebsten Samstag früh", asks("Samstag früh", CUT)),
    ("Servus, hättet's ihr am Mittwoch Nachmittag was frei?", asks("Mittwoch Nachmittag")),
    ("Moin, geht bei euch morgen um halb fünf noch was?", asks("morgen um halb fünf")),
    ("Grüß Gott, i bräucht an Termin zum Färben am Donnerstag um dreiviertel zehn",
     asks("Donnerstag um dreiviertel zehn", "Färben")),
    ("Strähnen, nächste Woche Freitag gegen vier", asks("nächste Woche Freitag gegen vier", "Färben")),
    ("Haben Sie heute noch was frei?", asks("heute")),
    ("Kann ich am Samstag zwischen neun und elf zum Schneiden kommen?", asks("Samstag zwischen neun und elf", CUT)),
    ("Ich hätte gern bei Anna einen Haarschnitt, Dienstag oder Mittwoch", asks("Dienstag oder Mittwoch", CUT, staff="Anna")),
    ("Schneiden und Strähnen am Dienstag um zehn", asks("Dienstag um zehn", "Haarschnitt, Färben")),
    ("Strähnen, dann Schneiden, Dienstag um zehn", asks("Dienstag um zehn", "Färben, Haarschnitt")),
    ("Dienstag um zehn oder Mittwoch um elf, eine Massage", asks("Dienstag um zehn oder Mittwoch um elf", "Massage")),
    ("Krankengymnastik, zweimal die Woche wäre gut", asks(service=KG)),
    ("Ich hab ein Rezept für KG und bräuchte einen Termin ab dem 7. Dezember", asks("ab dem 7. Dezember", KG)),
    ("Massage am ersten Dezember um Viertel nach drei", asks("1. Dezember um Viertel nach drei", "Massage")),
    ("Am fünfzehnten um elf hätte ich gern eine Massage", asks("am 15. um elf", "Massage")),
    ("Wann hätten Sie denn nächste Woche Zeit für eine Kontrolle?", asks("nächste Woche", CHECK)),
    ("Die halbjährliche Kontrolle, so bald wie möglich", asks("so bald wie möglich", CHECK)),
    ("Mir ist eine Füllung rausgefallen, geht heute noch was?", asks("heute")),
    ("Ich hab Zahnweh, kann ich sofort kommen?", asks("sofort")),
    ("Zur Kontrolle nach Weihnachten, bei Doktor Winter", asks("nach Weihnachten", CHECK, staff="Doktor Winter")),
    ("Eine Zahnreinigung zwischen den Jahren", asks("zwischen den Jahren", PZR)),
    ("PZR Mitte Januar, vormittags", asks("Mitte Januar vormittags", PZR)),
    ("Schneiden am 24. Dezember um acht Uhr dreißig", asks("24. Dezember um acht Uhr dreißig", CUT)),
    ("Einen Haarschnitt am Freitag, nicht vor 17 Uhr", asks("Freitag nicht vor 17 Uhr", CUT)),
    ("Am Mittwoch kann ich nicht, aber am Donnerstag nach sechzehn Uhr", asks("Donnerstag nach 16 Uhr")),
    ("Freitag geht bei mir schlecht, lieber Montag um neun", asks("Montag um neun")),
    ("Entschuldigung, ich meine natürlich Dienstag um drei", asks("Dienstag um drei")),
    ("Massage Montag äh Dienstag um fünf", asks("Dienstag um fünf", "Massage")),
    ("Einen Termin bei Mehmet, egal wann", asks("egal wann", staff="Mehmet")),
    ("Herrenschnitt, bitte, wenn's geht in einer Stunde", asks("in einer Stunde", CUT)),
    ("Bleaching am Montag um zehn", asks("Montag um zehn", "Bleaching")),
    ("Ich brauche sofort einen Arzt", asks("sofort")),
    ("Den dreißigsten um zwölf, Haarschnitt", asks("am 30. um zwölf", CUT)),
    ("Eine Massage ab 15 Uhr, außer Freitag", asks("ab 15 Uhr außer Freitag", "Massage")),
    ("Ist bei der Anna morgen noch was frei?", asks("morgen", staff="Anna")),
    ("Am Montag um zehn oder um elf", asks("Montag um zehn oder um elf")),
    ("Krankengymnastik am Mittwochvormittag, bitte.", asks("Mittwochvormittag", KG)),
    ("Einen Haarschnitt nächsten Freitagnachmittag um drei", asks("nächsten Freitagnachmittag um drei", CUT)),
    ("Massage am Montagmorgen oder am Dienstagabend", asks("Montagmorgen oder am Dienstagabend", "Massage")),
    ("Eine Massage, aber nicht am Freitagnachmittag, lieber am Samstagfrüh", asks("Samstagfrüh", "Massage")),
    ("Ich möchte keinen Termin bei Doktor Winter, sondern bei Doktor Sommer am Montag", asks("Montag", staff="Doktor Sommer")),
]  # fmt: skip

FOR_TWO = [  # of whom one gets an appointment
    "Ich möchte gern mit meiner Frau zusammen am Freitag um zehn zur Massage kommen.",
    "Zusammen mit meinem Mann eine Massage am Freitag um zehn.",
    "Ich und meine Frau möchten am Freitag um zehn eine Massage.",
    "Meine Tochter und ich möchten am Freitag um zehn eine Massage.",
    "Für meine Frau und mich am Freitag um zehn eine Massage, bitte.",
    "Eine Massage für uns beide am Freitag um zehn.",
    "Wir beide hätten gern eine Massage am Freitag um zehn.",
    "Wir kommen zu zweit zur Massage, am Freitag um zehn.",
]

NOT_UNDERSTOOD = [  # what no function gives: no answer about services, and a remark
    "Schicken Sie mir eine Bestätigung? Meine Mail ist rolf at gmx punkt de.",
    "Können Sie mir eine SMS schicken?",
    "Danke, und senden Sie mir bitte noch eine Erinnerung.",
    "Ich hätte gern eine Rechnung.",
    "Ich brauche eine Quittung.",
    "Haben Sie einen Aufzug?",
    "Ich brauche eine Krankschreibung.",
]

ARE_YOU_HUMAN = [
    "Sind Sie ein Mensch?",
    "Sind Sie ein echter Mensch?",
    "Spreche ich mit einem Menschen?",
    "Bin ich jetzt mit einem Menschen verbunden?",
    "Ist das ein Computer?",
    "Sind Sie echt?",
]

AFTER_OFFERS = [  # of a Haarschnitt, after the name was said
    (MONDAY_TUESDAY, "Dann nächste Woche Dienstag Nachmittag.", asks("nächste Woche Dienstag Nachmittag", CUT)),
    (EVENINGS, "Dann am vierten Januar um neun.", asks("4. Januar um neun", CUT)),
    (WEDNESDAY_THURSDAY, "Den Donnerstag bitte.", books(WEDNESDAY_THURSDAY[2])),
    (WEDNESDAY_THURSDAY, "Den Donnerstag bitte. Paul Nagel", books(WEDNESDAY_THURSDAY[2], "Paul Nagel")),
    (WEDNESDAY_THURSDAY, "Ja, den am Mittwoch um elf", books(WEDNESDAY_THURSDAY[1])),
    (WEDNESDAY_THURSDAY, "Um elf passt", books(WEDNESDAY_THURSDAY[1])),
    (WEDNESDAY_THURSDAY, "Die letzte", books(WEDNESDAY_THURSDAY[2])),
    (WEDNESDAY_THURSDAY, "Den zweiten nehm ich", books(WEDNESDAY_THURSDAY[1])),
    (WEDNESDAY_THURSDAY, "Donnerstag um elf", asks("Donnerstag um elf", CUT)),
    (WEDNESDAY_THURSDAY, "Am Mittwoch Nachmittag wär besser", asks("Mittwoch Nachmittag", CUT)),
    (WEDNESDAY_THURSDAY, "Und übernächste Woche Donnerstag?", asks("übernächste Woche Donnerstag", CUT)),
    (WEDNESDAY_THURSDAY, "Die vierte", None),
    (WEDNESDAY_THURSDAY, "Jo", None),
    (WEDNESDAY_THURSDAY, "Hm, Donnerstag, da muss ich arbeiten", None),
    (WEDNESDAY_THURSDAY, "Am 26. bitte", books(WEDNESDAY_THURSDAY[2])),
    (WEDNESDAY_THURSDAY, "Haben Sie auch was am Freitag?", asks("Freitag", CUT)),
    (MONDAY_TUESDAY, "Lieber am Nachmittag", asks("Nachmittag", CUT)),
    (MONDAY_TUESDAY, "Um zwanzig vor neun am Dienstag", books(MONDAY_TUESDAY[2])),
    (DECEMBER, "Dann halt am 28. um zehn.", books(DECEMBER[1])),
    (DECEMBER, "Am neunundzwanzigsten", books(DECEMBER[2])),
    (DECEMBER, "Am 28. November um zehn", asks("28. November um zehn", CUT)),
    (DECEMBER, "Diesen Monat am 28. um zehn", asks("diesen Monat am 28. um zehn", CUT)),
    (DECEMBER, "Am 27. um zehn", asks("27. Dezember um zehn", CUT)),
    (ONE, "Jo", books(ONE[0])),
    (ONE, "Joa, passt", books(ONE[0])),
    (ONE, "Jawoll", books(ONE[0])),
    (ONE, "Passt scho", books(ONE[0])),
    (ONE, "Ja bitte", books(ONE[0])),
    (ONE, "Ja, am Freitag um halb drei", books(ONE[0])),
    (ONE, "Nee, lieber erst um vier", asks("Freitag um vier", CUT)),
    (ONE, "Ja, Eva Sonntag, meine E-Mail ist eva.d@web.de.", books(ONE[0], "Eva Sonntag", email="eva.d@web.de")),
    (ONE, "Ja, Eva Dreikönig. Meine E-Mail ist eva.d@web.de", books(ONE[0], "Eva Dreikönig", email="eva.d@web.de")),
    (ONE, "Ja, auf Eva Freitag, die Mail lautet eva at web punkt de", books(ONE[0], "Eva Freitag", email="eva at web punkt de")),
    (ONE, "Ja, Eva März, E-Mail eva.d@web.de", books(ONE[0], "Eva März", email="eva.d@web.de")),
    (ONE, "Ja, Eva Kranz, meine E-Mail-Adresse ist eva.d@web.de.", books(ONE[0], "Eva Kranz", email="eva.d@web.de")),
    (ONE, "Meine E-Mail ist eva.d@web.de, Eva Ostern.", books(ONE[0], "Eva Ostern", email="eva.d@web.de")),
    (ONE, "Ja, Eva Silvester.", books(ONE[0], "Eva Silvester")),
    (ONE, "Ja, am Sonntag, meine E-Mail ist eva.d@web.de", asks("Sonntag", CUT)),
    (ONE, "Da muss ich arbeiten, geht's auch am Samstag?", asks("Samstag", CUT)),
]  # fmt: skip

MOVES = [  # appointments that the answer has, sentences, what the last one calls
    ([OWN], ("Ich müsste meinen Termin am Montag verschieben, geht auch Donnerstag um viertel nach zwei?",),
     {"tool": "reschedule_appointment", "appointment_id": "a-1", "when": "Donnerstag um viertel nach zwei"}),
    ([OWN], ("Ich muss meinen Termin verlegen", "Ja", "Auf Freitag um zehn"),
     {"tool": "reschedule_appointment", "appointment_id": "a-1", "when": "Freitag um zehn"}),
    ([OWN, SECOND], ("Ich möchte einen Termin verschieben", "Den am Mittwoch", "Am Freitag um neun"),
     {"tool": "reschedule_appointment", "appointment_id": "a-2", "when": "Freitag um neun"}),
    ([OWN, SECOND], ("Ich will meinen Termin am Mittwoch auf Freitagvormittag verschieben.",),
     {"tool": "reschedule_appointment", "appointment_id": "a-2", "when": "Freitagvormittag"}),
    ([OWN, SECOND], ("Den Termin am Montag muss ich leider absagen",),
     {"tool": "cancel_appointment", "appointment_id": "a-1", "when": ""}),
    ([OWN, SECOND], ("Können wir den Termin vom Mittwoch auf nächste Woche Dienstag um acht verlegen?",),
     {"tool": "reschedule_appointment", "appointment_id": "a-2", "when": "nächste Woche Dienstag um acht"}),
]  # fmt: skip


def test_there_are_many_sentences() -> None:
    assert len(FIRST) + len(AFTER_OFFERS) + len(MOVES) >= 60


def meaning(reaction: ToolCall | str) -> dict[str, Any] | None:
    """Return the function and its arguments, with what the pods understand of its time; None for a sentence of the agent."""
    if isinstance(reaction, str):
        return None
    when = {name: reaction.args.get(name) for name in ("date", "time", "part_of_day")}
    rest = {name: value for name, value in reaction.args.items() if name not in when}
    return {
        "tool": reaction.name,
        **rest,
        "when": understand_parts(**when, at=NOW, zone=BERLIN) if any(when.values()) else "",
    }


def expected_meaning(expected: dict[str, Any] | None) -> dict[str, Any] | None:
    if not expected or not expected["when"]:
        return expected
    understood = understand_parts(expected["when"], None, None, at=NOW, zone=BERLIN)
    assert understood.candidates, "the pods understand it"
    return {**expected, "when": understood}


@pytest.mark.parametrize(("text", "expected"), FIRST)
def test_the_first_sentence_of_a_call(text: str, expected: dict[str, Any]) -> None:
    model = ScriptedModel(TOOLS, "+491", CATALOGUE, now=NOW)
    assert meaning(model.hear(text)) == expected_meaning(expected)
    assert "not understand" not in (model.remark or "")


@pytest.mark.parametrize("text", FOR_TWO)
def test_one_appointment_is_asked_for_two_people_and_the_remark_says_so(text: str) -> None:
    model = ScriptedModel(TOOLS, "+491", CATALOGUE, now=NOW)
    assert meaning(model.hear(text)) == expected_meaning(asks("Freitag um zehn", "Massage"))
    assert model.remark == phrases.ONE_APPOINTMENT


@pytest.mark.parametrize("offers", [(), ONE])
@pytest.mark.parametrize("text", NOT_UNDERSTOOD)
def test_what_no_function_gives_is_not_understood(text: str, offers: tuple[dict[str, str], ...]) -> None:
    model = ScriptedModel(TOOLS, "+491", CATALOGUE, now=NOW)
    if offers:
        model.hear("Einen Haarschnitt am Freitag")
        model.learn({"success": True, "slots": list(offers)})
    assert isinstance(model.hear(text), str)
    assert model.remark == phrases.NOT_UNDERSTOOD.format(text)
    if offers:
        assert model.hear("Ja, gern.") == phrases.ASK_NAME, "the offer stays"
        assert model.hear(text) == phrases.ASK_NAME
        assert meaning(model.hear("Eva Ernst")) == books(
            ONE[0], **({"email": "rolf at gmx punkt de"} if "Mail" in text else {})
        )


@pytest.mark.parametrize("text", ARE_YOU_HUMAN)
def test_who_asks_whether_a_person_speaks_hears_that_none_does(text: str) -> None:
    model = ScriptedModel(TOOLS, "+491", CATALOGUE, now=NOW)
    assert (model.hear(text), model.remark) == ("Ich bin ein KI-Assistent.", None)
    model.hear("Ich möchte meinen Termin absagen.")
    model.learn({"success": False, "message": "Soll ich …?", "needs_confirmation": True, "appointment_id": "a-1"})
    assert model.hear(text) == "Ich bin ein KI-Assistent."
    asked_again = model.hear("Ja")
    assert isinstance(asked_again, ToolCall)
    assert "confirmed" not in asked_again.args


@pytest.mark.parametrize(("offers", "text", "expected"), AFTER_OFFERS)
def test_a_sentence_after_offers(
    offers: tuple[dict[str, str], ...], text: str, expected: dict[str, Any] | None
) -> None:
    model = ScriptedModel(TOOLS, "+491", CATALOGUE, now=NOW)
    model.hear("Mein Name ist Eva Ernst, einen Haarschnitt" + (" am Freitag" if offers is ONE else ""))
    model.learn({"success": True, "slots": list(offers)})
    heard = meaning(model.hear(text))
    if expected and expected["when"] == "Nachmittag":  # of which day is the pods' decision
        assert heard is not None
        assert heard["tool"] == expected["tool"]
        return
    assert heard == expected_meaning(expected)


@pytest.mark.parametrize(("appointments", "says", "expected"), MOVES)
def test_the_last_sentence_of_a_change(
    appointments: list[dict[str, str]], says: tuple[str, ...], expected: dict[str, Any]
) -> None:
    model = ScriptedModel(TOOLS, "+491", CATALOGUE, now=NOW)
    reaction: ToolCall | str | None = None
    for text in says:
        reaction = model.hear(text)
        if isinstance(reaction, ToolCall) and "appointment_id" not in reaction.args:
            reaction = (
                model.learn({"success": reaction.name == "find_appointments", "appointments": appointments}) or reaction
            )
    assert reaction is not None
    assert meaning(reaction) == expected_meaning(expected)
