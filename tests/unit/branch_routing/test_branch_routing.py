"""A hotline finds its caller's branch by question, digit, postal code and history, and never guesses."""

import msgspec
import pytest

from askproai_core.phone_numbers import Route
from askproai_core.tenant_config import Address, Branch, BusinessModel, TenantConfig
from askproai_runtime.branch_routing import BranchQuestion, FoundBranch, Hints, choose_branch
from askproai_runtime.branch_routing.routing import find_branch
from tests.worlds.compiled_salon import compile_example
from tests.worlds.rows import each_row

PEOPLE = (("mitte", "anna"), ("mitte", "mehmet"), ("pankow", "clara"), ("potsdam", "david"))
CHAIN = compile_example(
    "hotline.yaml", resource_ids={(branch, person, 1): n for n, (branch, person) in enumerate(PEOPLE, 1)}
)


def find(phrase: str | None = None, *, config: TenantConfig = CHAIN, **hints: str) -> FoundBranch | BranchQuestion:
    return find_branch(config, Hints(phrase, **hints))


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
    ],
)
def test_a_branch_is_found_by_name_place_digit_and_postal_code(phrase: str, branch: str, announce: bool) -> None:
    found = find(phrase)
    assert isinstance(found, FoundBranch)
    assert (found.branch.name, found.announce) == (branch, announce)


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
        "egal",
        "",
        None,
        "10",
    ],
)
def test_an_uncertain_branch_is_asked_for(phrase: str | None) -> None:
    question = find(phrase)
    assert isinstance(question, BranchQuestion)
    assert question.question.startswith(
        "Für welche Filiale möchten Sie den Termin? Sagen oder drücken Sie eins für Haarwerk Mitte, "
    )


def test_a_word_of_several_branches_asks_among_those_only() -> None:
    question = find("Berlin")
    assert isinstance(question, BranchQuestion)
    assert question.branches == ("mitte", "pankow")


def test_umlauts_may_be_spelt_in_any_way() -> None:
    chain = chain_of(("ost", "Filiale Köpenick", "12555 Berlin"), ("west", "Filiale Süd", "14163 Berlin"))
    for phrase in ("Koepenick", "KÖPENICK", "köpenick"):
        found = find(phrase, config=chain)
        assert isinstance(found, FoundBranch)
        assert found.branch.name == "ost"


def test_a_near_postal_code_is_offered_and_not_assumed() -> None:
    question = find("10117")
    assert isinstance(question, BranchQuestion)
    assert question.suggested_branch == "mitte"
    assert question.question.startswith(
        "Am nächsten liegt wohl Haarwerk Mitte. Passt das? Sonst sagen oder drücken Sie eins für"
    )
    far = find("80331")
    assert isinstance(far, BranchQuestion)
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
def test_only_one_branch_that_is_nearer_than_all_others_is_suggested(
    postal_codes: tuple[str, str], phrase: str, suggested: str | None
) -> None:
    west, east = postal_codes
    branches = tuple(
        Branch(name=name, display_name=name.title(), address=Address(postal_code=code, city=""))
        for name, code in (("west", west), ("ost", east))
    )
    question = find(phrase, config=msgspec.structs.replace(CHAIN, branches=branches, services=()))
    assert isinstance(question, BranchQuestion)
    assert question.suggested_branch == suggested


def test_a_postal_code_may_be_written_with_a_space() -> None:
    chain = chain_of(("ost", "Salong Ost", "11 22 Malmö"), ("west", "Salong Väst", "22 33 Lund"))
    found = find("1122", config=chain)
    assert isinstance(found, FoundBranch)
    assert found.branch.name == "ost"


@pytest.mark.parametrize(("count", "has_digits"), [(9, True), (10, False)])
def test_digits_choose_among_as_many_branches_as_have_a_key_each(count: int, has_digits: bool) -> None:
    names = ("alt", "berg", "cux", "dorf", "eck", "furt", "grund", "hof", "insel", "jura")[:count]
    chain = chain_of(*((name, f"Salon {name}", "") for name in names))
    assert isinstance(find("neun", config=chain), FoundBranch) is has_digits


def test_a_suggested_branch_is_chosen_only_by_a_yes() -> None:
    assert isinstance(find("ja", suggested_branch="mitte"), FoundBranch)
    for phrase in ("in Hamburg", "nein", "nein, ja doch nicht"):
        assert isinstance(find(phrase, suggested_branch="mitte"), BranchQuestion)


def test_two_branches_with_one_postal_code_are_asked_for() -> None:
    chain = chain_of(
        ("a", "Am Markt", "10119 Berlin"), ("b", "Am See", "10119 Berlin"), ("c", "Am Tor", "10115 Berlin")
    )
    question = find("10119", config=chain)
    assert isinstance(question, BranchQuestion)
    assert question.branches == ("a", "b")


def test_history_is_a_question_unless_the_caller_says_as_always() -> None:
    question = find(last_branch="pankow")
    assert isinstance(question, BranchQuestion)
    assert question.suggested_branch == "pankow"
    assert question.question.startswith("Möchten Sie wieder zu Haarwerk Pankow? Sonst sagen oder drücken Sie eins")
    for phrase in ("wie immer", "Wie beim letzten Mal", "wieder", "die gleiche", "dieselbe"):
        found = find(phrase, last_branch="pankow")
        assert isinstance(found, FoundBranch), phrase
        assert (found.branch.name, found.announce) == ("pankow", True)
    assert isinstance(find("wie immer", last_branch="closed-down"), BranchQuestion)


def test_a_found_branch_is_kept_until_another_is_named() -> None:
    for phrase, branch in (
        (None, "mitte"),
        ("Berlin", "mitte"),
        ("hier bei Ihnen", "mitte"),
        ("lieber Potsdam", "potsdam"),
    ):
        found = find(phrase, current_branch="mitte")
        assert isinstance(found, FoundBranch), phrase
        assert found.branch.name == branch
    assert isinstance(find("Mitte oder Potsdam", current_branch="mitte"), BranchQuestion)


def test_keys_choose_only_while_no_branch_is_found() -> None:
    pressed = find(pressed_keys="3")
    assert isinstance(pressed, FoundBranch)
    assert pressed.branch.name == "potsdam"
    later = find(pressed_keys="3", current_branch="mitte")
    assert isinstance(later, FoundBranch)
    assert later.branch.name == "mitte"


def test_a_service_of_some_branches_narrows_the_choice_and_keeps_the_digits() -> None:
    question = find(service="Strähnen")
    assert isinstance(question, BranchQuestion)
    assert question.branches == ("mitte", "potsdam")
    assert "eins für Haarwerk Mitte, drei für Haarwerk Potsdam" in question.question
    narrowed = find("Berlin", service="Färben")
    assert isinstance(narrowed, FoundBranch)
    assert narrowed.branch.name == "mitte"


def test_a_visit_needs_a_branch_that_offers_each_of_its_services() -> None:
    question = find(service="Haarschnitt und Strähnen")
    assert isinstance(question, BranchQuestion)
    assert question.branches == ("mitte", "potsdam")
    found = find(service="Haarschnitt, Bart")
    assert isinstance(found, FoundBranch)
    assert found.branch.name == "pankow"


def test_a_service_of_one_branch_finds_that_branch_and_announces_it() -> None:
    found = find(service="Bart")
    assert isinstance(found, FoundBranch)
    assert (found.branch.name, found.announce) == ("pankow", True)


@pytest.mark.parametrize(
    "hints",
    [
        {"staff": "Clara"},
        {"staff": "bei der Clara", "service": "Haarschnitt"},
        {"staff": "Clara", "phrase": "Berlin"},
        {"staff": "clara", "last_branch": "mitte"},
    ],
)
def test_a_person_of_one_branch_finds_that_branch_and_announces_it(hints: dict[str, str]) -> None:
    found = find(**hints)
    assert isinstance(found, FoundBranch)
    assert (found.branch.name, found.announce) == ("pankow", True)


@pytest.mark.parametrize(
    ("hints", "branches"),
    [
        ({"staff": "Clara", "service": "Färben"}, ("mitte", "potsdam")),  # she does not, where others do
        ({"staff": "Zarathustra"}, ("mitte", "pankow", "potsdam")),
        ({"staff": "egal"}, ("mitte", "pankow", "potsdam")),
        ({"staff": ""}, ("mitte", "pankow", "potsdam")),
    ],
)
def test_whoever_does_not_do_it_anywhere_leaves_the_choice(hints: dict[str, str], branches: tuple[str, ...]) -> None:
    question = find(**hints)
    assert isinstance(question, BranchQuestion)
    assert question.branches == branches


def test_a_person_of_two_branches_narrows_the_choice_and_keeps_the_digits() -> None:
    mitte, pankow, potsdam = CHAIN.branches
    both = msgspec.structs.replace(potsdam, staff=(*potsdam.staff, *pankow.staff))
    question = find(staff="Clara", config=msgspec.structs.replace(CHAIN, branches=(mitte, pankow, both)))
    assert isinstance(question, BranchQuestion)
    assert "zwei für Haarwerk Pankow, drei für Haarwerk Potsdam" in question.question
    assert question.branches == ("pankow", "potsdam")


@pytest.mark.parametrize("hints", [{"staff": "Clara"}, {"service": "Bart"}])
def test_a_branch_is_announced_whose_name_shares_the_words_that_were_said(hints: dict[str, str]) -> None:
    mitte, pankow, potsdam = CHAIN.branches
    named = (
        msgspec.structs.replace(mitte, display_name="Haarwerk Berlin Mitte"),
        msgspec.structs.replace(pankow, display_name="Haarwerk Berlin Pankow"),
        potsdam,
    )
    found = find(phrase="Berlin", **hints, config=msgspec.structs.replace(CHAIN, branches=named))
    assert isinstance(found, FoundBranch)
    assert (found.branch.name, found.announce) == ("pankow", True)


def test_a_branch_that_was_named_or_found_stays_whoever_is_asked_for() -> None:
    for hints in ({"current_branch": "mitte"}, {"phrase": "Mitte"}):
        found = find(**hints, staff="Clara")
        assert isinstance(found, FoundBranch)
        assert found.branch.name == "mitte"


def test_a_branch_without_the_service_is_answered_with_those_that_have_it() -> None:
    for hints in ({"current_branch": "pankow"}, {"phrase": "Pankow"}):
        question = find(**hints, service="Färben")
        assert isinstance(question, BranchQuestion)
        assert "nicht in Haarwerk Pankow, aber in Haarwerk Mitte oder Haarwerk Potsdam" in question.question


def test_more_than_four_branches_are_not_read_out() -> None:
    chain = chain_of(*((f"ort{n}", f"Filiale Ort{chr(97 + n)}", f"1{n}000 Stadt{chr(97 + n)}") for n in range(6)))
    question = find(config=chain)
    assert isinstance(question, BranchQuestion)
    assert "Postleitzahl" in question.question
    assert question.branches == ()
    found = find("Stadtc", config=chain)
    assert isinstance(found, FoundBranch)
    assert found.branch.name == "ort2"


def test_where_names_have_numbers_a_digit_is_a_name() -> None:
    """Sorted as names, "Filiale 10" is the second: "zwei" must never become the tenth."""
    chain = chain_of(*((f"filiale-{n}", f"Filiale {n}", "10119 Berlin") for n in (1, 10, 2)))
    question = find(config=chain)
    assert isinstance(question, BranchQuestion)
    assert "zwei für" not in question.question
    found = find("Filiale 2", config=chain)
    assert isinstance(found, FoundBranch)
    assert found.branch.name == "filiale-2"
    assert isinstance(find("zwei", config=chain), BranchQuestion)


@pytest.mark.parametrize("model", list(BusinessModel))
def test_every_model_stays_at_a_branch_with_an_agent_of_its_own(model: BusinessModel) -> None:
    config = msgspec.structs.replace(CHAIN, business_model=model)
    for phrase, expected in ((None, "pankow"), ("hier", "pankow"), ("Mitte", "mitte")):
        found = choose_branch(config, Route("pankow", None), Hints(phrase, last_branch="potsdam"))
        assert isinstance(found, FoundBranch)
        assert found.branch.name == expected
    assert isinstance(choose_branch(config, Route("pankow", None), Hints("Hamburg")), BranchQuestion)


def test_the_only_branch_is_never_asked_for() -> None:
    single = msgspec.structs.replace(CHAIN, branches=CHAIN.branches[:1])
    found = find(config=single)
    assert isinstance(found, FoundBranch)
    assert found.branch.name == "mitte"
    question = find("Hamburg", config=single)
    assert isinstance(question, BranchQuestion)
    assert question.question == "Diese Filiale kenne ich nicht. Möchten Sie den Termin in Haarwerk Mitte?"


def test_a_yes_means_what_was_asked_last_and_nothing_else() -> None:
    """A model passes on the caller's words: "Ja" to "Möchten Sie wieder zu Haarwerk Pankow?"."""
    for phrase in ("Ja", "ja, gerne", "Genau, passt."):
        found = find(phrase, suggested_branch="pankow", last_branch="mitte")
        assert isinstance(found, FoundBranch), phrase
        assert (found.branch.name, found.announce) == ("pankow", True)
    for phrase, hints in (
        ("Ja", {"last_branch": "mitte"}),
        ("Nein", {"suggested_branch": "pankow"}),
        ("ja nicht", {"suggested_branch": "pankow"}),
    ):
        assert isinstance(find(phrase, **hints), BranchQuestion), phrase
    refusal = find("Nein", suggested_branch="pankow", last_branch="pankow")
    assert isinstance(refusal, BranchQuestion)
    assert refusal.suggested_branch is None, "not offered once more"
    for phrase in ("Nein, lieber Potsdam", "Ja, aber in Potsdam"):
        named = find(phrase, suggested_branch="pankow", last_branch="pankow")
        assert isinstance(named, FoundBranch), phrase
        assert named.branch.name == "potsdam"


def test_a_yes_to_the_only_other_branch_with_the_service_moves_the_call_there() -> None:
    question = find(current_branch="mitte", service="Bartpflege")
    assert isinstance(question, BranchQuestion)
    assert question.suggested_branch == "pankow"
    found = find("ja", current_branch="mitte", service="Bartpflege", suggested_branch="pankow")
    assert isinstance(found, FoundBranch)
    assert found.branch.name == "pankow"


def test_half_a_name_is_no_name() -> None:
    chain = chain_of(("a", "Salon Bad Homburg", "61348 Bad Homburg"), ("b", "Salon Frankfurt", "60311 Frankfurt"))
    assert isinstance(find("Bad Nauheim", config=chain), BranchQuestion)
    found = find("Bad Homburg", config=chain)
    assert isinstance(found, FoundBranch)
    assert found.branch.name == "a"


def test_ten_branches_have_no_keys() -> None:
    chain = chain_of(*((f"ort{n}", f"Filiale Ort{chr(97 + n)}", "10119 Berlin") for n in range(10)))
    assert isinstance(find("2", config=chain), BranchQuestion)


def test_words_that_all_branches_share_do_not_hide_a_digit() -> None:
    chain = chain_of(("mitte", "Filiale Mitte", "10119 Berlin"), ("nord", "Filiale Nord", "13187 Berlin"))
    for phrase, hints in (
        ("die zweite Filiale", {}),
        ("Filiale 2", {}),
        ("die gleiche Filiale", {"last_branch": "nord"}),
    ):
        found = find(phrase, config=chain, **hints)
        assert isinstance(found, FoundBranch), phrase
        assert found.branch.name == "nord"


@pytest.mark.parametrize(("heard", "meant"), [("Potzdam", "potsdam"), ("Miete", "mitte"), ("Pancow", "pankow")])
def test_a_branch_that_is_heard_is_suggested_and_never_chosen(heard: str, meant: str) -> None:
    question = find(heard)
    assert isinstance(question, BranchQuestion)
    assert question.suggested_branch == meant
    assert question.question.startswith("Meinen Sie ")
    yes = find("ja", suggested_branch=meant)
    assert isinstance(yes, FoundBranch)
    assert yes.branch.name == meant
