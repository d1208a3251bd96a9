"""The common meaning of the arguments for a time: an instant, a day or a question, and never a time hours away."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from askproai_core.languages import Language
from askproai_runtime.book.appointments import NamedSlot
from askproai_runtime.conversation.open_readings import require_exact
from askproai_runtime.conversation.requested_services import parse_service_request
from askproai_runtime.conversation.requested_times import parse_time
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded, EarlierRequest
from askproai_runtime.sentences import speaking
from askproai_runtime.spoken_times import understand
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row

BERLIN = ZoneInfo("Europe/Berlin")
THURSDAY = datetime(2026, 11, 26, 9, tzinfo=UTC)
CALL = CallContext("call_1", "mitte", None, THURSDAY, "corr")
FRIDAY = {"date": "2026-12-11"}
HAIRCUT = parse_service_request(salon_config(), CALL, {"service": "Haarschnitt"})


def understand_arguments(args: dict[str, Any], call: CallContext = CALL) -> list[str]:
    """Return the starts that are understood, and the end of a span; the outcome and its readings of a question."""
    try:
        understood = parse_time(args, call, HAIRCUT)
    except ClarificationNeeded as clarification:
        fields = clarification.answer.fields.get("candidates", [])
        return [clarification.answer.outcome.value, *(each["start"][5:16] for each in fields)]
    assert understood is not None
    ends = [f"-{each.end:%H:%M}" if each.end else "" for each in understood.candidates]
    starts = [f"{each.start:%m-%dT%H:%M}{end}" for each, end in zip(understood.candidates, ends, strict=True)]
    return [*(["unclear"] if understood.unclear else []), *starts]


@each_row(
    ("args", "meant"),
    [
        (FRIDAY | {"time": "10:00-11:00"}, ["12-11T10:00-11:00"]),
        (FRIDAY | {"time": "10:00 - 11:00"}, ["12-11T10:00-11:00"]),
        (FRIDAY | {"time": "10:00–11:00"}, ["12-11T10:00-11:00"]),
        (FRIDAY | {"time": "T10:00-T11:00"}, ["12-11T10:00-11:00"]),
        (FRIDAY | {"time": "10-11"}, ["12-11T10:00-11:00"]),
        (FRIDAY | {"time": "10:00+01:00"}, ["12-11T10:00"]),
        (FRIDAY | {"time": "AM"}, ["12-11T09:00-12:00"]),
        (FRIDAY | {"time": "first thing"}, ["12-11T06:00-10:00"]),
        ({"date": "morgen", "time": "weiß nicht", "start": "2026-12-11T10:00:00+09:00"}, ["unclear", "12-11T10:00"]),
        ({"start": "2026-12-11T10:00-11:00"}, ["12-11T10:00-11:00"]),
        ({"start": "2026-12-11 10:00-11:00"}, ["12-11T10:00-11:00"]),
        ({"date": "2026-12-11T10:00-11:00"}, ["12-11T10:00-11:00"]),
        ({"start": "2026-12-11T10:00+01:00"}, ["12-11T10:00"]),
        ({"start": "2026-12-11T10:00:00.000+0100"}, ["12-11T10:00"]),
        ({"start": "2026-12-11T10:00:00Z"}, ["12-11T10:00", "12-11T11:00"]),
        ({"start": "2026-12-11T10:00:00-05:00"}, ["12-11T10:00", "12-11T16:00"]),
        ({"start": "2026-12-11T10:00+02:00"}, ["12-11T09:00", "12-11T10:00"]),
        ({"date": "2026-12-11T10:00Z", "time": "10:00"}, ["12-11T10:00"]),
        ({"date": "2026-12-10T23:00:00.000Z"}, ["12-10T00:00-00:00", "12-11T00:00-00:00"]),
        *((FRIDAY | {"time": said}, ["12-11T14:30"]) for said in (
            "14,30", "14.30", "14h30", "14 h 30", "2:30 PM", "2:30pm", "T14:30", "14:30:00.000", "14 Uhr 30 Minuten",
            "02:30 p.m.",
        )),
        *((FRIDAY | {"time": said}, ["12-11T14:00"]) for said in ("14h", "14 h", "2 PM", "2pm", "14.", "14")),
        *((FRIDAY | {"time": said}, ["12-11T14:00-15:00"]) for said in ("14-15", "2-3 PM", "14:00 to 15:00", "14 bis 15")),
        (FRIDAY | {"time": "11-1 PM"}, ["12-11T11:00-13:00"]),
        (FRIDAY | {"part_of_day": "morning"}, ["12-11T09:00-12:00"]),
        (FRIDAY | {"part_of_day": "afternoon"}, ["12-11T12:00-18:00"]),
        ({"date": "2026/12/11", "time": "10:00"}, ["12-11T10:00"]),
        ({"date": "11-12-2026", "time": "10:00"}, ["12-11T10:00"]),
        ({"date": "12/25/26", "time": "10:00"}, ["12-25T10:00"]),
        ({"date": "01/02/27", "time": "10:00"}, ["01-02T10:00", "02-01T10:00"]),
        ({"date": "13/13/2026"}, ["impossible"]),
        # A spoken hour belongs to its part of the day.
        *((FRIDAY | {"time": said, "part_of_day": part}, ["12-11T20:00"])
          for said in ("acht", "um acht", "8 Uhr", "8", 8, "8:00", "acht Uhr", "08:00 abends") for part in ("abends", "evening")),
        ({"date": "Freitag, 11. Dezember abends", "time": "um acht"}, ["12-11T20:00"]),
        (FRIDAY | {"time": "08:00 abends"}, ["12-11T20:00"]),
        (FRIDAY | {"time": "7:30", "part_of_day": "abends"}, ["12-11T19:30"]),
        (FRIDAY | {"time": "3:30", "part_of_day": "nachmittags"}, ["12-11T15:30"]),
        # A weekday that is said twice is one day.
        ({"date": "nächsten Donnerstag", "time": "Donnerstag um zehn"}, ["12-03T10:00"]),
        ({"date": "kommenden Freitag", "time": "am Freitag um zehn"}, ["11-27T10:00"]),
        ({"date": "next Thursday", "time": "Thursday at ten"}, ["12-03T10:00"]),
        # Equal numbers are a day and an hour.
        ({"date": "10. Dezember", "time": "10"}, ["12-10T10:00"]), ({"date": "10.12.", "time": 10}, ["12-10T10:00"]),
        ({"date": "am 11.", "time": "11."}, ["12-11T11:00"]), ({"date": "December 10", "time": "10"}, ["12-10T10:00"]),
        ({"date": "11", "time": "11"}, ["12-11T11:00"]), ({"date": 14, "time": "10 Uhr"}, ["12-14T10:00"]),
        ({"date": "Donnerstag um 10", "time": "10"}, ["12-03T10:00"]),
        # An interval begins at its start.
        *(({"start": f"2026-12-11T14:00{sign}{end}"}, ["12-11T14:00"])
          for sign in ("/", "--", " to ", " bis ", " - ", "–") for end in ("2026-12-11T14:30", "14:30")),
        ({"start": "2026-12-11T14:00/PT30M"}, ["12-11T14:00"]),
        ({"start": "2026-12-11T14:00:00+01:00/2026-12-11T14:30:00+01:00"}, ["12-11T14:00"]),
        ({"start": "2026-12-11T14:00:00/PT0H30M"}, ["12-11T14:00"]),
        ({"start": "2026-12-11T14:00/"}, ["12-11T14:00"]),
        ({"start": "2026-12-11T14:00/2026-12-11T18:00"}, ["12-11T14:00-18:00"]),
        ({"start": "2026-12-11T14:00/PT4H"}, ["12-11T14:00-18:00"]),
        ({"start": "2026-12-11T14:00Z/2026-12-11T14:30Z"}, ["12-11T14:00", "12-11T15:00"]),
    ],
)  # fmt: skip
def test_written_and_spoken_times_are_parsed(args: dict[str, Any], meant: list[str]) -> None:
    assert understand_arguments(args) == meant


AT_TEN_UTC = {"start": "2026-12-11T10:00:00Z"}


@each_row(
    ("args", "said", "offered", "meant"),
    [
        *((AT_TEN_UTC, said, 11, ["12-11T11:00"]) for said in ("", "Ja, Petra Lange.", "Freitag passt.", "Um elf.")),
        *((AT_TEN_UTC, said, 11, ["12-11T10:00"]) for said in ("Lieber um zehn, Petra Lange.", "Nicht um elf, um zehn.")),
        *((AT_TEN_UTC, said, 10, ["12-11T11:00"]) for said in ("Ach nein, um elf.", "Elf Uhr.")),
        *((AT_TEN_UTC, said, None, ["12-11T10:00"]) for said in ("Freitag um zehn, Petra Lange.", "10 Uhr bitte.")),
        *((AT_TEN_UTC, said, None, ["12-11T10:00", "12-11T11:00"]) for said in ("", "Ja.", "Nein, um zwölf.", "Petra Lange.")),
        (AT_TEN_UTC, "Um zwölf.", 11, ["12-11T10:00", "12-11T11:00"]),
        ({"start": "2026-12-11T09:00:00+00:00"}, "Ja.", 10, ["12-11T10:00"]),
        *((FRIDAY | {"time": time}, "Ja.", 10, ["12-11T10:00"]) for time in ("10:00Z", "09:00Z", "10:00:00.000Z", "T10:00:00Z")),
        ({"date": "2026-12-11T00:00:00Z", "time": "2026-12-11T10:00:00Z"}, "Ja.", 10, ["12-11T10:00"]),
        ({"date": "Freitag, 11.12.", "time": "10:00Z"}, "Um zehn.", None, ["12-11T10:00"]),
        (FRIDAY | {"time": "15:00:00.000Z"}, "Um drei.", None, ["12-11T15:00"]),
        (FRIDAY | {"time": "10:00Z"}, "", None, ["12-11T10:00", "12-11T11:00"]),
    ],
)  # fmt: skip
def test_caller_decides_what_utc_means(args: dict[str, Any], said: str, offered: int | None, meant: list[str]) -> None:
    at = offered and datetime(2026, 12, 11, offered, tzinfo=BERLIN).astimezone(UTC)
    offers = ((NamedSlot("mitte", "haarschnitt", "anna", at),),) if at else ()
    assert understand_arguments(args, replace(CALL, offered=offers, said_without_days=(said,))) == meant


@each_row(
    ("start", "said", "meant"),
    [
        *((start, "Ja.", "12-11T10:00") for start in ("slots[0].start", "slots[0]", "slot_1", "{{slots.0.start}}", "Option 1")),
        *((start, "Yes.", "12-11T11:00") for start in ("slots[1].start", "alternatives[1]", "slot_2", "$.slots[1].start")),
        ("slot_1", "Um elf bitte.", "12-11T11:00"), ("slots[0]", "Freitag um zehn.", "12-11T10:00"),
        *((start, "Ja.", "not_understood") for start in ("slots[2]", "slot_0", "slots", "slots[0].staff")),
        ("slots[1]", "Das zweite.", "12-11T11:00"), ("slots[0]", "Den ersten, bitte.", "12-11T10:00"),
        ("slots[0]", "Nicht das erste.", "not_understood"), ("slots[0]", "Um zwölf bitte.", "not_understood"),
    ],
)  # fmt: skip
def test_ordinal_in_the_offer_means_an_offered_start(start: str, said: str, meant: str) -> None:
    starts = tuple(datetime(2026, 12, 11, hour, tzinfo=BERLIN).astimezone(UTC) for hour in (10, 11))
    call = replace(CALL, offered_last=starts, said_without_days=(said,))
    assert understand_arguments({"start": start}, call) == [meant]


@pytest.mark.parametrize("said", ["Yes.", "Ten, please.", "At ten o'clock.", "Ten am, Petra Lange."])
def test_english_caller_decides_what_utc_means(said: str) -> None:
    at = datetime(2026, 12, 11, 10, tzinfo=BERLIN).astimezone(UTC)
    offers = ((NamedSlot("mitte", "haarschnitt", "anna", at),),)
    with speaking(Language.EN):
        assert understand_arguments(AT_TEN_UTC, replace(CALL, offered=offers, said_without_days=(said,))) == [
            "12-11T10:00"
        ]


@pytest.mark.parametrize("language", list(Language))
def test_time_range_after_an_iso_date_is_parsed(language: Language) -> None:
    """`askproai when` reads such a phrase."""
    with speaking(language):
        (candidate,) = understand("2026-12-10 10:00-11:00", at=THURSDAY, zone=BERLIN).candidates
    assert (candidate.start.hour, candidate.end and candidate.end.hour) == (10, 11)


@each_row(
    ("args", "meant"),
    [
        ({"date": "2026-12-11T00:00:00", "time": "10:00"}, ["12-11T10:00"]),
        ({"date": "2026-12-11T00:00:00+01:00", "time": "10:00"}, ["12-11T10:00"]),
        ({"date": "2026-12-11T14:30", "time": "14:30"}, ["12-11T14:30"]),
        ({"date": "2026-12-11T14:30", "time": "10:00"}, ["asked_back", "12-11T10:00", "12-11T14:30"]),
        ({"date": "2026-12-11T14:30", "time": "nachmittags"}, ["12-11T14:30"]),
        ({"date": "2026-12-11", "time": "2026-12-10T14:30"}, ["asked_back", "12-10T14:30", "12-11T00:00"]),
        (FRIDAY | {"time": "10:00", "part_of_day": "nachmittags"}, ["asked_back", "12-11T10:00", "12-11T12:00"]),
        (FRIDAY | {"time": "14:30", "part_of_day": "morning"}, ["asked_back", "12-11T09:00", "12-11T14:30"]),
        (FRIDAY | {"start": "2026-12-11T10:00:00+01:00"}, ["12-11T10:00"]),
        ({"start": "2026-12-11T00:00:00+01:00"}, ["12-11T00:00-00:00"]),
        ({"start": "2026-12-11T00:00:00.000+0100"}, ["12-11T00:00-00:00"]),
        ({"start": "2026-12-11T00:00:00"}, ["12-11T00:00-00:00"]),
        (FRIDAY | {"start": "2026-12-10T10:00:00+01:00"}, ["asked_back", "12-10T10:00", "12-11T10:00"]),
        ({"start": "2026-12-10T10:00", "date": "Donnerstag"}, ["12-10T10:00"]),
        ({"start": "2026-12-10T10:00", "date": "Freitag"}, ["asked_back", "12-10T10:00", "12-11T10:00"]),
        ({"start": "2026-12-11T10:00", "time": "11:00"}, ["asked_back", "12-11T10:00", "12-11T11:00"]),
        ({"start": "2026-12-11", "time": "11:00"}, ["12-11T11:00"]),
        (FRIDAY | {"start": "2026-12-11", "time": "11:00"}, ["12-11T11:00"]),
        ({"date": "Freitag, 2026-12-10"}, ["asked_back", "12-10T00:00", "12-11T00:00"]),
        ({"date": "Montag, 2026-12-11", "time": "10:00"}, ["asked_back", "12-07T10:00", "12-11T10:00"]),
        ({"date": "Montag, den 11. Dezember", "time": "10:00"}, ["asked_back", "12-07T10:00", "12-11T10:00"]),
        ({"date": "Montag, den 11. Dezember, um zehn"}, ["asked_back", "12-07T10:00", "12-11T10:00"]),
        ({"date": "Montag, den 11. Dezember", "time": "ab 10 Uhr"}, ["asked_back", "12-07T10:00", "12-11T10:00"]),
        ({"date": "Montag, 11.12.2026", "part_of_day": "abends"}, ["asked_back", "12-07T17:00", "12-11T17:00"]),
        ({"date": "Mittwoch, der 27. November", "time": "10:00"}, ["asked_back", "11-27T10:00", "12-02T10:00"]),
        ({"start": "Montag, den 11. Dezember, 10:00"}, ["asked_back", "12-07T10:00", "12-11T10:00"]),
        ({"date": "morgen (2026-11-28)"}, ["asked_back", "11-27T00:00", "11-28T00:00"]),
        ({"date": "morgen (2026-11-28)", "time": "10:00"}, ["asked_back", "11-27T10:00", "11-28T10:00"]),
        ({"date": "2026-12-10", "time": "Freitag um 10"}, ["asked_back", "11-27T10:00", "12-10T10:00", "12-11T10:00"]),
        ({"start": "2026-12-10", "time": "Freitag um 10"}, ["asked_back", "11-27T10:00", "12-10T10:00", "12-11T10:00"]),
        (
            {"date": "Donnerstag, den 10. Dezember", "time": "doch lieber Freitag, 10 Uhr"},
            ["asked_back", "11-27T10:00", "12-10T00:00", "12-11T10:00"],
        ),
        ({"date": "am 10.", "time": "morgen um 10"}, ["asked_back", "11-27T10:00", "12-10T10:00"]),
        ({"date": "nächste Woche", "time": "am 11. um 10"}, ["asked_back", "11-30T00:00", "12-11T10:00"]),
        ({"date": "nächste Woche", "time": "Freitag um 10"}, ["12-04T10:00"]),
        ({"date": "2026-12-10", "time": "Donnerstag um 10"}, ["12-10T10:00"]),
        ({"date": "heute", "time": "morgen um 09:00"}, ["11-27T09:00"]),
        # A contradiction in parentheses.
        (FRIDAY | {"time": "halb drei (15:30)"}, ["asked_back", "12-11T14:30", "12-11T15:30"]),
        (FRIDAY | {"time": "halb drei / 15:30"}, ["asked_back", "12-11T14:30", "12-11T15:30"]),
        (FRIDAY | {"time": "zehn (10:00)"}, ["12-11T10:00"]),
        (FRIDAY | {"time": "14:30 (halb drei)"}, ["12-11T14:30"]),
        (FRIDAY | {"time": "half past two (2:30 pm)"}, ["12-11T14:30"]),
        (FRIDAY | {"time": "10 Uhr (vormittags)"}, ["12-11T10:00"]),
    ],
)
def test_contradicting_arguments_are_asked_about(args: dict[str, Any], meant: list[str]) -> None:
    assert understand_arguments(args) == meant


@each_row("language", list(Language))
@each_row(
    ("args", "meant"),
    [
        *((FRIDAY | {"time": said, "part_of_day": part}, ["asked_back", "12-11T08:00", "12-11T20:00"])
          for said in ("08:00", "T08:00:00", "0800", "08h00", "08.00 Uhr", "08:00 Uhr") for part in ("evening", "abends")),
        *((FRIDAY | {"time": "10:00", "part_of_day": part}, ["asked_back", "12-11T10:00", "12-11T17:00"])
          for part in ("evening", "abends")),
        (FRIDAY | {"time": "03:30", "part_of_day": "afternoon"}, ["12-11T15:30"]),
        ({"date": "11.12.2026 08:00", "part_of_day": "abends"}, ["asked_back", "12-11T08:00", "12-11T20:00"]),
        ({"start": "2026-12-11T08:00", "part_of_day": "evening"}, ["asked_back", "12-11T08:00", "12-11T20:00"]),
        ({"start": "2026-12-11", "time": "08:00", "part_of_day": "evening"}, ["asked_back", "12-11T08:00", "12-11T20:00"]),
        (FRIDAY | {"time": "08:00-09:00", "part_of_day": "abends"}, ["asked_back", "12-11T08:00", "12-11T17:00"]),
        ({"date": "2026-12-11T08:00/2026-12-11T09:00", "part_of_day": "abends"}, ["asked_back", "12-11T08:00", "12-11T17:00"]),
        (FRIDAY | {"time": "~08:00", "part_of_day": "abends"}, ["asked_back", "12-11T07:30", "12-11T17:00"]),
        (FRIDAY | {"time": "08:00-20:00", "part_of_day": "afternoon"}, ["12-11T08:00-20:00"]),
        (FRIDAY | {"time": "20:00", "part_of_day": "abends"}, ["12-11T20:00"]),
        (FRIDAY | {"time": "08:00", "part_of_day": "morning"}, ["12-11T08:00"]),
        (FRIDAY | {"time": "02:00", "part_of_day": "PM"}, ["12-11T14:00"]),
        (FRIDAY | {"time": "12:00", "part_of_day": "PM"}, ["12-11T12:00"]),
        (FRIDAY | {"time": ">=08:00", "part_of_day": "evening"}, ["12-11T17:00-22:00"]),
        *((FRIDAY | {"time": noon}, ["asked_back", "12-11T12:00"]) for noon in ("12:00 AM", "12 AM", "12am", "12 a.m.")),
    ],
)  # fmt: skip
def test_two_digit_hours_are_24_hour_times(language: Language, args: dict[str, Any], meant: list[str]) -> None:
    """`08:00` is in the morning, whatever part of the day another argument names, unless nobody works then."""
    with speaking(language):
        assert understand_arguments(args) == meant


OFFERED = datetime(2026, 12, 10, 9, tzinfo=UTC)
CALL_WITH_OFFER = CallContext(
    "call_1", "mitte", None, THURSDAY, "corr", offered=((NamedSlot("mitte", "haarschnitt", "anna", OFFERED),),)
)


@pytest.mark.parametrize(
    "others",
    [
        {}, {"date": "Donnerstag"}, {"date": "am 10."}, {"time": "vormittags"}, {"time": "10 Uhr"}, {"date": "nächste Woche"},
        {"date": "2026-12-07/2026-12-12"}, {"date": "10. oder 11. Dezember"}, {"time": "eine Stunde später"}, {"date": "egal"},
        {"date": "morgen"}, {"part_of_day": "morning"}, {"time": "gegen zehn"}, {"date": "eine Woche später"},
    ],
)  # fmt: skip
def test_offered_start_matching_all_arguments_is_used(others: dict[str, str]) -> None:
    assert understand_arguments(others | {"start": "2026-12-10T10:00:00+01:00"}, CALL_WITH_OFFER) == ["12-10T10:00"]
    assert understand_arguments(others | {"start": "2026-12-10T10:00:00Z"}, CALL_WITH_OFFER) == ["12-10T10:00"]


@pytest.mark.parametrize(
    ("others", "other"),
    [
        ({"date": "2026-12-11", "time": "11:00"}, "12-11T11:00"), ({"date": "11. Dezember"}, "12-11T10:00"),
        ({"date": "Freitag", "time": "11"}, "12-11T11:00"), ({"time": "11:00"}, "12-10T11:00"), ({"time": "um elf"}, "12-10T11:00"),
        ({"date": "2026-12-10", "time": "11 Uhr"}, "12-10T11:00"), ({"part_of_day": "afternoon"}, "12-10T12:00"),
    ],
)  # fmt: skip
def test_time_contradicting_the_offered_start_is_asked(others: dict[str, str], other: str) -> None:
    args = others | {"start": "2026-12-10T10:00:00+01:00"}
    outcome, *starts = understand_arguments(args, CALL_WITH_OFFER)
    assert (outcome, sorted(starts)) == ("asked_back", sorted(["12-10T10:00", other]))
    searched = replace(
        CALL_WITH_OFFER, earlier=(EarlierRequest(frozenset(others.values()), frozenset(), frozenset({OFFERED})),)
    )
    assert understand_arguments(args, searched) == ["12-10T10:00"]


@each_row(
    "time",
    [
        "weiß nicht", "any time will do me", "14:30 AM", "1796378400", "tbd", "nach Vereinbarung mit Kim",
        "nicht 10 nicht",
    ],
)  # fmt: skip
def test_unclear_time_does_not_discard_the_day(time: str) -> None:
    assert understand_arguments(FRIDAY | {"time": time}) == ["unclear", "12-11T00:00-00:00"]
    understood = parse_time(FRIDAY | {"time": time}, CALL, HAIRCUT)
    assert understood is not None
    with pytest.raises(ClarificationNeeded, match=r"Uhrzeit habe ich nicht verstanden.*11. Dezember.*wie viel Uhr"):
        require_exact(understood, CALL, HAIRCUT)


@pytest.mark.parametrize("said", ["26.10.2023", "2023-10-26", "2023-10-26T10:00", "26/10/2023"])
def test_past_date_is_named_in_the_refusal(said: str) -> None:
    with pytest.raises(
        ClarificationNeeded, match=r"26. Oktober 2023 ist schon vorbei, heute ist Donnerstag, 26. November"
    ):
        parse_time({"date": said, "time": "10:00"}, CALL, HAIRCUT)


def test_unclear_day_is_asked_for_alone() -> None:
    with pytest.raises(ClarificationNeeded, match=r"^Den Tag habe ich nicht verstanden"):
        parse_time({"date": "Krambambuli", "time": "10:00"}, CALL, HAIRCUT)


@each_row("language", list(Language))
@each_row(
    ("time", "meant"),
    [
        *((said, "15:00-00:00") for said in (">=15:00", ">= 15:00", ">15:00", "≥15 Uhr", "15:00+", "15+", "15:00-", "> 3pm")),
        *((said, "15:00-00:00") for said in ("15 Uhr oder später", "15:00 or later", "15:00 und später", "3pm onwards")),
        *((said, "15:00-00:00") for said in ("ab15", "from 3 pm onwards", "at or after 3pm", "3pm or after")),
        ("ab 15 Uhr oder später", "15:00-00:00"),
        *((said, "00:00-12:00") for said in ("<12:00", "<=12:00", "≤ 12 Uhr", "12:00 or earlier", "12 Uhr oder früher", "-12:00")),
        (">=14 <=16", "14:00-16:00"),
        (">= 14:00, < 16:00", "14:00-16:00"),
        ("14:00--16:00", "14:00-16:00"),
        ("14:00/16:00", "14:00-16:00"),
        ("14:00 -> 16:00", "14:00-16:00"),
        ("14:00..16:00", "14:00-16:00"),
        ("~15:00", "14:30-15:31"),
        ("~ 3pm", "14:30-15:31"),
        ("=15:00", "15:00"),
        ("14:00/PT30M", "14:00"),
    ],
)  # fmt: skip
def test_comparison_signs_limit_the_hours(language: Language, time: str, meant: str) -> None:
    with speaking(language):
        assert understand_arguments(FRIDAY | {"time": time}) == [f"12-11T{meant}"]


@pytest.mark.parametrize(
    "days",
    ["2026-12-07/2026-12-09", "2026-12-07--2026-12-09", "2026-12-07..2026-12-09", "2026-12-07/P3D",
     "2026-12-07 to 2026-12-09", "2026-12-07–2026-12-09", "2026-12-07 -> 2026-12-09"],
)  # fmt: skip
def test_an_interval_of_days_is_a_range(days: str) -> None:
    understood = parse_time({"date": days}, CALL, HAIRCUT)
    assert understood is not None
    (candidate,) = understood.candidates
    assert (f"{candidate.start:%m-%d}", f"{candidate.end:%m-%d}") == ("12-07", "12-10")


@pytest.mark.parametrize(
    "start", ["2026-12-11T11:00 oder 2026-12-11T16:00", "2026-12-11T11:00, 2026-12-11T16:00+01:00"]
)
def test_two_starts_in_one_argument_are_alternatives(start: str) -> None:
    assert understand_arguments({"start": start}) == ["12-11T11:00", "12-11T16:00"]
    understood = parse_time({"start": start}, CALL, HAIRCUT)
    assert understood is not None
    with pytest.raises(ClarificationNeeded, match=r"Meinen Sie .*11 Uhr oder .*16 Uhr"):
        require_exact(understood, CALL, HAIRCUT)


def test_text_with_offered_and_another_start_is_ambiguous() -> None:
    start = datetime(2026, 12, 11, 10, tzinfo=UTC)
    slots = ((NamedSlot("mitte", "haarschnitt", "anna", start),),)
    call = CallContext("call_1", "mitte", None, THURSDAY, "corr", offered=slots)
    both = {"start": "2026-12-11T11:00 oder 2026-12-11T16:00"}
    assert understand_arguments(both, call) == ["12-11T11:00", "12-11T16:00"]


@pytest.mark.parametrize(
    ("language", "args", "asked"),
    [
        (Language.DE, {"date": "nächste Woche", "time": "um zehn"}, "um 10 Uhr: Welchen Tag meinen Sie?"),
        (Language.DE, {"date": "Dienstag bis Donnerstag", "time": "10:00"}, "um 10 Uhr: Welchen Tag meinen Sie?"),
        (Language.EN, {"date": "as soon as possible", "time": "10:00"}, "Which day do you mean?"),
        (Language.DE, {"date": "nächste Woche", "time": "ab zehn"}, "Um wie viel Uhr genau?"),
        (Language.DE, {"date": "2026-12-10"}, "Um wie viel Uhr genau?"),
    ],
)
def test_hour_with_several_days_asks_for_the_day(language: Language, args: dict[str, Any], asked: str) -> None:
    with speaking(language):
        understood = parse_time(args, CALL, HAIRCUT)
        assert understood is not None
        with pytest.raises(ClarificationNeeded) as question:
            require_exact(understood, CALL, HAIRCUT)
    assert question.value.answer.message.endswith(asked)
