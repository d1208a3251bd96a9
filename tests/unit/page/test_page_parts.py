"""The pure parts of the page: sessions, marks of changes, the drawing of a day, its words."""

import asyncio
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader, Environment

from askproai_core.clock import SystemClock
from askproai_core.languages import Language
from askproai_core.tenant_config import Branch, Function, NotificationChannel, Service, Staff, TenantConfig, Weekday
from askproai_core.tenant_config.branches import Absence, Holidays, Hours
from askproai_runtime.admin_api import Pulse, Role
from askproai_runtime.admin_api.appointment_entry import AppointmentEntry
from askproai_runtime.admin_api.blocks import BlockEntry
from askproai_runtime.admin_api.calls import CallOutcome
from askproai_runtime.admin_api.hidden_arguments import _OF_CONFIG, _OF_TIME, _PERSON
from askproai_runtime.book.appointments import Status
from askproai_runtime.book.store.actions import _EMAIL_QUESTION, _QUESTION, _WHICH
from askproai_runtime.conversation.types import FunctionOutcome
from askproai_runtime.jobs import Priority
from askproai_runtime.notifications import decide
from askproai_runtime.notifications.types import Kind, Recipient, State
from askproai_runtime.oidc import Attempt
from askproai_runtime.page.day_plan import MAX_LANES, ROWS, list_people, list_whole_days, plan_day, week_of
from askproai_runtime.page.feed import Feed, changed_subjects, event_id
from askproai_runtime.page.fleet.server import FLEET_WORDS
from askproai_runtime.page.origin import cookie_name
from askproai_runtime.page.rendering import format_duration, render
from askproai_runtime.page.sessions import LIFETIME, Signer
from askproai_runtime.page.views import VIEWS, list_others, show_services, show_subject
from askproai_runtime.page.words import WORDS, ActionWords, LoginWords, choose_language
from askproai_runtime.sentences import speaking
from tests.worlds.waiting import SOON, eventually

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
GERMAN, ENGLISH = WORDS[Language.DE], WORDS[Language.EN]
DAY = date(2026, 11, 27)
CONFIG = TenantConfig(
    tenant="salon.salon",
    display_name="Salon",
    branches=(
        Branch(
            name="mitte",
            display_name="Mitte",
            opening_hours=(Hours(days=(Weekday.FRI,), opens=time(9), closes=time(18)),),
            staff=(Staff(id="anna", display_name="Anna"), Staff(id="mehmet", display_name="Mehmet")),
        ),
    ),
)


def entry(start: datetime, minutes: int = 30, **changes: Any) -> AppointmentEntry:
    values = {
        "id": f"{start.isoformat()}-{minutes}", "branch": "mitte", "service": "schnitt", "staff": "anna", "start": start,
        "end": start + timedelta(minutes=minutes), "status": Status.CONFIRMED, "customer_name": "Petra", "call_id": None,
        "external_id": None, "correlation_id": "c", "error": None, "cancelled_at": None, "notes": None,
    }  # fmt: skip
    return AppointmentEntry(**values | changes)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(DAY.year, DAY.month, DAY.day, hour, minute, tzinfo=BERLIN)


def test_session_cookie_is_bound_to_tenant_and_time() -> None:
    signer = Signer("token", "salon.a")
    session = signer.open(is_reader=True, name="Änne", now=NOW)
    cookie = signer.seal(session)
    assert signer.read(cookie, NOW) == session
    assert signer.read(cookie, NOW + LIFETIME) is None
    assert Signer("token", "salon.b").read(cookie, NOW) is None
    assert Signer("other", "salon.a").read(cookie, NOW) is None
    body, _, signature = cookie.partition(".")
    assert (
        signer.read(f"{signer.seal(signer.open(is_reader=False, name='', now=NOW)).partition('.')[0]}.{signature}", NOW)
        is None
    )
    for text in ("", ".", "x", f"{body}.", f".{signature}", "ä.ö"):
        assert signer.read(text, NOW) is None
    assert cookie_name("salon.a") != cookie_name("salon.b")


def test_oidc_session_cookie_is_valid_for_its_login() -> None:
    signer = Signer("token", "salon.a", "login-1")
    session = signer.open_granted(Role.STAFF, "anna@salon.example", NOW)
    cookie = signer.seal(session)
    assert signer.read(cookie, NOW) == session
    assert (session.role, session.actor) == (Role.STAFF, f"anna@salon.example ({session.id[:8]})")
    assert signer.read(cookie, NOW + LIFETIME) is None
    for other in (
        Signer("token", "salon.a", "login-2"),
        Signer("token", "salon.a"),
        Signer("token", "salon.b", "login-1"),
    ):
        assert other.read(cookie, NOW) is None, "another secret, other groups, no such login, another tenant"
    of_token = signer.open(is_reader=True, name="", now=NOW)
    sealed = signer.seal(of_token)
    assert Signer("token", "salon.a").read(sealed, NOW) == of_token
    written = json.loads(urlsafe_b64decode(sealed.partition(".")[0]))
    assert written.keys() == {"id", "tenant", "is_reader", "name", "expires"}


def test_login_attempt_cookie_is_no_session() -> None:
    attempt = Attempt("state", "nonce", "verifier", "https://page.example/login/callback", "/week", 0)
    signer = Signer("token", "salon.a", "login-1")
    cookie = signer.seal_attempt(attempt)
    assert signer.read_attempt(cookie) == attempt
    assert signer.read(cookie, NOW) is None
    assert signer.read_attempt(signer.seal(signer.open_granted(Role.OWNER, "a", NOW))) is None
    for other in (
        Signer("token", "salon.a", "login-2"),
        Signer("token", "salon.b", "login-1"),
        Signer("t", "salon.a", "login-1"),
    ):
        assert other.read_attempt(cookie) is None


def test_form_token_is_of_one_session_only() -> None:
    signer = Signer("token", "salon.a")
    session = signer.open(is_reader=False, name="", now=NOW)
    assert signer.is_csrf(session.id, signer.csrf(session.id))
    assert not signer.is_csrf("another", signer.csrf(session.id))
    body = signer.seal(session).partition(".")[0]
    assert signer.read(f"{body}.{signer.csrf(body)}", NOW) is None


def test_change_event_lists_only_changed_subjects() -> None:
    before = event_id(Pulse(marks={"calls": "1 a", "messages": "0"}))
    after = event_id(Pulse(marks={"calls": "2 b", "messages": "0"}))
    assert changed_subjects(before, after) == ["calls"]
    assert changed_subjects(after, after) == []
    for unknown in ("", "x", "calls", "calls-\n.messages"):
        assert changed_subjects(unknown, after) == ["calls", "messages"]


def test_day_is_drawn_from_first_to_last_hour() -> None:
    plan = plan_day(CONFIG, DAY, [entry(at(8, 30)), entry(at(18, 30), status=Status.CANCELLED)], [])
    assert (plan.first_hour, plan.last_hour) == (8, 18)
    assert [column.name for column in plan.columns] == ["Anna", "Mehmet"]
    (drawn,) = plan.columns[0].drawn
    assert (drawn.row, drawn.length, drawn.lane) == (6, 6, 0)
    assert len(plan.cancelled) == 1


def test_day_plan_shows_overlapping_and_former_staff_appointments() -> None:
    plan = plan_day(CONFIG, DAY, [entry(at(10)), entry(at(10, 15)), entry(at(10, 30)), entry(at(9), staff="gone")], [])
    assert [each.lane for each in plan.columns[0].drawn] == [0, 1, 0]
    assert plan.columns[2].name == "gone"


def test_block_over_days_is_drawn_on_each_day() -> None:
    block = BlockEntry("b", ["mitte/anna"], at(12), at(12) + timedelta(days=2), "Fortbildung", in_force=True)
    for day, rows in ((DAY, (36, 72)), (DAY + timedelta(days=1), (0, 120))):
        (drawn,) = plan_day(CONFIG, day, [], [block]).columns[0].drawn
        assert (drawn.row, drawn.length) == rows
    removed = BlockEntry("b", ["mitte/anna"], at(12), at(13), "", in_force=False)
    assert plan_day(CONFIG, DAY, [], [removed]).columns[0].drawn == []


def with_staff(*staff: Staff, **changes: Any) -> TenantConfig:
    branch = msgspec.structs.replace(CONFIG.branches[0], staff=staff, **changes)
    return msgspec.structs.replace(CONFIG, branches=(branch,))


def test_day_shows_absences_and_closed_hours() -> None:
    morning = (
        Hours(days=(Weekday.FRI,), opens=time(8), closes=time(12)),
        Hours(days=(Weekday.FRI,), opens=time(13), closes=time(16)),
    )
    monday = (Hours(days=(Weekday.MON,), opens=time(9), closes=time(18)),)
    config = with_staff(
        Staff(id="all", display_name="All"),
        Staff(id="part", display_name="Part", working_hours=morning),
        Staff(id="monday", display_name="Monday", working_hours=monday),
        Staff(id="ill", display_name="Ill", absences=(Absence(first=DAY - timedelta(days=1), last=DAY),)),
    )
    all_day, part, another_day, ill = plan_day(config, DAY, [], []).columns
    assert (all_day.away, all_day.off) == (None, [])
    assert [(each.row, each.length) for each in part.off] == [(36, 12), (84, 24)], "12:00 to 13:00, and from 16:00"
    assert (another_day.away, another_day.off) == ("off_hours", ())
    assert (ill.away, ill.off) == ("absent", ())
    assert plan_day(config, DAY + timedelta(days=7), [], []).columns[3].away is None
    block = BlockEntry("b", ["mitte/part"], at(12, 30), at(17), "Fortbildung", in_force=True)
    off = plan_day(config, DAY, [], [block]).columns[1].off
    assert [(each.row, each.length) for each in off] == [(36, 6), (96, 12)], (
        "what a block covers is not drawn beneath it"
    )


def test_closed_day_shows_its_reason() -> None:
    every_day = (Hours(days=tuple(Weekday), opens=time(9), closes=time(18)),)
    holidays = Holidays(country="DE", closed=(date(2026, 12, 24),))
    config = with_staff(Staff(id="anna", display_name="Anna"), holidays=holidays, opening_hours=every_day)

    def shown(config: TenantConfig, day: date) -> tuple[str | None, str]:
        column, *_ = plan_day(config, day, [], []).columns
        return column.away, column.closure

    assert shown(config, date(2026, 12, 24)) == ("closed", "")
    assert shown(config, date(2026, 12, 25)) == ("closed", "Erster Weihnachtstag")
    with speaking(Language.EN):
        assert shown(config, date(2026, 12, 25)) == ("closed", "Christmas Day")
    assert shown(config, DAY) == (None, "")
    assert shown(CONFIG, DAY + timedelta(days=1)) == ("closed", ""), "it is never open on that weekday"
    assert shown(with_staff(Staff(id="anna", display_name="Anna"), opening_hours=()), DAY) == (None, "")


def test_week_shows_the_same_closures_as_its_days() -> None:
    christmas = date(2026, 12, 25)  # a Friday
    weekdays = (Hours(days=tuple(Weekday)[:6], opens=time(9), closes=time(18)),)
    config = with_staff(
        Staff(id="anna", display_name="Anna"),
        Staff(id="ill", display_name="Ill", absences=(Absence(first=date(2026, 12, 21), last=date(2026, 12, 22)),)),
        Staff(
            id="monday",
            display_name="Monday",
            working_hours=(msgspec.structs.replace(weekdays[0], days=(Weekday.MON,)),),
        ),
        holidays=Holidays(country="DE", closed=(date(2026, 12, 24),)),
        opening_hours=weekdays,
    )
    days, people = week_of(christmas), list_people(config, ())
    found = list_whole_days(config, people, days)
    for day in days:
        for column in plan_day(config, day, [], []).columns:
            shown = found.get((column.branch, column.staff, day))
            assert (column.away, column.closure) == (shown or (None, "")), (column.staff, day)
    assert found["mitte", "ill", days[1]] == ("absent", "")
    assert found["mitte", "monday", days[1]] == ("off_hours", "")
    assert found["mitte", "anna", christmas] == ("closed", "Erster Weihnachtstag")
    assert found["mitte", "anna", days[6]] == ("closed", "")
    assert ("mitte", "anna", days[0]) not in found


@pytest.mark.parametrize(
    ("start", "end", "day", "shown"),
    [
        (at(12), at(14, 30), DAY, "12:00–14:30"),
        (at(0), at(0) + timedelta(days=2), DAY, "ganztägig"),
        (at(0), at(0) + timedelta(days=2), DAY + timedelta(days=1), "ganztägig"),
        (at(12), at(12) + timedelta(days=1), DAY, "12:00–24:00"),
        (at(12), at(12) + timedelta(days=1), DAY + timedelta(days=1), "00:00–12:00"),
    ],
)
def test_block_span_is_shown_for_one_day(start: datetime, end: datetime, day: date, shown: str) -> None:
    templates = Environment(loader=DictLoader({"t": "{{ span(block, on) }}"}))
    values = {"block": BlockEntry("b", ["mitte/anna"], start, end, "", in_force=True), "on": day}
    assert render(templates, "t", GERMAN, BERLIN, values) == shown


def test_audit_entry_uses_page_language_time_and_names() -> None:
    detail = {
        "token": "admin", "claimed_by": "Karin <b>", "request": "1", "appointment": "2",
        "now": {"staff": "gone", "start": "2026-11-25T14:00:00+00:00"}, "further": ["x", "y"],
        "was": {"staff": "anna", "start": "2026-11-24T14:00:00Z"},
    }  # fmt: skip
    templates = Environment(loader=DictLoader({"t": "{{ reason(a, 'audit') }}"}), autoescape=True)
    values = {"a": json.dumps(detail), "person_names": {"anna": "Anna"}}
    assert render(templates, "t", GERMAN, BERLIN, values) == (
        "durch Karin &lt;b&gt; · vorher: Di, 24.11.2026 15:00, bei Anna · jetzt: Mi, 25.11.2026 15:00, bei gone · further: x, y"
    )
    assert render(templates, "t", ENGLISH, BERLIN, values).startswith(
        "by Karin &lt;b&gt; · before: Tue 24/11/2026 15:00, with"
    )
    assert render(templates, "t", GERMAN, BERLIN, {"a": "no JSON"}) == "<code>no JSON</code>"
    block = {"block": "1", "staff": ["mitte/anna"], "start": "2026-11-24T14:00:00Z"}
    assert (
        render(templates, "t", GERMAN, BERLIN, values | {"a": json.dumps(block)})
        == "Beginn: Di, 24.11.2026 15:00 · bei Anna"
    )


@given(st.lists(st.tuples(st.integers(0, 1439), st.integers(1, 2000)), max_size=20))
def test_every_appointment_of_a_day_is_placed_visibly(spans: list[tuple[int, int]]) -> None:
    entries = [entry(at(0) + timedelta(minutes=start), length, id=str(n)) for n, (start, length) in enumerate(spans)]
    plan = plan_day(CONFIG, DAY, entries, [])
    drawn = [each for column in plan.columns for each in column.drawn]
    assert len(drawn) == len(spans)
    for each in drawn:
        assert 0 <= each.row < ROWS
        assert 1 <= each.length <= ROWS
        assert 0 <= each.lane < MAX_LANES


def test_the_week_begins_on_monday() -> None:
    assert week_of(DAY)[0] == date(2026, 11, 23)
    assert week_of(date(2026, 11, 23))[0] == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", Language.DE), ("en", Language.EN), ("de;q=0.3, en;q=0.9", Language.EN), ("fr, de;q=0.1", Language.DE),
        ("en;q=x", Language.DE), ("EN-us", Language.EN), ("en;q=0", Language.DE), ("," * 600, Language.DE),
    ],
)  # fmt: skip
def test_language_with_the_greatest_weight_is_chosen(header: str, language: Language) -> None:
    assert choose_language(header) is language


def list_keys(words: Mapping[str, Any], before: str = "") -> set[str]:
    """Return the keys of a file of words, such as `act.cancel`."""
    tables = {key: value for key, value in words.items() if isinstance(value, dict)}
    return {f"{before}{key}" for key in words}.union(
        *(list_keys(each, f"{before}{key}.") for key, each in tables.items())
    )


@pytest.mark.parametrize(("package", "name", "words"), [("page", "t", WORDS), ("page/fleet", "f", FLEET_WORDS)])
def test_both_languages_have_all_words_of_templates(package: str, name: str, words: Mapping[Language, Any]) -> None:
    german, english = (list_keys(words[language].shown) for language in (Language.DE, Language.EN))
    of_rows = ("outcomes.", "arguments.", "reasons.")  # stored in English
    assert {key for key in german ^ english if not key.startswith(of_rows)} == set()
    templates = (Path(__file__).parents[3] / "runtime/askproai_runtime" / package).rglob("*.html")
    used = {
        key for file in templates for key in re.findall(rf"\b{name}\.((?:act\.|login\.)?\w+)", file.read_text("utf-8"))
    }
    assert used
    used |= {view.name for view in VIEWS.values()} if package == "page" else set()  # the menu
    assert used - german == set()
    by_code = {*type(words[Language.DE]).__struct_fields__, *(f"act.{each}" for each in ActionWords.__struct_fields__)}
    by_code |= {f"login.{each}" for each in LoginWords.__struct_fields__} | {
        "closed",
        "absent",
        "act",
        "login",
        "fleet",
    }
    tables = {key for key in german if key.rpartition(".")[0] not in {"", "act", "login"}}
    assert german - tables - used - by_code == set()


async def feed_busy_page(feed: Feed, meanwhile: Callable[[], Awaitable[None]]) -> list[tuple[str, list[str]]]:
    """Return the events for a page that is busy with its first event during `meanwhile`."""
    async with aclosing(feed.changes("", timedelta(hours=1))) as changes:
        await anext(changes)
        await meanwhile()
        async with asyncio.timeout(SOON):
            return [each] if (each := await anext(changes, None)) else []


async def test_change_while_a_page_is_busy_is_sent() -> None:
    marks, reads = {"calls": "1"}, 0

    async def read() -> Pulse:
        nonlocal reads
        reads += 1
        return Pulse(marks=dict(marks))

    async def change() -> None:
        marks["calls"], seen = "2", reads
        await eventually(lambda: reads > seen + 1)

    feed = Feed(read, SystemClock())
    ((_, subjects),) = await feed_busy_page(feed, change)
    assert subjects == ["calls"]
    feed.close()


async def test_busy_page_stream_ends_with_its_pod() -> None:
    async def read() -> Pulse:
        return Pulse(marks={"calls": "1"})

    feed = Feed(read, SystemClock())

    async def end() -> None:
        feed.close()

    assert await feed_busy_page(feed, end) == []


def test_timeline_is_in_german() -> None:
    """Each stored name has a German word."""
    ours = set(Function) - {Function.TRANSFER_TO_HUMAN}  # Retell's own
    functions = {re.sub(r"(?<!^)(?=[A-Z])", "_", each).lower() for each in ours}
    stored = {*FunctionOutcome, *CallOutcome, *Kind, *Recipient, *State, *functions, NotificationChannel.EMAIL}
    assert sorted(str(each) for each in stored if each not in GERMAN.outcomes) == []
    arguments = _OF_CONFIG | _OF_TIME | _PERSON | {"another", "confirmed", "email_confirmed", "appointment_id"}
    assert sorted(arguments - set(GERMAN.arguments)) == []


def test_visit_is_shown_by_its_services_names() -> None:
    names = {"waschen": "Waschen", "schnitt": "Schneiden"}
    assert show_services(names, "waschen+schnitt") == "Waschen + Schneiden"
    assert show_services(names, "schnitt") == "Schneiden"
    assert show_services(names, "schnitt+farbe") == "Schneiden + farbe", "a service that is gone has no other name"
    assert show_services(names, None) == ""


def test_start_argument_is_shown_as_a_readable_time() -> None:
    """A word that a model has written instead of a time stays as it is."""
    templates = Environment(
        loader=DictLoader({"t": "{{ argument('start', a) }}|{{ argument('start', b) }}|{{ argument('date', a) }}"})
    )
    values = {"a": "2026-11-24T08:50:00+01:00", "b": "morgen"}
    assert render(templates, "t", GERMAN, ZoneInfo("Europe/Berlin"), values) == (
        "Beginn: Di, 24.11.2026 08:50|Beginn: morgen|Tag: 2026-11-24T08:50:00+01:00"
    )


def test_stored_sentence_is_german_or_shown_as_code() -> None:
    templates = Environment(
        loader=DictLoader({"t": "{{ reason(a) }}|{{ reason(b) }}|{{ reason(none) }}"}), autoescape=True
    )
    values = {"a": "a later change announces the same", "b": "<x> failed", "none": None}
    german = render(templates, "t", GERMAN, BERLIN, values)
    assert german == "Eine spätere Änderung teilt dasselbe mit.|<code>&lt;x&gt; failed</code>|"
    assert render(templates, "t", ENGLISH, BERLIN, values) == f"{values['a']}|&lt;x&gt; failed|"


def test_unsent_notification_reasons_and_urgencies_are_in_german() -> None:
    """Read from the source, so that a new sentence is not forgotten."""
    source = Path(decide.__file__).read_text("utf-8")
    sentences = {
        *re.findall(r'Drop\("([^"]+)"\)', source),
        *re.findall(r'_too_late\(notification, "([^"]+)"\)', source),
    }
    assert len(sentences) > 8
    assert sorted(sentences - set(GERMAN.reasons)) == []
    questions = {_EMAIL_QUESTION, _QUESTION, _WHICH}
    assert sorted(each for each in {*questions, *Priority} if each not in GERMAN.outcomes) == []


def test_timelines_subject_is_shown_by_display_names() -> None:
    assert show_subject({"tattoo": "Tattoo"}, {"juri": "Juri"}, "tattoo · juri") == "Tattoo · Juri"
    assert show_subject({}, {}, "gone · left") == "gone · left"


def test_persons_branch_is_shown_only_among_several() -> None:
    assert [each.place for each in list_people(CONFIG, ())] == ["", ""]
    more = msgspec.structs.replace(CONFIG.branches[0], name="west", display_name="West")
    people = list_people(msgspec.structs.replace(CONFIG, branches=(*CONFIG.branches, more)), ())
    assert [(each.name, each.place) for each in people][1:3] == [("Mehmet", "Mitte"), ("Anna", "West")]


def test_appointment_is_moved_only_to_capable_staff() -> None:
    offered = {"cut": ("anna", "mehmet"), "colour": ("anna",)}
    services = tuple(Service(name=name, display_name=name, staff={"mitte": able}) for name, able in offered.items())
    config = msgspec.structs.replace(CONFIG, services=services)
    start = datetime(2026, 11, 27, 9, tzinfo=UTC)
    assert list_others(config, entry(start, branch="mitte", staff="anna", service="cut")) == [("mehmet", "Mehmet")]
    for service in ("colour", "cut+colour", "gone"):
        assert list_others(config, entry(start, branch="mitte", staff="anna", service=service)) == []


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [(0, "0 ms"), (1999, "1999 ms"), (2000, "2 s"), (71_900, "71 s"), (53_942_754, "14 h"), (259_200_000, "3 d")],
)
def test_a_duration_has_a_unit_that_people_read(milliseconds: int, shown: str) -> None:
    assert format_duration(milliseconds) == shown


@pytest.mark.parametrize(("language", "shown"), [(Language.DE, "99,5 %"), (Language.EN, "99.5 %")])
def test_decimal_separator_follows_the_language(language: Language, shown: str) -> None:
    templates = Environment(loader=DictLoader({"x.html": "{{ decimal(value) }} %"}), autoescape=True)
    assert render(templates, "x.html", WORDS[language], BERLIN, {"value": 99.5}) == shown
