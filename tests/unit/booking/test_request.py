"""Parsing a model's arguments: an unknown value is asked for, never guessed."""

from dataclasses import replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import msgspec
import pytest

from askproai_core.languages import Language
from askproai_core.tenant_config import Branch, Service, Staff, Weekday
from askproai_core.tenant_config.branches import Hours, Knowledge
from askproai_runtime.availability.slots import ServiceRules
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation.open_readings import keep_open_readings
from askproai_runtime.conversation.requested_services import parse_service_request
from askproai_runtime.conversation.requested_times import names_day, parse_time
from askproai_runtime.conversation.spoken_booking import parse_booking_request
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded
from askproai_runtime.sentences import speaking
from askproai_runtime.spoken_times import Argument, Understanding, understand
from askproai_runtime.spoken_times.arguments import find_part_argument
from tests.worlds.compiled_salon import salon_config

BERLIN = ZoneInfo("Europe/Berlin")
CALL = CallContext("call_1", "mitte", None, datetime(2026, 11, 20, 9, tzinfo=UTC), "corr")


def test_argument_is_bounded_and_harmless_to_the_database() -> None:
    with pytest.raises(ClarificationNeeded) as clarification:
        parse_service_request(salon_config(), CALL, {"service": "\0" + "x" * 900})
    assert "\0" not in clarification.value.answer.message
    assert len(clarification.value.answer.message) < 700


@pytest.mark.parametrize(
    ("said", "staff", "excluded"),
    [
        ("Haarschnitt bei Anna", "anna", ()),
        ("Haarschnitt, bei der Anna", "anna", ()),
        ("Haarschnitt (with Mehmet)", "mehmet", ()),
        ("Haarschnitt with the lady Anna", "anna", ()),
        ("Haarschnitt zu Mehmet", "mehmet", ()),
        ("Haarschnitt, aber nicht bei Mehmet", None, ("mehmet",)),
        ("Haarschnitt bei egal wem", None, ()),
    ],
)
def test_service_text_may_name_a_staff_member(said: str, staff: str | None, excluded: tuple[str, ...]) -> None:
    request = parse_service_request(salon_config(), CALL, {"service": said})
    assert (request.rules.service.name, request.staff, request.excluded) == ("haarschnitt", staff, excluded)


@pytest.mark.parametrize(
    "args",
    [
        {"service": "Haarschnitt bei Anna", "staff": "Mehmet"},
        {"service": "Haarschnitt mit Locken"},
        {"service": "Haarschnitt bei Jessica"},
    ],
)
def test_doubtful_staff_member_is_asked_about(args: dict[str, str]) -> None:
    with pytest.raises(ClarificationNeeded):
        parse_service_request(salon_config(), CALL, args)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Dr. med. Jürgen von der Ærø-Śmith", "Dr. med. Jürgen von der Ærø-Śmith"),
        ("Anna & Bernd O'Neill (2 Kinder)", "Anna & Bernd O'Neill (2 Kinder)"),
        ("Gewinn: https://evil.example/x?a=1 <b>jetzt</b>", "Gewinn https evil example x a 1 b jetzt b"),
        ("Erika\n\nSehr geehrte Damen", "Erika"),
        ("x" * 300, "x" * 80),
    ],
)
def test_customer_name_is_one_line_without_links(said: str, name: str) -> None:
    args = {"start": "2026-11-27T14:30:00+01:00", "service": "Haarschnitt", "customer_name": said}
    assert parse_booking_request(salon_config(), CALL, args, ()).name == name


CLOSED_AT_NOON = (
    Hours(days=tuple(Weekday)[:5], opens=time(8), closes=time(12)),
    Hours(days=tuple(Weekday)[:5], opens=time(14), closes=time(18)),
)
LATE = (Hours(days=tuple(Weekday), opens=time(8), closes=time(22)),)
ANNA = Staff(id="anna", display_name="Anna", resource_ids=(1,))


def understand_within(
    phrase: str, opening: tuple[Hours, ...], team: tuple[Staff, ...] = (ANNA,), requested: str | None = None
) -> Understanding:
    """Return the readings of a phrase at which this team works for these hours."""
    branch = Branch(name="mitte", display_name="Mitte", opening_hours=opening, staff=team)
    rules = ServiceRules(BERLIN, branch, Service(name="s", display_name="S", duration_minutes=45), team)
    return keep_open_readings(understand(phrase, at=CALL.started_at, zone=BERLIN), ServiceRequest(rules, requested))


@pytest.mark.parametrize(
    ("phrase", "opening", "meant"),
    [
        ("Montag um neun", CLOSED_AT_NOON, ["2026-11-23T09:00"]),
        ("Montag um neun", LATE, ["2026-11-23T09:00", "2026-11-23T21:00"]),
        ("Montag um acht", CLOSED_AT_NOON, ["2026-11-23T08:00"]),
        ("Montag um sieben", LATE, ["2026-11-23T19:00"]),
        ("Montag um sieben", CLOSED_AT_NOON, ["2026-11-23T07:00"]),  # neither: it is refused, not asked
        ("Sonntag um neun", CLOSED_AT_NOON, ["2026-11-22T09:00"]),
        ("Montag um eins", CLOSED_AT_NOON, ["2026-11-23T13:00"]),  # it has one reading only
        ("Freitag um neun", CLOSED_AT_NOON, ["2026-11-27T09:00"]),  # today, 9 is over and 21 is never open
        ("Freitag", CLOSED_AT_NOON, ["2026-11-20T00:00", "2026-11-27T00:00"]),
    ],
)
def test_opening_hours_decide_between_two_readings(phrase: str, opening: tuple[Hours, ...], meant: list[str]) -> None:
    """It is Friday, 10:00. Only readings at which somebody works count."""
    understood = understand_within(phrase, opening)
    assert [f"{c.start:%Y-%m-%dT%H:%M}" for c in understood.candidates] == meant
    assert understood.ambiguous is (len(meant) > 1)


@pytest.mark.parametrize(
    ("phrase", "reading"),
    [
        ("immer dienstags um neun", "dienstags, um 09:00 Uhr"),
        ("jeden Dienstag um neun", "dienstags, um 09:00 Uhr"),
        ("so bald wie möglich um neun", "so bald wie möglich, um 09:00 Uhr"),
        ("nächste Woche um neun", "Montag, 23. November 2026 bis Sonntag, 29. November 2026, um 09:00 Uhr"),
        ("dienstags gegen neun", "dienstags, gegen 09:00 Uhr"),
        ("dienstags um sieben", "dienstags, um 07:00 Uhr"),  # neither: one of them is refused
        ("sonntags um neun", "sonntags, um 09:00 Uhr"),
    ],
)
def test_hours_without_work_on_any_day_are_ignored(phrase: str, reading: str) -> None:
    """A reading of weekly days names no beginning: nobody says "so bald wie möglich, dienstags"."""
    assert [candidate.reading for candidate in understand_within(phrase, CLOSED_AT_NOON).candidates] == [reading]


def test_hours_of_requested_staff_member_resolve_ambiguous_time() -> None:
    mornings = (Hours(days=tuple(Weekday), opens=time(8), closes=time(12)),)
    anna = Staff(id="anna", display_name="Anna", resource_ids=(1,), working_hours=mornings)
    team = (anna, Staff(id="ben", display_name="Ben", resource_ids=(2,)))
    assert len(understand_within("Montag um neun", LATE, team).candidates) == 2
    assert len(understand_within("Montag um neun", LATE, team, "anna").candidates) == 1


def test_unknown_service_is_answered_with_a_question() -> None:
    config = salon_config()
    (service,) = config.services
    color = msgspec.structs.replace(service, name="farbe", display_name="Farbe", spoken_names=())
    with pytest.raises(ClarificationNeeded) as clarification:
        parse_service_request(
            msgspec.structs.replace(config, services=(service, color)), CALL, {"service": "Dauerwelle"}
        )
    assert clarification.value.answer.message == (
        "Unter Dauerwelle finde ich nichts. Eintragen kann ich Haarschnitt und Farbe. Was davon möchten Sie?"
    )


@pytest.mark.parametrize("said", ["Gutschein", "einen Gutschein", "GUTSCHEINE"])
def test_question_topic_named_as_service_is_not_denied(said: str) -> None:
    known = Knowledge("Gibt es Gutscheine?", "Ja, im Salon.")
    config = msgspec.structs.replace(salon_config(), knowledge=(known,))
    with pytest.raises(ClarificationNeeded) as clarification:
        parse_service_request(config, CALL, {"service": said})
    answer = clarification.value.answer
    assert answer.message == (
        f"{said[0].upper()}{said[1:]} kann ich nicht als Termin eintragen. Eintragen kann ich Haarschnitt. Möchten Sie das?"
    )
    assert answer.fields["questions"] == [known.question], "which the model can ask of business_information"
    with pytest.raises(ClarificationNeeded, match="gibt es die finde ich nichts") as clarification:
        parse_service_request(config, CALL, {"service": "eine Massage, gibt es die"})
    assert "questions" not in clarification.value.answer.fields


@pytest.mark.parametrize(
    ("language", "said", "expected"),
    [
        (Language.DE, "zehn", False),
        (Language.DE, "um zehn", False),
        (Language.DE, "Dienstag", True),
        (Language.EN, "ten", False),
        (Language.EN, "10", False),
        (Language.EN, "how about four", False),
        (Language.EN, "Tuesday", True),
    ],
)
def test_single_number_names_no_day_in_either_language(language: Language, said: str, expected: bool) -> None:
    with speaking(language):
        assert names_day((None, said, None)) is expected


def test_unbookable_service_says_why() -> None:
    config, (service,) = salon_config(), salon_config().services
    nobodys = msgspec.structs.replace(service, staff={})
    endless = msgspec.structs.replace(service, duration_minutes=24 * 60)
    cases = {
        "no service is offered in mitte": (msgspec.structs.replace(config, services=()), CALL),
        "nobody in mitte can do haarschnitt: see the Branch's staff and their skills": (
            msgspec.structs.replace(config, services=(nobodys,)),
            CALL,
        ),
        "no opening in mitte is long enough for haarschnitt: see its durationMinutes and OpeningFits": (
            msgspec.structs.replace(config, services=(endless,)),
            CALL,
        ),
        "the branch nord is not declared": (config, replace(CALL, branch="nord")),
    }
    for cause, (declared, call) in cases.items():
        with pytest.raises(ClarificationNeeded) as clarification:
            parse_service_request(declared, call, {"service": "Haarschnitt"})
        assert (clarification.value.answer.outcome, clarification.value.answer.cause) == ("not_bookable", cause)


def test_visit_longer_than_opening_hours_is_asked_separately() -> None:
    config, (service,) = salon_config(), salon_config().services
    cut = msgspec.structs.replace(service, duration_minutes=6 * 60)
    colour = msgspec.structs.replace(cut, name="farbe", display_name="Farbe", spoken_names=())
    config = msgspec.structs.replace(config, services=(cut, colour))
    for said in ("Haarschnitt", "Farbe"):
        assert parse_service_request(config, CALL, {"service": said}).rules.staff_members
    with pytest.raises(ClarificationNeeded, match="nur jede Leistung einzeln") as clarification:
        parse_service_request(config, CALL, {"service": "Haarschnitt und Farbe"})
    assert clarification.value.answer.outcome == "asked_back"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (Language.DE, "in fünf Tagen am Mittwoch"),
        (Language.DE, "in fünf Tagen, am Mittwoch um zehn"),
        (Language.DE, "am Samstag in einem Tag"),
        (Language.DE, "übermorgen, Sonntag"),
        (Language.DE, "Dienstag in acht Monaten"),
        (Language.EN, "in five days on Wednesday"),
    ],
)
def test_weekday_with_a_day_count_is_a_date(language: Language, said: str) -> None:
    with speaking(language):
        assert names_day((said, None, None))


@pytest.mark.parametrize("said", ["2026-11-27", " 2026-11-27T10:00:00+01:00", "2026-11-27 um zehn", "2026-02-31"])
def test_iso_date_skips_the_phrase_parser(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models pass it in nearly every request, and parsing it as words took a fifth of the time of a lost booking."""
    assert find_part_argument(said) not in {Argument.TIME, Argument.PART_OF_DAY}, "so the short way answers the same"
    monkeypatch.delattr("askproai_runtime.conversation.requested_times.find_part_argument")
    assert names_day((said, None, None))


@pytest.mark.parametrize("start", ["2026-11-27T00:00:00+01:00", "2026-11-27 00:00", "2026-11-27T00:00:00Z"])
@pytest.mark.parametrize(
    "others",
    [{"time": "um zehn"}, {"date": "27. November", "time": "10:00"}, {"date": "2026-11-27", "time": "um zehn Uhr"}],
)
def test_midnight_beside_a_time_means_the_day(start: str, others: dict[str, str]) -> None:
    args = {"start": start, "service": "Haarschnitt", "customer_name": "Erika Muster", **others}
    assert parse_booking_request(salon_config(), CALL, args, ()).start == datetime(2026, 11, 27, 9, tzinfo=UTC)


def test_a_quarter_past_midnight_contradicts_a_time() -> None:
    args = {"start": "2026-11-27T00:15", "time": "10:00", "service": "Haarschnitt", "customer_name": "Erika Muster"}
    with pytest.raises(ClarificationNeeded):
        parse_booking_request(salon_config(), CALL, args, ())


def test_today_is_excluded_after_closing_time() -> None:
    evening = replace(CALL, started_at=datetime(2026, 11, 20, 20, 30, tzinfo=BERLIN))
    args = {"service": "Haarschnitt", "date": "heute", "time": "morgen um neun"}
    understood = parse_time(args, evening, parse_service_request(salon_config(), evening, args))
    assert understood is not None
    assert [f"{each.start:%d %H:%M}" for each in understood.candidates] == ["21 09:00"]


def test_today_within_opening_hours_is_asked_about() -> None:
    args = {"service": "Haarschnitt", "date": "heute", "time": "morgen um vier"}
    with pytest.raises(ClarificationNeeded):
        parse_time(args, CALL, parse_service_request(salon_config(), CALL, args))
