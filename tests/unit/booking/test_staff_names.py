"""Whom a caller or the desk means: staff members by title, surname or first name; of several of one name nobody is guessed."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from askproai_core.tenant_config import Branch, Language, Staff, TenantConfig
from askproai_runtime.admin_api.filters import find_staff
from askproai_runtime.booking.blocks import find_person
from askproai_runtime.booking.names import UnknownName, find_staff_id
from askproai_runtime.booking.phrases import format_slot
from askproai_runtime.booking.slots import ServiceRules, Slot
from askproai_runtime.booking.spoken_staff import find_staff_for_caller
from askproai_runtime.booking.types import ClarificationNeeded
from askproai_runtime.sentences import speaking
from tests.worlds.opening_salon import rules

SOMMER = Staff(id="dr-jonas", display_name="Doktor Sommer", resource_ids=(1,))
YILDIZ = Staff(id="yildiz", display_name="Dr. Aylin Yıldız", resource_ids=(2,))
KLEIN = Staff(id="klein-1", display_name="Frau Anna Klein", resource_ids=(3,))
OTHER_KLEIN = Staff(id="klein-2", display_name="Herr Peter Klein", resource_ids=(4,))
PRACTICE = rules(SOMMER, YILDIZ, KLEIN, OTHER_KLEIN)
ONE_PERSON = [
    ("Frau Doktor Yıldız", YILDIZ),
    ("Frau Dr. Yildiz", YILDIZ),
    ("Doktorin Yildiz", YILDIZ),
    ("Aylin", YILDIZ),
    ("bei der Frau Yıldız", YILDIZ),
    ("Herrn Doktor Sommer", SOMMER),
    ("Herr Sommer", SOMMER),
    ("Professor Sommer", SOMMER),
    ("Sommer", SOMMER),
    ("der Sommer", SOMMER),
    ("zum Doktor Sommer", SOMMER),
    ("Dr. Sommer", SOMMER),
    ("dr-jonas", SOMMER),
    ("Frau Klein", KLEIN),  # no Herr is called so
    ("Herrn Klein", OTHER_KLEIN),
    ("Anna Klein", KLEIN),
    ("klein-2", OTHER_KLEIN),
]


def config_of(*staff: Staff) -> TenantConfig:
    branch = Branch(name="mitte", display_name="Mitte", opening_hours=(), staff=staff)
    return TenantConfig(tenant="a.b", display_name="Praxis", branches=(branch,))


def find(able: ServiceRules, name: str) -> str | None:
    return find_staff_for_caller(config_of(*able.branch.staff), able, name)


def refusal(config: TenantConfig, able: ServiceRules, name: str) -> str:
    with pytest.raises(ClarificationNeeded) as asked:
        find_staff_for_caller(config, able, name)
    return asked.value.answer.message


@pytest.mark.parametrize(("name", "member"), ONE_PERSON)
def test_a_name_with_other_titles_or_a_part_of_it_names_one_person(name: str, member: Staff) -> None:
    assert find(PRACTICE, name) == find_staff_id(PRACTICE, name) == member.id
    config = config_of(*PRACTICE.staff_members)
    assert find_person(config, name, None) == [("mitte", member)]
    assert find_staff(config, name, None, ()) == [member.id]


@pytest.mark.parametrize("name", ["Klein", "Doktor Klein"])
def test_of_two_people_of_one_surname_nobody_is_guessed(name: str) -> None:
    with pytest.raises(ClarificationNeeded) as asked:
        find(PRACTICE, name)
    assert asked.value.answer.message == "Meinen Sie Frau Anna Klein oder Herrn Peter Klein?"
    assert asked.value.answer.fields == {"staff": ["klein-1", "klein-2"]}
    with pytest.raises(UnknownName, match="klein-1, klein-2: write one of these"):
        find_staff_id(PRACTICE, name)
    with pytest.raises(UnknownName, match="klein-1 in mitte, klein-2 in mitte"):
        find_person(config_of(*PRACTICE.staff_members), name, None)


def test_whoever_is_called_exactly_so_comes_before_a_part_of_another_name() -> None:
    """Else the answer to the question "Sommer oder Doktor Sommer?" would be the same question."""
    plain = Staff(id="s", display_name="Sommer", resource_ids=(5,))
    assert find(rules(SOMMER, plain), "Sommer") == "s"
    assert find(rules(SOMMER, plain), "Doktor Sommer") == "dr-jonas"


def test_a_name_is_understood_in_the_case_in_which_it_is_said() -> None:
    """Answers say `bei Herrn Sommer`, and a model repeats that: it is the one of exactly this name."""
    plain, other = (Staff(id=name, display_name=f"Herr {name}Sommer", resource_ids=(5,)) for name in ("", "Peter "))
    assert find(rules(plain, other), "Herrn Sommer") == ""


def test_sentences_decline_a_gentleman_and_fields_do_not() -> None:
    yilmaz = Staff(id="yilmaz", display_name="Herr Yilmaz", resource_ids=(5,))
    with pytest.raises(ClarificationNeeded) as asked:
        find(rules(yilmaz), "Herr Sommer")
    message = asked.value.answer.message
    assert message.startswith("Unter dem Namen Herrn Sommer arbeitet hier niemand. ")
    assert message.endswith(" gibt es bei Herrn Yilmaz."), "the only one: there is nothing to ask"
    slot = Slot(datetime(2026, 11, 27, 13, 30, tzinfo=UTC), datetime(2026, 11, 27, 14, tzinfo=UTC), "yilmaz")
    now = datetime(2026, 11, 20, tzinfo=UTC)
    said = format_slot(slot, "Herr Yilmaz", ZoneInfo("Europe/Berlin"), now)
    assert said == "Freitag, den 27. November, um 14 Uhr 30 bei Herrn Yilmaz"


def test_an_id_that_is_a_surname_too_is_no_answer_of_a_caller() -> None:
    """Callers know no ids; at the desk the id as it is written is that person."""
    anna = Staff(id="mueller", display_name="Anna Müller", resource_ids=(5,))
    joerg = Staff(id="jm", display_name="Jörg Müller", resource_ids=(6,))
    practice = rules(anna, joerg)
    for said in ("Müller", "mueller"):
        with pytest.raises(ClarificationNeeded, match="Meinen Sie Anna Müller oder Jörg Müller"):
            find(practice, said)
    assert find(practice, "jm") == "jm"
    assert find_staff_id(practice, "mueller") == "mueller"
    assert find_person(config_of(anna, joerg), "mueller", None) == [("mitte", anna)]
    assert find_staff(config_of(anna, joerg), "mueller", None, ()) == ["mueller"]
    with pytest.raises(UnknownName, match="mueller, jm: write one of these"):
        find_staff_id(practice, "Müller")


@pytest.mark.parametrize(
    ("name", "staff_id"), [("Herr Herr", "peter"), ("zum Herrn Doktor Herr", "peter"), ("Frau Zu", "lan")]
)
def test_whose_surname_is_a_title_is_found_by_it(name: str, staff_id: str) -> None:
    sir = Staff(id="peter", display_name="Peter Herr", resource_ids=(5,))
    lady = Staff(id="lan", display_name="Frau Lan Zu", resource_ids=(6,))
    assert find(rules(sir, lady, *PRACTICE.staff_members), name) == staff_id


@pytest.mark.parametrize(
    "name", ["Doktor", "Frau", "der Herr", "Winter", "Peter Sommer", "Som", "Herr Yıldız Sommer", "?"]
)
def test_a_title_alone_or_another_name_names_nobody(name: str) -> None:
    with pytest.raises(ClarificationNeeded, match="Zu wem möchten Sie"):
        find(PRACTICE, name)
    with pytest.raises(UnknownName, match="There is no staff member"):
        find_staff_id(PRACTICE, name)


KIM, LOU, MIA = (
    Staff(id=name.lower(), display_name=name, resource_ids=(9,)) for name in ("Kim", "Lou", "Frau Mia Roth")
)
ANY_OF_TWO = [
    "egal, Kim oder Lou", "Kim oder Lou, egal", "any (Kim or Lou)", "either Kim or Lou", "Kim oder Lou", "Kim/Lou",
    "entweder Kim oder Lou", "egal ob Kim oder Lou", "no preference (Kim or Lou)", "Kim or Lou, whoever is free",
]  # fmt: skip


@pytest.mark.parametrize("said", ANY_OF_TWO)
def test_everybody_by_name_is_no_wish(said: str) -> None:
    assert find(rules(KIM, LOU), said) is None


@pytest.mark.parametrize("said", ANY_OF_TWO)
def test_some_of_several_by_name_are_asked_back(said: str) -> None:
    with pytest.raises(ClarificationNeeded, match=r"^Meinen Sie Kim oder Lou\?$"):
        find(rules(KIM, LOU, MIA), said)


@pytest.mark.parametrize(
    "said", ["Kim oder Anna", "nicht Kim oder Lou", "Kim, nicht Lou", "anyone but Kim", "Kim und Lou"]
)
def test_other_words_beside_names_choose_nobody(said: str) -> None:
    with pytest.raises(ClarificationNeeded, match="Zu wem möchten Sie"):
        find(rules(KIM, LOU), said)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("Jessica", "Unter dem Namen Jessica arbeitet hier niemand."),
        ("Frau Berta Winter", "Unter dem Namen Frau Berta Winter arbeitet hier niemand."),
        ("Mia", "Bei Frau Mia Roth gibt es das nicht."),
        ("zur Frau Roht", "Bei Frau Mia Roth gibt es das nicht."),  # as it is heard
        ("Herr Weber", "Herr Weber arbeitet nicht hier, sondern in Nord."),
        ("zur Jessica", "Unter dem Namen Jessica arbeitet hier niemand."),
        ("eine Frau", "Zu wem Sie möchten, habe ich nicht verstanden."),
        ("wieder die andere", "Zu wem Sie möchten, habe ich nicht verstanden."),
        ("nicht Kim", "Zu wem Sie möchten, habe ich nicht verstanden."),
        ("Kim oder Anna", "Zu wem Sie möchten, habe ich nicht verstanden."),
        ("Mia oder Anna", "Zu wem Sie möchten, habe ich nicht verstanden."),
        ("jemand mit viel Erfahrung bei Locken", "Zu wem Sie möchten, habe ich nicht verstanden."),
    ],
)
def test_a_refusal_says_whether_the_person_works_here(said: str, why: str) -> None:
    able = rules(KIM, LOU)
    branch = msgspec.structs.replace(able.branch, staff=(KIM, LOU, MIA))
    weber = Staff(id="weber", display_name="Herr Weber", resource_ids=(10,))
    nord = Branch(name="nord", display_name="Nord", opening_hours=(), staff=(weber,))
    config = msgspec.structs.replace(config_of(), branches=(branch, nord))
    sentence = refusal(config, replace(able, branch=branch), said)
    assert sentence == f"{why} Schnitt gibt es bei Kim oder Lou. Zu wem möchten Sie?"


def test_refusals_of_a_person_are_said_in_english() -> None:
    able = rules(KIM, LOU)
    branch = msgspec.structs.replace(able.branch, staff=(KIM, LOU, MIA))
    with speaking(Language.EN):
        unknown = refusal(config_of(KIM, LOU), able, "Jessica")
        other = refusal(config_of(KIM, LOU), replace(able, branch=branch), "Mia")
    assert unknown.startswith("Nobody by the name of Jessica works here. Schnitt is offered by Kim or Lou.")
    assert other.startswith("That is not offered by Frau Mia Roth. Schnitt is offered by Kim or Lou.")
