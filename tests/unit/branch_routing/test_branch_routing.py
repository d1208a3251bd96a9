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


EAST = chain_of(("ost", "Filiale Köpenick", "12555 Berlin"), ("west", "Filiale Süd", "14163 Berlin"))
MALMO = chain_of(("ost", "Salong Ost", "11 22 Malmö"), ("west", "Salong Väst", "22 33 Lund"))
NORTH = chain_of(("mitte", "Filiale Mitte", "10119 Berlin"), ("nord", "Filiale Nord", "13187 Berlin"))
HOMBURG = chain_of(("a", "Salon Bad Homburg", "61348 Bad Homburg"), ("b", "Salon Frankfurt", "60311 Frankfurt"))
SAME_CODE = chain_of(
    ("a", "Am Markt", "10119 Berlin"), ("b", "Am See", "10119 Berlin"), ("c", "Am Tor", "10115 Berlin")
)
SHARED_NAME = msgspec.structs.replace(
    CHAIN,
    branches=tuple(
        msgspec.structs.replace(each, display_name=name)
        for each, name in zip(
            CHAIN.branches, ("Haarwerk Berlin Mitte", "Haarwerk Berlin Pankow", "Haarwerk Potsdam"), strict=True
        )
    ),
)


@each_row(
    ("phrase", "hints", "branch", "announce"),
    [
        ("Mitte", {}, "mitte", False),
        ("in der Filiale Mitte, bitte", {}, "mitte", False),
        ("haarwerk pankow", {}, "pankow", False),
        ("Potsdam", {}, "potsdam", False),
        ("Berlin-Mitte", {}, "mitte", False),
        ("1", {}, "mitte", True),
        ("2", {}, "pankow", True),  # a caller who says no name hears which branch it is
        ("zwei", {}, "pankow", True),
        ("die Dritte", {}, "potsdam", True),
        ("Nummer drei bitte", {}, "potsdam", True),
        ("10119", {}, "mitte", True),
        ("1 4 4 6 7", {}, "potsdam", True),
        ("eins vier vier sechs sieben", {}, "potsdam", True),
        ("10119 Berlin", {}, "mitte", True),
        ("Torstraße", {}, "mitte", True),
        ("Torstraße 1", {}, "mitte", True),
        ("die in der Torstr.", {}, "mitte", True),
        ("the one on Florastrasse, please", {}, "pankow", True),
        ("Brandenburger Straße", {}, "potsdam", True),
        ("Mitte, Torstraße 1, 10119 Berlin", {}, "mitte", False),
        *((each, {"config": EAST}, "ost", False) for each in ("Koepenick", "KÖPENICK", "köpenick")),
        ("1122", {"config": MALMO}, "ost", True),
        ("Bad Homburg", {"config": HOMBURG}, "a", False),
        *((each, {"config": NORTH}, "nord", False) for each in ("die zweite Filiale", "Filiale 2")),
        ("die gleiche Filiale", {"config": NORTH, "last_branch": "nord"}, "nord", False),
        *((each, {"last_branch": "pankow"}, "pankow", True)
          for each in ("wie immer", "Wie beim letzten Mal", "wieder", "die gleiche", "dieselbe", "na wo ich immer bin",
                       "in meine Filiale", "where I usually go", "my branch")),
        *((each, {"current_branch": "mitte"}, "mitte", False) for each in (None, "Berlin", "hier bei Ihnen")),
        ("lieber Potsdam", {"current_branch": "mitte"}, "potsdam", False),
        (None, {"pressed_keys": "3"}, "potsdam", True),
        (None, {"pressed_keys": "3", "current_branch": "mitte"}, "mitte", False),
        ("ja", {"suggested_branch": "mitte"}, "mitte", True),
        ("ja", {"current_branch": "mitte", "service": "Bartpflege", "suggested_branch": "pankow"}, "pankow", True),
        ("Berlin", {"service": "Färben"}, "mitte", True),
        (None, {"service": "Haarschnitt, Bart"}, "pankow", True),
        (None, {"service": "Bart"}, "pankow", True),
        (None, {"staff": "Clara"}, "pankow", True),
        (None, {"staff": "bei der Clara", "service": "Haarschnitt"}, "pankow", True),
        (None, {"staff": "clara", "last_branch": "mitte"}, "pankow", True),
        ("Berlin", {"staff": "Clara"}, "pankow", True),
        ("Berlin", {"staff": "Clara", "config": SHARED_NAME}, "pankow", True),
        ("Berlin", {"service": "Bart", "config": SHARED_NAME}, "pankow", True),
        (None, {"staff": "Clara", "current_branch": "mitte"}, "mitte", False),
        ("Mitte", {"staff": "Clara"}, "mitte", False),
    ],
)  # fmt: skip
def test_branch_is_found_and_announced_unless_named(
    phrase: str | None, hints: dict[str, Any], branch: str, announce: bool
) -> None:
    assert found(phrase, **hints) == (branch, announce)


ALL = ("mitte", "pankow", "potsdam")


@each_row(
    ("phrase", "hints", "branches"),
    [
        ("Berlin", {}, ("mitte", "pankow")), ("Mitte oder Pankow", {}, ("mitte", "pankow")),
        ("10119", {"config": SAME_CODE}, ("a", "b")),
        (None, {"service": "Strähnen"}, ("mitte", "potsdam")),
        (None, {"service": "Haarschnitt und Strähnen"}, ("mitte", "potsdam")),
        (None, {"staff": "Clara", "service": "Färben"}, ("mitte", "potsdam")),  # she does not, where others do
        *((None, {"staff": staff}, ALL) for staff in ("Zarathustra", "egal", "")),
        *((phrase, {}, ALL) for phrase in (
            "Haarwerk", "nicht Mitte", "in Hamburg", "0", "4", "99", "wie immer", "die erste, die frei ist",
            "eine Filiale in der Nähe", "in zwei Wochen", "Hauptstraße 1", "in der Straße", "egal", "", None, "10",
        )),
        ("in Hamburg", {"suggested_branch": "mitte"}, ALL),
        *((phrase, {"suggested_branch": "mitte"}, ("pankow", "potsdam")) for phrase in ("nein", "nein, ja doch nicht")),
        ("wie immer", {"last_branch": "closed-down"}, ALL),
        ("Mitte oder Potsdam", {"current_branch": "mitte"}, ("mitte", "potsdam")),
        ("Bad Nauheim", {"config": HOMBURG}, ("a", "b")),
    ],
)  # fmt: skip
def test_uncertain_branch_is_asked_among_possible_ones(
    phrase: str | None, hints: dict[str, Any], branches: tuple[str, ...]
) -> None:
    question = asked(phrase, **hints)
    assert question.branches == branches
    start = "Für welche Filiale möchten Sie den Termin? Sagen oder drücken Sie eins für Haarwerk Mitte, "
    assert hints or question.question.startswith(start)


def test_last_branch_is_suggested() -> None:
    question = asked(last_branch="pankow")
    assert question.suggested_branch == "pankow"
    assert question.question.startswith("Möchten Sie wieder zu Haarwerk Pankow? Sonst sagen oder drücken Sie eins")
    assert "eins für Haarwerk Mitte, drei für Haarwerk Potsdam" in asked(service="Strähnen").question
    assert asked(current_branch="mitte", service="Bartpflege").suggested_branch == "pankow"


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
        ({"service": "Haarschnitt in Mitte", "branch": "Pankow"}, "Haarschnitt", None),
        ({"service": "Haarschnitt Mitte nächster Woche"}, "Haarschnitt", None),
        ({"service": "Haarschnitt Mitte Dezember"}, "Haarschnitt", None),
        ({"service": "Haarschnitt in Hamburg"}, "Haarschnitt in Hamburg", None),
        ({"service": "Haarschnitt 2"}, "Haarschnitt 2", None),
    ],
)
def test_branch_within_a_service_text_is_separated(args: dict[str, str], service: str, branch: str | None) -> None:
    values = read_arguments("check_availability", args, KnownNames(CHAIN)).values
    assert (values.get("service"), values.get("branch")) == (service, branch)


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


@pytest.mark.parametrize(("count", "has_digits"), [(9, True), (10, False)])
def test_digits_choose_among_at_most_nine_branches(count: int, has_digits: bool) -> None:
    names = ("alt", "berg", "cux", "dorf", "eck", "furt", "grund", "hof", "insel", "jura")[:count]
    chain = chain_of(*((name, f"Salon {name}", "") for name in names))
    assert isinstance(find("neun", config=chain), FoundBranch) is has_digits


def test_person_of_two_branches_narrows_the_digit_choice() -> None:
    mitte, pankow, potsdam = CHAIN.branches
    both = msgspec.structs.replace(potsdam, staff=(*potsdam.staff, *pankow.staff))
    question = asked(staff="Clara", config=msgspec.structs.replace(CHAIN, branches=(mitte, pankow, both)))
    assert "zwei für Haarwerk Pankow, drei für Haarwerk Potsdam" in question.question
    assert question.branches == ("pankow", "potsdam")


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


@pytest.mark.parametrize("said", ["Bart stutzen", "Bart rasieren", "beard trim"])
def test_another_branchs_service_is_named_with_its_branch(said: str) -> None:
    question = asked(current_branch="mitte", service=said)
    assert question.question.startswith("Bartpflege gibt es nicht in Haarwerk Mitte, aber in Haarwerk Pankow.")
    assert question.suggested_branch == "pankow"


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
