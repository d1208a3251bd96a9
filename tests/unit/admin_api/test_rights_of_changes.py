"""The rights of changes: the endpoint's function decides, so that HTTP and the page pass the same check."""

from collections import defaultdict
from types import SimpleNamespace
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from aiohttp.web import HTTPForbidden

from askproai_core.http_server import Problem
from askproai_runtime.admin_api import Access, ApiRequest, Role
from askproai_runtime.admin_api.app import ENDPOINTS
from askproai_runtime.admin_api.endpoint import Endpoint

CHANGES = [each for each in ENDPOINTS if each.method != "GET"]
# The changes that a member of staff may make on the page.
OF_STAFF = {
    "/appointments/{id}/cancel", "/appointments/{id}/move", "/appointments/{id}/attendance", "/blocks", "/blocks/{id}/remove",
    "/pauses", "/messages/{id}/done",
}  # fmt: skip


class Reached(Exception):
    """The function went on after its check of the right."""


class NoApi:
    def __getattr__(self, name: str) -> Any:
        raise Reached(name)


async def may(role: Role, endpoint: Endpoint) -> bool:
    """Return whether the function goes on after its check of the right."""
    api: Any = NoApi()
    request = ApiRequest(api, Access(role, admin_secret="admin"), "c", "Karin", ZoneInfo("Europe/Berlin"))
    given: Any = SimpleNamespace(
        path=defaultdict(lambda: f"{uuid4()}"), body=lambda _: NoApi(), request_id=lambda: None
    )
    try:
        await endpoint.answer(request, given)
    except Problem as problem:
        return problem.status != HTTPForbidden.status_code
    except Reached:
        return True
    raise AssertionError(endpoint.path)


async def test_each_change_checks_its_right_first() -> None:
    allowed = {role: {each.path for each in CHANGES if await may(role, each)} for role in Role}
    assert allowed == {Role.OWNER: {each.path for each in CHANGES}, Role.STAFF: OF_STAFF, Role.READER: set()}
