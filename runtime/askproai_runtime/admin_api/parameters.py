"""The parameters of an HTTP request to the private API, with days and times in ISO 8601 or in German words."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web

from askproai_core.http_server import Problem
from askproai_runtime.input_values import require_storable
from askproai_runtime.spoken_times import Grain, parse_instant, understand

B = TypeVar("B", bound=msgspec.Struct)

MAX_ROWS = 500
_DEFAULT_ROWS = 50
_DAY = re.compile(r"\d{4}-?\d\d-?\d\d|\d{4}-?W\d\d-?\d?")  # in ISO 8601
_REQUEST_ID: Final = "Idempotency-Key"  # of a change that has no body; a UUID


@dataclass(frozen=True, slots=True)
class Param:
    """One query parameter. `choices` is the closed list of its values, empty if any text is allowed. `highest` limits a number.

    If `several`, the parameter takes several of its choices, joined by commas.
    """

    name: str
    description: str
    choices: Sequence[str] = ()
    required: bool = False
    highest: int | None = None
    several: bool = False

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the parameter's value."""
        if self.highest is not None:
            return {"type": "integer", "minimum": 1, "maximum": self.highest}
        value = {"type": "string"} | ({"enum": list(self.choices)} if self.choices else {})
        return {"type": "array", "items": value, "minItems": 1} if self.several else value


PAGE = (
    Param("limit", f"Rows of a page, 1 to {MAX_ROWS}; {_DEFAULT_ROWS} when absent", highest=MAX_ROWS),
    Param("cursor", "`next` of the page before"),
)


@dataclass(frozen=True, slots=True)
class Paging:
    """The requested page of a list: at most `limit` rows. `cursor` is the previous page's `next`; None: the first page."""

    limit: int = _DEFAULT_ROWS
    cursor: str | None = None

    def after(self, *kinds: type[Any]) -> list[Any] | None:
        """Return the sort key of the previous page's last row, decoded from the cursor; None for the first page.

        Raises `Problem` 400 if the cursor is not this list's.
        """
        if self.cursor is None:
            return None
        try:
            values = msgspec.json.decode(urlsafe_b64decode(self.cursor))
            return [require_storable(msgspec.convert(value, kind)) for value, kind in zip(values, kinds, strict=True)]
        except (ValueError, TypeError, msgspec.MsgspecError):
            raise bad_request("cursor is not the `next` of a page of this list") from None


class Parameters:
    """The parsed parameters of one request. Every method raises `Problem` 400 if its parameter is invalid."""

    def __init__(self, params: Sequence[Param], http: web.Request, body: bytes, now: datetime, zone: ZoneInfo) -> None:
        self.path, self._query, self._headers, self._body = http.match_info, http.query, http.headers, body
        self._now, self._zone = now, zone
        self._params = {param.name: param for param in params}
        for name in self._query:
            if name not in self._params:
                raise bad_request(f"there is no parameter {name!r}; there are: {', '.join(self._params) or 'none'}")
        for param in params:
            if param.required and not self._query.get(param.name):
                raise bad_request(f"{param.name} is missing: {param.description}")
        for value in (*self.path.values(), *self._query.values()):
            require_text(value)

    def body(self, kind: type[B]) -> B:
        """Return the request's JSON body, decoded as `kind`."""
        try:
            return msgspec.json.decode(self._body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _invalid_body(error) from None

    def text(self, name: str) -> str | None:
        """Return the parameter's text, or None if it is absent or empty."""
        return self._query.get(name) or None

    def choice(self, name: str) -> str | None:
        """Return one of the parameter's `choices`, or None when it is absent."""
        value, choices = self._query.get(name), self._params[name].choices
        if value is not None and value not in choices:
            raise bad_request(f"{name} is one of: {', '.join(choices)}")
        return value

    def flag(self, name: str) -> bool:
        return self.choice(name) == "true"

    def some_choices(self, name: str) -> list[str] | None:
        """Return the parameter's values, which must be among its `choices`, as a list; None if the parameter is absent."""
        value, choices = self._query.get(name), self._params[name].choices
        if value is None:
            return None
        named = value.split(",")
        if not set(named) <= set(choices):
            raise bad_request(f"{name} is one of, or several joined by commas: {', '.join(choices)}")
        return named

    def instant(self, name: str, *, is_end: bool = False) -> datetime | None:
        """Return an instant, None if absent. A day means its midnight, with `is_end` the next midnight. No offset: local time."""
        text = self.text(name)
        if text is None:
            return None
        value = to_iso(text, self._now, self._zone)
        try:
            moment = parse_instant(value, self._zone)
            if is_end and _DAY.fullmatch(value):
                moment += timedelta(days=1)
        except ValueError:
            wanted = f"{name} is a day or a time, such as 2026-11-27, 2026-11-27T14:30 or Dienstag"
            raise bad_request(self._find_ambiguity(name, text) or wanted) from None
        return moment if moment.tzinfo else moment.replace(tzinfo=self._zone)

    def day(self, name: str) -> date:
        """Return the parameter's date. Raises `Problem` 400 if it is absent or invalid."""
        text = self._query.get(name, "")
        try:
            return require_storable(date.fromisoformat(to_iso(text, self._now, self._zone)))
        except ValueError:
            wanted = f"{name} is a day such as 2026-11-27 or Dienstag"
            raise bad_request(self._find_ambiguity(name, text) or wanted) from None

    def _find_ambiguity(self, name: str, text: str) -> str | None:
        """Return a sentence with the possible meanings of German words; None if the words have at most one."""
        found = understand(text, at=self._now, zone=self._zone).candidates if text else ()
        readings = [
            each.start.date().isoformat() if each.grain is Grain.DAY else each.start.isoformat(timespec="minutes")
            for each in found
            if each.grain in {Grain.DAY, Grain.MINUTE}
        ]
        return f"{name} can mean {' or '.join(readings)}: write which" if len(readings) > 1 else None

    def limit(self) -> int:
        """Return the requested number of rows of a page, or the default if the parameter is absent."""
        value = self._query.get("limit", str(_DEFAULT_ROWS))
        if value not in map(str, range(1, MAX_ROWS + 1)):
            raise bad_request(f"limit is a number from 1 to {MAX_ROWS}")
        return int(value)

    def paging(self) -> Paging:
        return Paging(self.limit(), self.text("cursor"))

    def request_id(self) -> UUID | None:
        """Return the request id of a change without a body, None if absent. A change is carried out once for each id."""
        text = self._headers.get(_REQUEST_ID, "")
        try:
            return UUID(text) if text else None
        except ValueError:
            raise bad_request(f"{_REQUEST_ID} is a UUID") from None


def to_iso(text: str, now: datetime, zone: ZoneInfo) -> str:
    """Return the day or time that German words such as "Dienstag" name, in ISO 8601. Return any other text unchanged."""
    if re.match(r"\d{4}-", text):
        return text
    understood = understand(text, at=now, zone=zone)
    if len(understood.candidates) != 1:
        return text
    candidate = understood.candidates[0]
    if candidate.grain is Grain.DAY:
        return candidate.start.date().isoformat()
    return candidate.start.isoformat() if candidate.grain is Grain.MINUTE else text


def part_of_day(text: str, now: datetime, zone: ZoneInfo) -> tuple[str, str] | None:
    """Return the start and end (ISO 8601) of a part of a day such as "Donnerstag Nachmittag", or None for any other text."""
    understood = understand(text, at=now, zone=zone)
    if len(understood.candidates) != 1:
        return None
    candidate = understood.candidates[0]
    if candidate.grain is not Grain.PART_OF_DAY or candidate.end is None:
        return None
    return candidate.start.isoformat(), candidate.end.isoformat()


def next_cursor(*sort_key: Any) -> str:
    """Return the cursor of the next page: the encoded sort key of this page's last row."""
    return urlsafe_b64encode(msgspec.json.encode(sort_key)).decode()


def require_text(text: str) -> str:
    """Return the text if the database can store it. Raises `Problem` 400 if it contains the character NUL."""
    if "\0" in text:
        raise bad_request("no value holds the character NUL")
    return text


def require_valid(body: B) -> B:
    """Return a body that this process has built, after the checks of a body over HTTP. Raises `Problem` 400 for an invalid one."""
    try:
        return msgspec.convert(msgspec.to_builtins(body), type(body))
    except msgspec.ValidationError as error:
        raise _invalid_body(error) from None


def _invalid_body(error: Exception) -> Problem:
    return bad_request(f"the body is not what the API description says: {error}")


def bad_request(detail: str) -> Problem:
    return Problem(400, "Bad Request", detail)
