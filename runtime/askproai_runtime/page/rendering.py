"""Rendering of templates to HTML. Imported with Jinja2 at the first request, so that idle pods do not pay for it."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from askproai_core.languages import Language
from askproai_runtime.admin_api.blocks import BlockEntry
from askproai_runtime.admin_api.messages import MessageEntry
from askproai_runtime.page.words import Words
from askproai_runtime.sentences import format_call_back

# The same in all languages of the page.
_UNITS: Final = (
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("min", 60_000),
    ("s", 1_000),
)
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)")
# Ids are left out: the private API and the command line show them, and a page's entry is next to its subject.
_IDS: Final = frozenset(
    {"token", "request", "appointment", "block", "entry", "message", "event", "notification", "call", "job", "session"}
)


def load_templates(own: str = "templates", *shared: str) -> Environment:
    """Return the templates of the folder `own` of this package. They can include templates of the folders `shared`. Values are
    escaped; an undefined value is an error.
    """
    folders = [PackageLoader("askproai_runtime.page", folder) for folder in (own, *shared)]
    templates = Environment(
        loader=ChoiceLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    templates.filters["duration"] = format_duration
    for name in folders[0].list_templates():
        templates.get_template(name)  # compiled now, in the thread that imports this module, and not while callers wait
    return templates


def render(templates: Environment, name: str, words: Words, zone: ZoneInfo, values: Mapping[str, Any]) -> str:
    """Return a page as HTML. Beside `values`, the template can use `t` (words), `clock`, `decimal`, `day`, `local`, `moment`,
    `second`, `word`, `each_word` (for parts separated by ` · `), `reason` (for a stored sentence, or the detail of an audit
    entry), `span` (for a block on a day), `argument` (for an argument of a function) and `call_back` (for a message).
    """

    def clock(at: datetime | None) -> str:
        return "" if at is None else f"{at.astimezone(zone):%H:%M}"

    def day(at: date | datetime, pattern: str = words.date) -> str:
        local = at.astimezone(zone) if isinstance(at, datetime) else at
        return pattern.format(
            weekday=words.weekdays[local.weekday()], day=f"{local:%d}", month=f"{local:%m}", year=f"{local:%Y}"
        )

    def local(at: datetime) -> datetime:
        return at.astimezone(zone)

    def moment(at: datetime | None) -> str:
        return "" if at is None else f"{day(at)} {clock(at)}"

    def second(at: datetime) -> str:
        return f"{at.astimezone(zone):%H:%M:%S}"

    def word(stored: str | None) -> str:
        return words.outcomes.get(stored, stored.replace("_", " ")) if stored else ""

    def each_word(stored: str) -> str:
        return " · ".join(word(part) for part in stored.split(" · "))

    def argument(name: str, value: str | bool) -> str:
        label = words.arguments.get(name, name.replace("_", " "))
        if isinstance(value, bool):
            return f"{label}: {words.yes if value else words.no}"
        return f"{label}: {moment(_read_start(value, zone) if name == 'start' else None) or value}"

    functions = {
        "t": words.shown,
        "clock": clock,
        "decimal": lambda number: str(number).replace(".", words.decimal_mark),
        "day": day,
        "local": local,
        "moment": moment,
        "second": second,
        "word": word,
        "each_word": each_word,
        "argument": argument,
        "call_back": partial(_say_call_back, words, zone),
        "reason": partial(_say_reason, words, values.get("person_names", {}), moment),
        "span": partial(_say_span, words, zone),
    }
    return templates.get_template(name).render(functions | dict(values))


def format_duration(milliseconds: int) -> str:
    """Return a duration, rounded down, in the largest unit that it contains at least twice: 90 seconds stay seconds."""
    for unit, size in _UNITS:
        if milliseconds >= 2 * size:
            return f"{milliseconds // size} {unit}"
    return f"{milliseconds} ms"


def _say_reason(
    words: Words, people: Mapping[str, str], moment: Callable[[datetime], str], stored: str | None, what: str = ""
) -> str:
    """Return a stored English sentence in the page's language. A sentence without a translation is returned unchanged, as code.

    With `what="audit"` the sentence is the detail of an audit entry.
    """
    if what == "audit" and stored and (said := _say_audit(stored, words.audit, people, moment)) is not None:
        return said
    if not stored or words.language == Language.EN:
        return stored or ""
    return words.reasons.get(stored) or Markup("<code>{}</code>").format(stored)


def _say_span(words: Words, zone: ZoneInfo, block: BlockEntry, on: date) -> str:
    """Return the times at which a block begins and ends on the local day `on`."""
    first, end = block.start.astimezone(zone), block.end.astimezone(zone)
    begins = f"{first:%H:%M}" if first.date() == on else "00:00"
    ends = f"{end:%H:%M}" if end.date() == on else "24:00"
    return words.whole_day if (begins, ends) == ("00:00", "24:00") else f"{begins}–{ends}"


def _say_call_back(words: Words, zone: ZoneInfo, message: MessageEntry) -> str:
    first, until = (at and at.astimezone(zone) for at in (message.call_back_from, message.call_back_until))
    return format_call_back(message.call_back, first, until, Language(words.language))


def _read_start(value: str, zone: ZoneInfo) -> datetime | None:
    """Return the time in a call function's argument `start`; None if it is not in ISO 8601. Without an offset it is local."""
    with suppress(ValueError):
        at = datetime.fromisoformat(value)
        return at if at.tzinfo else at.replace(tzinfo=zone)
    return None


def _say_audit(
    detail: str, labels: Mapping[str, str], people: Mapping[str, str], moment: Callable[[datetime], str]
) -> str | None:
    """Return an audit entry's detail as readable text: `durch Karin · vorher: Di, 24.11.2026 15:00, bei Anna · jetzt: …`.

    `people` are the display names of staff members, `moment` formats an instant. Return None if the detail is no JSON object.
    """
    try:
        facts = msgspec.json.decode(detail, type=dict[str, Any])
    except msgspec.DecodeError:
        return None
    order = [*labels]

    def in_order(facts: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Return the facts in the order of the page's labels, because PostgreSQL does not keep the order of JSON members."""
        return sorted(facts.items(), key=lambda fact: order.index(fact[0]) if fact[0] in order else len(order))

    def say(name: str, value: Any) -> str:
        if isinstance(value, Mapping):
            return ", ".join(
                (f"{labels['staff']} " if key == "staff" else "") + say(key, part) for key, part in in_order(value)
            )
        if isinstance(value, list):
            return ", ".join(say(name, part) for part in value)
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            return moment(datetime.fromisoformat(value))
        return people.get(value.rpartition("/")[2], value) if name == "staff" and isinstance(value, str) else str(value)

    shown = ((name, value) for name, value in in_order(facts) if name not in _IDS and value not in (None, "", [], {}))
    without_colon = {"claimed_by", "staff"}
    return " · ".join(
        f"{labels.get(name, name.replace('_', ' '))}{'' if name in without_colon else ':'} {say(name, value)}"
        for name, value in shown
    )
