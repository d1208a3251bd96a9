"""One endpoint of the private API, written once: its route, its parameters, and its page of `/openapi.json`."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from importlib.metadata import version
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web

from askproai_core.http_server import Problem, json_response

E = TypeVar("E", bound=StrEnum)
V = TypeVar("V")

MOST_ROWS = 500
_ROWS = 50
_YEARS = range(1970, 3000)  # what lies beyond leaves, with an offset or a day more, the years that Python counts


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a query. `choices` is its closed list."""

    name: str
    says: str
    choices: type[StrEnum] | None = None
    required: bool = False


PAGE = (
    Param("limit", f"Rows of a page, 1 to {MOST_ROWS}; {_ROWS} when absent"),
    Param("cursor", "`next` of the page before"),
)


class Query:
    """The parameters of one request, each read as what it is. Raises 400 in words."""

    def __init__(self, request: web.Request, endpoint: "Endpoint", zone: ZoneInfo) -> None:
        self.path: Mapping[str, str] = request.match_info
        self._given, self.zone = request.query, zone
        known = [param.name for param in endpoint.params]
        for name in self._given:
            if name not in known:
                raise _bad(f"there is no parameter {name!r}; there are: {', '.join(known) or 'none'}")
        for param in endpoint.params:
            if param.required and not self._given.get(param.name):
                raise _bad(f"{param.name} is missing: {param.says}")
        if any("\0" in value for value in (*self.path.values(), *self._given.values())):
            raise _bad("no value holds the character NUL")

    def text(self, name: str) -> str | None:
        return self._given.get(name) or None

    def choice(self, name: str, kind: type[E]) -> E | None:
        given = self.text(name)
        if given is None:
            return None
        try:
            return kind(given)
        except ValueError:
            raise _bad(f"{name} is one of: {', '.join(kind)}") from None

    def instant(self, name: str) -> datetime | None:
        """Give an instant; a day is its local midnight, and what has no offset is local time."""
        given = self.text(name)
        if given is None:
            return None
        try:
            moment = _bounded(datetime.fromisoformat(given))
        except ValueError:
            raise _bad(f"{name} is a day or a time, such as 2026-11-27 or 2026-11-27T14:30") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=self.zone)

    def day(self, name: str) -> date:
        try:
            return _bounded(date.fromisoformat(self._given.get(name, "")))
        except ValueError:
            raise _bad(f"{name} is a day such as 2026-11-27") from None

    def limit(self) -> int:
        given = self.text("limit") or str(_ROWS)
        if given not in map(str, range(1, MOST_ROWS + 1)):
            raise _bad(f"limit is a number from 1 to {MOST_ROWS}")
        return int(given)

    def cursor(self, *kinds: type[Any]) -> list[Any] | None:
        """Give the values of the last row of the page before, as `next_cursor` wrote them."""
        given = self.text("cursor")
        if given is None:
            return None
        try:
            values = msgspec.json.decode(urlsafe_b64decode(given))
            return [_bounded(msgspec.convert(value, kind)) for value, kind in zip(values, kinds, strict=True)]
        except (ValueError, TypeError, msgspec.MsgspecError):
            raise _bad("cursor is not the `next` of a page of this list") from None


def next_cursor(*values: Any) -> str:
    return urlsafe_b64encode(msgspec.json.encode(values)).decode()


def _bounded(value: V) -> V:
    """Give a value that the database can hold. Raises `ValueError`."""
    if (isinstance(value, date) and value.year not in _YEARS) or (isinstance(value, str) and "\0" in value):
        raise ValueError
    return value


def _bad(detail: str) -> Problem:
    return Problem(400, "Bad Request", detail)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`answer` is the shape of a 200; errors are problem documents."""

    method: str
    path: str
    says: str
    answer: type[msgspec.Struct]
    handle: Callable[[Query], Awaitable[msgspec.Struct]]
    params: tuple[Param, ...] = ()

    def route(self, zone: Callable[[], ZoneInfo]) -> web.RouteDef:
        async def handler(request: web.Request) -> web.Response:
            return json_response(await self.handle(Query(request, self, zone())))

        return web.route(self.method, self.path, handler)


def openapi(endpoints: Sequence[Endpoint], base: str) -> dict[str, Any]:
    """Give the description of the API, OpenAPI 3.1."""
    answers = list(dict.fromkeys(endpoint.answer for endpoint in endpoints))
    schemas, components = msgspec.json.schema_components(answers, ref_template="#/components/schemas/{name}")
    of_answer = dict(zip(answers, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in endpoints:
        named = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"{(\w+)}", one.path)
        ]
        asked = [
            {
                "name": param.name,
                "in": "query",
                "required": param.required,
                "description": param.says,
                "schema": {"type": "string"} | ({"enum": list(param.choices)} if param.choices else {}),
            }
            for param in one.params
        ]
        paths.setdefault(f"{base}{one.path}", {})[one.method.lower()] = {
            "summary": one.says,
            "parameters": named + asked,
            "responses": {
                "200": {"description": "OK", "content": {"application/json": {"schema": of_answer[one.answer]}}},
                "default": {
                    "description": "A problem document (RFC 9457)",
                    "content": {"application/problem+json": {}},
                },
            },
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "AskProAI, private API of one tenant", "version": version("askproai")},
        "security": [{"token": []}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }
