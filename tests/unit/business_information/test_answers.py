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


ADDRESS = (
    "Die Adresse ist Torstraße 1 in Berlin, Postleitzahl eins, null, eins, eins, neun."
    " Vom Rosenthaler Platz sind es drei Minuten zu Fuß. Parkplätze gibt es im Hof."
)
VISIT = "Haarschnitt und Färben dauern zusammen hundertfünfunddreißig Minuten, davon fünfundvierzig Minuten Wartezeit,"
PRICE, SATURDAYS = "Haarschnitt kostet neununddreißig Euro.", "Samstags ist von neun bis vierzehn Uhr geöffnet."
TODAY, WHICH_DAY = "heute ist Freitag, 20. November 2026.", "Welchen Tag meinen Sie?"
(CUT,) = SALON.services
WASHING = replace(CUT, name="komplett", display_name="Waschen & Legen", price_amount="50.00")
WITH_WASHING = replace(SALON, services=(CUT, WASHING))
BOTH = {"service": "Schneiden mit Farbe"}


@each_row(
    ("config", "branch", "topic", "args", "said"),
    [
        *((SALON, None, *row) for row in (
            ("prices", {}, PRICE),
            ("service", {}, "Haarschnitt dauert fünfundvierzig Minuten und kostet neununddreißig Euro."),
            ("address", {}, ADDRESS),
            ("staff", {}, "Zum Team gehören Anna und Mehmet. Anna spricht Deutsch und Englisch."),
            ("cancellation", {}, "Absagen kostet bis vierundzwanzig Stunden vorher nichts."),
            # A service by any of its names; markup would be read aloud, or obeyed.
            ("prices", {"service": "Herrenschnitt"}, PRICE),
            ("prices", {"question": "Was kostet Schneiden bei Ihnen?"}, PRICE),
            ("prices", {"service": "Massage"}, "Massage finde ich nicht auf meiner Liste. Meinen Sie Haarschnitt?"),
            ("prices", {"service": "<break time='9s'/>"}, PRICE),
            ("prices", {"service": "x" * 600}, "Das finde ich nicht auf meiner Liste. Meinen Sie Haarschnitt?"),
            # Callers speak another language than the agent.
            ("prices", {"service": "Haarschnitt", "question": "How much is a haircut?"}, PRICE),
            ("prices", {"service": "Haarschnitt", "question": "Was nehmen Sie für einen Haarschnitt?"}, PRICE),
            ("opening_hours", {"date": "Saturday", "question": "Are you open on Saturdays?"}, SATURDAYS),
            ("opening_hours", {"question": "Haben Sie samstags auf?"}, SATURDAYS),
            ("opening_hours", {"question": "Haben Sie montags auf?"}, "Montags ist geschlossen."),
            ("opening_hours", {"question": "Bis wann haben Sie freitags auf und wann samstags?"},
             f"Freitags ist von neun bis achtzehn Uhr geöffnet. {SATURDAYS}"),
            # A model with the wrong year would repeat it.
            ("opening_hours", {"date": "2025-12-01"}, f"Montag, 1. Dezember 2025 ist schon vorbei, {TODAY} {WHICH_DAY}"),
            ("opening_hours", {"date": "26.10.2023"}, f"Donnerstag, 26. Oktober 2023 ist schon vorbei, {TODAY} {WHICH_DAY}"),
            ("opening_hours", {"date": "gestern"}, f"Dieser Zeitpunkt ist schon vorbei. {WHICH_DAY}"),
        )),
        # The hours of an ordinary week would send somebody to a closed door.
        *((SALON, None, topic, {"date": phrase}, WHICH_DAY) for topic in ("opening_hours", "closed_days")
          for phrase in ("über Weihnachten", "am Feiertag", "31. Februar")),
        *((WITH_WASHING, None, "prices", {"service": said}, "Waschen & Legen: das kostet fünfzig Euro.")
          for said in ("Waschen und Legen", "einmal Waschen, Legen bitte")),
        *((CHAIN, *row) for row in (
            ("mitte", "prices", BOTH, "Haarschnitt und Färben kosten zusammen hunderteinunddreißig Euro."),
            ("potsdam", "prices", BOTH, "Haarschnitt und Färben kosten zusammen hundertsiebenundzwanzig Euro."),
            ("mitte", "service", BOTH, f"{VISIT} und kosten hunderteinunddreißig Euro."),
            ("potsdam", "prices", {"service": "Strähnen"}, "Färben: das kostet fünfundachtzig Euro."),
            ("mitte", "prices", {"service": "Strähnen"}, "Färben: das kostet neunundachtzig Euro."),
            ("mitte", "prices", {"service": "Rasur"},
             "Bartpflege gibt es nicht in Haarwerk Mitte, aber in Haarwerk Pankow. Bartpflege kostet fünfundzwanzig Euro."),
        )),
    ],
)  # fmt: skip
def test_question_is_answered_from_the_manifest(
    config: TenantConfig, branch: str | None, topic: str, args: dict[str, str], said: str
) -> None:
    answer = ask(config, topic, *([branch] if branch else []), **args)
    assert (answer.message, answer.success) == (said, not said.endswith("?"))
    assert answer.success or answer.outcome in {FunctionOutcome.ASKED_BACK, FunctionOutcome.UNKNOWN_SERVICE}, answer
    assert args or (answer.fields, answer.outcome) == ({"topic": topic}, FunctionOutcome.ANSWERED)


def test_hours_and_closed_days_cover_the_named_day() -> None:
    assert ask(SALON, "opening_hours").message.startswith("Geöffnet ist Dienstag bis Freitag von neun bis achtzehn Uhr")
    assert ask(SALON, "opening_hours", date="morgen").message.startswith(
        "Morgen, Samstag, den 21. November, ist von neun"
    )
    assert ask(SALON, "closed_days").message.startswith("In den nächsten acht Wochen ist außer der Reihe geschlossen")
    assert "ist geschlossen" in ask(SALON, "closed_days", date="Heiligabend").message


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


def test_price_of_a_declared_questions_subject_is_unknown() -> None:
    own = Knowledge("Verkaufen Sie Gutscheine?", "Ja, im Salon.")
    salon = replace(SALON, knowledge=(own,))
    answer = ask(salon, "prices", question="Was kostet ein Gutschein?", service="Gutschein")
    assert answer.message == "Verkaufen Sie Gutscheine? Ja, im Salon. Mehr weiß ich dazu leider nicht."
    assert (answer.fields["not_answered"], answer.fields["questions"]) == (["prices", "kostet"], [own.question])
    assert ask(salon, "prices", service="Haarschnitt").message == "Haarschnitt kostet neununddreißig Euro."


DEARER, FREE = StaffOverride("anna", 60, "55.00"), {"free_of_charge": True, "price_amount": "0.00"}
WAITS = {"segments": (Segment(20), Segment(15, SegmentKind.WAIT), Segment(10))}
TRAINEE = StaffOverride("mehmet", None, "0.00", free_of_charge=True)
DRY, LENGTH = "Bitte kommen Sie mit trockenem Haar.", "Haarschnitt dauert fünfundvierzig Minuten"
UNPRICED = replace(CHAIN, services=(*CHAIN.services[:-1], replace(CHAIN.services[-1], price_amount="0.00")))
BOTH_OF_CHAIN = ", ".join(CHAIN.services[each].display_name for each in (0, -1))


def by(*own: StaffOverride) -> dict[str, Any]:
    return {"staff_overrides": own}


@each_row(
    ("config", "topic", "said"),
    [
        (services(SALON, **WAITS), "service",
         f"{LENGTH}, davon fünfzehn Minuten Wartezeit, und kostet neununddreißig Euro."),
        (services(SALON, **WAITS, price_amount="0.00"), "service", f"{LENGTH}, davon fünfzehn Minuten Wartezeit."),
        (services(SALON, preparation=DRY), "service", f"{LENGTH} und kostet neununddreißig Euro. {DRY}"),
        (services(SALON, preparation=DRY), "prices", "Haarschnitt kostet neununddreißig Euro."),
        # The service that is made for a branch without one has 0.00: nobody has said that it costs nothing.
        (services(SALON, price_amount="0.00"), "prices", "Den Preis für Haarschnitt kann ich Ihnen leider nicht sagen."),
        (services(SALON, price_amount="0.00"), "service", f"{LENGTH}."),
        (services(SALON, **FREE), "prices", "Haarschnitt ist kostenlos."),
        (services(SALON, **FREE), "service", f"{LENGTH} und ist kostenlos."),
        (services(SALON, **FREE, **WAITS), "service", f"{LENGTH}, davon fünfzehn Minuten Wartezeit, und ist kostenlos."),
        (services(CHAIN, free_of_charge=True), "prices", "Färben: das ist kostenlos und Haarschnitt ist kostenlos."),
        # One person may have another length or price.
        (services(SALON, **by(DEARER)), "service",
         f"{LENGTH} und kostet neununddreißig Euro. Bei Anna dauert es sechzig Minuten und kostet fünfundfünfzig Euro."),
        (services(SALON, **by(DEARER)), "prices",
         "Haarschnitt kostet neununddreißig Euro. Bei Anna kostet es fünfundfünfzig Euro."),
        (services(SALON, **by(StaffOverride("anna", 60))), "service",
         f"{LENGTH} und kostet neununddreißig Euro. Bei Anna dauert es sechzig Minuten."),
        (services(SALON, **by(StaffOverride("anna", 60))), "prices", "Haarschnitt kostet neununddreißig Euro."),
        (services(SALON, **by(TRAINEE)), "prices", "Haarschnitt kostet neununddreißig Euro. Bei Mehmet ist es kostenlos."),
        (services(SALON, price_amount="0.00", **by(StaffOverride("anna", None, "55.00"))), "prices",
         "Bei Anna kostet es fünfundfünfzig Euro."),
        (services(CHAIN, **by(StaffOverride("anna", None, "99.00"))), "prices",
         "Färben: das kostet neunundneunzig Euro und Haarschnitt kostet zweiundvierzig Euro, bei Anna neunundneunzig Euro."),
        (services(SALON, **by(StaffOverride("clara", 60, "55.00"))), "service", f"{LENGTH} und kostet neununddreißig Euro."),
        # A price that nobody here has is not said.
        (services(SALON, **by(DEARER, StaffOverride("mehmet", 60, "55.00"))), "prices", "Haarschnitt kostet fünfundfünfzig Euro."),
        (services(SALON, **by(DEARER, StaffOverride("mehmet", 60, "55.00"))), "service",
         "Haarschnitt dauert sechzig Minuten und kostet fünfundfünfzig Euro."),
        (services(SALON, **by(DEARER, StaffOverride("mehmet", 30, "45.00"))), "prices",
         "Haarschnitt kostet fünfundfünfzig Euro. Bei Mehmet kostet es fünfundvierzig Euro."),
        (services(SALON, **by(StaffOverride("anna", 60), StaffOverride("mehmet", 60))), "service",
         "Haarschnitt dauert sechzig Minuten und kostet neununddreißig Euro."),
    ],
)  # fmt: skip
def test_length_and_price_are_as_declared(config: TenantConfig, topic: str, said: str) -> None:
    assert ask(config, topic).message == said


def test_length_and_price_are_said_in_english() -> None:
    free, dearer = services(SALON, **FREE), services(SALON, **by(DEARER))
    with speaking(Language.EN):
        assert ask(free, "prices").message == "Haarschnitt is free of charge."
        assert ask(free, "service").message == "Haarschnitt takes 45 minutes and is free of charge."
        assert ask(dearer, "service").message.endswith(" With Anna it takes 60 minutes and costs 55 euros.")


def test_sum_of_services_needs_each_price() -> None:
    assert "leider nicht sagen" in ask(UNPRICED, "prices", "mitte", service=BOTH_OF_CHAIN).message
    free, both = services(CHAIN, free_of_charge=True), {"service": "Schneiden, Farbe"}
    assert ask(free, "prices", "mitte", **both).message == "Haarschnitt und Färben sind kostenlos."
    assert ask(free, "service", "mitte", **both).message.endswith(" und sind kostenlos.")
    with speaking(Language.EN):
        assert ask(free, "prices", "mitte", **both).message == "Haarschnitt and Färben are free of charge."


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


def test_unknown_or_idle_service_is_not_offered() -> None:
    unknown = ask(TWO, "prices", service="Thai Massage")
    assert unknown.message.startswith("Thai Massage finde ich nicht auf meiner Liste."), (
        "a longer name is another service"
    )
    idle = ask(services(SALON, staff={}), "prices", service="Haarschnitt")
    assert idle.message.startswith("Haarschnitt bieten wir zurzeit nicht an.")


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


def test_two_days_of_one_argument_are_both_answered() -> None:
    message = ask(SALON, "opening_hours", date="Samstag und Montag").message
    assert message == ask(SALON, "opening_hours", date="Samstag oder Montag").message
    assert "Am Montag, den 23. November, ist geschlossen." in message
