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
from tests.worlds.rows import each_row

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


EVERY_DAY = Hours(days=tuple(Weekday), opens=time(0), closes=time(0))
SPLIT = tuple(
    Hours(days=(Weekday.MON, WED, FRI), opens=time(opens), closes=time(closes)) for opens, closes in ((8, 12), (14, 18))
)
CLOSED = tuple(date(2026, 11, 20) + timedelta(days=n) for n in range(300))
ALWAYS_CLOSED = Branch(
    name="b", display_name="B", opening_hours=(WEEK,), holidays=Holidays(country="DE", closed=CLOSED)
)
USUAL = (
    "Geöffnet ist Dienstag bis Freitag von neun bis achtzehn Uhr und Samstag von neun bis vierzehn Uhr."
    " Montag und Sonntag ist geschlossen."
)
TODAY = "Heute, Freitag, den 20. November"


@each_row(
    ("branch", "phrase", "hour", "sentence"),
    [
        (opening(WEEK, SATURDAY), None, 10, USUAL),
        (opening(EVERY_DAY), None, 10, "Geöffnet ist täglich rund um die Uhr."),
        (opening(*SPLIT), None, 10,
         ("Geöffnet ist Montag, Mittwoch und Freitag von acht bis zwölf Uhr und von vierzehn bis achtzehn Uhr."
         " Dienstag, Donnerstag, Samstag und Sonntag ist geschlossen.")),
        (SALON, "nächste Woche", 10, USUAL),
        (SALON, "irgendwas", 10, USUAL),
        (SALON, "im Dezember", 10, (f"{USUAL} Außer der Reihe ist geschlossen von Donnerstag, den 24. Dezember, bis Samstag, den"
         " 26. Dezember")),
        (SALON, "heute", 17, f"{TODAY}, ist von neun bis achtzehn Uhr geöffnet."),
        (SALON, "heute", 18, (f"{TODAY}, war bis achtzehn Uhr geöffnet, jetzt ist geschlossen."
         " Wieder geöffnet ist am Samstag, den 21. November, von neun bis vierzehn Uhr.")),
        (SALON, "morgen", 10, "Morgen, Samstag, den 21. November, ist von neun bis vierzehn Uhr geöffnet."),
        (SALON, "am Sonntag", 10, ("Am Sonntag, den 22. November, ist geschlossen."
         " Wieder geöffnet ist am Dienstag, den 24. November, von neun bis achtzehn Uhr.")),
        (SALON, "am Wochenende", 10, ("Morgen, Samstag, den 21. November, ist von neun bis vierzehn Uhr geöffnet."
         " Am Sonntag, den 22. November, ist geschlossen.")),
        (SALON, "am 25. Dezember", 10, ("Am Freitag, den 25. Dezember, ist geschlossen, es ist Erster Weihnachtstag."
         " Wieder geöffnet ist am Dienstag, den 29. Dezember, von neun bis achtzehn Uhr.")),
        (ALWAYS_CLOSED, "morgen", 10, "Morgen, Samstag, den 21. November, ist geschlossen."),
    ],
)  # fmt: skip
def test_opening_hours_answer_the_named_day(branch: Branch, phrase: str | None, hour: int, sentence: str) -> None:
    """A sentence in the table without its end is compared by its beginning."""
    said = str(say(phrase, FRIDAY.replace(hour=hour), branch))
    assert said == sentence if sentence.endswith(".") else said.startswith(sentence)


def closed_on_tuesdays(count: int) -> Branch:
    closed = tuple(date(2026, 11, 24) + timedelta(weeks=n) for n in range(count))
    return Branch(name="b", display_name="B", opening_hours=(WEEK,), holidays=Holidays(country="XX", closed=closed))


WEEKS = "In den nächsten acht Wochen ist"


@each_row(
    ("branch", "today", "sentence"),
    [
        (SALON, date(2026, 12, 18), (f"{WEEKS} außer der Reihe geschlossen von Donnerstag, den 24. Dezember, bis Samstag, den"
         " 26. Dezember und am Freitag, den 1. Januar, Neujahr.")),
        # Easter Sunday is a holiday in Brandenburg, and nothing is open then.
        (Branch(name="b", display_name="B", opening_hours=(WEEK,), holidays=Holidays(country="DE", subdivision="BB")),
         date(2027, 3, 1), f"{WEEKS} außer der Reihe geschlossen am Freitag, den 26. März, Karfreitag."),
        (opening(WEEK), date(2026, 12, 18), f"{WEEKS} zu den üblichen Zeiten geöffnet."),
        (closed_on_tuesdays(5), date(2026, 11, 20), "am Dienstag, den 15. Dezember und am Dienstag, den 22. Dezember."),
        (closed_on_tuesdays(6), date(2026, 11, 20),
         "am Dienstag, den 15. Dezember, am Dienstag, den 22. Dezember und an weiteren Tagen."),
    ],
)  # fmt: skip
def test_closed_days_of_eight_weeks_are_said(branch: Branch, today: date, sentence: str) -> None:
    said = str(describe_closures(branch, datetime(today.year, today.month, today.day, tzinfo=BERLIN)))
    assert said.startswith(WEEKS)
    assert said.endswith(sentence)


def test_absence_is_said_to_its_end() -> None:
    on_christmas_eve = str(say(None, datetime(2026, 12, 18, 12, tzinfo=BERLIN)))
    assert "bis Samstag, den 26. Dezember" in on_christmas_eve, "though only the beginning is within a week"


def test_next_usual_day_is_said_when_closed() -> None:
    christmas = datetime(2026, 12, 21, 10, tzinfo=BERLIN)
    assert describe_habitual_days(SALON, (3,), christmas, BERLIN) == (
        "Donnerstags ist von neun bis achtzehn Uhr geöffnet. Am Donnerstag, den 24. Dezember, ist geschlossen."
    )
    with speaking(Language.EN):
        assert find_habitual_days(None, "Are you open on Saturdays?") == (5,)
        assert describe_habitual_days(SALON, (5,), FRIDAY, BERLIN) == "On Saturdays, we are open from 9 am to 2 pm."
    assert describe_habitual_days(opening(), (5,), FRIDAY, BERLIN) is None


def test_no_hours_are_said_without_declared_opening_hours() -> None:
    assert say(None, branch=opening()) is None
    assert say("morgen", branch=opening()) is None
    assert describe_closures(opening(), datetime(2026, 12, 18, tzinfo=BERLIN)) is None


def paused(
    first: datetime, end: datetime, now: datetime = FRIDAY, phrase: str | None = None, branch: Branch = SALON
) -> str:
    """Return what is said of hours while everybody is blocked."""
    understood = understand(phrase, at=now, zone=BERLIN) if phrase else None
    pauses = (Span(first.astimezone(UTC), end.astimezone(UTC)),)
    return str(describe_hours(branch, understood, now.astimezone(UTC), BERLIN, pauses))


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=BERLIN)


OPEN_TODAY = f"{TODAY}, ist von neun bis achtzehn Uhr geöffnet."
WEDNESDAY = "Am Mittwoch, den 25. November, ist von neun bis achtzehn Uhr geöffnet."
LUNCH = opening(Hours(days=(FRI,), opens=time(8), closes=time(9)), Hours(days=(FRI,), opens=time(12), closes=time(18)))


@each_row(
    ("branch", "phrase", "pause", "end"),
    [
        (SALON, "Mittwoch", (at(25, 14), at(25, 18)),
         f"{WEDNESDAY} Von vierzehn bis achtzehn Uhr sind aber keine Termine möglich."),
        (SALON, "Mittwoch", (at(25), at(26)), f"{WEDNESDAY} Termine sind an diesem Tag aber nicht möglich."),
        (SALON, "Montag", (at(24), at(25)), "Termine sind an diesem Tag aber nicht möglich."),
        (SALON, "heute", (at(21), at(22)), OPEN_TODAY),
        (SALON, "Mittwoch", (at(25, 18), at(25, 20)), WEDNESDAY),  # after the opening hours
        (LUNCH, "heute", (at(20, 8), at(20, 9)), "geöffnet."),  # it is over
        (SALON, None, (at(24), at(27)),
         " Von Dienstag, den 24. November, bis Donnerstag, den 26. November sind aber keine Termine möglich."),
        (SALON, None, (at(25, 14), at(25, 18)),
         " Am Mittwoch, den 25. November, von vierzehn bis achtzehn Uhr sind aber keine Termine möglich."),
    ],
)  # fmt: skip
def test_hours_mention_pauses_without_appointments(
    branch: Branch, phrase: str | None, pause: tuple[datetime, datetime], end: str
) -> None:
    assert paused(*pause, phrase=phrase, branch=branch).endswith(end)


def test_pauses_are_said_with_closures_and_in_english() -> None:
    said = describe_closures(SALON, FRIDAY, (Span(at(24), at(25)),))
    assert str(said).endswith(" Am Dienstag, den 24. November sind aber keine Termine möglich.")
    with speaking(Language.EN):
        english = paused(at(25, 14), at(25, 18), phrase="Wednesday")
    assert english.endswith("But no appointments are possible from 2 pm to 6 pm.")


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
