"""Questions to callers who name no service, a general word for several services, or an unknown service."""

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from askproai_core.languages import Language
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.conversation.requested_services import parse_service_request
from askproai_runtime.conversation.types import (
    Answer,
    AnsweredServices,
    CallContext,
    ClarificationNeeded,
    FunctionOutcome,
    OfferedService,
)
from askproai_runtime.language.replies import Question, heard_key, read_reply
from askproai_runtime.sentences import speaking
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row

CALL = CallContext("call_1", "mitte", None, datetime(2026, 11, 20, 9, tzinfo=UTC), "corr")
NAMES = (
    "Damenhaarschnitt", "Herrenhaarschnitt", "Kinderhaarschnitt", "Färben", "Strähnen", "Hochstecken", "Wimpernlifting",
)  # fmt: skip


def salon(*names: str) -> TenantConfig:
    """Return a salon in which Anna does all of these services, and Mehmet the first only."""
    config = salon_config()
    (first,) = config.services
    services = [
        msgspec.structs.replace(
            first, name=f"s{number}", display_name=name, spoken_names=(),
            staff={"mitte": ("anna", "mehmet") if number == 0 else ("anna",)},
        )
        for number, name in enumerate(names or NAMES)
    ]  # fmt: skip
    return msgspec.structs.replace(config, services=tuple(services))


def with_haircut(*names: str) -> TenantConfig:
    """Return a salon whose first service has other names, too."""
    config = salon(*names)
    cut, *others = config.services
    cut = msgspec.structs.replace(cut, spoken_names=("Schneiden", "Herrenschnitt", "haircut"))
    return msgspec.structs.replace(config, services=(cut, *others))


def asked(config: TenantConfig, **args: str) -> Answer:
    with pytest.raises(ClarificationNeeded) as clarification:
        parse_service_request(config, CALL, args)
    return clarification.value.answer


@each_row(
    "said", ["Bart stutzen", "Vollbart trimmen", "Nägel schneiden", "Augenbrauen stutzen", "beard trim", "Bartschnitt"]
)
@each_row("names", [("Haarschnitt",), ("Haarschnitt", "Nagelpflege", "Bartpflege"), ("Schnitt", "Färben")])
def test_an_unknown_object_is_no_haircut(said: str, names: tuple[str, ...]) -> None:
    """Its verb alone is near."""
    message = asked(salon(*names), service=said).message
    assert f"Meinen Sie {names[0]}?" not in message
    assert len(names) == 3 or message.startswith(f"Unter {said} finde ich nichts. Eintragen kann ich {names[0]}")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Spitzen schneiden", NAMES[:3]),
        ("Haare", NAMES[:3]),
        ("Haare schneiden", NAMES[:3]),
        ("Schnitt", NAMES[:3]),
        ("einen Termin zum Haareschneiden", NAMES[:3]),
        ("Haare färben", ()),  # names Färben, and something else
        ("Wimpern", NAMES[6:]),
        ("Farbe", NAMES[3:4]),
        ("Hochsteckfrisur", NAMES[5:6]),
    ],
)
def test_general_word_asks_which_service_is_meant(said: str, meant: tuple[str, ...]) -> None:
    answer = asked(salon(), service=said)
    for name in meant:
        assert name in answer.message
    assert answer.message.startswith("Meinen Sie ")
    assert not answer.fields.get("not_offered")


NEAR = [
    ("Bartpflege", "Bartschnitt"), ("Rasur", "Bartschnitt"), ("shave", "Bartschnitt"),
    ("short haircut", "Haarschnitt"), ("kids' cut", "Haarschnitt"),
    ("cut", "Haarschnitt oder Bartschnitt"), ("trim", "Haarschnitt oder Bartschnitt"),
    ("Waschen Schneiden Föhnen", "Haarschnitt"), ("dye my hair", "Färben"),
    ("hair colour", "Färben"), ("Haare färben", "Färben"), ("Haarfarbe", "Färben"), ("Ansatz färben", "Färben"),
    ("Kinderschnitt", "Haarschnitt"), ("Frisur", "Haarschnitt"), ("Tönung", "Färben"), ("check-up", "Vorsorgeuntersuchung"),
    ("Kontrolltermin", "Vorsorgeuntersuchung"),
]  # fmt: skip


def _cutting_salon() -> TenantConfig:
    config = salon("Haarschnitt", "Färben", "Bartschnitt", "Vorsorgeuntersuchung")
    cut, *others = config.services
    cut = msgspec.structs.replace(cut, spoken_names=("Schneiden", "Herrenschnitt", "Damenschnitt"))
    return msgspec.structs.replace(config, services=(cut, *others))


@each_row(("said", "meant"), NEAR)
def test_similar_word_is_asked_about_instead_of_denied(said: str, meant: str) -> None:
    message = asked(_cutting_salon(), service=said).message
    assert message.startswith("Meinen Sie ")
    assert meant in message


@pytest.mark.parametrize("said", ["Dauerwelle", "Massage", "Fußpflege", "Zahnreinigung"])
def test_answer_to_unknown_service_lists_three_services(said: str) -> None:
    answer = asked(salon(), service=said)
    assert answer.message == (
        f"Unter {said} finde ich nichts. Eintragen kann ich zum Beispiel Damenhaarschnitt, Herrenhaarschnitt und"
        " Kinderhaarschnitt. Was davon möchten Sie?"
    )
    assert (answer.outcome, len(answer.fields["services"])) == (FunctionOutcome.UNKNOWN_SERVICE, 7)
    assert answer.fields["not_offered"] is True
    with speaking(Language.EN):
        assert asked(salon(), service=said).message.startswith(f"I find nothing under {said}.")


def test_staff_name_alone_lists_that_persons_services() -> None:
    config = salon()
    taken = parse_service_request(config, CALL, {"staff": "Mehmet"})
    assert (taken.rules.service.display_name, taken.staff) == ("Damenhaarschnitt", "mehmet")
    both = tuple(
        msgspec.structs.replace(each, staff={"mitte": ("anna", "mehmet")}) if number in {1, 3} else each
        for number, each in enumerate(config.services)
    )
    answer = asked(msgspec.structs.replace(config, services=both), staff="Mehmet")
    assert answer.message == "Was möchten Sie buchen: Damenhaarschnitt, Herrenhaarschnitt oder Färben?"
    assert answer.fields["services"] == ["s0", "s1", "s3"]


def test_many_services_are_named_as_examples() -> None:
    answer = asked(salon())
    assert answer.message == (
        "Was möchten Sie buchen, zum Beispiel Damenhaarschnitt, Herrenhaarschnitt oder Kinderhaarschnitt?"
    )
    assert len(answer.fields["services"]) == 7


def test_offered_service_text_means_that_service() -> None:
    said = "Haarschnitt, in der Früh wie gehabt"
    call = replace(CALL, offered_services=(OfferedService("s0", frozenset({said})),))
    asked(barber(), service=said)
    assert parse_service_request(barber(), call, {"service": said}).rules.service.display_name == "Haarschnitt"


NOT_ALL = "Mehr habe ich nicht verstanden."
BOTH = "Meinen Sie Haarschnitt und Bartschnitt?"


def barber(*others: str) -> TenantConfig:
    """Return a salon with a Haarschnitt, a Bart and Färben, each of which has other names, and with the `others`."""
    names = (("Schneiden", "Herrenschnitt"), ("Bartschnitt", "Bart schneiden"), ("Farbe",), *((),) * len(others))
    config = salon("Haarschnitt", "Bart", "Färben", *others)
    services = [msgspec.structs.replace(s, spoken_names=n) for s, n in zip(config.services, names, strict=True)]
    return msgspec.structs.replace(config, services=tuple(services))


def test_parts_of_a_declared_visit_identify_it() -> None:
    assert asked(barber("Haarschnitt und Bart"), service="Schnitt und Bart").fields["services"] == ["s3"]


CUTTING, ENGLISH = _cutting_salon(), salon("Haircut", "Colouring", "Check-up", "Back massage", "Manicure")
COMPOUND = msgspec.structs.replace(
    salon(),
    services=tuple(
        msgspec.structs.replace(each, spoken_names=(name,))
        for each, name in zip(salon("Haarschnitt", "Bartschnitt").services, ("Schneiden", "Bart"), strict=True)
    ),
)


@each_row(
    ("config", "said", "question"),
    [
        (salon("Grippeimpfung", "Beratung"), "impfen", "Meinen Sie Grippeimpfung"),
        (salon("Radwechsel", "Beratung"), "Reifen wechseln", "Meinen Sie Radwechsel"),
        (salon("Waschen", "Beratung"), "Wäsche", "Meinen Sie Waschen"),
        (COMPOUND, "Bart schneiden", "Meinen Sie Bart"),  # it is no Bart with a Haarschnitt
        (COMPOUND, "Schneiden + Bart schneiden", "Meinen Sie Haarschnitt und Bartschnitt?"),
        (ENGLISH, "Untersuchung", "Meinen Sie Check-up?"),
        (ENGLISH, "Massage", "Meinen Sie Back massage?"),
        (
            salon(),
            "Färben und Spitzen schneiden",
            "Meinen Sie Färben und Damenhaarschnitt, Färben und Herrenhaarschnitt oder Färben und Kinderhaarschnitt?",
        ),
        (salon(), "Färben und Locken", "Unter Locken finde ich nichts"),
        (salon(), "Haare", "Meinen Sie Damenhaarschnitt, Herrenhaarschnitt oder "),
        (salon("Haarschnitt", "Kinderhaarschnitt"), "Haarschnitt mit Kind", "Meinen Sie "),
        (salon("Haarschnitt", "Bartschnitt", "Bartpflege"), "Haarschnitt mit Bart", "Meinen Sie "),
        (salon("Haarschnitt", "Terminänderung"), "Haarschnitt, Termin", "Meinen Sie "),
        (salon("Haarschnitt", "Färben"), "Haarschnitt und Haar", "Meinen Sie "),
        (salon("Haarschnitt", "Bartschnitt", "Färben"), "Färben mit Schnitt", "Meinen Sie "),
        (salon("Haarschnitt", "Bartschnitt"), "nur Bart, kein Haarschnitt", "Meinen Sie "),
        *(
            (with_haircut("Haarschnitt", "Färben", "Bartschnitt"), *row)
            for row in (
                ("haircut with beard", BOTH),
                ("Ich hätte gern einen Haarschnitt und Bart", BOTH),
                ("Bart und Haare", "Meinen Sie Bartschnitt und Haarschnitt?"),
                (
                    "Haarschnitt und Bartschnitt für meinen Mann",
                    "Haarschnitt und Bartschnitt: Für wen ist welche Leistung?",
                ),
                ("Haarschnitt für mich, Bart für ihn", "Haarschnitt und Bartschnitt: Für wen ist welche Leistung?"),
                ("Haarschnitt und Bart für meinen Mann", "Haarschnitt und Bartschnitt: Für wen ist welche Leistung?"),
                ("haircut but no beard trim", f"Meinen Sie Haarschnitt oder Bartschnitt? {NOT_ALL}"),
                ("Haarschnitt - kein Bart", f"Meinen Sie Haarschnitt oder Bartschnitt? {NOT_ALL}"),
                ("Haarschnitt Bart", "Meinen Sie Haarschnitt oder Bartschnitt?"),
                ("Bart für meinen Mann", f"Meinen Sie Bartschnitt für eine Person? {NOT_ALL}"),
                ("Färben lange Haare", f"Meinen Sie Färben? {NOT_ALL}"),
            )
        ),
        *(
            (barber(), *row)
            for row in (
                ("Schnitt und Bart", "Meinen Sie Haarschnitt und Bart?"),
                ("Schnitt, Bart", "Meinen Sie Haarschnitt und Bart?"),
                ("Bart und Schnitt", "Meinen Sie Bart und Haarschnitt?"),
                ("cut and beard", "Meinen Sie Haarschnitt und Bart?"),
                ("Rasur und Schnitt", "Meinen Sie Bart und Haarschnitt?"),
                ("Schnitt mit Farbe", "Meinen Sie Haarschnitt und Färben oder Bart und Färben?"),
                ("Schnitt, Bart und Farbe", "Meinen Sie Haarschnitt, Bart und Färben?"),
                ("Schnitt und Trimmen", "Meinen Sie Haarschnitt und Bart?"),
                ("Schnitt", "Meinen Sie Haarschnitt oder Bart?"),
                ("Bart und Kontur", "Unter Kontur finde ich nichts. Eintragen kann ich Bart. Möchten Sie das?"),
                (
                    "Massage, Haarschnitt, Bart",
                    "Unter Massage finde ich nichts. Eintragen kann ich Haarschnitt und Bart. Möchten Sie das?",
                ),
                ("Haarschnitt, lange Haare", f"Meinen Sie Haarschnitt? {NOT_ALL}"),
            )
        ),
    ],
)
def test_question_names_the_services_that_may_be_meant(config: TenantConfig, said: str, question: str) -> None:
    """A question in the table without its end is compared by its beginning."""
    message = asked(config, service=said).message
    assert message == question if question.endswith(("?", ".")) else message.startswith(question)


GENERIC = (
    "Behandlung", "Termin", "Beratung", "appointment", "consultation", "einen Termin bitte", "Dienstleistung",
    "a regular appointment", "Beratungstermin", "treatment", "service", "allgemeine Beratung",
)  # fmt: skip


@each_row(
    ("config", "said", "named"),
    [
        *((CUTTING, said, "Haarschnitt") for said in (
            "mens cut", "men's cut", "men’s haircut", "Men's Haircut", "women's cut", "ladies haircut", "Herrenhaarschnitt",
            "Damenhaarschnitt", "Männerhaarschnitt",
        )),
        (salon(), "Haare schneiden für Kinder", NAMES[2]), (salon(), "Herrenschnitt", NAMES[1]),
        *((salon("Haarschnitt"), said, "Haarschnitt") for said in GENERIC),
        (salon("Haarschnitt", "Beratung", "Farbberatung"), "Beratung", "Beratung"),
        (ENGLISH, "Haarschnitt", "Haircut"), (ENGLISH, "Färben", "Colouring"),
        *((salon("Haarschnitt", "Färben", "Bartschnitt"), *row) for row in (
            ("Barttrimmen", "Bartschnitt"), ("Bart stutzen", "Bartschnitt"), ("coloring", "Färben"),
            ("Haar Schnitt", "Haarschnitt"), ("Haare schneiden und färben", "Haarschnitt und Färben"),
        )),
        *((with_haircut("Haarschnitt", "Färben", "Bartschnitt"), *row) for row in (
            ("Haarschnitt mit Bart", "Haarschnitt und Bartschnitt"), ("Haarschnitt und Bart", "Haarschnitt und Bartschnitt"),
            ("einen Haarschnitt + Bart", "Haarschnitt und Bartschnitt"), ("haircut with Bart", "Haarschnitt und Bartschnitt"),
            ("Bart und Haar", "Bartschnitt und Haarschnitt"),
            ("Haarschnitt, Färben und Bart", "Haarschnitt, Färben und Bartschnitt"),
            ("kein Haarschnitt, sondern Färben und Bart", "Färben und Bartschnitt"),
        )),
        *((barber(), *row) for row in (
            ("Haarschnitt und Bart schneiden", "Haarschnitt und Bart"), ("Bart schneiden, Farbe", "Bart und Färben"),
            ("Bart schneiden und Haare schneiden", "Bart und Haarschnitt"), ("Haarschnitt inkl. Bart", "Haarschnitt und Bart"),
            ("Bart schneiden", "Bart"), ("einen Termin zum Haareschneiden", "Haarschnitt"), ("zum Bartschneiden", "Bart"),
            ("Haareschneiden lassen", "Haarschnitt"), ("Haarefärben", "Färben"),
            ("Haareschneiden und Farbe", "Haarschnitt und Färben"), ("Termin für einen Haarschnitt", "Haarschnitt"),
        )),
    ],
)  # fmt: skip
def test_words_of_either_language_identify_a_service(config: TenantConfig, said: str, named: str) -> None:
    """Also if a companion's service is named beside it."""
    for companions in ({}, {"companions": [{"service": config.services[-1].display_name}]}):
        assert parse_service_request(config, CALL, {"service": said} | companions).rules.service.display_name == named


@each_row(
    ("said", "answer", "named"),
    [
        ("Schnitt", "Haarschnitt.", "Haarschnitt"),
        ("Schnitt", "Den Haarschnitt bitte.", "Haarschnitt"),
        ("Spitzen schneiden", "Nein, nur Haarschnitt.", "Haarschnitt"),
        ("Schnitt", "Haarschnitt und Bart.", "Haarschnitt und Bart"),
        ("Schnitt und Bart", "Nur Bart.", "Bart"),
        ("Schnitt und Bart", "Nein, Haarschnitt und Farbe.", "Haarschnitt und Färben"),
        ("Kontur", "Dann Bart.", "Bart"),
        ("", "Färben.", "Färben"),
        ("Schnitt", "The haircut, please.", "Haarschnitt"),
        ("Schnitt", "Beides.", "Haarschnitt und Bart"),
        ("Schnitt mit Farbe", "Haarschnitt.", "Haarschnitt und Färben"),
        ("Schnitt", "Nicht den Bart.", "Haarschnitt"),
        ("Schnitt und Bart", "Ja, aber ohne Bart.", "Haarschnitt"),
        ("Schnitt und Bart", "Ja, aber Bart nicht.", "Haarschnitt"),
        ("Schnitt und Bart", "Bart brauche ich nicht.", "Haarschnitt"),
        ("Schnitt und Bart", "Haarschnitt reicht.", "Haarschnitt"),
        ("Schnitt und Bart", "Nur die Haare.", "Haarschnitt"),
        ("Schnitt und Bart", "Nur Haare.", "Haarschnitt"),
        ("Schnitt und Bart", "Nein, bloß schneiden.", "Haarschnitt"),
        ("Schnitt und Bart", "Ja, Bart auch.", "Haarschnitt und Bart"),
        ("Schnitt und Bart", "Genau, Schneiden und Bart.", "Haarschnitt und Bart"),
        ("Schnitt und Bart", "Den Bart lassen wir weg.", None),
        ("Schnitt und Bart", "Bart weglassen.", None),
        ("Schnitt und Bart", "Auf den Bart verzichte ich.", None),
        ("Schnitt und Bart", "Den Bart mach ich selber.", None),
        ("Schnitt und Bart", "Haare ja, Bart nein.", None),
        ("Schnitt und Bart", "Bart nur nächstes Mal.", None),
        ("Schnitt mit Farbe", "Das zweite.", "Bart und Färben"),
        ("Schnitt mit Farbe", "Ja, das letzte bitte.", "Bart und Färben"),
        ("Schnitt mit Farbe", "Ersteres.", "Haarschnitt und Färben"),
        ("Schnitt mit Farbe", "The latter.", "Bart und Färben"),
        ("Schnitt mit Farbe", "Na Haare.", "Haarschnitt und Färben"),
        ("Schnitt mit Farbe", "Hair, of course.", "Haarschnitt und Färben"),
        ("Schnitt mit Farbe", "Den Haarschnitt mit Farbe.", "Haarschnitt und Färben"),
        ("Schnitt mit Farbe", "Ich nehme das zweite.", "Bart und Färben"),
        ("Schnitt mit Farbe", "Ohne Bart.", "Haarschnitt und Färben"),
        ("Schnitt mit Farbe", "Das erste und das zweite.", None),
        ("Schnitt mit Farbe", "Das dritte.", None),
        ("Schnitt mit Farbe", "Nur die Haare.", None),
        ("Schnitt mit Farbe", "Beides.", None),
        ("Schnitt mit Farbe", "Ja, Farbe auch.", None),
        ("Schnitt mit Farbe", "Ja, aber ohne Farbe.", None),
        ("Schnitt", "Haare natürlich.", "Haarschnitt"),
        ("Schnitt", "Die Haare.", "Haarschnitt"),
        ("Schnitt", "Hair, of course.", "Haarschnitt"),
        ("Schnitt", "Das zweite.", "Bart"),
        ("Schnitt", "Den ersten, bitte.", "Haarschnitt"),
        ("Schnitt", "The second one, please.", "Bart"),
        ("Schnitt", "Das letzte.", "Bart"),
        ("Schnitt", "Nicht die Haare.", None),
        ("Schnitt", "Nicht das erste.", None),
        ("Schnitt", "Das zweite Mal diese Woche.", None),
        ("Schnitt", "Das dritte.", None),
        ("Schnitt", "Haare oder Bart, egal.", None),
        ("Schnitt", "Haare?", None),
        ("Schnitt", "Schnitt.", None),
        ("Schnitt", "Zweimal Haarschnitt.", None),
        ("Schnitt", "Haarschnitt oder Bart, was meinen Sie?", None),
        ("Schnitt", "Was kostet der Haarschnitt?", None),
        ("Schnitt", "Ja.", None),
    ],
)
def test_service_named_in_the_answer_is_used(said: str, answer: str, named: str | None) -> None:
    config = barber()
    services = tuple(asked(config, service=said).fields["services"])
    answered = AnsweredServices(services, frozenset({f"{said} am Freitag"}), answer)
    call = replace(CALL, answered_services=(answered,), said_since=answer)
    if named is None:
        with pytest.raises(ClarificationNeeded):
            parse_service_request(config, call, {"service": said})
    else:
        assert parse_service_request(config, call, {"service": said}).rules.service.display_name == named


@each_row("answer", ["Ja, ohne Waschen.", "Ja, aber nicht so kurz.", "Ja, aber nicht bei Mehmet.", "Ja, bitte."])
def test_yes_with_remark_agrees_to_the_visit(answer: str) -> None:
    config = barber()
    (asked_visit,) = services = tuple(asked(config, service="Schnitt und Bart").fields["services"])
    replies = {heard_key("Schnitt und Bart", asked_visit): read_reply([answer], Question.HEARD)}
    answered = AnsweredServices(services, frozenset({"Schnitt und Bart"}), answer)
    call = replace(CALL, answered_services=(answered,), said_since=answer, replies=replies)
    named = parse_service_request(config, call, {"service": "Schnitt und Bart"}).rules.service.display_name
    assert named == "Haarschnitt und Bart"


@each_row(
    ("answer", "named"),
    [
        ("Nur Haarschnitt.", "Haarschnitt"), ("Haarschnitt.", "Haarschnitt"), ("Den Bart.", "Bart"),
        ("Beides.", "Haarschnitt und Bart"), ("Haarschnitt und Bart.", "Haarschnitt und Bart"), ("Was kostet das?", None),
    ],
)  # fmt: skip
def test_part_beside_other_words_is_asked_about(answer: str, named: str | None) -> None:
    config, said = barber(), {"service": "Schnitt und Bart"}
    services, texts = tuple(asked(config, **said).fields["services"]), frozenset(said.values())
    call = replace(CALL, answered_services=(AnsweredServices(services, texts, "Den Bart lassen wir weg."),))
    with pytest.raises(
        ClarificationNeeded, match=r"^Meinen Sie Haarschnitt, Bart oder Haarschnitt und Bart\?"
    ) as question:
        parse_service_request(config, call, said)
    choices = tuple(question.value.answer.fields["services"])
    answers = (*call.answered_services, AnsweredServices(choices, texts, answer))
    call = replace(call, answered_services=answers, said_since=answer)
    if named is None:
        with pytest.raises(ClarificationNeeded):
            parse_service_request(config, call, said)
    else:
        assert parse_service_request(config, call, said).rules.service.display_name == named


@pytest.mark.parametrize("answer", ["Ja.", "Beides", "Nur den Bart.", None])
def test_service_argument_alone_answers_the_question(answer: str | None) -> None:
    question = "Meinen Sie Färben und Haarschnitt oder Färben und Bartschnitt?"
    call = replace(CALL, said=f"{question} {answer}", said_since=answer)
    config = salon("Haarschnitt", "Färben", "Bartschnitt")
    for said in ("Bartschnitt", "Färben und Bartschnitt", "Färben und Haarschnitt"):
        assert parse_service_request(config, call, {"service": said}).rules.service.display_name == said


@each_row("said", [*GENERIC])
def test_generic_word_among_several_services_asks_which_service(said: str) -> None:
    answer = asked(salon("Haarschnitt", "Färben"), service=said)
    assert answer.message == asked(salon("Haarschnitt", "Färben")).message
    assert (answer.fields["services"], "Haarschnitt" in answer.message) == (["s0", "s1"], True)


def test_compound_of_generic_word_names_no_service() -> None:
    assert "Farbberatung" in asked(salon("Haarschnitt", "Farbberatung", "Färben"), service="eine Beratung").message


def test_a_generic_word_keeps_the_service_offered_last() -> None:
    config = salon("Haarschnitt", "Färben")
    assert parse_service_request(config, CALL, {"service": "Termin"}, "s1").rules.service.display_name == "Färben"


@pytest.mark.parametrize("said", ["Dauerwelle", "Impftermin", "Termin zur Dauerwelle"])
def test_undeclared_service_is_refused(said: str) -> None:
    assert asked(salon("Haarschnitt"), service=said).outcome is FunctionOutcome.UNKNOWN_SERVICE


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("haircut", "s0"), ("Haare schneiden", "s0"), ("beard trim", "s1"), ("haircut with beard", "s2"),
        ("haircut and beard trim", "s2"), ("Komplett, Haare und Bart", "s2"), ("Haircut / Haarschnitt", "s0"),
        ("haircut/Balayage", None), ("Haarschnitt und Bart trimmen, Waschen", None),
        ("Kinderhaarschnitt", None), ("Bartpflege", None), ("Haare", None), ("haircut and manicure", None),
    ],
)  # fmt: skip
def test_synonyms_identify_a_service(said: str, meant: str | None) -> None:
    config = salon("Haarschnitt", "Bart", "Haarschnitt und Bart")
    names = ((), ("Bartschnitt",), ("Komplett",))
    services = (msgspec.structs.replace(s, spoken_names=n) for s, n in zip(config.services, names, strict=True))
    config = msgspec.structs.replace(config, services=tuple(services))
    if meant is None:
        asked(config, service=said)
    else:
        assert parse_service_request(config, CALL, {"service": said}).rules.service.name == meant
