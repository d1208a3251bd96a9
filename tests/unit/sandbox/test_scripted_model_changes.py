"""The demo's agent moves and cancels the caller's appointments."""

from typing import Any

import pytest
from played_calls import OFFER
from scripted_models import ASK_TIME, called, new_model_tools

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.phrases import KEPT, OTHER_BRANCH

OWN = {"appointment_id": "a-1", "start": OFFER["start"], "spoken": "Freitag um 14 Uhr 30"}
OTHER = {"appointment_id": "a-2", "start": "2026-11-28T10:00:00+01:00", "spoken": "Samstag um 10 Uhr"}
MONDAY = {"appointment_id": "a-1", "start": "2026-11-23T10:00:00+01:00", "spoken": "Montag um 10 Uhr bei Mia"}
QUESTION = {"success": False, "needs_confirmation": True, "appointment_id": "a-1"}
CHANGES = {
    name: {"parameters": {"properties": {key: {} for key in ("appointment_id", *names)}}}
    for name, names in {
        "find_appointments": (),
        "reschedule_appointment": ("start", "date", "time"),
        "cancel_appointment": ("appointment_date", "appointment_time", "confirmed"),
    }.items()
}


def test_who_has_nothing_to_cancel_can_still_book() -> None:
    model = ScriptedModel({**CHANGES, "check_availability": {"parameters": {"properties": {"date": {}}}}}, "+491")
    assert called(model, "Ich möchte meinen Termin absagen.")["tool"] == "cancel_appointment"
    model.learn(
        {"success": False, "message": "Unter Ihrer Nummer finde ich keinen kommenden Termin.", "appointments": []}
    )
    assert called(model, "Dann einen Termin am Dienstag")["tool"] == "check_availability"


def test_a_cancellation_is_confirmed_only_by_a_yes() -> None:
    """A function that asks back gets the appointment that it named, with `confirmed`."""
    tools = {
        "cancel_appointment": {
            "parameters": {"properties": {"appointment_id": {}, "confirmed": {}, "appointment_date": {}}}
        }
    }
    question = {"success": False, "message": "Soll ich …?", "needs_confirmation": True, "appointment_id": "a-1"}
    for answer, expected in (
        ("Ja, bitte.", {"appointment_id": "a-1", "confirmed": True}),
        ("Nein, lieber nicht.", None),
    ):
        model = ScriptedModel(tools, "+491")
        assert called(model, "Den am Dienstag absagen, bitte.") == {
            "tool": "cancel_appointment",
            "appointment_date": "Dienstag",
        }
        model.learn(question)
        reaction = model.hear(answer)
        assert isinstance(reaction, str) if expected is None else reaction == ToolCall("cancel_appointment", expected)


@pytest.mark.parametrize(
    ("says", "calls"),
    [
        (
            [("Wann ist mein Termin?", {"success": True, "appointments": [OWN]}), ("Den möchte ich absagen.", None)],
            [("find_appointments", {}), ("cancel_appointment", {})],
        ),
        (
            [
                ("Ich möchte meinen Termin absagen.", {"success": False, "appointments": [OWN, OTHER]}),
                ("Den zweiten, bitte.", None),
            ],
            [("cancel_appointment", {}), ("cancel_appointment", {"appointment_id": "a-2"})],
        ),
        (
            [
                ("Sagen Sie den Termin am Dienstag um drei Uhr ab, ich möchte stornieren.", QUESTION),
                ("Ja, bitte.", None),
            ],
            [
                ("cancel_appointment", {"appointment_date": "Dienstag", "appointment_time": "drei Uhr"}),
                ("cancel_appointment", {"appointment_id": "a-1", "confirmed": True}),
            ],
        ),
        (
            [
                ("Ich möchte meinen Termin verschieben.", {"success": False}),
                ("Auf Freitag um vier Uhr.", {"success": False, "alternatives": [OTHER]}),
                ("Ja, gern.", None),
            ],
            [
                ("reschedule_appointment", {}),
                ("reschedule_appointment", {"date": "Freitag", "time": "vier Uhr"}),
                ("reschedule_appointment", {"start": OTHER["start"]}),
            ],
        ),
        (
            [
                (
                    "Können wir meinen Termin auf morgen um zehn verlegen?",
                    {"success": False, "appointments": [OWN, OTHER]},
                ),
                ("Den ersten.", None),
            ],
            [
                ("reschedule_appointment", {"date": "morgen", "time": "zehn"}),
                ("reschedule_appointment", {"appointment_id": "a-1", "date": "morgen", "time": "zehn"}),
            ],
        ),
        (
            [
                (
                    "Können wir meinen Termin auf morgen um zehn verlegen?",
                    {"success": False, "appointments": [OWN], "appointment_id": "a-1"},
                ),
                ("Ja, genau.", None),
            ],
            [
                ("reschedule_appointment", {"date": "morgen", "time": "zehn"}),
                ("reschedule_appointment", {"appointment_id": "a-1", "date": "morgen", "time": "zehn"}),
            ],
        ),
    ],
)
def test_the_caller_moves_and_cancels(says: list[tuple[str, Any]], calls: list[tuple[str, dict[str, str]]]) -> None:
    model, called_tools = ScriptedModel(CHANGES, "+4915112345678"), []
    for text, answer in says:
        call = model.hear(text)
        assert isinstance(call, ToolCall), text
        called_tools.append((call.name, call.args))
        model.learn(answer)
    assert called_tools == calls


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Nein, dann lassen wir es", "Gut, der Termin bleibt bestehen."),
        ("Nein", ASK_TIME),
        ("Ja aber nicht um zehn", ASK_TIME),
    ],
)
def test_a_caller_who_rejects_the_new_time_moves_nothing(text: str, says: str) -> None:
    model = ScriptedModel(CHANGES, "+4915112345678")
    assert isinstance(model.hear("Ich möchte meinen Termin auf Samstag um neun verschieben."), ToolCall)
    model.learn({"success": False, "message": "Frei ist …", "alternatives": [OTHER]})
    assert model.hear(text) == says


@pytest.mark.parametrize(
    ("said", "new"),
    [
        ("Lieber zwei Stunden später, bitte", {"time": "zwei Stunden später"}),
        ("um eine Stunde nach hinten", {"time": "um eine Stunde nach hinten"}),
        ("Geht eine halbe Stunde früher?", {"time": "eine halbe Stunde früher"}),
        ("um anderthalb Stunden nach vorne", {"time": "um anderthalb Stunden nach vorne"}),
        ("Am Tag danach, gleiche Uhrzeit", {"date": "Am Tag danach", "time": "gleiche Uhrzeit"}),
        ("Am Freitag zur gleichen Zeit", {"date": "Freitag", "time": "zur gleichen Zeit"}),
        ("auf den Montag danach um neun", {"date": "auf den Montag danach", "time": "neun"}),
    ],
)
def test_a_new_time_is_counted_from_the_appointment_by_the_pods(said: str, new: dict[str, str]) -> None:
    model = ScriptedModel(CHANGES, "+4915112345678")
    model.hear("Ich möchte meinen Termin verschieben")
    heard = called(model, said)
    assert {name: words.strip(" ,") for name, words in heard.items() if name in {"date", "time"}} == new
    assert (heard["tool"], model.remark) == ("reschedule_appointment", None)


def test_a_span_without_a_direction_is_marked_as_not_understood() -> None:
    model = ScriptedModel(CHANGES, "+4915112345678")
    text = "Können Sie meinen Termin um eine Stunde verschieben?"
    assert isinstance(model.hear(text), ToolCall)
    assert model.remark == phrases.NO_SPAN.format(text)


def test_the_appointment_is_found_before_its_new_time_is_counted() -> None:
    model = ScriptedModel(CHANGES, "+4915112345678")
    call = model.hear("Können Sie meinen Termin von Freitag um eine Stunde nach hinten schieben?")
    assert isinstance(call, ToolCall)
    assert (call.name, model.remark) == ("find_appointments", None)
    found = {"appointment_id": "a-1", "start": "2026-11-27T10:00:00+01:00", "service": "Haarschnitt", "staff": "Anna"}
    moved = model.learn({"success": True, "appointments": [found]})
    assert isinstance(moved, ToolCall)
    assert moved.args == {"appointment_id": "a-1", "time": "um eine Stunde nach hinten"}


@pytest.mark.parametrize("says", ["Nein.", "Nein, lieber nicht."])
def test_a_caller_who_means_no_such_appointment_moves_none(says: str) -> None:
    """The question "Meinen Sie den am …?" names the only appointment that there is."""
    model = ScriptedModel(CHANGES, "+491")
    assert called(model, "Ich möchte meinen Termin verschieben.")["tool"] == "reschedule_appointment"
    model.learn({"success": False, "message": "Meinen Sie den am Freitag?", "appointment_id": "a-1"})
    assert model.hear(says) == KEPT


def test_the_yes_to_the_question_of_a_move_that_is_not_possible_cancels() -> None:
    model = ScriptedModel(CHANGES, "+4915112345678")
    assert called(model, "Ich möchte meinen Termin auf morgen um zehn verschieben.")["tool"] == "reschedule_appointment"
    model.learn(QUESTION | {"message": "Soll ich ihn absagen und einen neuen suchen?"})
    call = model.hear("Ja, bitte.")
    assert call == ToolCall("cancel_appointment", {"appointment_id": QUESTION["appointment_id"], "confirmed": True})


def test_a_caller_who_says_no_cancels_nothing() -> None:
    model = ScriptedModel(CHANGES, "+4915112345678")
    assert isinstance(model.hear("Ich möchte meinen Termin absagen."), ToolCall)
    model.learn(QUESTION)
    assert not isinstance(model.hear("Nein, doch nicht."), ToolCall)
    assert not isinstance(model.hear("Danke."), ToolCall)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("Oh, kann ich das auf zwölf Uhr ändern?", {"time": "zwölf Uhr"}),
        ("Nein, warten Sie, doch am Samstag um zehn", {"date": "Samstag", "time": "zehn"}),
        ("Ach, lieber um vier", {"time": "vier"}),
    ],
)
def test_who_changes_their_mind_after_a_booking_moves_it(text: str, when: dict[str, str]) -> None:
    model = booked_model()
    assert called(model, text) == {"tool": "reschedule_appointment", "appointment_id": "a-1", **when}
    model.learn({"success": True, "message": "Verschoben."})
    assert called(model, "Und noch einen Haarschnitt am Montag, bitte")["tool"] == "check_availability"


def test_a_booked_appointment_cannot_move_to_another_branch_and_is_cancelled_only_by_a_yes() -> None:
    for answer, expected in (("Ja, bitte.", {"appointment_id": "a-1", "confirmed": True}), ("Nein.", None)):
        model = booked_model()
        assert model.hear("Nein, warten Sie, doch in Pankow") == OTHER_BRANCH
        reaction = model.hear(answer)
        assert reaction == (ToolCall("cancel_appointment", expected) if expected else KEPT)


def booked_model() -> ScriptedModel:
    catalogue = Catalogue(branches=("Mitte", "Pankow"))
    model = ScriptedModel({**new_model_tools(), **CHANGES}, "+491", catalogue)
    model.hear("Hier ist Dora Dorn, einen Haarschnitt am Freitag um halb drei")
    model.learn({"success": True, "slots": [OFFER]})
    assert called(model, "Ja, bitte")["tool"] == "book_appointment"
    model.learn({"success": True, "message": "Der Termin ist eingetragen.", "appointment_id": "a-1"})
    return model


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("Ich habe morgen einen Termin bei Mia, kann ich den auf halb eins legen?", {"time": "halb eins"}),
        ("Können Sie meinen Termin auf Mittwoch um neun vorziehen?", {"date": "Mittwoch", "time": "neun"}),
        ("Ich würde gern meinen Termin auf Mittwoch verlegen, geht da neun?", {"date": "Mittwoch", "time": "neun"}),
    ],
)
def test_a_move_is_understood_in_other_words(text: str, args: dict[str, str]) -> None:
    model = ScriptedModel(CHANGES, "+491")
    heard = model.hear(text)
    if heard == ToolCall("find_appointments", {}):
        heard = model.learn(
            {
                "success": True,
                "appointments": [
                    {
                        "appointment_id": "a-1",
                        "start": "2026-11-23T10:00:00+01:00",
                        "spoken": "Montag um 10 Uhr bei Mia",
                    }
                ],
            }
        )
    assert isinstance(heard, ToolCall)
    assert heard.name == "reschedule_appointment"
    assert {name: heard.args.get(name) for name in args} == args


def test_an_hour_alone_answers_the_question_for_it() -> None:
    model = ScriptedModel(CHANGES, "+491")
    called(model, "Ich möchte meinen Termin auf Mittwoch verlegen")
    model.learn({"success": False, "message": "Mittwoch, 25. November: Um wie viel Uhr genau?"})
    assert called(model, "Neun, bitte.")["time"] == "Neun"


@pytest.mark.parametrize(
    "text", ["Nein doch nicht, lassen Sie alles so.", "Ach, doch nicht.", "Nein.", "Lassen Sie alles, wie es ist."]
)
def test_a_move_that_the_caller_does_not_want_any_more_is_over(text: str) -> None:
    model = ScriptedModel({**new_model_tools(), **CHANGES}, "+491")
    called(model, "Ich möchte meinen Termin auf Mittwoch verlegen")
    model.learn({"success": False, "message": "Mittwoch, 25. November: Um wie viel Uhr genau?"})
    assert model.hear(text) == KEPT
    assert called(model, "Einen Haarschnitt am Freitag")["tool"] == "check_availability"


def test_who_leaves_a_booked_appointment_as_it_is_keeps_it() -> None:
    assert booked_model().hear("Nein, lassen Sie alles so.") == KEPT
