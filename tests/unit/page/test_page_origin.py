"""The page's address in a visitor's browser, the target after a login, and the roles of the groups."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from askproai_core.tenant_config.page import PageRoles
from askproai_runtime.admin_api import Role
from askproai_runtime.page.origin import IS_PUBLISHED, origin_of
from askproai_runtime.page.request import destination_of, login_location
from askproai_runtime.page.tenant_rights import role_of
from tests.worlds.rows import each_row

ROLES = PageRoles(owner=("bosses",), staff=("team", "temps"), reader=("guests",))


@pytest.mark.parametrize("text", ["/", "/week?day=2026-11-27", "/calls/call_1?personal=true", "/appointments/a-b/move"])
def test_login_leads_back_to_a_page_view(text: str) -> None:
    assert destination_of(text) == text


@each_row(
    "text",
    [
        "", "week", "//evil.example", "//evil.example/week", "/\\evil.example", "\\\\evil.example", "https://evil.example",
        "javascript:alert(1)", "/week\r\nSet-Cookie: a=b", "/\t/evil.example", " /week", "/week#x", "/week?a=<b>", "/wöche",
        "/" * 3, "/week\n", "/" + "a" * 500, "/?next='\"",
    ],
)  # fmt: skip
def test_a_login_leads_to_no_other_site(text: str) -> None:
    assert destination_of(text) == "/"


def request(host: str, path: str = "/", *, published: bool = False, method: str = "GET", **headers: str) -> web.Request:
    app = web.Application()
    app[IS_PUBLISHED] = published
    return make_mocked_request(method, path, headers={"Host": host, **headers}, app=app)


@pytest.mark.parametrize(
    ("host", "base_url"),
    [
        ("localhost:8081", "http://localhost:8081"),
        ("127.0.0.1:40001", "http://127.0.0.1:40001"),
        ("[::1]:8081", "http://[::1]:8081"),
        ("localhost", "http://localhost"),
        ("localhost.evil.example", None),
        ("localhost:8081@evil.example", None),
        ("evil.example", None),
        ("localhost:8081/x", None),
        ("10.0.0.7:8081", None),
        ("", None),
    ],
)
def test_issuer_at_private_port_returns_to_this_machine(host: str, base_url: str | None) -> None:
    origin = origin_of(request(host), "salon.a", "page.example")
    assert (origin.base_url, origin.is_published, origin.is_secure) == (base_url, False, False)


def test_published_port_ignores_forwarded_headers() -> None:
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Forwarded": "host=evil.example"}
    origin = origin_of(request("evil.example", published=True, **forged), "salon.a", "page.example")
    assert origin.redirect_uri == "https://page.example/login/callback"
    assert (origin.is_published, origin.is_secure) == (True, True)
    assert origin.cookie.startswith("__Host-"), "no page of a neighbouring host can set it"


def test_visitor_without_session_returns_after_the_login() -> None:
    assert login_location(request("localhost", "/week?day=2026-11-27")) == "/login?next=/week%3Fday%3D2026-11-27"
    assert login_location(request("localhost", "/")) == "/login"
    assert login_location(request("localhost", "//evil.example/week")) == "/login?next=/week", (
        "no host of the request's line"
    )
    assert login_location(request("localhost", "/logout", method="POST")) == "/login"


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        ({"bosses", "team"}, Role.OWNER), ({"temps", "guests"}, Role.STAFF), ({"guests"}, Role.READER), ({"others"}, None),
        (set(), None), ({"Bosses"}, None),
    ],
)  # fmt: skip
def test_first_matching_group_decides_the_role(groups: set[str], role: Role | None) -> None:
    assert role_of(frozenset(groups), ROLES) is role
