"""Calls of a yoga studio: night hours, a waiting list with the name behind it, and a message about another month."""

from datetime import UTC, datetime
from typing import Any

from held_calls import TEN, TOOLS, function_of, hold
from scripted_models import make_tools

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

STUDIO = read_catalogue(
    "## Buchbar\n- Einzelstunde Yoga (60 Minuten)\n- Rückenyoga (45 Minuten)\n- Schnupperstunde (30 Minuten)\n\n"
    "## Team\n- Yogaraum Lindenthal: Frau Dr. Hoffmann-Reuter, Jonas Pütz\n"
)
WAIT = "Setzen Sie mich bitte für Samstag auf die Warteliste"
NIGHT = "Haben Sie am Freitag nachts um drei eine Einzelstunde frei?"


def wait(*says: str) -> tuple[Any, str | None]:
    """Return what the model does at the last sentence of a call with an agent that has a waiting list, and its remark."""
    waits = make_tools({"join_waitlist": ("service", "date", "time", "part_of_day", "customer_name")})
    model = ScriptedModel({**TOOLS, **waits}, "+491", STUDIO)
    reaction: ToolCall | str = ""
    for said in says:
        reaction = model.hear(said)
        if isinstance(reaction, ToolCall):
            model.learn({"success": True, "message": "…", "slots": [TEN]})
    return ((reaction.name, reaction.args) if isinstance(reaction, ToolCall) else reaction), model.remark


def test_the_time_of_a_callback_is_that_of_its_own_clause() -> None:
    name, args = function_of(
        STUDIO,
        "Guten Abend, hier ist die Frau Schmitz. Können Sie der Chefin ausrichten, dass meine Rechnung vom Oktober nicht"
        " stimmt? Sie soll mich morgen zwischen neun und zehn zurückrufen.",
    )
    assert (name, args["call_back"], args["recipient"]) == ("leave_message", "morgen zwischen neun und zehn", "Chefin")
    name, args = function_of(
        STUDIO, "Es geht um die Rechnung vom Montag, bitte rufen Sie mich am Mittwoch um elf zurück.", "Gerda Schmitz."
    )
    assert (name, args["call_back"]) == ("leave_message", "Mittwoch um elf")


def test_a_time_behind_the_clause_that_asks_for_a_call_counts_too() -> None:
    _, args = function_of(STUDIO, "Bitte rufen Sie mich zurück, morgen um elf.", "Gerda Schmitz.")
    assert args["call_back"] == "morgen um elf"


def test_night_is_passed_on() -> None:
    name, args = function_of(STUDIO, NIGHT)
    assert name == "check_availability"
    assert "nachts" in " ".join(args.values())


def test_a_day_that_was_over_is_not_kept_for_the_next_time() -> None:
    model = ScriptedModel(TOOLS, "+491", STUDIO, now=datetime(2026, 11, 23, 10, tzinfo=UTC))
    for said in ("Eine Einzelstunde, bitte, gestern um drei.", "Geht es um vier?"):
        reaction = model.hear(said)
        assert isinstance(reaction, ToolCall)
        model.learn({"success": False, "message": "Dieser Zeitpunkt ist schon vorbei."})
    assert reaction.args.get("date") != "gestern"


def test_the_name_behind_the_waiting_list_is_the_one_that_waits() -> None:
    called, _ = wait("Eine Schnupperstunde am Samstag, bitte.", f"{WAIT}, Nadine Öztürk.")
    assert isinstance(called, tuple), called
    name, args = called
    assert (name, args["customer_name"], args["date"]) == ("join_waitlist", "Nadine Öztürk", "Samstag")


def test_another_wish_instead_of_the_name_is_heard_and_nobody_waits() -> None:
    book = ("Eine Schnupperstunde am Samstag, bitte.", f"{WAIT}.", "Dann nehme ich noch den Mittwoch um vier.")
    called, remark = wait(*book)
    assert isinstance(called, tuple), called
    assert (called[0], called[1]["date"], called[1]["time"]) == ("check_availability", "Mittwoch", "vier")
    assert remark == phrases.NOT_JOINED


def test_a_goodbye_instead_of_the_name_ends_the_call_and_says_that_nobody_waits() -> None:
    said = ("Eine Schnupperstunde am Samstag, bitte.", f"{WAIT}.", "Ja, gern, tschüss.")
    assert wait(*said) == (phrases.GOODBYE, phrases.NOT_JOINED)


def test_who_waits_already_and_asks_what_is_free_is_looked_for() -> None:
    said = "Guten Tag, ich steh bei Ihnen auf der Warteliste, ist für Samstag eine Schnupperstunde frei geworden?"
    called, _ = wait(said)
    assert isinstance(called, tuple), called
    assert (called[0], called[1]["date"]) == ("check_availability", "Samstag")


def test_another_appointment_instead_of_the_one_to_cancel_is_cancelled() -> None:
    name, args = function_of(
        STUDIO, "Ich möchte meinen Termin absagen.", "Den am Donnerstag, nein, den am Dienstag mein ich."
    )
    assert (name, args.get("appointment_date"), "confirmed" in args) == ("cancel_appointment", "Dienstag", False)


def test_an_appointment_that_is_kept_is_not_asked_about_again() -> None:
    said = ("Ich möchte meinen Termin absagen.", "Nein, den am Donnerstag brauche ich doch.")
    assert hold(STUDIO, *said)[0] == phrases.KEPT
    called, _ = hold(STUDIO, *said, "Ja.")
    assert "absagen" not in str(called)
    assert not isinstance(called, tuple)
