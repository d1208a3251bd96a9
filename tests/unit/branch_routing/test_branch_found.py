"""B5: the branch of a hotline's caller, by question, digit, postal code and history; never guessed."""

import msgspec
import pytest

from askproai_core.phone_numbers import Route
from askproai_core.tenant_config import Address, Branch, BusinessModel, TenantConfig
from askproai_runtime.branch_routing.branch import Found, Hints, Unclear, find_branch
from askproai_runtime.branch_routing.models import MODELS
from askproai_sandbox.example_tenant import compile_example

PEOPLE = (("mitte", "anna"), ("mitte", "mehmet"), ("pankow", "clara"), ("potsdam", "david"))
CHAIN = compile_example("hotline.yaml", resource_ids={(branch, one, 1): n for n, (branch, one) in enumerate(PEOPLE, 1)})


def find(said: str | None = None, *, config: TenantConfig = CHAIN, **hints: str) -> Found | Unclear:
    return find_branch(config, Hints(said, **hints))


def places(*named: tuple[str, str, str]) -> TenantConfig:
    """Give a chain of (name, display name, postal code and city)."""
    branches = tuple(
        Branch(name=name, display_name=shown, address=Address(postal_code=place[:5], city=place[6:]))
        for name, shown, place in named
    )
    return msgspec.structs.replace(CHAIN, branches=branches, services=())


@pytest.mark.parametrize(
    ("said", "branch", "tell"),
    [
        ("Mitte", "mitte", False),
        ("in der Filiale Mitte, bitte", "mitte", False),
        ("haarwerk pankow", "pankow", False),
        ("Potsdam", "potsdam", False),
        ("Berlin-Mitte", "mitte", False),
        ("2", "pankow", True),  # who names none hears which one it is
        ("zwei", "pankow", True),
        ("die Dritte", "potsdam", True),
        ("Nummer drei bitte", "potsdam", True),
        ("10119", "mitte", True),
        ("1 4 4 6 7", "potsdam", True),
        ("eins vier vier sechs sieben", "potsdam", True),
        ("10119 Berlin", "mitte", True),
    ],
)
def test_a_branch_is_found_by_name_place_digit_and_postal_code(said: str, branch: str, tell: bool) -> None:
    found = find(said)
    assert isinstance(found, Found)
    assert (found.branch.name, found.tell) == (branch, tell)


@pytest.mark.parametrize(
    "said",
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
def test_what_is_not_certain_is_asked(said: str | None) -> None:
    unclear = find(said)
    assert isinstance(unclear, Unclear)
    assert unclear.question.startswith(
        "Für welche Filiale möchten Sie den Termin? Sagen oder drücken Sie eins für Haarwerk Mitte, "
    )


def test_a_word_of_several_branches_asks_among_those_only() -> None:
    unclear = find("Berlin")
    assert isinstance(unclear, Unclear)
    assert unclear.branches == ("mitte", "pankow")


def test_umlauts_may_be_spelt_in_any_way() -> None:
    chain = places(("ost", "Filiale Köpenick", "12555 Berlin"), ("west", "Filiale Süd", "14163 Berlin"))
    for said in ("Koepenick", "KÖPENICK", "köpenick"):
        found = find(said, config=chain)
        assert isinstance(found, Found)
        assert found.branch.name == "ost"


def test_a_near_postal_code_is_offered_and_not_assumed() -> None:
    unclear = find("10117")
    assert isinstance(unclear, Unclear)
    assert unclear.suggested == "mitte"
    assert unclear.question.startswith(
        "Am nächsten liegt wohl Haarwerk Mitte. Passt das? Sonst sagen oder drücken Sie eins für"
    )
    far = find("80331")
    assert isinstance(far, Unclear)
    assert far.suggested is None


def test_two_branches_with_one_postal_code_are_asked_for() -> None:
    chain = places(("a", "Am Markt", "10119 Berlin"), ("b", "Am See", "10119 Berlin"), ("c", "Am Tor", "10115 Berlin"))
    unclear = find("10119", config=chain)
    assert isinstance(unclear, Unclear)
    assert unclear.branches == ("a", "b")


def test_history_is_a_question_unless_the_caller_says_as_always() -> None:
    unclear = find(last="pankow")
    assert isinstance(unclear, Unclear)
    assert unclear.suggested == "pankow"
    assert unclear.question.startswith("Möchten Sie wieder zu Haarwerk Pankow? Sonst sagen oder drücken Sie eins")
    for said in ("wie immer", "Wie beim letzten Mal", "wieder", "die gleiche", "dieselbe"):
        found = find(said, last="pankow")
        assert isinstance(found, Found), said
        assert (found.branch.name, found.tell) == ("pankow", True)
    assert isinstance(find("wie immer", last="closed-down"), Unclear)


def test_once_found_it_stays_until_another_is_named() -> None:
    for said, branch in (
        (None, "mitte"),
        ("Berlin", "mitte"),
        ("hier bei Ihnen", "mitte"),
        ("lieber Potsdam", "potsdam"),
    ):
        found = find(said, known="mitte")
        assert isinstance(found, Found), said
        assert found.branch.name == branch
    assert isinstance(find("Mitte oder Potsdam", known="mitte"), Unclear)


def test_keys_choose_only_while_no_branch_is_found() -> None:
    pressed = find(pressed="3")
    assert isinstance(pressed, Found)
    assert pressed.branch.name == "potsdam"
    later = find(pressed="3", known="mitte")
    assert isinstance(later, Found)
    assert later.branch.name == "mitte"


def test_a_service_of_some_branches_narrows_the_choice_and_keeps_the_digits() -> None:
    unclear = find(service="Strähnen")
    assert isinstance(unclear, Unclear)
    assert unclear.branches == ("mitte", "potsdam")
    assert "eins für Haarwerk Mitte, drei für Haarwerk Potsdam" in unclear.question
    narrowed = find("Berlin", service="Färben")
    assert isinstance(narrowed, Found)
    assert narrowed.branch.name == "mitte"


def test_a_service_of_one_branch_is_found_there_and_told() -> None:
    found = find(service="Bart")
    assert isinstance(found, Found)
    assert (found.branch.name, found.tell) == ("pankow", True)


def test_a_branch_without_the_service_is_answered_with_those_that_have_it() -> None:
    for hints in ({"known": "pankow"}, {"said": "Pankow"}):
        unclear = find(**hints, service="Färben")
        assert isinstance(unclear, Unclear)
        assert "nicht in Haarwerk Pankow, aber in Haarwerk Mitte oder Haarwerk Potsdam" in unclear.question


def test_more_than_four_branches_are_not_read_out() -> None:
    chain = places(*((f"ort{n}", f"Filiale Ort{chr(97 + n)}", f"1{n}000 Stadt{chr(97 + n)}") for n in range(6)))
    unclear = find(config=chain)
    assert isinstance(unclear, Unclear)
    assert "Postleitzahl" in unclear.question
    assert unclear.branches == ()
    found = find("Stadtc", config=chain)
    assert isinstance(found, Found)
    assert found.branch.name == "ort2"


def test_where_names_have_numbers_a_digit_is_a_name() -> None:
    """Sorted as names, "Filiale 10" is the second: "zwei" must never become the tenth."""
    chain = places(*((f"filiale-{n}", f"Filiale {n}", "10119 Berlin") for n in (1, 10, 2)))
    unclear = find(config=chain)
    assert isinstance(unclear, Unclear)
    assert "zwei für" not in unclear.question
    found = find("Filiale 2", config=chain)
    assert isinstance(found, Found)
    assert found.branch.name == "filiale-2"
    assert isinstance(find("zwei", config=chain), Unclear)


@pytest.mark.parametrize("model", list(BusinessModel))
def test_every_model_stays_at_a_branch_with_an_agent_of_its_own(model: BusinessModel) -> None:
    routing = MODELS[model].routing
    for said, expected in ((None, "pankow"), ("hier", "pankow"), ("Mitte", "mitte")):
        found = routing(CHAIN, Route("pankow", None), Hints(said, last="potsdam"))
        assert isinstance(found, Found)
        assert found.branch.name == expected
    assert isinstance(routing(CHAIN, Route("pankow", None), Hints("Hamburg")), Unclear)


def test_the_only_branch_is_never_asked_for() -> None:
    one = msgspec.structs.replace(CHAIN, branches=CHAIN.branches[:1])
    found = find(config=one)
    assert isinstance(found, Found)
    assert found.branch.name == "mitte"
    unclear = find("Hamburg", config=one)
    assert isinstance(unclear, Unclear)
    assert unclear.question == "Diese Filiale kenne ich nicht. Möchten Sie den Termin in Haarwerk Mitte?"


def test_a_yes_means_what_was_asked_last_and_nothing_else() -> None:
    """A model passes on what the caller says: "Ja" to "Möchten Sie wieder zu Haarwerk Pankow?"."""
    for said in ("Ja", "ja, gerne", "Genau, passt."):
        found = find(said, suggested="pankow", last="mitte")
        assert isinstance(found, Found), said
        assert (found.branch.name, found.tell) == ("pankow", True)
    for said, hints in (
        ("Ja", {"last": "mitte"}),
        ("Nein", {"suggested": "pankow"}),
        ("ja nicht", {"suggested": "pankow"}),
    ):
        assert isinstance(find(said, **hints), Unclear), said
    no = find("Nein", suggested="pankow", last="pankow")
    assert isinstance(no, Unclear)
    assert no.suggested is None, "not offered once more"
    for said in ("Nein, lieber Potsdam", "Ja, aber in Potsdam"):
        named = find(said, suggested="pankow", last="pankow")
        assert isinstance(named, Found), said
        assert named.branch.name == "potsdam"


def test_a_yes_to_the_only_other_branch_with_the_service_moves_the_call_there() -> None:
    unclear = find(known="mitte", service="Bartpflege")
    assert isinstance(unclear, Unclear)
    assert unclear.suggested == "pankow"
    found = find("ja", known="mitte", service="Bartpflege", suggested="pankow")
    assert isinstance(found, Found)
    assert found.branch.name == "pankow"


def test_half_a_name_is_no_name() -> None:
    chain = places(("a", "Salon Bad Homburg", "61348 Bad Homburg"), ("b", "Salon Frankfurt", "60311 Frankfurt"))
    assert isinstance(find("Bad Nauheim", config=chain), Unclear)
    found = find("Bad Homburg", config=chain)
    assert isinstance(found, Found)
    assert found.branch.name == "a"


def test_ten_branches_have_no_keys() -> None:
    chain = places(*((f"ort{n}", f"Filiale Ort{chr(97 + n)}", "10119 Berlin") for n in range(10)))
    assert isinstance(find("2", config=chain), Unclear)


def test_words_that_all_branches_share_do_not_hide_a_digit() -> None:
    chain = places(("mitte", "Filiale Mitte", "10119 Berlin"), ("nord", "Filiale Nord", "13187 Berlin"))
    for said, hints in (("die zweite Filiale", {}), ("Filiale 2", {}), ("die gleiche Filiale", {"last": "nord"})):
        found = find(said, config=chain, **hints)
        assert isinstance(found, Found), said
        assert found.branch.name == "nord"
