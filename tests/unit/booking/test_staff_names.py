"""The staff member that a caller or the desk means by title, surname or first name; an ambiguous name is not guessed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from askproai_core.languages import Language
from askproai_core.tenant_config import Branch, Staff, TenantConfig
from askproai_runtime.admin_api.appointments import find_staff
from askproai_runtime.availability.slots import ServiceRules, Slot
from askproai_runtime.conversation.spoken_staff import StaffChoice, find_staff_for_caller
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded
from askproai_runtime.desk.blocks import find_person
from askproai_runtime.language.names import UnknownName, find_staff_id
from askproai_runtime.language.phrases import format_slot
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import speaking
from tests.worlds.opening_salon import rules
from tests.worlds.rows import each_row

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
    return choose(able, name).staff


def choose(able: ServiceRules, name: str | None, excluded: Sequence[str] = ()) -> StaffChoice:
    return find_staff_for_caller(config_of(*able.branch.staff), able, name, call(excluded))


def call(excluded: Sequence[str] = ()) -> CallContext:
    return CallContext(
        "call_1", "mitte", None, datetime(2026, 11, 20, tzinfo=UTC), "c1", excluded_staff=frozenset(excluded)
    )


def ids(choice: StaffChoice) -> list[str]:
    return [member.id for member in choice.members]


def refusal(config: TenantConfig, able: ServiceRules, name: str) -> str:
    with pytest.raises(ClarificationNeeded) as asked:
        find_staff_for_caller(config, able, name, call())
    return asked.value.answer.message


@each_row(("name", "member"), ONE_PERSON)
def test_name_with_other_titles_identifies_one_person(name: str, member: Staff) -> None:
    assert find(PRACTICE, name) == find_staff_id(PRACTICE, name) == member.id
    config = config_of(*PRACTICE.staff_members)
    assert find_person(config, name, None) == [("mitte", member)]
    assert find_staff(config, name, None, ()) == [member.id]


def test_a_degree_alone_means_any_doctor() -> None:
    assert choose(PRACTICE, "zum Doktor") == choose(PRACTICE, "doctor") == StaffChoice((SOMMER, YILDIZ))


@pytest.mark.parametrize("name", ["Klein", "Doktor Klein"])
def test_shared_surname_is_not_guessed(name: str) -> None:
    with pytest.raises(ClarificationNeeded) as asked:
        find(PRACTICE, name)
    assert asked.value.answer.message == "Meinen Sie Frau Anna Klein oder Herrn Peter Klein?"
    assert asked.value.answer.fields == {"staff": ["klein-1", "klein-2"]}
    with pytest.raises(UnknownName, match="klein-1, klein-2: write one of these"):
        find_staff_id(PRACTICE, name)
    with pytest.raises(UnknownName, match="klein-1 in mitte, klein-2 in mitte"):
        find_person(config_of(*PRACTICE.staff_members), name, None)


def test_exact_staff_name_outranks_a_partial_name() -> None:
    """Else the answer to the question "Sommer oder Doktor Sommer?" would be the same question."""
    plain = Staff(id="s", display_name="Sommer", resource_ids=(5,))
    assert find(rules(SOMMER, plain), "Sommer") == "s"
    assert find(rules(SOMMER, plain), "Doktor Sommer") == "dr-jonas"


def test_name_is_understood_in_each_grammatical_case() -> None:
    """Answers say `bei Herrn Sommer`, and a model repeats that: the person with exactly this name is meant."""
    plain, other = (Staff(id=name, display_name=f"Herr {name}Sommer", resource_ids=(5,)) for name in ("", "Peter "))
    assert find(rules(plain, other), "Herrn Sommer") == ""


def test_spoken_sentences_decline_the_title_herr() -> None:
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


def test_staff_id_equal_to_a_surname_is_ambiguous() -> None:
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
def test_person_with_a_title_as_surname_is_found(name: str, staff_id: str) -> None:
    sir = Staff(id="peter", display_name="Peter Herr", resource_ids=(5,))
    lady = Staff(id="lan", display_name="Frau Lan Zu", resource_ids=(6,))
    assert find(rules(sir, lady, *PRACTICE.staff_members), name) == staff_id


@pytest.mark.parametrize(
    "name", ["Frau Doktor", "Frau", "der Herr", "Winter", "Peter Sommer", "Som", "Herr Yıldız Sommer", "?"]
)
def test_a_gender_or_another_name_names_nobody(name: str) -> None:
    with pytest.raises(ClarificationNeeded, match="Zu wem möchten Sie"):
        find(PRACTICE, name)
    with pytest.raises(UnknownName, match="There is no staff member"):
        find_staff_id(PRACTICE, name)


ANNA, KIM, LOU, MIA = (
    Staff(id=name.lower(), display_name=name, resource_ids=(9,)) for name in ("Anna", "Kim", "Lou", "Frau Mia Roth")
)
ANY_OF_TWO = [
    "egal, Kim oder Lou", "Kim oder Lou, egal", "any (Kim or Lou)", "either Kim or Lou", "Kim oder Lou", "Kim/Lou",
    "entweder Kim oder Lou", "egal ob Kim oder Lou", "no preference (Kim or Lou)", "Kim or Lou, whoever is free",
]  # fmt: skip


@pytest.mark.parametrize("said", ANY_OF_TWO)
def test_any_of_several_named_people_is_accepted(said: str) -> None:
    assert choose(rules(KIM, LOU), said) == choose(rules(KIM, LOU, MIA), said) == StaffChoice((KIM, LOU))


@each_row(
    ("said", "choice"),
    [
        *((said, StaffChoice((LOU, KIM), preferred="kim")) for said in (
            "Kim, sonst Lou", "am liebsten Kim, ansonsten Lou", "Kim, notfalls Lou", "Kim or if not Lou", "Kim, otherwise Lou",
            "preferably Kim or Lou", "Kim, wenn nicht dann Lou", "Kim, zur Not auch Lou", "lieber Kim, sonst halt Lou",
            "Kim wenn möglich, sonst Lou", "Kim, Lou",
        )),
        *((said, StaffChoice((LOU, KIM, MIA), preferred="kim")) for said in (
            "Kim wenn möglich, sonst egal", "am liebsten Kim, sonst irgendwer", "preferably Kim, otherwise anyone",
        )),
        *((said, StaffChoice((LOU, MIA), excluded=("kim",))) for said in (
            "bloß nicht bei Kim", "alle außer Kim", "nicht Kim", "anyone but Kim", "not Kim please", "egal, nur nicht Kim",
            "ohne Kim", "Kim bitte nicht", "auf keinen Fall Kim", "auf gar keinen Fall zu Kim", "lieber nicht zu Kim",
            "anybody except Kim", "keine Kim", "bitte nicht wieder zu Kim", "everyone except for Kim", "anyone other than Kim",
            "jemand anderes als Kim", "egal wer, Hauptsache nicht Kim", "not with Kim", "bis auf Kim alle", "I don't want Kim",
            "anybody, just not Kim", "jeder, aber nicht Kim", "someone other than Kim", "egal nur nicht Kim",
            "any stylist but Kim", "nicht mehr zu Kim", "Hauptsache nicht bei der Kim", "mir egal, Kim aber nicht",
            "Lou oder Mia, nicht Kim", "Lou oder Mia statt Kim",
        )),
        *((said, StaffChoice((MIA,), excluded=("lou", "kim"))) for said in (
            "alle außer Kim und Lou", "weder Kim noch Lou", "neither Kim nor Lou", "Kim nicht, Lou auch nicht",
            "nicht Kim oder Lou", "nicht Kim und nicht Lou", "jeder außer Kim, Lou", "not Kim and not Lou",
            "anyone except Kim or Lou",
        )),
        *((said, StaffChoice((LOU, MIA), "lou", excluded=("kim",))) for said in (
            "Lou, nicht Kim", "nicht Kim, lieber Lou", "nicht Kim, sondern Lou", "gerne Lou, aber auf keinen Fall Kim",
            "not Kim but Lou", "Lou statt Kim", "Lou instead of Kim", "Lou rather than Kim",
        )),
    ],
)  # fmt: skip
def test_preferred_and_excluded_people_are_understood(said: str, choice: StaffChoice) -> None:
    assert choose(rules(LOU, KIM, MIA), said) == choice


def test_excluded_staff_member_can_be_named_again() -> None:
    able = rules(KIM, LOU, MIA)
    assert ids(choose(able, None, ["kim"])) == ["lou", MIA.id]
    assert choose(able, "Kim", ["kim"]) == StaffChoice((KIM, LOU, MIA), "kim")


def test_excluding_a_colleague_without_the_skill_changes_nothing() -> None:
    able = rules(KIM, LOU)
    branch = msgspec.structs.replace(able.branch, staff=(KIM, LOU, MIA))
    assert choose(replace(able, branch=branch), "nicht zu Mia") == StaffChoice((KIM, LOU))


@pytest.mark.parametrize("said", ["nicht Kim, nicht Lou", "weder Kim noch Lou", "anyone but Kim and Lou"])
def test_excluding_everybody_is_answered_with_the_names(said: str) -> None:
    able = rules(KIM, LOU)
    assert refusal(config_of(KIM, LOU), able, said) == "Schnitt gibt es bei Kim oder Lou. Zu wem möchten Sie?"


@pytest.mark.parametrize(
    "said",
    [
        "Kim oder Anna", "Kim und Lou", "nicht Kim, Lou", "nicht Anna", "Kim, nicht Kim", "nicht egal", "nicht die Chefin",
        "Kim wie beim letzten Mal, nicht", "Kim nicht Lou auch nicht",
    ],
)  # fmt: skip
def test_uncertain_words_choose_nobody(said: str) -> None:
    with pytest.raises(ClarificationNeeded, match="Zu wem möchten Sie"):
        choose(rules(KIM, LOU), said)


@each_row(
    "said",
    [
        "wie immer", "Wie beim letzten Mal, bitte.", "dieselbe wie immer", "mein üblicher Friseur", "my usual stylist",
        "the usual one", "same as last time", "as always",
    ],
)  # fmt: skip
def test_the_usual_staff_member_excludes_nobody(said: str) -> None:
    """The staff member of the last appointment comes first, if known. Nobody who was excluded before comes back."""
    assert choose(rules(KIM, LOU), said) == choose(rules(KIM, LOU), None)
    assert ids(choose(rules(KIM, LOU), said, ["kim"])) == ids(choose(rules(KIM, LOU), None, ["kim"]))


DESCRIPTIONS = [
    "die Chefin", "der Chef", "the owner", "eine Frau", "a woman", "der von letztem Mal", "the one I had last time", "the boss",
    "wieder die andere", "jemand mit viel Erfahrung bei Locken", "der Inhaber", "zur Chefin", "beim Meister",
    "the senior stylist",
    "der Azubi", "ein Mann", "the lady from last week", "die Blonde", "meine Friseurin", "Chef",
    "jemand Erfahrenes", "die Große", "die nette Dame", "Inhaberin", "wer mich letztes Mal hatte",
]  # fmt: skip


@each_row(
    ("said", "why"),
    [
        ("Jessica", "Unter dem Namen Jessica arbeitet hier niemand."),
        ("Frau Berta Winter", "Unter dem Namen Frau Berta Winter arbeitet hier niemand."),
        ("Mia", "Bei Frau Mia Roth gibt es das nicht."),
        ("zur Frau Roht", "Bei Frau Mia Roth gibt es das nicht."),  # as it is heard
        ("Herr Weber", "Herr Weber arbeitet nicht hier, sondern in Nord."),
        ("zur Jessica", "Unter dem Namen Jessica arbeitet hier niemand."),
        *((said, "Wer das ist, weiß ich leider nicht.") for said in DESCRIPTIONS),
        ("Kim oder Anna", "Zu wem Sie möchten, habe ich nicht verstanden."),
        ("Mia oder Anna", "Zu wem Sie möchten, habe ich nicht verstanden."),
    ],
)
def test_unknown_staff_name_differs_from_person_without_skill(said: str, why: str) -> None:
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


def test_minus_or_exclamation_sign_excludes_a_person() -> None:
    assert [ids(choose(rules(ANNA, KIM), said)) for said in ("!anna", "-Anna")] == [["kim"], ["kim"]]


@pytest.mark.parametrize(
    "said",
    [
        "die Dame Anna", "den Herrn Kim", "bei der netten Anna", "the lady Anna", "die Friseurin Anna", "der junge Mann namens Kim",
        "your colleague Kim", "die blonde Anna", "unsere Anna",
    ],
)  # fmt: skip
def test_described_staff_member_is_recognized(said: str) -> None:
    name = fold(said.rpartition(" ")[2])
    assert choose(rules(ANNA, KIM), said).staff == name
    assert choose(rules(ANNA, KIM), f"nicht {said}").excluded == (name,)


@pytest.mark.parametrize(
    "said",
    [
        "Kollegin von Anna", "nicht nur Anna", "not just Anna", "a colleague of Anna", "der Mann von Anna", "der Mann der Anna",
        "die Dame neben Anna", "the guy with Anna", "die Dame",
    ],
)  # fmt: skip
def test_words_for_other_colleagues_are_asked_about(said: str) -> None:
    with pytest.raises(ClarificationNeeded):
        choose(rules(ANNA, KIM), said)


ANYBODY = (
    "egal bei wem", "bei wem auch immer", "wer auch immer frei ist", "ganz gleich wer", "spielt keine Rolle wer", "bei irgendwem",
    "jeder ist recht", "bei jedem", "egal welche Stylistin", "jemand aus dem Team", "einer von beiden", "kein bestimmter Friseur",
    "nicht wichtig bei wem", "das überlasse ich Ihnen", "wer an dem Tag arbeitet", "wie es passt", "wer es macht ist mir egal",
    "whoever is free", "whoever you have", "doesn't matter who", "I don't mind who", "I don't care who", "any barber",
    "any stylist",    "anyone from the team", "one of the two", "no specific stylist", "both are fine", "surprise me",
    "first one available",
    "makes no difference", "it's all the same to me", "no matter which", "whomever",
)  # fmt: skip
A_WISH = (
    "any woman", "irgendein Mann", "jemand mit Erfahrung", "bei der Chefin", "the same stylist", "the same", "der gleiche",
    "somebody else", "not just anyone", "nicht egal", "someone senior", "a good stylist",
)  # fmt: skip


@each_row("said", ANYBODY)
def test_any_person_means_no_preference(said: str) -> None:
    assert choose(PRACTICE, said) == StaffChoice(PRACTICE.staff_members)


@pytest.mark.parametrize("said", A_WISH)
def test_description_without_a_name_is_asked_about(said: str) -> None:
    with pytest.raises(ClarificationNeeded):
        choose(PRACTICE, said)
