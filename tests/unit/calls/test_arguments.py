"""The requests of models to call functions, and the arguments that are read from them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from askproai_core.languages import Language
from askproai_runtime.conversation.arguments.companions import COUNTED
from askproai_runtime.conversation.arguments.reading import read_arguments
from askproai_runtime.conversation.arguments.table import ARGUMENT_RULES, FUNCTION_NAMES, fold_key, rules_of
from askproai_runtime.sentences import speaking
from tests.worlds.rows import each_row

ROOT = Path(__file__).resolve().parents[3]
PLAN = ROOT / "operator/askproai_operator/controllers/agent_plan"
VERIFIED = {
    "booking": ["book_appointment"],
    "finding": ["find_appointments", "reschedule_appointment", "cancel_appointment"],
}


@each_row(
    ("args", "normalized"),
    [
        (None, {}),
        ("morgen", {}),
        ([1], {}),
        (
            {"service": " Haarschnitt ", "date": "", "time": None, "staff": {"id": 1}},
            {"service": "Haarschnitt", "staff": "1"},
        ),
        ({"phone": 491512345678, "another": "ja"}, {"phone": "491512345678", "another": True}),
        *(
            ({"phone": said}, {"phone": "0171 5556677", "email": "anna.m@gmx.de"})
            for said in (
                "0171 5556677/anna.m@gmx.de",
                "0171 5556677,anna.m@gmx.de",
                "0171 5556677|anna.m@gmx.de",
                "anna.m@gmx.de/0171 5556677",
                "anna.m@gmx.de; 0171 5556677",
                "0171 5556677, anna.m@gmx.de.",
                "anna.m@gmx.de oder 0171 5556677",
                "anna.m@gmx.de 0171 5556677",
            )
        ),
        ({"phone": "01715556677anna@gmx.de"}, {"phone": "01715556677anna@gmx.de"}),
        ({"phone": "anna@gmx.de"}, {"phone": "anna@gmx.de"}),
        ({"another": True, "service": True}, {"another": True}),
        ({"service": ["Waschen", "Schneiden"], "staff": []}, {"service": "Waschen, Schneiden"}),
        ({"service": ["Waschen", 2], "customer_name": ["Petra"]}, {"service": "Waschen, 2", "customer_name": "Petra"}),
        ({"customer_name": ["Kai", " ", "Lorenz"]}, {"customer_name": "Kai & Lorenz"}),
        ({"service": [{"name": "Waschen"}, {"name": " Föhnen ", "minutes": 30}]}, {"service": "Waschen, Föhnen"}),
        ({"service": [{"name": "Waschen"}, {"name": " Föhnen ", "for": [None, True]}]}, {}),
        ({"service": {"name": "Haarschnitt"}}, {"service": "Haarschnitt"}),
        ({"service": ["Waschen", None, " ", {}, []]}, {"service": "Waschen"}),
        ({"service": [None, "", {"a": []}]}, {}),
        ({"another": "vielleicht"}, {}),
        ({"phone": "030"}, {"phone": "030"}),
        ({"staff": 0, "time": 0, "phone": 0.0, "service": "Färben"}, {"service": "Färben"}),
        ({"notes": "x" * 2_000}, {"notes": "x" * 500}),
        (
            {"companions": [{"customer_name": " Mia ", "service": ["Färben"], "age": 7}]},
            {"companions": [{"customer_name": "Mia", "service": "Färben"}]},
        ),
        (
            {"companions": [{}, "Mia", None, 3, []]},
            {"companions": [{}, {"customer_name": "Mia"}, {}]},
        ),
        ({"companions": 2}, {"companions": [COUNTED, COUNTED]}),
        ({"companions": '[{"customer_name": "Mia"}]'}, {"companions": [{"customer_name": "Mia"}]}),
        ({"companions": "Mia"}, {"companions": [{"customer_name": "Mia"}]}),
        ({"companions": "zwei"}, {"companions": [COUNTED, COUNTED]}),
        ({"companions": "2 weitere Personen"}, {"companions": [COUNTED, COUNTED]}),
        ({"companions": "Mia und Ben"}, {"companions": [{"customer_name": "Mia"}, {"customer_name": "Ben"}]}),
        ({"companions": [{"name": "Mia"}]}, {"companions": [{"customer_name": "Mia"}]}),
        ({"companions": {"items": [{"customer_name": "Mia"}, {}]}}, {"companions": [{"customer_name": "Mia"}, {}]}),
        ({"companions": {"1": {"customer_name": "Mia"}}}, {"companions": [{"customer_name": "Mia"}]}),
        ({"companions": {"service": "Färben"}}, {"companions": [{"service": "Färben"}]}),
        ({"companions": []}, {"companions": []}),
        ({"companions": {}}, {"companions": []}),
        ({"companions": "null"}, {}),
        ({"companions": "[" * 10_000}, {}),
        ({"companions": True}, {}),
        ({"companions": [{}] * 99}, {"companions": [{}] * 10}),
    ],
)
def test_model_argument_is_normalized(args: Any, normalized: dict[str, Any]) -> None:
    assert read_arguments("book_appointment", args).values == normalized


def test_a_deeply_nested_service_is_read_without_recursion() -> None:
    value: Any = "Haarschnitt"
    for _ in range(5_000):
        value = [value]
    assert read_arguments("book_appointment", {"service": value}).values == {"service": "Haarschnitt"}


def test_argument_table_has_every_argument_of_the_tools() -> None:
    for language in Language:
        declared = yaml.safe_load((PLAN / f"{language}.yaml").read_text("utf-8"))
        for tool in declared["functions"].values():
            assert tool["parameters"]["properties"].keys() <= {rule.name for rule in rules_of(tool["name"]).values()}
        for asked, functions in VERIFIED.items():
            for function in functions:
                assert declared["verification"][asked].keys() <= {rule.name for rule in rules_of(function).values()}


@pytest.mark.parametrize("function", FUNCTION_NAMES)
def test_no_alias_belongs_to_two_arguments(function: str) -> None:
    names = list[str]()
    for rule in ARGUMENT_RULES:
        if function in rule.functions:
            names += {fold_key(each) for each in (rule.name if rule.only_for is None else "", *rule.aliases) if each}
    assert len(names) == len(set(names))


PLACEHOLDERS = (
    None, "", " ", "-", "...", "null", "None", "NULL", "undefined", "nil", "NaN", "N/A", "unbekannt", "unknown", "string",
    "TBD", "not provided", "nicht angegeben", "keine Angabe", "not specified", "not available", "noch nicht bekannt",
    "weiß nicht", "{{customer_name}}", "{{ date }}", "${date}", "{date}", "[date]", "<date>", "<your name>", "[Name]",
    "[customer_name]", "%name%", "[REDACTED]", "[PERSON_NAME]", "[PERSON_NAME_1]", "<PHONE_NUMBER>", "***", "*****", "XXXX",
    "████", '""', "[]", "{}", "not provided by caller", "Not specified by the caller", "vom Anrufer nicht genannt",
    "caller did not provide", "to be determined", "will be provided later", "wird noch mitgeteilt", "string string",
    "String, String", "text text", "N/A N/A", "N/A, N/A", "undefined null", "TBD / TBD", "no", "keine", "HH:MM", "YYYY-MM-DD",
    "[companions]", "object", "PII_REMOVED", "MASKED", "anonymisiert", "%s", "$customer_name", "call.customer_name",
    "nicht erfasst", "XXX-XXX-XXXX", "+49XXXXXXXXXX", "+49 151 *****", "n.v.", "keine Notizen", "No notes",
    "TT.MM.JJJJ", "<hh:mm>", "YYYY-MM-DDTHH:MM:SS+01:00", "Date (DD/MM/YYYY)", "HH:MM Uhr",
)  # fmt: skip


NO_MATTER = (
    "egal", "Ganz egal", "ist mir egal", "egal wer", "any", "Anyone", "any staff member", "anybody is fine", "keine Präferenz",
    "no preference", "beliebig", "beliebiger Mitarbeiter", "irgendjemand", "irgendwer", "wer frei ist", "wer gerade Zeit hat",
    "whoever is available", "first available", "doesn't matter", "spielt keine Rolle", "no matter who", "whoever",
    "wer zuerst Zeit hat", "irgendwer vom Team", "wer halt kann", "whoever has time", "ist mir gleich", "anyone really",
    "whoever is there first", "irgendein Kollege", "the next free one", "I'm easy", "wer als erstes frei ist", "wer eben da ist",
    "whoever can take me first", "who is free first", "der nächstbeste", "die erste freie Mitarbeiterin", "jeder ist mir recht",
    "wer auch immer gerade da ist", "I'm not fussy", "keinen bestimmten", "nobody in particular", "the first free stylist",
    "mir ist das gleich", "irgendjemand aus Ihrem Team", "any of your stylists", "wer am frühesten kann", "who's free", "up to you",
    "whoever has the first opening", "wer von Ihnen frei ist", "anyone on the team", "suchen Sie aus", "whichever stylist is free",
    "best available", "any available agent", "the next free colleague", "unbestimmt", "gleichgültig",
    "morning|afternoon|evening", "vormittags, nachmittags oder abends", "am/pm",
)  # fmt: skip


NAMES = ("customer_name", "date", "time", "staff", "service", "phone", "start", "notes")
WISHES = ("staff", "service", "branch", "time", "part_of_day")


@each_row(
    ("function", "name", "said"),
    [
        *(("book_appointment", name, said) for name in NAMES for said in PLACEHOLDERS),
        *(("check_availability", name, said) for name in WISHES for said in NO_MATTER),
        *(("leave_message", "recipient", said) for said in (
            "any", "Anyone", "someone", "egal", "jemand", "irgendwer", "all", "staff", "Team", "the salon", "Ihr Team",
        )),
        *(("book_appointment", "phone", said) for said in (
            "0", "00", "000", 1, "refused", "1234567890", "0123 456789", "0000 000000",
        )),
        *(("check_availability", "staff", said) for said in ("Team", "Salon", "das Team")),
        *(("book_appointment", "email", said) for said in ("0", "1234567890", "declined")),
    ],
)  # fmt: skip
def test_a_value_without_meaning_counts_as_absent(function: str, name: str, said: Any) -> None:
    read = read_arguments(function, {name: said})
    assert (read.values, read.unread) == ({}, {})


BOOKED = {"date": "2026-12-11", "time": "10:00", "customer_name": "Petra Müller"}


@pytest.mark.parametrize(
    "args",
    [
        json.dumps(BOOKED), json.dumps(json.dumps(BOOKED)), [BOOKED], {"args": BOOKED}, {"arguments": json.dumps(BOOKED)},
        {"appointment": BOOKED}, {"appointment_details": json.dumps(BOOKED)},
        {"date": ["2026-12-11"], "time": {"value": "10:00"}, "customer_name": {"first_name": "Petra", "last_name": "Müller"}},
        {"date": {"date": "2026-12-11"}, "time": '"10:00"', "customer_name": '["Petra Müller"]'},
        {"date": {"date": "2026-12-11", "time": "10:00"}, "customerName": "Petra Müller"},
        {"Datum": "2026-12-11", "Uhrzeit": "10:00", "Name": "Petra Müller"},
        {"preferredDate": "2026-12-11", "preferred_time": "10:00", "full_name": "Petra Müller"},
        {"appointment_date": "2026-12-11", "appointment_time": "10:00", "firstName": "Petra", "lastName": "Müller"},
        {"date": "2026-12-11", "time": {"hour": 10, "minute": 0}, "client_name": "Petra Müller"},
    ],
)  # fmt: skip
def test_arguments_in_any_nesting_are_parsed(args: Any) -> None:
    read = read_arguments("book_appointment", args)
    assert {name: read.values.get(name) for name in BOOKED} == BOOKED


def test_unread_argument_is_reported() -> None:
    args = {"gender": "female", "date": ["11", "12"], "duration": None, "execution_message": "Moment"}
    assert read_arguments("book_appointment", args).unread == {"date": "11, 12", "gender": "female"}


@each_row(
    ("said", "noted"),
    [
        ("Kunde {{customer_name}} hat Nussallergie", "Kunde hat Nussallergie"), ("Rollstuhl, {{notes}}", "Rollstuhl"),
        ("${notes} Allergie", "Allergie"), ("[NAME] kommt mit Rollstuhl", "kommt mit Rollstuhl"),
        ("Allergie [nur Nüsse] {name}", "Allergie [nur Nüsse]"), ("{{customer_name}}, {{notes}}", None),
    ],
)  # fmt: skip
def test_a_note_is_read_without_its_placeholders(said: str, noted: str | None) -> None:
    for function, name in (("book_appointment", "notes"), ("leave_message", "message")):
        read = read_arguments(function, {name: said})
        assert (read.values.get(name), read.unread) == (noted, {})


def test_list_of_days_becomes_alternatives() -> None:
    with speaking(Language("de")):
        args = {"date": ["2026-12-01", "2026-12-04", "2026-12-05"], "time": ["10:00", "ab 14 Uhr"]}
        read = read_arguments("check_availability", args)
    assert read.values == {"date": "2026-12-01, 2026-12-04 oder 2026-12-05", "time": "10:00 oder ab 14 Uhr"}
    assert read_arguments("check_availability", {"time": [25, 10]}).unread == {"time": "25, 10"}
    assert read_arguments("check_availability", {"time": ["25", "10"]}).unread == {"time": "25, 10"}
    twice = {"date": "2026-12-11", "day": "2026-12-12", "time": "10:00"}
    read = read_arguments("book_appointment", twice)
    assert (read.values, read.unread) == ({}, {"date": "2026-12-11", "day": "2026-12-12", "time": "10:00"})


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (True, True),
        ("true", True),
        ("ja", True),
        ("no", False),
        ("maybe", None),
        ("null", None),
        ("noch nicht", False),
        ("not yet", False),
        ("pending", False),
        ("nicht angegeben", None),
    ],
)
def test_boolean_argument_is_parsed_from_words(said: Any, read: bool | None) -> None:
    assert read_arguments("cancel_appointment", {"confirmed": said}).values.get("confirmed") is read


@each_row(
    ("args", "time"),
    [
        ({"time": {"hour": 10, "minute": "5"}}, "10:05"),
        ({"time": {"hour": "9", "minute": 30}}, "09:30"),
        *(({"time": {"hour": hour, "minute": minute}}, None) for hour, minute in (
            (10, "x"), (10, True), (10, [5]), (99, 0), ([1], 0),
        )),
        ({"time": "10", "minutes": "30"}, "10:30"),
        ({"hour": "10", "min": "15"}, "10:15"),
        ({"uhrzeit": "10 Uhr", "minuten": 15}, "10:15"),
        ({"time": {"value": "10", "mins": 30}}, "10:30"),
        ({"time": "10:00", "minutes": 30}, "10:00"),
        ({"time": "zehn", "minutes": 30}, None),
        ({"time": "10:00", "minute": 30}, None),
    ],
)  # fmt: skip
def test_hours_and_minutes_make_one_time(args: Any, time: str | None) -> None:
    read = read_arguments("check_availability", args)
    assert (read.values.get("time"), "time" in read.unclear) == (time, time is None)


OTTO = {"customer_name": "Otto Lange"}


@each_row(
    ("args", "companions"),
    [
        ({"companions": ["Otto Lange bei Julia"]}, [OTTO | {"staff": "Julia"}]),
        ({"companions": "Otto Lange (with Julia)"}, [OTTO | {"staff": "Julia"}]),
        ({"companions": ["Otto Lange (nicht bei Mehmet)"]}, None),
        ({"companions": "ja"}, None),
        ({"companions": "ja, gerne"}, None),
        ({"companions": True}, None),
        ({"companion": "Otto Lange"}, [OTTO]),
        ({"guest": {"name": "Otto Lange"}}, [OTTO]),
        ({"husband": "Otto Lange"}, [OTTO]),
        ({"accompanied_by": "Otto Lange"}, [OTTO]),
        ({"second_person": "Otto Lange"}, [OTTO]),
        ({"kids": ["Mia"]}, [{"customer_name": "Mia"}]),
        ({"plus_one": True}, None),
        ({"adults": 1}, []),
        ({"adults": 2}, None),
    ],
)
def test_companions_are_read_or_asked_about(args: Any, companions: list[dict[str, str]] | None) -> None:
    read = read_arguments("book_appointment", args)
    assert (read.values.get("companions"), "companions" in read.unclear) == (companions, companions is None)


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("GÃ¼nther BÃ¶hm", "Günther Böhm"), ("RenÃ© GroÃŸ", "René Groß"), ("Ã–zlem KÃ¶se", "Özlem Köse"),
        ("João Ângelo", "João Ângelo"), ("JOÃO", "JOÃO"), ("Günther Böhm", "Günther Böhm"), ("M\\u00fcller", "Müller"),
        ("Sean O&#39;Connor", "Sean O'Connor"), ("Sean O&apos;Connor", "Sean O'Connor"), ("O&amp;#x27;Neil", "O'Neil"),
        ("J&uuml;rgen M&#252;ller", "Jürgen Müller"), ("Anna &amp; Ben", "Anna & Ben"), ("Foto&Copy", "Foto&Copy"),
        ("A&para B", "A&para B"), ("Anna &quot;Anni&quot; Ott", 'Anna "Anni" Ott'),
    ],
)  # fmt: skip
def test_escaped_or_misread_text_is_decoded(sent: str, name: str) -> None:
    for args in ({"customer_name": sent}, json.dumps({"customer_name": sent}), {"customer": {"full_name": [sent]}}):
        assert read_arguments("book_appointment", args).values == {"customer_name": name}
    assert read_arguments("leave_message", {"message": sent}).values == {"message": name}
    read = read_arguments("book_appointment", {"companions": [{"customer_name": sent}], "hair_colour": sent})
    assert read.values.get("companions", [{}])[0].get("customer_name") in {name, name.partition(" &")[0]}
    assert read.unread["hair_colour"] == name
