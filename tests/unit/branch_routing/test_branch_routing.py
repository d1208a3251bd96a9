"""A hotline finds its caller's branch by question, digit, postal code and history, and never guesses."""

from typing import Any

import msgspec
import pytest

from askproai_core.tenant_config import Branch, TenantConfig
from askproai_core.tenant_config.branches import Address
from askproai_core.tenant_config.vocabulary import BusinessModel
from askproai_runtime.call_routes import Route
from askproai_runtime.conversation.arguments.known_names import KnownNames
from askproai_runtime.conversation.arguments.reading import read_arguments
from askproai_runtime.conversation.named_branch.matching import find_named_branch, is_answer
from askproai_runtime.conversation.named_branch.routing import (
    BranchQuestion,
    FoundBranch,
    Hints,
    choose_branch,
    find_branch,
)
from tests.worlds.compiled_salon import compile_example
from tests.worlds.rows import each_row

PEOPLE = (("mitte", "anna"), ("mitte", "mehmet"), ("pankow", "clara"), ("potsdam", "david"))
CHAIN = compile_example(
    "hotline.yaml", resource_ids={(branch, person, 1): n for n, (branch, person) in enumerate(PEOPLE, 1)}
)


def find(phrase: str | None = None, *, config: TenantConfig = CHAIN, **hints: Any) -> FoundBranch | BranchQuestion:
    return find_branch(config, Hints(phrase, **hints))


def found(phrase: str | None = None, **hints: Any) -> tuple[str, bool]:
    """Return the branch that is found, and whether it is announced."""
    branch = find(phrase, **hints)
    assert isinstance(branch, FoundBranch), (phrase, branch)
    return branch.branch.name, branch.announce


def asked(phrase: str | None = None, **hints: Any) -> BranchQuestion:
    """Return the question for the branch."""
    question = find(phrase, **hints)
    assert isinstance(question, BranchQuestion), (phrase, question)
    return question


def chain_of(*named: tuple[str, str, str]) -> TenantConfig:
    """Return a chain of branches: (name, display name, postal code and city)."""
    branches = tuple(
        Branch(name=name, display_name=display_name, address=Address(postal_code=place[:5], city=place[6:]))
        for name, display_name, place in named
    )
    return msgspec.structs.replace(CHAIN, branches=branches, services=())


@pytest.mark.parametrize(
    ("phrase", "branch", "announce"),
    [
        ("Mitte", "mitte", False),
        ("in der Filiale Mitte, bitte", "mitte", False),
        ("haarwerk pankow", "pankow", False),
        ("Potsdam", "potsdam", False),
        ("Berlin-Mitte", "mitte", False),
        ("1", "mitte", True),
        ("2", "pankow", True),  # a caller who says no name hears which branch it is
        ("zwei", "pankow", True),
        ("die Dritte", "potsdam", True),
        ("Nummer drei bitte", "potsdam", True),
        ("10119", "mitte", True),
        ("1 4 4 6 7", "potsdam", True),
        ("eins vier vier sechs sieben", "potsdam", True),
        ("10119 Berlin", "mitte", True),
        ("Torstraße", "mitte", True),
        ("Torstraße 1", "mitte", True),
        ("die in der Torstr.", "mitte", True),
        ("the one on Florastrasse, please", "pankow", True),
        ("Brandenburger Straße", "potsdam", True),
        ("Mitte, Torstraße 1, 10119 Berlin", "mitte", False),
    ],
)
def test_branch_is_found_by_name_place_or_digits(phrase: str, branch: str, announce: bool) -> None:
    assert found(phrase) == (branch, announce)


@each_row(
    ("args", "service", "branch"),
    [
        ({"service": "Haarschnitt in Mitte"}, "Haarschnitt", "in Mitte"),
        ({"service": "Haarschnitt in der Filiale Pankow"}, "Haarschnitt", "in der Filiale Pankow"),
        ({"service": "Haarschnitt, Torstraße"}, "Haarschnitt", "Torstraße"),
        ({"service": "Haarschnitt in der Florastraße"}, "Haarschnitt", "in der Florastraße"),
        ({"service": "haircut at the Potsdam branch"}, "haircut", "at the Potsdam branch"),
        ({"service": "Haarschnitt in Berlin"}, "Haarschnitt", "in Berlin"),
        ({"service": "Haarschnitt in Mitte", "branch": "Mitte"}, "Haarschnitt", "Mitte"),
        ({"service": "Haarschnitt in Mitte", "branch": "Pankow"}, "Haarschnitt in Mitte", "Pankow"),
        ({"service": "Haarschnitt Mitte nächster Woche"}, "Haarschnitt", None),
        ({"service": "Haarschnitt Mitte Dezember"}, "Haarschnitt", None),
        ({"service": "Haarschnitt in Hamburg"}, "Haarschnitt in Hamburg", None),
        ({"service": "Haarschnitt 2"}, "Haarschnitt 2", None),
    ],
)
def test_branch_within_a_service_text_is_separated(args: dict[str, str], service: str, branch: str | None) -> None:
    values = read_arguments("check_availability", args, KnownNames(CHAIN)).values
    assert (values.get("service"), values.get("branch")) == (service, branch)


@each_row(
    "phrase",
    [
        "Haarwerk",
        "Berlin",
        "Mitte oder Pankow",
        "nicht Mitte",
        "in Hamburg",
        "0",
        "4",
        "99",
        "wie immer",
        "die erste, die frei ist",
        "eine Filiale in der Nähe",
        "in zwei Wochen",
        "Hauptstraße 1",
        "in der Straße",
        "egal",
        "",
        None,
        "10",
    ],
)
def test_an_uncertain_branch_is_asked_for(phrase: str | None) -> None:
    question = asked(phrase)
    assert question.question.startswith(
        "Für welche Filiale möchten Sie den Termin? Sagen oder drücken Sie eins für Haarwerk Mitte, "
    )


def test_ambiguous_word_asks_among_its_branches_only() -> None:
    assert asked("Berlin").branches == ("mitte", "pankow")


def test_umlauts_may_be_spelt_in_any_way() -> None:
    chain = chain_of(("ost", "Filiale Köpenick", "12555 Berlin"), ("west", "Filiale Süd", "14163 Berlin"))
    for phrase in ("Koepenick", "KÖPENICK", "köpenick"):
        assert found(phrase, config=chain)[0] == "ost"


def test_near_postal_code_suggests_a_branch() -> None:
    question = asked("10117")
    assert question.suggested_branch == "mitte"
    assert question.question.startswith(
        "Am nächsten liegt wohl Haarwerk Mitte. Passt das? Sonst sagen oder drücken Sie eins für"
    )
    far = asked("80331")
    assert far.suggested_branch is None


@pytest.mark.parametrize(
    ("postal_codes", "phrase", "suggested"),
    [
        (("1010", "8010"), "1020", "west"),  # Vienna and Graz: four digits
        (("10119", "80331"), "10999", "west"),  # two digits are shared
        (("10119", "80331"), "19999", None),  # one alone covers a quarter of the country
        (("10119", "10437"), "10999", None),  # both are as near
    ],
)
def test_only_the_single_nearest_branch_is_suggested(
    postal_codes: tuple[str, str], phrase: str, suggested: str | None
) -> None:
    west, east = postal_codes
    branches = tuple(
        Branch(name=name, display_name=name.title(), address=Address(postal_code=code, city=""))
        for name, code in (("west", west), ("ost", east))
    )
    assert (
        asked(phrase, config=msgspec.structs.replace(CHAIN, branches=branches, services=())).suggested_branch
        == suggested
    )


def test_postal_code_may_be_written_with_a_space() -> None:
    chain = chain_of(("ost", "Salong Ost", "11 22 Malmö"), ("west", "Salong Väst", "22 33 Lund"))
    assert found("1122", config=chain)[0] == "ost"


@pytest.mark.parametrize(("count", "has_digits"), [(9, True), (10, False)])
def test_digits_choose_among_at_most_nine_branches(count: int, has_digits: bool) -> None:
    names = ("alt", "berg", "cux", "dorf", "eck", "furt", "grund", "hof", "insel", "jura")[:count]
    chain = chain_of(*((name, f"Salon {name}", "") for name in names))
    assert isinstance(find("neun", config=chain), FoundBranch) is has_digits


def test_suggested_branch_is_chosen_only_by_a_yes() -> None:
    found("ja", suggested_branch="mitte")
    for phrase in ("in Hamburg", "nein", "nein, ja doch nicht"):
        asked(phrase, suggested_branch="mitte")


def test_postal_code_of_two_branches_asks_which_branch() -> None:
    chain = chain_of(
        ("a", "Am Markt", "10119 Berlin"), ("b", "Am See", "10119 Berlin"), ("c", "Am Tor", "10115 Berlin")
    )
    assert asked("10119", config=chain).branches == ("a", "b")


def test_last_branch_is_suggested_or_chosen_as_always() -> None:
    question = asked(last_branch="pankow")
    assert question.suggested_branch == "pankow"
    assert question.question.startswith("Möchten Sie wieder zu Haarwerk Pankow? Sonst sagen oder drücken Sie eins")
    for phrase in ("wie immer", "Wie beim letzten Mal", "wieder", "die gleiche", "dieselbe"):
        assert found(phrase, last_branch="pankow") == ("pankow", True)
    asked("wie immer", last_branch="closed-down")


def test_chosen_branch_stays_until_another_is_named() -> None:
    for phrase, branch in (
        (None, "mitte"),
        ("Berlin", "mitte"),
        ("hier bei Ihnen", "mitte"),
        ("lieber Potsdam", "potsdam"),
    ):
        assert found(phrase, current_branch="mitte")[0] == branch
    asked("Mitte oder Potsdam", current_branch="mitte")


def test_pressed_keys_do_not_change_a_chosen_branch() -> None:
    assert found(pressed_keys="3")[0] == "potsdam"
    assert found(pressed_keys="3", current_branch="mitte")[0] == "mitte"


def test_service_of_some_branches_narrows_the_digit_choice() -> None:
    question = asked(service="Strähnen")
    assert question.branches == ("mitte", "potsdam")
    assert "eins für Haarwerk Mitte, drei für Haarwerk Potsdam" in question.question
    assert found("Berlin", service="Färben")[0] == "mitte"


def test_visits_branch_must_offer_each_of_its_services() -> None:
    assert asked(service="Haarschnitt und Strähnen").branches == ("mitte", "potsdam")
    assert found(service="Haarschnitt, Bart")[0] == "pankow"


def test_service_of_one_branch_selects_and_announces_it() -> None:
    assert found(service="Bart") == ("pankow", True)


@pytest.mark.parametrize(
    "hints",
    [
        {"staff": "Clara"},
        {"staff": "bei der Clara", "service": "Haarschnitt"},
        {"staff": "Clara", "phrase": "Berlin"},
        {"staff": "clara", "last_branch": "mitte"},
    ],
)
def test_person_of_one_branch_selects_and_announces_it(hints: dict[str, str]) -> None:
    assert found(**hints) == ("pankow", True)


@pytest.mark.parametrize(
    ("hints", "branches"),
    [
        ({"staff": "Clara", "service": "Färben"}, ("mitte", "potsdam")),  # she does not, where others do
        ({"staff": "Zarathustra"}, ("mitte", "pankow", "potsdam")),
        ({"staff": "egal"}, ("mitte", "pankow", "potsdam")),
        ({"staff": ""}, ("mitte", "pankow", "potsdam")),
    ],
)
def test_person_without_the_service_chooses_no_branch(hints: dict[str, str], branches: tuple[str, ...]) -> None:
    assert asked(**hints).branches == branches


def test_person_of_two_branches_narrows_the_digit_choice() -> None:
    mitte, pankow, potsdam = CHAIN.branches
    both = msgspec.structs.replace(potsdam, staff=(*potsdam.staff, *pankow.staff))
    question = asked(staff="Clara", config=msgspec.structs.replace(CHAIN, branches=(mitte, pankow, both)))
    assert "zwei für Haarwerk Pankow, drei für Haarwerk Potsdam" in question.question
    assert question.branches == ("pankow", "potsdam")


@pytest.mark.parametrize("hints", [{"staff": "Clara"}, {"service": "Bart"}])
def test_branch_with_a_shared_name_is_announced(hints: dict[str, str]) -> None:
    mitte, pankow, potsdam = CHAIN.branches
    named = (
        msgspec.structs.replace(mitte, display_name="Haarwerk Berlin Mitte"),
        msgspec.structs.replace(pankow, display_name="Haarwerk Berlin Pankow"),
        potsdam,
    )
    assert found(phrase="Berlin", **hints, config=msgspec.structs.replace(CHAIN, branches=named)) == ("pankow", True)


def test_chosen_branch_stays_when_another_person_is_requested() -> None:
    for hints in ({"current_branch": "mitte"}, {"phrase": "Mitte"}):
        assert found(**hints, staff="Clara")[0] == "mitte"


def test_branches_with_the_service_are_named_instead() -> None:
    for hints in ({"current_branch": "pankow"}, {"phrase": "Pankow"}):
        question = asked(**hints, service="Färben")
        assert "nicht in Haarwerk Pankow, aber in Haarwerk Mitte oder Haarwerk Potsdam" in question.question


def test_menu_of_many_branches_asks_for_postal_code() -> None:
    chain = chain_of(*((f"ort{n}", f"Filiale Ort{chr(97 + n)}", f"1{n}000 Stadt{chr(97 + n)}") for n in range(6)))
    question = asked(config=chain)
    assert "Postleitzahl" in question.question
    assert question.branches == ()
    assert found("Stadtc", config=chain)[0] == "ort2"


def test_numbered_branch_names_are_not_menu_digits() -> None:
    """Sorted as names, "Filiale 10" is the second: "zwei" must never become the tenth."""
    chain = chain_of(*((f"filiale-{n}", f"Filiale {n}", "10119 Berlin") for n in (1, 10, 2)))
    question = asked(config=chain)
    assert "zwei für" not in question.question
    assert found("Filiale 2", config=chain)[0] == "filiale-2"
    asked("zwei", config=chain)


@pytest.mark.parametrize("model", list(BusinessModel))
def test_agents_own_branch_stays_unless_another_is_named(model: BusinessModel) -> None:
    config = msgspec.structs.replace(CHAIN, business_model=model)
    for phrase, expected in ((None, "pankow"), ("hier", "pankow"), ("Mitte", "mitte")):
        found = choose_branch(config, Route("pankow", None), Hints(phrase, last_branch="potsdam"))
        assert isinstance(found, FoundBranch)
        assert found.branch.name == expected
    assert isinstance(choose_branch(config, Route("pankow", None), Hints("Hamburg")), BranchQuestion)


def test_the_only_branch_is_never_asked_for() -> None:
    single = msgspec.structs.replace(CHAIN, branches=CHAIN.branches[:1])
    assert found(config=single)[0] == "mitte"
    for main in ("main", "Hauptfiliale", "die Zentrale", "main branch", "default", "head office"):
        assert found(main, config=single) == ("mitte", False)
        asked(main)
    assert (
        asked("Hamburg", config=single).question
        == "Diese Filiale kenne ich nicht. Möchten Sie den Termin in Haarwerk Mitte?"
    )


def test_yes_answers_only_the_last_question() -> None:
    """A model passes on the caller's words: "Ja" to "Möchten Sie wieder zu Haarwerk Pankow?"."""
    for phrase in ("Ja", "ja, gerne", "Genau, passt."):
        assert found(phrase, suggested_branch="pankow", last_branch="mitte") == ("pankow", True)
    for phrase, hints in (
        ("Ja", {"last_branch": "mitte"}),
        ("Nein", {"suggested_branch": "pankow"}),
        ("ja nicht", {"suggested_branch": "pankow"}),
    ):
        asked(phrase, **hints)
    refusal = asked("Nein", suggested_branch="pankow", last_branch="pankow")
    assert refusal.suggested_branch is None, "not offered once more"
    for phrase in ("Nein, lieber Potsdam", "Ja, aber in Potsdam"):
        assert found(phrase, suggested_branch="pankow", last_branch="pankow")[0] == "potsdam"


def test_yes_to_the_only_other_branch_chooses_it() -> None:
    assert asked(current_branch="mitte", service="Bartpflege").suggested_branch == "pankow"
    assert found("ja", current_branch="mitte", service="Bartpflege", suggested_branch="pankow")[0] == "pankow"


@pytest.mark.parametrize("said", ["Bart stutzen", "Bart rasieren", "beard trim"])
def test_another_branchs_service_is_named_with_its_branch(said: str) -> None:
    question = asked(current_branch="mitte", service=said)
    assert question.question.startswith("Bartpflege gibt es nicht in Haarwerk Mitte, aber in Haarwerk Pankow.")
    assert question.suggested_branch == "pankow"


def test_partial_branch_name_chooses_no_branch() -> None:
    chain = chain_of(("a", "Salon Bad Homburg", "61348 Bad Homburg"), ("b", "Salon Frankfurt", "60311 Frankfurt"))
    asked("Bad Nauheim", config=chain)
    assert found("Bad Homburg", config=chain)[0] == "a"


def test_menu_of_ten_branches_has_no_digits() -> None:
    chain = chain_of(*((f"ort{n}", f"Filiale Ort{chr(97 + n)}", "10119 Berlin") for n in range(10)))
    asked("2", config=chain)


def test_digit_beside_the_word_filiale_selects_a_branch() -> None:
    chain = chain_of(("mitte", "Filiale Mitte", "10119 Berlin"), ("nord", "Filiale Nord", "13187 Berlin"))
    for phrase, hints in (
        ("die zweite Filiale", {}),
        ("Filiale 2", {}),
        ("die gleiche Filiale", {"last_branch": "nord"}),
    ):
        assert found(phrase, config=chain, **hints)[0] == "nord"


@pytest.mark.parametrize(("heard", "meant"), [("Potzdam", "potsdam"), ("Miete", "mitte"), ("Pancow", "pankow")])
def test_heard_branch_is_suggested_and_never_chosen(heard: str, meant: str) -> None:
    question = asked(heard)
    assert question.suggested_branch == meant
    assert question.question.startswith("Meinen Sie ")
    assert found("ja", suggested_branch=meant)[0] == meant


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Mitte", True), ("In Mitte bitte.", True), ("Ja.", True), ("Nein.", True), ("wie immer", True), ("zwei", True),
        ("Die in der Torstraße.", True), ("Ja, Mitte.", True),
        ("Mitte?", False), ("Nach Pankow nein", False), ("Okay, zwei.", False), ("Mitte nächster Woche", False),
        ("Pankow ist mir zu weit", False), ("", False), ("bitte", False), ("Haarschnitt", False),
    ],
)  # fmt: skip
def test_only_an_answer_names_the_asked_branch(words: str, expected: bool) -> None:
    assert is_answer(CHAIN.branches, words, "pankow") is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Wann haben Sie in Mitte offen?", "mitte"), ("Hat Pankow am Samstag auf?", "pankow"), ("Potsdam", "potsdam"),
        ("Mitte oder Pankow, wer hat offen?", None), ("Wann haben Sie offen?", None), ("Mitte Dezember", None),
        ("Haarwerk", None), ("Nein, nicht Mitte", None),
    ],
)  # fmt: skip
def test_one_branch_named_in_a_question_is_found(words: str, expected: str | None) -> None:
    found = find_named_branch(CHAIN.branches, words, lambda phrase: "mitte dezember" in phrase)
    assert (None if found is None else found.name) == expected


def test_the_only_branch_needs_no_name() -> None:
    assert find_named_branch(CHAIN.branches[:1], "in Mitte", lambda _: False) is None
