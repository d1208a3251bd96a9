"""The answers to callers about the business, topic by topic."""

from datetime import date
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from askproai_core.languages import Language
from askproai_core.tenant_config import Function, Service, TenantConfig
from askproai_core.tenant_config.branches import Absence, Knowledge
from askproai_core.tenant_config.services import Segment, StaffOverride
from askproai_core.tenant_config.vocabulary import SegmentKind
from askproai_runtime.conversation.business_information.answers import answer_question, same_everywhere
from askproai_runtime.conversation.business_information.questions import Question
from askproai_runtime.conversation.instead import AgentFunctions, offer_instead
from askproai_runtime.conversation.types import FunctionOutcome
from askproai_runtime.sentences import say, speaking
from tests.worlds.business_questions import BARBER, CHAIN, NOW, SALON, ask, question
from tests.worlds.cpu_time import assert_takes_less
from tests.worlds.rows import each_row


def services(config: TenantConfig, **changes: Any) -> TenantConfig:
    return replace(config, services=tuple(replace(each, **changes) for each in config.services))


@pytest.mark.parametrize(
    ("topic", "sentence"),
    [
        ("prices", "Haarschnitt kostet neununddreißig Euro."),
        ("service", "Haarschnitt dauert fünfundvierzig Minuten und kostet neununddreißig Euro."),
        (
            "address",
            (
                "Die Adresse ist Torstraße 1 in Berlin, Postleitzahl eins, null, eins, eins, neun."
                " Vom Rosenthaler Platz sind es drei Minuten zu Fuß. Parkplätze gibt es im Hof."
            ),
        ),
        ("staff", "Zum Team gehören Anna und Mehmet. Anna spricht Deutsch und Englisch."),
        ("cancellation", "Absagen kostet bis vierundzwanzig Stunden vorher nichts."),
    ],
)
def test_each_topic_is_answered_from_the_manifest(topic: str, sentence: str) -> None:
    answer = ask(SALON, topic)
    assert (answer.success, answer.message, answer.fields) == (True, sentence, {"topic": topic})
    assert answer.outcome is FunctionOutcome.ANSWERED


@pytest.mark.parametrize(
    ("words", "beginning"),
    [
        ("How much is a haircut?", "Haarschnitt kostet neununddreißig Euro."),
        ("Was nehmen Sie für einen Haarschnitt?", "Haarschnitt kostet neununddreißig Euro."),
        ("Are you open on Saturdays?", "Samstags ist von neun bis vierzehn Uhr geöffnet."),
    ],
)
def test_words_of_the_other_language_are_answered(words: str, beginning: str) -> None:
    """Callers speak another language than the agent; models pass the service on by its name, and a day without its "s"."""
    args = {"date": "Saturday"} if "open" in words else {"service": "Haarschnitt"}
    answer = ask(SALON, "prices" if "service" in args else "opening_hours", question=words, **args)
    assert answer.message == beginning
    assert "not_answered" not in answer.fields


def test_hours_and_closed_days_cover_the_named_day() -> None:
    assert ask(SALON, "opening_hours").message.startswith("Geöffnet ist Dienstag bis Freitag von neun bis achtzehn Uhr")
    assert ask(SALON, "opening_hours", date="morgen").message.startswith(
        "Morgen, Samstag, den 21. November, ist von neun"
    )
    assert ask(SALON, "closed_days").message.startswith("In den nächsten acht Wochen ist außer der Reihe geschlossen")
    assert "ist geschlossen" in ask(SALON, "closed_days", date="Heiligabend").message


@pytest.mark.parametrize("topic", ["opening_hours", "closed_days"])
@pytest.mark.parametrize("phrase", ["über Weihnachten", "am Feiertag", "31. Februar"])
def test_day_that_is_not_understood_is_asked(topic: str, phrase: str) -> None:
    """The hours of an ordinary week would send somebody to a closed door."""
    answer = ask(SALON, topic, date=phrase)
    assert (answer.success, answer.message) == (False, "Welchen Tag meinen Sie?")
    assert answer.outcome is FunctionOutcome.ASKED_BACK


@pytest.mark.parametrize(
    ("phrase", "before"),
    [
        ("2025-12-01", "Montag, 1. Dezember 2025 ist schon vorbei, heute ist Freitag, 20. November 2026."),
        ("26.10.2023", "Donnerstag, 26. Oktober 2023 ist schon vorbei, heute ist Freitag, 20. November 2026."),
        ("gestern", "Donnerstag, 19. November 2026 ist schon vorbei, heute ist Freitag, 20. November 2026."),
        ("letzte Woche", "Dieser Zeitpunkt ist schon vorbei."),
    ],
)
def test_a_past_day_is_said_to_be_over(phrase: str, before: str) -> None:
    """A model with the wrong year would repeat it."""
    answer = ask(SALON, "opening_hours", date=phrase)
    assert (answer.success, answer.message) == (False, f"{before} Welchen Tag meinen Sie?")


@pytest.mark.parametrize("topic", ["prices, address", "address and prices", "price/other/location"])
def test_each_topic_of_an_argument_is_answered(topic: str) -> None:
    answer = ask(SALON, topic)
    assert answer.success
    assert "Haarschnitt kostet neununddreißig Euro." in answer.message
    assert "Die Adresse ist Torstraße 1" in answer.message


OF_MEHMET = "Mehmet arbeitet in der Regel Donnerstag und Freitag von zwölf bis achtzehn Uhr."
OF_ANNA = (
    "Anna arbeitet in der Regel Dienstag bis Freitag von neun bis achtzehn Uhr und Samstag von neun bis vierzehn Uhr."
)
UNKNOWN_DAYS = "Wer an welchem Tag arbeitet, weiß ich nicht."


@each_row(
    ("topic", "args", "said"),
    [
        ("staff_availability", {"question": "Arbeitet Mehmet auch samstags?", "staff": "Mehmet", "date": "saturday"},
         f"{OF_MEHMET} Samstags: Da arbeitet Mehmet nicht. Zum Team gehören Anna und Mehmet."),
        ("opening_hours", {"question": "Wann arbeitet Mehmet?"}, OF_MEHMET),
        ("opening_hours", {"question": "", "date": "Mittwoch", "staff": "Mehmet"},
         f"{OF_MEHMET} Am Mittwoch, den 25. November: Da arbeitet Mehmet nicht."),
        ("opening_hours", {"question": "Wann haben Sie am Mittwoch offen?", "date": "Mittwoch", "staff": "Mehmet"},
         f"{OF_MEHMET} Am Mittwoch, den 25. November: Da arbeitet Mehmet nicht. Am Mittwoch, den 25. November, ist von neun"),
        ("other", {"question": "Ist Anna am Dienstag da?"}, OF_ANNA),
        ("other", {"question": "Wer arbeitet am Donnerstag?"}, f"{OF_ANNA} {OF_MEHMET}"),
        ("other", {"question": "Wann hat Mehmet Urlaub?"}, UNKNOWN_DAYS),
        ("opening_hours", {"date": "Samstag", "staff": "Jessica"}, UNKNOWN_DAYS),
    ],
)  # fmt: skip
def test_working_days_are_answered_from_the_manifest(topic: str, args: dict[str, Any], said: str) -> None:
    assert said in ask(SALON, topic, **args).message


def test_an_absence_is_a_day_off() -> None:
    (place,) = SALON.branches
    absence = Absence(date(2026, 11, 26), date(2026, 11, 27))
    team = tuple(replace(each, absences=(absence,)) for each in place.staff)
    answer = ask(
        replace(SALON, branches=(replace(place, staff=team),)), "other", question="Ist Mehmet am Donnerstag da?"
    )
    assert answer.message == f"{OF_MEHMET} Am Donnerstag, den 26. November: Da arbeitet Mehmet nicht."


@pytest.mark.parametrize("topic", ["opening_hours", "closed_days"])
@pytest.mark.parametrize(
    ("words", "beginning"),
    [
        ("am Heiligabend", "Am Donnerstag, den 24. Dezember, ist geschlossen"),
        ("Habt ihr über Weihnachten offen?", "Am Donnerstag, den 24. Dezember, ist geschlossen. Am Freitag, den 25."),
        (
            "Wie lange habt ihr denn heute noch offen?",
            "Heute, Freitag, den 20. November, ist von neun bis achtzehn Uhr",
        ),
        ("Sind Sie am 24. Dezember da?", "Am Donnerstag, den 24. Dezember, ist geschlossen"),
    ],
)
def test_day_named_only_in_the_question_is_answered(topic: str, words: str, beginning: str) -> None:
    assert ask(SALON, topic, question=words).message.startswith(beginning)


@pytest.mark.parametrize(
    "words",
    [
        "Wann haben Sie geöffnet?", "Machen Sie eine Mittagspause?", "Haben Sie jeden Tag auf?", "Wann machen Sie morgens auf?",
        "Guten Morgen, wann haben Sie auf?", "Ich habe am Dienstag einen Termin. Wie sind Ihre Öffnungszeiten?",
    ],
)  # fmt: skip
def test_question_without_its_own_day_gets_the_week(words: str) -> None:
    assert ask(SALON, "opening_hours", question=words) == ask(SALON, "opening_hours")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("Haben Sie samstags auf?", "Samstags ist von neun bis vierzehn Uhr geöffnet."),
        ("Haben Sie montags auf?", "Montags ist geschlossen."),
        (
            "Bis wann haben Sie freitags auf und wann samstags?",
            "Freitags ist von neun bis achtzehn Uhr geöffnet. Samstags ist von neun bis vierzehn Uhr geöffnet.",
        ),
    ],
)
def test_question_about_a_weekday_gets_its_hours_only(words: str, sentence: str) -> None:
    assert ask(SALON, "opening_hours", question=words).message == sentence


@pytest.mark.parametrize(
    "words",
    [
        "Ich arbeite samstags, wann haben Sie auf?", "Haben Sie außer samstags immer auf?",
        "Samstags kann ich. Wann haben Sie auf?", "Haben Sie montags bis freitags auf?",
    ],
)  # fmt: skip
def test_unrelated_weekday_gets_weekly_hours(words: str) -> None:
    assert ask(SALON, "opening_hours", question=words).message.startswith("Geöffnet ist Dienstag bis Freitag")


@pytest.mark.parametrize(
    "words",
    [
        "Haben Sie am 24. und 31. Dezember auf?",
        "Ich war letzten Freitag da, wann haben Sie auf?",
        "Haben Sie außer Montag immer auf?",
        "Ich habe am Dienstag einen Termin, wie sind Ihre Öffnungszeiten",
        "Einen schönen Sonntag wünsche ich, wann haben Sie auf?",
        "Arbeiten Sie auch an einem Samstag?",
    ],
)
def test_doubtful_day_gets_the_week_and_closed_days(words: str) -> None:
    """The closed days are said, too: the week alone would send somebody who asks about one to a closed door."""
    message = ask(SALON, "opening_hours", question=words).message
    assert message.startswith("Geöffnet ist Dienstag bis Freitag von neun bis achtzehn Uhr")
    assert "Außer der Reihe ist geschlossen von Donnerstag, den 24. Dezember" in message


@pytest.mark.parametrize(
    ("words", "days"),
    [
        (
            "Haben Sie am 23. oder 24. Dezember auf?",
            ("Am Mittwoch, den 23. Dezember, ist von neun", "Am Donnerstag, den 24. Dezember, ist geschlossen"),
        ),
        ("Wie lange haben Sie am Freitag, den 4. Dezember auf?", ("Am Freitag, den 4. Dezember, ist von neun",)),
        ("Haben Sie am 1. Mai oder am 3. Oktober auf?", ("Am Samstag, den 1. Mai", "Am Sonntag, den 3. Oktober")),
        ("Guten Abend, wie lange haben Sie heute Abend noch auf?", ("Heute, Freitag, den 20. November, ist von neun",)),
        ("Haben Sie morgen früh schon auf?", ("Morgen, Samstag, den 21. November, ist von neun",)),
        ("Guten Tag. Ich rufe wegen eines Geschenks an. Haben Sie am Samstag auf?", ("Morgen, Samstag, den 21.",)),
    ],
)
def test_only_the_days_of_the_question_are_answered(words: str, days: tuple[str, ...]) -> None:
    message = ask(SALON, "opening_hours", question=words).message
    assert message.startswith(days[0])
    assert all(day in message for day in days)


@pytest.mark.parametrize(
    ("branch", "topic", "sentence"),
    [
        ("mitte", "prices", "Haarschnitt und Färben kosten zusammen hunderteinunddreißig Euro."),
        ("potsdam", "prices", "Haarschnitt und Färben kosten zusammen hundertsiebenundzwanzig Euro."),
        (
            "mitte",
            "service",
            (
                "Haarschnitt und Färben dauern zusammen hundertfünfunddreißig Minuten, davon fünfundvierzig Minuten Wartezeit, "
                "und kosten hunderteinunddreißig Euro."
            ),
        ),
    ],
)
def test_several_services_get_summed_price_and_length(branch: str, topic: str, sentence: str) -> None:
    assert ask(CHAIN, topic, branch, service="Schneiden mit Farbe").message == sentence


def test_no_sum_is_said_with_an_unknown_price() -> None:
    unpriced = replace(CHAIN, services=(*CHAIN.services[:-1], replace(CHAIN.services[-1], price_amount="0.00")))
    names = f"{CHAIN.services[0].display_name}, {CHAIN.services[-1].display_name}"
    branch = CHAIN.services[-1].branch or CHAIN.services[0].branch or "mitte"
    assert "leider nicht sagen" in ask(unpriced, "prices", branch, service=names).message


def test_several_services_without_cost_are_free_of_charge() -> None:
    free = services(CHAIN, free_of_charge=True)
    assert ask(free, "prices", "mitte", service="Schneiden, Farbe").message == "Haarschnitt und Färben sind kostenlos."
    assert ask(free, "service", "mitte", service="Schneiden, Farbe").message.endswith(" und sind kostenlos.")
    with speaking(Language.EN):
        said = ask(free, "prices", "mitte", service="Schneiden and Farbe").message
        assert said == "Haarschnitt and Färben are free of charge."


def test_service_is_found_as_in_a_booking() -> None:
    one = replace(SALON.services[0], name="komplett", display_name="Waschen & Legen", price_amount="50.00")
    config = replace(SALON, services=(*SALON.services, one))
    for said in ("Waschen und Legen", "einmal Waschen, Legen bitte"):
        assert ask(config, "prices", service=said).message == "Waschen & Legen: das kostet fünfzig Euro."


@pytest.mark.parametrize(
    "nothing", ["null", "None", "{{service}}", "[]", "keine", "unbekannt", "keine Angabe", "nicht angegeben"]
)
def test_placeholder_of_a_model_is_no_argument(nothing: str) -> None:
    for topic in ("opening_hours", "closed_days"):
        assert ask(SALON, topic, date=nothing) == ask(SALON, topic)
    assert ask(SALON, "prices", service=nothing) == ask(SALON, "prices")
    named = ask(CHAIN, "prices", service=nothing, question="Was kostet Färben?")
    assert named.message == "Färben: das kostet neunundachtzig Euro."


def test_invalid_date_is_ignored_if_the_question_suffices() -> None:
    """A model that sends the same again would never get to the hours."""
    general = ask(SALON, "opening_hours", date="allgemein", question="Wann haben Sie auf?").message
    assert general.startswith("Geöffnet ist Dienstag bis Freitag")
    assert "den 24. Dezember" in general
    over = ask(SALON, "opening_hours", date="Feiertage", question="Haben Sie an Heiligabend auf?").message
    assert over.startswith("Am Donnerstag, den 24. Dezember, ist geschlossen")
    asked = ask(SALON, "opening_hours", date="am Feiertag", question="Haben Sie am Feiertag auf?")
    assert asked.message == "Welchen Tag meinen Sie?"


@pytest.mark.parametrize(
    ("service", "answer"),
    [
        ("<break time='9s'/>", "Haarschnitt kostet neununddreißig Euro."),  # a placeholder names nothing
        ("x" * 600, "Das finde ich nicht auf meiner Liste. Meinen Sie Haarschnitt?"),
    ],
)
def test_markup_in_an_argument_is_not_repeated(service: str, answer: str) -> None:
    """A voice would read them aloud, or obey them."""
    assert ask(SALON, "prices", service=service).message == answer


@pytest.mark.parametrize("service", [["Haarschnitt"], {"name": "x"}, True])
def test_argument_of_another_type_is_ignored(service: Any) -> None:
    assert ask(SALON, "prices", service=service) == ask(SALON, "prices")


@pytest.mark.parametrize(
    "words", ["Kann ich mit Karte zahlen?", "kann ich mit karte zahlen", "  Kann ich mit  Karte zahlen "]
)
@pytest.mark.parametrize("topic", ["other", "prices", "nonsense", ""])
def test_tenants_own_question_is_answered_under_any_topic(words: str, topic: str) -> None:
    assert ask(SALON, topic, question=words).message == "Ja, mit allen üblichen Karten und auch bar."


def test_a_branchs_own_answer_comes_before_the_tenants() -> None:
    own = Knowledge(question="Kann ich mit Karte zahlen?", answer="Hier nur bar.")
    branch = replace(SALON.branches[0], knowledge=(own,))
    assert ask(replace(SALON, branches=(branch,)), "other", question=own.question).message == "Hier nur bar."


@pytest.mark.parametrize(
    ("words", "is_said"),
    [
        ("Was muss ich zum Haarschnitt mitbringen?", True),
        ("Muss ich dafür etwas vorbereiten?", True),
        ("Was muss ich beachten?", True),
        ("Muss ich nüchtern kommen?", False),
        ("Wie lange dauert das?", False),
        ("Bringt mir das etwas?", False),
    ],
)
def test_undeclared_preparation_is_said_to_be_unknown(words: str, *, is_said: bool) -> None:
    """Length and price alone would sound like the answer."""
    answer = ask(SALON, "service", service="Haarschnitt", question=words)
    assert answer.message.startswith("Haarschnitt dauert ")
    assert answer.message.endswith(say().preparation_not_known) is is_said


def test_declared_preparation_is_said() -> None:
    service = replace(SALON.services[0], preparation="Bitte kommen Sie mit trockenem Haar.")
    config = replace(SALON, services=(service, *SALON.services[1:]))
    answer = ask(config, "service", service=service.display_name, question="Was muss ich mitbringen?")
    assert answer.message.endswith("Bitte kommen Sie mit trockenem Haar.")


@pytest.mark.parametrize(
    ("words", "preparation", "is_known"),
    [
        ("muss er dafür nüchtern sein", "Bitte bringen Sie Ihren Impfpass mit.", False),
        ("Darf man vorher etwas essen?", "Bitte bringen Sie Ihren Impfpass mit.", False),
        ("Muss ich nüchtern kommen?", "", False),
        ("muss er dafür nüchtern sein", "Bitte vier Stunden vorher nichts essen.", True),
        ("Darf man vorher etwas trinken?", "Bitte kommen Sie nüchtern.", True),
    ],
)
def test_fasting_needs_a_preparation_about_it(words: str, preparation: str, *, is_known: bool) -> None:
    answer = ask(services(SALON, preparation=preparation), "service", service="Haarschnitt", question=words)
    assert answer.message.endswith(preparation if is_known else say().subjects_not_known["fasting"])
    assert answer.success is is_known or answer.fields.get("not_answered") == ["nuechtern"]


def test_undeclared_fact_is_not_guessed() -> None:
    """The model gets the questions that can be answered, to find the one that was meant."""
    answer = ask(SALON, "other", question="Haben Sie Aktien?")
    transferring = offer_instead(answer, Function.BUSINESS_INFORMATION, AgentFunctions(transfers=True))
    assert transferring.message == "Zum Thema Aktien weiß ich nichts. Soll ich Sie mit dem Team verbinden?"
    assert (answer.success, answer.outcome) == (False, FunctionOutcome.NOT_KNOWN)
    assert answer.fields["questions"] == ["Kann ich mit Karte zahlen?", "Verkaufen Sie Gutscheine?"]
    alone = offer_instead(ask(SALON, "other"), Function.BUSINESS_INFORMATION, AgentFunctions())
    assert alone.message == "Das kann ich Ihnen leider nicht sagen. Kann ich sonst etwas für Sie tun?"


@pytest.mark.parametrize("topic", ["opening_hours", "closed_days", "address", "staff", "cancellation"])
def test_empty_manifest_is_answered_as_unknown(topic: str) -> None:
    branch = type(SALON.branches[0])(name="mitte", display_name="Mitte")
    empty = TenantConfig(tenant="a.b", display_name="B", branches=(branch,))
    assert ask(empty, topic).outcome is FunctionOutcome.NOT_KNOWN


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({"service": "Herrenschnitt (45 Min.)"}, "Haarschnitt kostet neununddreißig Euro."),
        ({"question": "Was kostet Schneiden bei Ihnen?"}, "Haarschnitt kostet neununddreißig Euro."),
        ({"service": "Massage"}, "Massage finde ich nicht auf meiner Liste. Meinen Sie Haarschnitt?"),
    ],
)
def test_service_is_found_by_any_of_its_names(args: dict[str, str], sentence: str) -> None:
    assert ask(SALON, "prices", **args).message == sentence


def test_price_of_a_declared_questions_subject_is_unknown() -> None:
    own = Knowledge("Verkaufen Sie Gutscheine?", "Ja, im Salon.")
    salon = replace(SALON, knowledge=(own,))
    answer = ask(salon, "prices", question="Was kostet ein Gutschein?", service="Gutschein")
    assert answer.message == "Verkaufen Sie Gutscheine? Ja, im Salon. Mehr weiß ich dazu leider nicht."
    assert (answer.fields["not_answered"], answer.fields["questions"]) == (["prices", "kostet"], [own.question])
    assert ask(salon, "prices", service="Haarschnitt").message == "Haarschnitt kostet neununddreißig Euro."


def test_waiting_time_of_customers_is_in_the_length() -> None:
    parts = (Segment(20), Segment(15, SegmentKind.WAIT), Segment(10))
    waits = "Haarschnitt dauert fünfundvierzig Minuten, davon fünfzehn Minuten Wartezeit"
    with_wait = services(SALON, segments=parts)
    assert ask(with_wait, "service").message == f"{waits}, und kostet neununddreißig Euro."
    assert ask(services(with_wait, price_amount="0.00"), "service").message == f"{waits}."


def test_no_price_is_never_called_free() -> None:
    """The service that is made for a branch without one has 0.00: nobody has said that it costs nothing."""
    free = services(SALON, price_amount="0.00")
    answer = ask(free, "prices")
    assert answer.message.startswith("Den Preis für Haarschnitt kann ich Ihnen leider nicht sagen.")
    assert ask(free, "service").message == "Haarschnitt dauert fünfundvierzig Minuten."


def test_zero_price_is_free_of_charge() -> None:
    free = services(SALON, free_of_charge=True, price_amount="0.00")
    assert ask(free, "prices").message == "Haarschnitt ist kostenlos."
    assert ask(free, "service").message == "Haarschnitt dauert fünfundvierzig Minuten und ist kostenlos."
    waits = services(free, segments=(Segment(20), Segment(15, SegmentKind.WAIT), Segment(10)))
    assert ask(waits, "service").message.endswith("davon fünfzehn Minuten Wartezeit, und ist kostenlos.")
    several = services(CHAIN, free_of_charge=True)
    assert ask(several, "prices").message == "Färben: das ist kostenlos und Haarschnitt ist kostenlos."
    with speaking(Language.EN):
        assert ask(free, "prices").message == "Haarschnitt is free of charge."
        assert ask(free, "service").message == "Haarschnitt takes 45 minutes and is free of charge."


def test_persons_own_length_or_price_is_said_alongside() -> None:
    dearer = StaffOverride("anna", 60, "55.00")
    config = services(SALON, staff_overrides=(dearer,))
    assert ask(config, "service").message == (
        "Haarschnitt dauert fünfundvierzig Minuten und kostet neununddreißig Euro."
        " Bei Anna dauert es sechzig Minuten und kostet fünfundfünfzig Euro."
    )
    both = "Haarschnitt kostet neununddreißig Euro. Bei Anna kostet es fünfundfünfzig Euro."
    assert ask(config, "prices").message == both
    longer = services(SALON, staff_overrides=(StaffOverride("anna", 60),))
    assert ask(longer, "service").message.endswith("Euro. Bei Anna dauert es sechzig Minuten.")
    assert ask(longer, "prices").message == "Haarschnitt kostet neununddreißig Euro."
    trainee = services(SALON, staff_overrides=(StaffOverride("mehmet", None, "0.00", free_of_charge=True),))
    assert ask(trainee, "prices").message.endswith(" Bei Mehmet ist es kostenlos.")
    with speaking(Language.EN):
        assert ask(config, "service").message.endswith(" With Anna it takes 60 minutes and costs 55 euros.")


def test_price_that_only_one_person_has_is_said() -> None:
    config = services(SALON, price_amount="0.00", staff_overrides=(StaffOverride("anna", None, "55.00"),))
    assert ask(config, "prices").message == "Bei Anna kostet es fünfundfünfzig Euro."


def test_price_list_names_dearer_staff() -> None:
    config = services(CHAIN, staff_overrides=(StaffOverride("anna", None, "99.00"),))
    assert ask(config, "prices").message == (
        "Färben: das kostet neunundneunzig Euro und Haarschnitt kostet zweiundvierzig Euro, bei Anna neunundneunzig Euro."
    )


def test_price_that_no_staff_member_has_is_omitted() -> None:
    everybody = (StaffOverride("anna", 60, "55.00"), StaffOverride("mehmet", 60, "55.00"))
    config = services(SALON, staff_overrides=everybody)
    assert ask(config, "prices").message == "Haarschnitt kostet fünfundfünfzig Euro."
    assert ask(config, "service").message == "Haarschnitt dauert sechzig Minuten und kostet fünfundfünfzig Euro."
    differing = services(SALON, staff_overrides=(everybody[0], StaffOverride("mehmet", 30, "45.00")))
    assert ask(differing, "prices").message == (
        "Haarschnitt kostet fünfundfünfzig Euro. Bei Mehmet kostet es fünfundvierzig Euro."
    )
    length_only = services(SALON, staff_overrides=(StaffOverride("anna", 60), StaffOverride("mehmet", 60)))
    assert ask(length_only, "service").message == ("Haarschnitt dauert sechzig Minuten und kostet neununddreißig Euro.")


def test_price_names_only_staff_of_this_branch() -> None:
    config = services(SALON, staff_overrides=(StaffOverride("clara", 60, "55.00"),))
    assert "Clara" not in ask(config, "service").message


def test_service_answer_includes_the_declared_preparation() -> None:
    config = services(SALON, preparation="Bitte kommen Sie mit trockenem Haar.")
    assert ask(config, "service", service="Haarschnitt").message.endswith("Euro. Bitte kommen Sie mit trockenem Haar.")
    assert "trockenem" not in ask(config, "prices").message


def test_several_prices_are_listed_and_many_are_asked() -> None:
    assert ask(CHAIN, "prices").message == (
        "Färben: das kostet neunundachtzig Euro und Haarschnitt kostet zweiundvierzig Euro."
    )
    more = [replace(CHAIN.services[-1], name=f"s{n}", display_name=f"Leistung {n}", branch="mitte") for n in range(6)]
    many = ask(replace(CHAIN, services=(*CHAIN.services, *more)), "prices")
    assert (many.success, many.message) == (False, "Welche Leistung meinen Sie?")
    assert "s3" in many.fields["services"]


def test_many_services_are_shortened_in_a_list() -> None:
    more = [replace(CHAIN.services[-1], name=f"s{n}", display_name=f"Kur {n}", branch="mitte") for n in range(11)]
    listed = ask(replace(CHAIN, services=tuple(more)), "service", question="Was bieten Sie an?")
    assert listed.message == f"Bei uns gibt es {', '.join(each.display_name for each in more[:10])} und weitere."


@pytest.mark.parametrize(
    ("languages", "sentence"),
    [(("de",), "Türkisch spricht vom Team niemand."), ((), "Zum Thema Türkisch weiß ich nichts.")],
)
def test_language_is_denied_if_all_are_declared(languages: tuple[str, ...], sentence: str) -> None:
    anna, mehmet = SALON.branches[0].staff
    config = replace(SALON, branches=(replace(SALON.branches[0], staff=(anna, replace(mehmet, languages=languages))),))
    answer = ask(config, "staff", question="Spricht jemand Türkisch?")
    assert (answer.success, answer.message.endswith(sentence)) == (True, True), answer.message


TWO = replace(
    SALON,
    services=(
        replace(SALON.services[0], name="massage", display_name="Rückenmassage", spoken_names=("Massage",)),
        replace(SALON.services[0], name="fango", display_name="Fango", spoken_names=(), price_amount="12.00"),
        replace(SALON.services[0], name="fango-lang", display_name="Fango lang", spoken_names=(), price_amount="0.00"),
        replace(SALON.services[0], name="kg", display_name="Krankengymnastik", spoken_names=(), price_amount="0.00"),
    ),
)
BOTH_PRICES = "Rückenmassage kostet neununddreißig Euro. Fango kostet zwölf Euro."
BOTH_TOGETHER = "Rückenmassage und Fango kosten zusammen einundfünfzig Euro."
ONE_PRICE = (
    "Rückenmassage kostet neununddreißig Euro. Den Preis für Krankengymnastik kann ich Ihnen leider nicht sagen."
)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"question": "Was kosten Massage und Fango?"}, BOTH_PRICES),
        ({"service": "Massage und Fango"}, f"{BOTH_PRICES} {BOTH_TOGETHER}"),
        ({"question": "Was kostet eine Massage und was kostet Krankengymnastik?"}, ONE_PRICE),
        ({"service": "Massage, Fango", "question": "Ist das eine Massage oder ein Fango?"}, BOTH_PRICES),
        ({"service": "Massage, Fango", "question": "is that a massage or a fango"}, BOTH_PRICES),
        ({"service": "Massage und Fango", "question": "Was ist teurer, die Massage oder Fango?"}, BOTH_PRICES),
        ({"service": "Massage, Fango", "question": "Was kostet eine Massage und was kostet Fango?"}, BOTH_PRICES),
        ({"service": "Massage, Fango", "question": "Was kosten die jeweils?"}, BOTH_PRICES),
        ({"service": "Massage, Fango", "question": "Was kosten die zusammen?"}, BOTH_TOGETHER),
        ({"question": "Was kostet Fango?"}, "Fango kostet zwölf Euro."),
        # "Fango" is a part of the other name here
        ({"question": "Was kostet Fango lang?"}, "Den Preis für Fango lang kann ich Ihnen leider nicht sagen."),
        (
            {"question": "Was kosten Fango lang und Krankengymnastik?"},
            "Was Fango lang und Krankengymnastik kosten, kann ich Ihnen leider nicht sagen.",
        ),
    ],
)
def test_each_service_is_answered_and_missing_price_named(args: dict[str, str], message: str) -> None:
    answer = ask(TWO, "prices", **args)
    assert answer.message.startswith(message)
    assert answer.success is ("kann ich" not in message[:60])
    assert not answer.success or answer.message == message


@each_row(
    ("service", "message"),
    [
        (
            "Schnitt und Bart",
            "Haarschnitt kostet fünfunddreißig Euro. Bart kostet fünfzehn Euro. Haarschnitt und Bart kosten zusammen fünfzig Euro.",
        ),
        ("Cut mit Bart", "Haarschnitt und Bart kosten zusammen fünfzig Euro."),
        ("Schnitt", "Meinen Sie Haarschnitt oder Bart?"),
        ("Maniküre und Bart", "Bart kostet fünfzehn Euro. Maniküre finde ich nicht auf meiner Liste."),
        (
            "Nägel, Cut, Massage",
            "Haarschnitt kostet fünfunddreißig Euro. Nägel und Massage finde ich nicht auf meiner Liste.",
        ),
        ("manicure, beard trim", "Bart kostet fünfzehn Euro. manicure finde ich nicht auf meiner Liste."),
        ("Maniküre und Massage", "Maniküre und Massage finde ich nicht auf meiner Liste. Welche"),
    ],
)
def test_price_of_each_part_is_said(service: str, message: str) -> None:
    for words in ("", f"Was kosten {service}?"):
        assert ask(BARBER, "prices", service=service, question=words).message.startswith(message)


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ("highlights, haircut", "How much are highlights and a haircut, and can I pay by card?"),
        ("Strähnen, Haarschnitt", "Was kosten Strähnen und ein Haarschnitt?"),
        ("Haarschnitt mit Strähnen", ""),
    ],
)
def test_an_unknown_service_denies_no_known_one(service: str, words: str) -> None:
    answer = ask(SALON, "prices", service=service, question=words)
    unknown = service.replace("Haarschnitt", "").replace("haircut", "").replace(" mit ", "").strip(", ")
    assert answer.success
    assert f"Haarschnitt kostet neununddreißig Euro. {unknown} finde ich nicht auf meiner Liste." in answer.message
    assert "Meinen Sie" not in answer.message
    assert unknown in answer.fields["not_answered"]


def test_a_translated_part_is_answered() -> None:
    with speaking(Language.EN):
        words = "How much is a men's cut, and do you offer beard trims?"
        answer = ask(SALON, "prices", service="men's cut, beard trim", question=words)
        assert answer.message == "Haarschnitt costs 39 euros. I cannot find beard trim on my list."
        words = "How much are highlights and a haircut, and can I pay by card?"
        answer = ask(SALON, "pricing_and_payment", service="highlights, haircut", question=words)
    assert answer.message.endswith("39 euros. I cannot find highlights on my list.")
    assert "Ja, mit allen üblichen Karten" in answer.message
    assert answer.fields["not_answered"] == ["highlights"]


@each_row(
    ("service", "open_part"),
    [
        ("Haarschnitt, Preis", None), ("Cut, Termin", None), ("Haarschnitt und alles", None), ("Cut und Beratung", None),
        ("Haarschnitt und Öffnungszeiten", "Öffnungszeiten"), ("Haarschnitt und Parkplatz", "Parkplatz"),
        ("Haarschnitt, Massage, Preis", "Massage"),
    ],
)  # fmt: skip
def test_words_of_other_questions_miss_no_service(service: str, open_part: str | None) -> None:
    answer = ask(BARBER, "prices", service=service)
    missing = " Massage finde ich nicht auf meiner Liste." if open_part == "Massage" else ""
    assert answer.message == f"Haarschnitt kostet fünfunddreißig Euro.{missing}"
    assert answer.fields.get("not_answered") == (None if open_part is None else [open_part])


@each_row("service", ["haircut", "beard trim", "coloring"])
def test_translated_service_is_no_open_part(service: str) -> None:
    answer = ask(BARBER, "prices", service=service, question=f"How much is {service}?")
    assert (answer.success, "not_answered" in answer.fields) == (True, False), answer


def test_longer_unknown_name_is_not_the_known_service() -> None:
    assert ask(TWO, "prices", service="Thai Massage").message.startswith(
        "Thai Massage finde ich nicht auf meiner Liste."
    )


def test_price_comes_from_the_callers_branch() -> None:
    assert ask(CHAIN, "prices", "potsdam", service="Strähnen").message == "Färben: das kostet fünfundachtzig Euro."
    assert ask(CHAIN, "prices", "mitte", service="Strähnen").message == "Färben: das kostet neunundachtzig Euro."


def test_service_of_another_branch_is_named_with_place() -> None:
    assert ask(CHAIN, "prices", "mitte", service="Rasur").message == (
        "Bartpflege gibt es nicht in Haarwerk Mitte, aber in Haarwerk Pankow. Bartpflege kostet fünfundzwanzig Euro."
    )


def test_a_service_that_nobody_does_is_not_offered() -> None:
    idle = services(SALON, staff={})
    assert ask(idle, "prices", service="Haarschnitt").message.startswith("Haarschnitt bieten wir zurzeit nicht an.")


def test_hotline_answers_common_facts_without_a_branch() -> None:
    same = same_everywhere(CHAIN, question("prices", service="Haarschnitt"), None)
    assert same is not None
    assert same.message == "Haarschnitt kostet zweiundvierzig Euro."
    assert same_everywhere(CHAIN, question("address"), None) is None
    assert same_everywhere(CHAIN, question("prices", service="Färben"), None) is None
    assert same_everywhere(CHAIN, question("opening_hours"), None) is None


def test_only_branch_with_a_service_is_not_asked() -> None:
    only = same_everywhere(CHAIN, question("prices", service="Rasur"), None)
    assert only is not None
    assert only.message == "Haarwerk Pankow. Bartpflege kostet fünfundzwanzig Euro."
    called = same_everywhere(CHAIN, question("prices", service="Rasur"), "pankow")
    assert called is not None
    assert called.message == "Bartpflege kostet fünfundzwanzig Euro.", "who called its number knows where it is"


@pytest.mark.parametrize(
    ("topic", "args"),
    [
        ("prices", {"question": "Was kostet Leistung 99?"}),
        ("prices", {"service": "Massage"}),
        ("closed_days", {}),
        ("opening_hours", {"question": "Wie lange haben Sie eigentlich am Heiligabend für mich geöffnet?"}),
        ("other", {"question": "Kann ich mit Karte zahlen?"}),
    ],
)
def test_comparing_many_branches_does_not_stop_other_callers(topic: str, args: dict[str, str]) -> None:
    """Fifty branches, each with thirty answers of its own, and a hundred services; of more, callers are asked for the branch."""
    service = replace(SALON.services[0], branch=None, staff={f"b{n}": ("anna",) for n in range(51)})
    many = tuple(replace(service, name=f"s{n}", display_name=f"Leistung {n}") for n in range(100))
    own = tuple(Knowledge(question=f"Gibt es hier die Nummer {n}?", answer="Ja.") for n in range(30))
    places = tuple(replace(SALON.branches[0], name=f"b{n}", knowledge=own) for n in range(51))
    chain, asked = replace(SALON, branches=places[:50], services=many), question(topic, **args)
    assert same_everywhere(chain, asked, None)
    assert_takes_less(0.020, lambda: same_everywhere(chain, asked, None))
    assert same_everywhere(replace(chain, branches=places), asked, None) is None


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"topic": None},
        {"topic": "prices", "service": "", "date": ""},
        {"topic": "PRICES"},
        {"topic": "Opening Hours"},
    ],
)
def test_any_model_input_is_answered_with_a_sentence(args: dict[str, Any]) -> None:
    assert answer_question(SALON, SALON.branches[0], Question.of(args, asked_at=NOW, now=NOW)).message.endswith(
        (".", "?")
    )


def test_an_answer_takes_less_than_ten_milliseconds() -> None:
    """With sixty people and two hundred services; the library of holidays is loaded before (`warm_up`)."""
    service: Service = SALON.services[0]
    many = tuple(replace(service, name=f"s{n}", display_name=f"Leistung {n}") for n in range(200))
    staff = tuple(replace(SALON.branches[0].staff[0], id=f"p{n}", display_name=f"Person {n}") for n in range(60))
    config = replace(SALON, services=many, branches=(replace(SALON.branches[0], staff=staff),))
    topics = ("prices", "service", "opening_hours", "closed_days", "address", "staff", "cancellation", "other")
    for topic in topics:
        ask(config, topic)
    for topic in topics:
        ask_all = partial(ask, config, topic, date="im Dezember", question="Was kostet Leistung 199?")
        assert_takes_less(0.010, ask_all, topic)


def test_shared_service_name_gives_each_price() -> None:
    lesson = replace(SALON.services[0], spoken_names=())
    prices = {"30": "24.00", "45": "34.00"}
    school = replace(
        SALON,
        services=tuple(
            replace(
                lesson, name=f"klavier-{minutes}", display_name=f"Klavierstunde {minutes} Minuten", price_amount=price
            )
            for minutes, price in prices.items()
        ),
    )
    told = ask(school, "prices", service="Klavierstunde")
    assert told.success
    assert "Klavierstunde 30 Minuten: das kostet vierundzwanzig Euro" in told.message
    assert "Klavierstunde 45 Minuten: das kostet vierunddreißig Euro" in told.message
    asked = ask(school, "prices", service="45 Minuten Klavier")
    assert (asked.success, asked.message) == (False, "Meinen Sie Klavierstunde 45 Minuten?")


def test_name_of_two_services_gives_both_prices() -> None:
    (cut, *_) = SALON.services
    waxings = tuple(
        replace(cut, name=name, display_name=name, spoken_names=(f"Waxing {part}",), price_amount=price)
        for name, part, price in (("Achselwaxing", "Achseln", "16.00"), ("Beinwaxing", "Beine", "45.00"))
    )
    own = Knowledge(question="Tut Waxing weh?", answer="Es zwickt kurz.")
    told = ask(replace(SALON, services=waxings, knowledge=(own,)), "prices", service="Waxing")
    assert told.message == "Achselwaxing kostet sechzehn Euro. Beinwaxing kostet fünfundvierzig Euro."
    asked = {"service": "Waxing Achseln und Waxing Beine", "question": "Was kostet das für beide?"}
    assert "not_answered" not in ask(replace(SALON, services=waxings), "prices", **asked).fields


def test_hearing_services_per_branch_does_not_stop_callers() -> None:
    service = replace(SALON.services[0], branch=None, staff={f"b{n}": ("anna",) for n in range(50)})
    many = tuple(replace(service, name=f"s{n}", display_name=f"Leistung {n}") for n in range(40))
    places = tuple(replace(SALON.branches[0], name=f"b{n}") for n in range(50))
    chain, asked = replace(SALON, branches=places, services=many), question("prices", service="Massage")
    assert_takes_less(0.020, lambda: same_everywhere(chain, asked, None))


def test_two_days_of_one_argument_are_both_answered() -> None:
    message = ask(SALON, "opening_hours", date="Samstag und Montag").message
    assert message == ask(SALON, "opening_hours", date="Samstag oder Montag").message
    assert "Am Montag, den 23. November, ist geschlossen." in message
