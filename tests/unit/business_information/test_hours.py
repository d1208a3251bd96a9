"""Opening hours and closed days, as callers hear them. All dates are fixed: no test depends on the day it runs."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from askproai_core.languages import Language
from askproai_core.tenant_config import Branch, Weekday
from askproai_core.tenant_config.branches import Holidays, Hours
from askproai_runtime.availability.slots import Span
from askproai_runtime.conversation.business_information.hours import (
    asks_about_now,
    describe_closures,
    describe_habitual_days,
    describe_hours,
    describe_now,
    find_habitual_days,
)
from askproai_runtime.sentences import speaking
from askproai_runtime.spoken_times import understand

BERLIN = ZoneInfo("Europe/Berlin")
TUE, WED, THU, FRI, SAT = Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI, Weekday.SAT
WEEK = Hours(days=(TUE, WED, THU, FRI), opens=time(9), closes=time(18))
SATURDAY = Hours(days=(SAT,), opens=time(9), closes=time(14))
HOLIDAYS = Holidays(country="DE", subdivision="BE", closed=(date(2026, 12, 24),))
SALON = Branch(name="mitte", display_name="Mitte", opening_hours=(WEEK, SATURDAY), holidays=HOLIDAYS)
FRIDAY = datetime(2026, 11, 20, 10, tzinfo=BERLIN)


def say(phrase: str | None, now: datetime = FRIDAY, branch: Branch = SALON) -> str | None:
    understood = understand(phrase, at=now, zone=BERLIN) if phrase else None
    return describe_hours(branch, understood, now.astimezone(UTC), BERLIN)


def opening(*hours: Hours) -> Branch:
    return Branch(name="b", display_name="B", opening_hours=hours)


@pytest.mark.parametrize(
    ("hours", "sentence"),
    [
        (
            (WEEK, SATURDAY),
            (
                "Geöffnet ist Dienstag bis Freitag von neun bis achtzehn Uhr und Samstag von neun bis vierzehn Uhr."
                " Montag und Sonntag ist geschlossen."
            ),
        ),
        ((Hours(days=tuple(Weekday), opens=time(0), closes=time(0)),), "Geöffnet ist täglich rund um die Uhr."),
        (
            (
                Hours(days=(Weekday.MON, WED, FRI), opens=time(8), closes=time(12)),
                Hours(days=(Weekday.MON, WED, FRI), opens=time(14), closes=time(18)),
            ),
            (
                "Geöffnet ist Montag, Mittwoch und Freitag von acht bis zwölf Uhr und von vierzehn bis achtzehn Uhr."
                " Dienstag, Donnerstag, Samstag und Sonntag ist geschlossen."
            ),
        ),
    ],
)
def test_days_with_equal_hours_are_said_together(hours: tuple[Hours, ...], sentence: str) -> None:
    assert say(None, branch=opening(*hours)) == sentence


@pytest.mark.parametrize(
    ("phrase", "sentence"),
    [
        ("heute", "Heute, Freitag, den 20. November, ist von neun bis achtzehn Uhr geöffnet."),
        ("morgen", "Morgen, Samstag, den 21. November, ist von neun bis vierzehn Uhr geöffnet."),
        (
            "am Sonntag",
            (
                "Am Sonntag, den 22. November, ist geschlossen. Wieder geöffnet ist am Dienstag, den 24. November, von neun bis"
                " achtzehn Uhr."
            ),
        ),
        (
            "am Wochenende",
            (
                "Morgen, Samstag, den 21. November, ist von neun bis vierzehn Uhr geöffnet. Am Sonntag, den 22. November, ist"
                " geschlossen."
            ),
        ),
        (
            "am 25. Dezember",
            (
                "Am Freitag, den 25. Dezember, ist geschlossen, es ist Erster Weihnachtstag. Wieder geöffnet ist am Dienstag, den"
                " 29. Dezember, von neun bis achtzehn Uhr."
            ),
        ),
    ],
)
def test_opening_hours_answer_is_for_the_named_day(phrase: str, sentence: str) -> None:
    assert say(phrase) == sentence


def test_question_after_closing_time_names_next_opening() -> None:
    late = FRIDAY.replace(hour=18)
    assert say("heute", late) == (
        "Heute, Freitag, den 20. November, war bis achtzehn Uhr geöffnet, jetzt ist geschlossen."
        " Wieder geöffnet ist am Samstag, den 21. November, von neun bis vierzehn Uhr."
    )
    assert "ist von neun bis achtzehn Uhr geöffnet" in str(say("heute", FRIDAY.replace(hour=17, minute=59)))


@pytest.mark.parametrize("phrase", ["nächste Woche", "im Dezember", "irgendwas"])
def test_many_or_undefined_days_get_weekly_hours(phrase: str) -> None:
    assert str(say(phrase)).startswith("Geöffnet ist Dienstag bis Freitag")


def test_next_usual_day_is_said_when_closed() -> None:
    christmas = datetime(2026, 12, 21, 10, tzinfo=BERLIN)
    assert describe_habitual_days(SALON, (3,), christmas, BERLIN) == (
        "Donnerstags ist von neun bis achtzehn Uhr geöffnet. Am Donnerstag, den 24. Dezember, ist geschlossen."
    )
    with speaking(Language.EN):
        assert find_habitual_days(None, "Are you open on Saturdays?") == (5,)
        assert describe_habitual_days(SALON, (5,), FRIDAY, BERLIN) == "On Saturdays, we are open from 9 am to 2 pm."
    assert describe_habitual_days(opening(), (5,), FRIDAY, BERLIN) is None


def test_closed_days_of_named_time_accompany_the_hours() -> None:
    assert "geschlossen von Donnerstag, den 24. Dezember, bis Samstag, den 26. Dezember" in str(say("im Dezember"))
    assert "Außer der Reihe" not in str(say("nächste Woche"))


def test_consecutive_closed_days_are_one_absence() -> None:
    assert describe_closures(SALON, datetime(2026, 12, 18, tzinfo=BERLIN)) == (
        "In den nächsten acht Wochen ist außer der Reihe geschlossen von Donnerstag, den 24. Dezember, bis Samstag, den"
        " 26. Dezember und am Freitag, den 1. Januar, Neujahr."
    )
    on_christmas_eve = str(say(None, datetime(2026, 12, 18, 12, tzinfo=BERLIN)))
    assert "bis Samstag, den 26. Dezember" in on_christmas_eve, "to its end, though only the beginning is within a week"


@pytest.mark.parametrize(
    ("count", "end"),
    [
        (5, "am Dienstag, den 15. Dezember und am Dienstag, den 22. Dezember."),
        (6, "am Dienstag, den 15. Dezember, am Dienstag, den 22. Dezember und an weiteren Tagen."),
    ],
)
def test_more_than_five_closed_days_are_abbreviated(count: int, end: str) -> None:
    closed = tuple(date(2026, 11, 24) + timedelta(weeks=n) for n in range(count))
    branch = Branch(name="b", display_name="B", opening_hours=(WEEK,), holidays=Holidays(country="XX", closed=closed))
    assert str(describe_closures(branch, datetime(2026, 11, 20, tzinfo=BERLIN))).endswith(end)


def test_holiday_on_a_never_open_day_is_unsaid() -> None:
    sunday = Holidays(country="DE", subdivision="BB")  # Easter Sunday is one in Brandenburg
    branch = Branch(name="b", display_name="B", opening_hours=(WEEK,), holidays=sunday)
    assert describe_closures(branch, datetime(2027, 3, 1, tzinfo=BERLIN)) == (
        "In den nächsten acht Wochen ist außer der Reihe geschlossen am Freitag, den 26. März, Karfreitag."
    )


def test_answer_without_closed_days_names_usual_hours() -> None:
    assert describe_closures(opening(WEEK), datetime(2026, 12, 18, tzinfo=BERLIN)) == (
        "In den nächsten acht Wochen ist zu den üblichen Zeiten geöffnet."
    )


def test_no_hours_are_said_without_declared_opening_hours() -> None:
    assert say(None, branch=opening()) is None
    assert say("morgen", branch=opening()) is None
    assert describe_closures(opening(), datetime(2026, 12, 18, tzinfo=BERLIN)) is None


def test_branch_that_never_reopens_names_no_opening() -> None:
    days = tuple(date.fromordinal(date(2026, 11, 20).toordinal() + n) for n in range(300))
    branch = Branch(name="b", display_name="B", opening_hours=(WEEK,), holidays=Holidays(country="DE", closed=days))
    assert say("morgen", branch=branch) == "Morgen, Samstag, den 21. November, ist geschlossen."


def paused(
    first: datetime, end: datetime, now: datetime = FRIDAY, phrase: str | None = None, branch: Branch = SALON
) -> str:
    """Return what is said of hours while everybody is blocked."""
    understood = understand(phrase, at=now, zone=BERLIN) if phrase else None
    pauses = (Span(first.astimezone(UTC), end.astimezone(UTC)),)
    return str(describe_hours(branch, understood, now.astimezone(UTC), BERLIN, pauses))


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=BERLIN)


def test_opening_hours_mention_blocks_without_appointments() -> None:
    assert paused(at(25, 14), at(25, 18), phrase="Mittwoch") == (
        "Am Mittwoch, den 25. November, ist von neun bis achtzehn Uhr geöffnet."
        " Von vierzehn bis achtzehn Uhr sind aber keine Termine möglich."
    )
    assert paused(at(25), at(26), phrase="Mittwoch") == (
        "Am Mittwoch, den 25. November, ist von neun bis achtzehn Uhr geöffnet. Termine sind an diesem Tag aber nicht möglich."
    )
    with speaking(Language.EN):
        assert paused(at(25, 14), at(25, 18), phrase="Wednesday").endswith(
            "But no appointments are possible from 2 pm to 6 pm."
        )


def test_pause_of_another_or_past_day_is_unsaid() -> None:
    open_all_day = "Heute, Freitag, den 20. November, ist von neun bis achtzehn Uhr geöffnet."
    assert paused(at(21), at(22), phrase="heute") == open_all_day
    assert paused(at(25, 18), at(25, 20), phrase="Mittwoch").endswith("geöffnet."), "after the opening hours"
    lunch = opening(
        Hours(days=(FRI,), opens=time(8), closes=time(9)), Hours(days=(FRI,), opens=time(12), closes=time(18))
    )
    assert paused(at(20, 8), at(20, 9), phrase="heute", branch=lunch).endswith("geöffnet."), "it is over"


def test_pauses_of_a_week_are_said_together() -> None:
    assert paused(at(24), at(27)).endswith(
        " Von Dienstag, den 24. November, bis Donnerstag, den 26. November sind aber keine Termine möglich."
    )
    assert paused(at(25, 14), at(25, 18)).endswith(
        " Am Mittwoch, den 25. November, von vierzehn bis achtzehn Uhr sind aber keine Termine möglich."
    )
    said = describe_closures(SALON, FRIDAY, (Span(at(24), at(25)),))
    assert str(said).endswith(" Am Dienstag, den 24. November sind aber keine Termine möglich.")


def test_opening_answer_mentions_a_day_without_appointments() -> None:
    assert paused(at(24), at(25), phrase="Montag").endswith("Termine sind an diesem Tag aber nicht möglich.")


@pytest.mark.parametrize(
    ("phrase", "words", "is_now"),
    [
        ("jetzt", "Haben Sie jetzt gerade offen?", True),
        ("jetzt gerade", "", True),
        (None, "Haben Sie jetzt gerade offen?", True),
        (None, "Ist im Moment jemand da?", True),
        ("right now", "", True),
        (None, "Are you open now?", True),
        (None, "Haben Sie morgen offen?", False),
        ("morgen", "Haben Sie jetzt morgen offen?", False),
        (None, "Wann haben Sie offen?", False),
        (None, "", False),
    ],
)
def test_a_question_about_this_moment_is_recognised(phrase: str | None, words: str, is_now: bool) -> None:
    assert asks_about_now(phrase, words) is is_now


@pytest.mark.parametrize(
    ("hour", "sentence"),
    [
        (8, "Jetzt ist geschlossen. Heute ist noch von neun bis zwölf Uhr und von vierzehn bis achtzehn Uhr geöffnet."),
        (9, "Jetzt ist geöffnet, bis zwölf Uhr."),
        (12, "Jetzt ist geschlossen. Heute ist noch von vierzehn bis achtzehn Uhr geöffnet."),
        (17, "Jetzt ist geöffnet, bis achtzehn Uhr."),
        (
            18,
            (
                "Jetzt ist geschlossen. Wieder geöffnet ist am Freitag, den 27. November, von neun bis zwölf Uhr"
                " und von vierzehn bis achtzehn Uhr."
            ),
        ),
    ],
)
def test_present_opening_is_said_with_its_end(hour: int, sentence: str) -> None:
    noon = Hours(days=(FRI,), opens=time(9), closes=time(12)), Hours(days=(FRI,), opens=time(14), closes=time(18))
    assert describe_now(opening(*noon), at(20, hour).astimezone(UTC), BERLIN) == sentence
    assert describe_now(opening(), at(20, hour), BERLIN) is None


def test_branch_open_all_day_names_no_closing_time() -> None:
    always = opening(Hours(days=tuple(Weekday), opens=time(0), closes=time(0)))
    assert str(describe_now(always, at(20, 10), BERLIN)).endswith("ist rund um die Uhr geöffnet.")
    pauses = (Span(at(20, 9), at(20, 14)),)
    assert describe_now(SALON, at(20, 11), BERLIN, pauses) == (
        "Jetzt ist geöffnet, bis achtzehn Uhr. Von neun bis vierzehn Uhr sind aber keine Termine möglich."
    )
