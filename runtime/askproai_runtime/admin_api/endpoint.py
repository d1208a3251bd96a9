"""One endpoint of the private API, written once: its route, its parameters and its entry in `/openapi.json`."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.metadata import version
from typing import Any, Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web

from askproai_core.http_server import Problem, correlation_id, json_response
from askproai_runtime.admin_api.roles import Right, Role, rights_of
from askproai_runtime.booking import DESK_CALL
from askproai_runtime.german_dates import Grain, parse_instant, understand
from askproai_runtime.input_values import INVISIBLE, require_storable

B = TypeVar("B", bound=msgspec.Struct)
T = TypeVar("T", str, str | None)

MAX_ROWS = 500
_DEFAULT_ROWS = 50
_DAY = re.compile(r"\d{4}-?\d\d-?\d\d|\d{4}-?W\d\d-?\d?")  # in ISO 8601


CLAIMED_BY: Final = "X-Askproai-User"
REQUEST_ID: Final = "Idempotency-Key"  # of a change that has no body; a UUID
_MAX_CLAIMED_BY = 100
LEFT_OUT: Final = "…"  # in an answer, what it does not say


@dataclass(frozen=True, slots=True)
class Access:
    """The rights of the bearer of a token, or of a logged-in person."""

    role: Role
    admin_secret: str  # the name of the Secret whose token may do everything

    @property
    def is_reader(self) -> bool:
        """Return whether no name of a customer is learned."""
        return not self.may(Right.NAMES)

    def may(self, right: Right) -> bool:
        return right in rights_of(self.role)

    def require(self, right: Right, purpose: str) -> None:
        """Raise `Problem` 403 without the right; `purpose` completes "to …"."""
        if not self.may(right):
            raise self.refusal(purpose)

    def refusal(self, purpose: str) -> Problem:
        """Return the refusal of an act that the role may not do; `purpose` completes "to …"."""
        if self.role is Role.READER:
            text = f"This token may only look, and names nobody: to {purpose}, use that of Secret {self.admin_secret}"
        else:
            text = f"The role {self.role} may not do this: to {purpose}, ask somebody with the role {Role.OWNER}"
        return Problem(403, "Forbidden", text)


ACCESS: Final = web.RequestKey("access", Access)  # set before an endpoint is asked


@dataclass(frozen=True, slots=True)
class Param:
    """One query parameter. `choices` is the closed list of its values, empty when any is allowed; `highest` bounds a number.

    With `several` it takes more than one of its choices, joined by commas.
    """

    name: str
    description: str
    choices: Sequence[str] = ()
    required: bool = False
    highest: int | None = None
    several: bool = False

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the value."""
        if self.highest is not None:
            return {"type": "integer", "minimum": 1, "maximum": self.highest}
        value = {"type": "string"} | ({"enum": list(self.choices)} if self.choices else {})
        return {"type": "array", "items": value, "minItems": 1} if self.several else value


PAGE = (
    Param("limit", f"Rows of a page, 1 to {MAX_ROWS}; {_DEFAULT_ROWS} when absent", highest=MAX_ROWS),
    Param("cursor", "`next` of the page before"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to an endpoint, over HTTP or by the page. `claimed_by` is the sender's own name, as it was sent.

    `request_id` is that of a change whose body has none: repeated, it is carried out once. Empty where the sender makes none.
    """

    path: Mapping[str, str]
    query: Mapping[str, str]
    access: Access
    correlation_id: str
    claimed_by: str = ""
    body: bytes = b""
    request_id: str = ""

    @classmethod
    def of(cls, request: web.Request, body: bytes = b"") -> "Asked":
        """Return what an HTTP request asks. Its access is set before."""
        claimed_by, request_id = request.headers.get(CLAIMED_BY, ""), request.headers.get(REQUEST_ID, "")
        return cls(
            request.match_info, request.query, request[ACCESS], correlation_id(request), claimed_by, body, request_id
        )


class ApiRequest:
    """The parameters of one request, each parsed as its type. Every method raises `Problem` 400 with the error."""

    def __init__(self, asked: Asked, endpoint: "Endpoint", zone: ZoneInfo, now: datetime) -> None:
        self.path, self.correlation_id, self._body = asked.path, asked.correlation_id, asked.body
        self._query, self.zone, self._access = asked.query, zone, asked.access
        self._claimed_by, self._request_id, self._now = asked.claimed_by, asked.request_id, now
        self._params = {param.name: param for param in endpoint.params}
        for name in self._query:
            if name not in self._params:
                raise bad_request(f"there is no parameter {name!r}; there are: {', '.join(self._params) or 'none'}")
        for param in endpoint.params:
            if param.required and not self._query.get(param.name):
                raise bad_request(f"{param.name} is missing: {param.description}")
        if any("\0" in value for value in (*self.path.values(), *self._query.values())):
            raise bad_request("no value holds the character NUL")

    def hide(self, personal: T, right: Right = Right.NAMES) -> T:
        """Return a text that says who a customer is or what is the matter with a person; without the right `…` in its place."""
        return personal if not personal or self.may(right) else LEFT_OUT

    def may(self, right: Right) -> bool:
        return self._access.may(right)

    def require(self, right: Right, purpose: str) -> None:
        """Raise `Problem` 403 if who asks has not the right; `purpose` completes "to …"."""
        self._access.require(right, purpose)

    @property
    def claimed_by(self) -> str | None:
        """Return who the sender says they are, printable and bounded; None if the sender does not say it."""
        return printable(self._claimed_by) or None

    @property
    def in_place_of_call(self) -> str | None:
        """Return the id of the call in whose place a change with an id is; None for one without. Raises `Problem` 400."""
        if not self._request_id:
            return None
        try:
            return f"{DESK_CALL}{UUID(self._request_id)}"
        except ValueError:
            raise bad_request(f"{REQUEST_ID} is a UUID") from None

    @property
    def role(self) -> Role:
        return self._access.role

    @property
    def is_reader(self) -> bool:
        """Return whether the bearer of the token learns no name."""
        return self._access.is_reader

    def body(self, kind: type[B]) -> B:
        """Return the body as the endpoint's `body`."""
        try:
            return msgspec.json.decode(self._body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise bad_request(f"the body is not what the API description says: {error}") from None

    def text(self, name: str) -> str | None:
        """Return a text, or None when it is absent or empty."""
        return self._query.get(name) or None

    def choice(self, name: str) -> str | None:
        """Return one of the parameter's `choices`, or None when it is absent."""
        value, choices = self._query.get(name), self._params[name].choices
        if value is not None and value not in choices:
            raise bad_request(f"{name} is one of: {', '.join(choices)}")
        return value

    def some_choices(self, name: str) -> list[str] | None:
        """Return those of the parameter's `choices` that are named, joined by commas; None when it is absent."""
        value, choices = self._query.get(name), self._params[name].choices
        if value is None:
            return None
        named = value.split(",")
        if not set(named) <= set(choices):
            raise bad_request(f"{name} is one of, or several joined by commas: {', '.join(choices)}")
        return named

    def instant(self, name: str, *, is_end: bool = False) -> datetime | None:
        """Return an instant. A day means its local midnight, as an end the next one; a time without an offset is local time."""
        text = self.text(name)
        if text is None:
            return None
        value = self.to_iso(text)
        try:
            moment = parse_instant(value, self.zone)
            if is_end and _DAY.fullmatch(value):
                moment += timedelta(days=1)
        except ValueError:
            wanted = f"{name} is a day or a time, such as 2026-11-27, 2026-11-27T14:30 or Dienstag"
            raise bad_request(self._find_ambiguity(name, text) or wanted) from None
        return moment if moment.tzinfo else moment.replace(tzinfo=self.zone)

    def to_iso(self, text: str) -> str:
        """Return the day or the time that German words name, such as "Dienstag", in ISO 8601; any other text as it is."""
        if re.match(r"\d{4}-", text):
            return text
        understood = understand(text, at=self._now, zone=self.zone)
        if len(understood.candidates) != 1:
            return text
        candidate = understood.candidates[0]
        if candidate.grain is Grain.DAY:
            return candidate.start.date().isoformat()
        return candidate.start.isoformat() if candidate.grain is Grain.MINUTE else text

    def part_of_day(self, text: str) -> tuple[str, str] | None:
        """Return start and end, in ISO 8601, of a part of a day such as "Donnerstag Nachmittag"; None for any other text."""
        understood = understand(text, at=self._now, zone=self.zone)
        if len(understood.candidates) != 1:
            return None
        candidate = understood.candidates[0]
        if candidate.grain is not Grain.PART_OF_DAY or candidate.end is None:
            return None
        return candidate.start.isoformat(), candidate.end.isoformat()

    def day(self, name: str) -> date:
        """Return a date; an absent one is refused."""
        text = self._query.get(name, "")
        try:
            return require_storable(date.fromisoformat(self.to_iso(text)))
        except ValueError:
            wanted = f"{name} is a day such as 2026-11-27 or Dienstag"
            raise bad_request(self._find_ambiguity(name, text) or wanted) from None

    def _find_ambiguity(self, name: str, text: str) -> str | None:
        """Return that German words can mean several days or times, and which; None where they cannot."""
        found = understand(text, at=self._now, zone=self.zone).candidates if text else ()
        readings = [
            each.start.date().isoformat() if each.grain is Grain.DAY else each.start.isoformat(timespec="minutes")
            for each in found
            if each.grain in {Grain.DAY, Grain.MINUTE}
        ]
        return f"{name} can mean {' or '.join(readings)}: write which" if len(readings) > 1 else None

    def limit(self) -> int:
        """Return the number of rows of a page."""
        value = self._query.get("limit", str(_DEFAULT_ROWS))
        if value not in map(str, range(1, MAX_ROWS + 1)):
            raise bad_request(f"limit is a number from 1 to {MAX_ROWS}")
        return int(value)

    def cursor(self, *kinds: type[Any]) -> list[Any] | None:
        """Return the sort key of the previous page's last row, as `next_cursor` encoded it, or None for the first page."""
        encoded = self.text("cursor")
        if encoded is None:
            return None
        try:
            values = msgspec.json.decode(urlsafe_b64decode(encoded))
            return [require_storable(msgspec.convert(value, kind)) for value, kind in zip(values, kinds, strict=True)]
        except (ValueError, TypeError, msgspec.MsgspecError):
            raise bad_request("cursor is not the `next` of a page of this list") from None


def next_cursor(*sort_key: Any) -> str:
    """Encode the sort key of a page's last row, for the next page."""
    return urlsafe_b64encode(msgspec.json.encode(sort_key)).decode()


def printable(name: str) -> str:
    """Return what a person is called by their own account, bounded, and without characters that no screen shows."""
    return re.sub(f"[{INVISIBLE}]", "", name)[:_MAX_CLAIMED_BY]


def bad_request(detail: str) -> Problem:
    return Problem(400, "Bad Request", detail)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`response` is the shape of a 200, `body` that of the JSON to send; errors are problem documents. `right` is the right that
    a change needs.
    """

    method: str
    path: str
    summary: str
    response: type[msgspec.Struct]
    handle: Callable[[ApiRequest], Awaitable[msgspec.Struct]]
    params: tuple[Param, ...] = ()
    body: type[msgspec.Struct] | None = None
    right: Right = Right.ADMINISTER

    def route(self, answer: Callable[["Endpoint", Asked], Awaitable[msgspec.Struct]]) -> web.RouteDef:
        async def handler(request: web.Request) -> web.Response:
            body = await request.read() if self.body is not None else b""
            return json_response(await answer(self, Asked.of(request, body)))

        return web.route(self.method, self.path, handler)


def openapi(endpoints: Sequence[Endpoint], base: str) -> dict[str, Any]:
    """Return the description of the API, OpenAPI 3.1."""
    bodies = [endpoint.body for endpoint in endpoints if endpoint.body is not None]
    shapes = list(dict.fromkeys([*(endpoint.response for endpoint in endpoints), *bodies]))
    schemas, components = msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(shapes, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, schema_of[endpoint.response])
        if endpoint.body is not None:
            content = {"application/json": {"schema": schema_of[endpoint.body]}}
            operation["requestBody"] = {"required": True, "content": content}
        paths.setdefault(f"{base}{endpoint.path}", {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "AskProAI, private API of one tenant", "version": version("askproai")},
        "security": [{"token": []}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(endpoint: Endpoint, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI operation object of one endpoint."""
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]
    in_query = [
        {
            "name": param.name,
            "in": "query",
            "required": param.required,
            "description": param.description,
            "schema": param.schema(),
        }
        | ({"explode": False} if param.several else {})
        for param in endpoint.params
    ]
    return {
        "summary": endpoint.summary,
        "parameters": in_path + in_query,
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": schema}}},
            "default": {"description": "A problem document (RFC 9457)", "content": {"application/problem+json": {}}},
        },
    }
