"""One endpoint of the private API, written once: its route, its parameters and its entry in `/openapi.json`."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

import msgspec
from aiohttp import web

from askproai_core.http_server import correlation_id, json_response
from askproai_runtime.admin_api.parameters import Param, Parameters
from askproai_runtime.admin_api.request import Access, ApiRequest, PrivateApi

CLAIMED_BY: Final = "X-Askproai-User"
ACCESS: Final = web.RequestKey("access", Access)  # set before an endpoint is asked


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route. `response` is the JSON type of a 200, `body` the type of the request's JSON. Errors are problem documents.

    `answer` parses the parameters and calls a function that the page calls, too: it checks rights and writes the audit log.
    """

    method: str
    path: str
    summary: str
    response: type[msgspec.Struct]
    answer: Callable[[ApiRequest, Parameters], Awaitable[msgspec.Struct]]
    params: tuple[Param, ...] = ()
    body: type[msgspec.Struct] | None = None

    def route(self, api: PrivateApi) -> web.RouteDef:
        async def handler(http: web.Request) -> web.Response:
            body = await http.read() if self.body is not None else b""
            request = api.request(http[ACCESS], correlation_id(http), http.headers.get(CLAIMED_BY, ""))
            given = Parameters(self.params, http, body, request.now, request.zone)
            return json_response(await self.answer(request, given))

        return web.route(self.method, self.path, handler)


def openapi(endpoints: Sequence[Endpoint], base: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of the endpoints."""
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
