"""Calls of a foot care practice: a compound is another thing than its first half, and what is left out is said to be."""

from held_calls import function_of, hold

from askproai_sandbox.caller.catalogue import read_catalogue

PRACTICE = read_catalogue(
    "## Buchbar\n- Medizinische Fußpflege (45 Minuten; auch: Fußpflege)\n"
    "- Nagelkorrektur (30 Minuten; auch: eingewachsener Nagel)\n"
    "- Pediküre mit Lack (60 Minuten; auch: Pediküre)\n- Warzenbehandlung (20 Minuten)\n\n"
    "## Team\n- Bahnhofstraße: Ute, Frau Jansen\n- Seeviertel: Frau Jansen\n"
)


def test_a_branch_is_named_with_ins() -> None:
    called = function_of(PRACTICE, "Ich wollte zu Frau Jansen ins Seeviertel, geht da Montag was?")
    assert called == ("check_availability", {"staff": "Frau Jansen", "branch": "Seeviertel", "date": "Montag"})


def test_a_compound_is_another_thing_than_what_begins_it() -> None:
    said = "Machen Sie auch Nagelmodellage?"
    assert function_of(PRACTICE, said) == ("business_information", {"topic": "other", "question": said})


def test_what_is_not_wanted_of_a_service_is_said_to_be_left() -> None:
    called, remark = hold(PRACTICE, "Ich möchte eine Pediküre, aber ohne Lack.")
    assert called == ("check_availability", {"service": "Pediküre mit Lack"})
    assert "“ohne Lack”" in str(remark)


def test_so_a_treatment_is_none_in_particular() -> None:
    name, args = function_of(PRACTICE, "Wie lang dauert denn so eine Behandlung?")
    assert (name, args["topic"], "service" in args) == ("business_information", "service", False)


def test_whether_it_is_closed_already_asks_for_the_hours() -> None:
    assert function_of(PRACTICE, "Haben Sie schon zu oder kann ich noch kommen?")[1]["topic"] == "opening_hours"


def test_a_name_behind_the_time_is_who_comes() -> None:
    says = ("Eine Fußpflege am Donnerstag, bitte.", "Um zehn wäre gut. Also für meinen Mann, Bernd Seidel.")
    assert function_of(PRACTICE, *says)[1]["customer_name"] == "Bernd Seidel"
