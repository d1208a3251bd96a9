"""Cal.com's answer that an account lacks an event type ends bookings, so no other answer may count as that."""

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from askproai_core.clock import SystemClock
from askproai_core.providers import ProviderError, ProviderRefused, ProviderUnavailable, RateLimited
from askproai_operator.providers import ProviderClients
from askproai_operator.providers.provider_api import KEPT_FOR_WRITES

ONE_READ = 1.0 + KEPT_FOR_WRITES  # tokens
NOT_FOUND = {"status": "error", "error": {"message": "Event type with id 7 not found."}}
FORBIDDEN = {"statusCode": 403, "message": "User does not own this event type"}
NO_ENDPOINT = {"statusCode": 404, "message": "Cannot GET /v2/event-types/7"}


async def look_up(status: int, body: dict[str, object] | None, me: int) -> object:
    """Return the result of a look at event type 7 for this answer; `me` is the status of the request for the key's user."""

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.path == "/v2/me":
            return web.json_response({"status": "success", "data": {"id": 1}}, status=me)
        return web.json_response(body, status=status) if body else web.Response(text="<p>404</p>", status=status)

    async with RawTestServer(answer) as server, ProviderClients(SystemClock()) as providers:
        return await providers.calcom(str(server.make_url("")).rstrip("/"), "cal_x").get_event_type(7)


@pytest.mark.parametrize(("status", "body"), [(404, NOT_FOUND), (403, FORBIDDEN)], ids=["nobody's", "another user's"])
async def test_event_type_of_another_user_is_not_own(status: int, body: dict[str, object]) -> None:
    assert await look_up(status, body, 200) is None


@pytest.mark.parametrize(
    ("status", "body", "me"), [(403, None, 200), (404, NOT_FOUND, 403)], ids=["here", "at the key"]
)
async def test_firewall_refusal_is_not_called_a_wrong_key(status: int, body: dict[str, object] | None, me: int) -> None:
    with pytest.raises(ProviderRefused, match="firewall") as refused:
        await look_up(status, body, me)
    assert "key" not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "body", "me"),
    [
        (404, None, 200),
        (404, NO_ENDPOINT, 200),
        (404, NOT_FOUND, 404),
        (403, FORBIDDEN, 403),
        (403, None, 200),
        (401, FORBIDDEN, 200),
    ],
    ids=[
        "a page",
        "a server without the endpoint",
        "nothing is found",
        "all is forbidden",
        "a firewall's page",
        "a revoked key",
    ],
)
async def test_unrelated_failure_leaves_the_event_type_unchanged(
    status: int, body: dict[str, object] | None, me: int
) -> None:
    with pytest.raises(ProviderError):
        await look_up(status, body, me)


async def test_only_compared_members_are_kept() -> None:
    """They are kept for each service of each tenant, and another server than Cal.com's sends whatever it wants."""
    needless, field = {"metadata": ["x" * 50] * 50, "users": [{"avatarUrl": "y"}]}, {"slug": "wunsch", "type": "text"}
    large = {
        "lengthInMinutes": 45,
        "bookingFields": [field | {"label": "z"}],
        "hosts": [{"userId": 7, "avatarUrl": "y"}],
    }
    kept = await look_up(200, {"data": large | needless}, 200)
    assert kept == {"lengthInMinutes": 45, "bookingFields": [field], "hosts": [{"userId": 7}]}
    with pytest.raises(ProviderUnavailable, match="more fields or hosts"):
        await look_up(200, {"data": {"bookingFields": [{"slug": f"{number}" * 20} for number in range(1000)]}}, 200)


async def test_missing_event_type_is_named_despite_tight_budget() -> None:
    """A mistyped id was reported as the operator's own limit as long as other objects used up the budget."""
    asked: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        asked.append(request.path)
        found = {"status": "success", "data": {"id": 1}}
        return web.json_response(found) if request.path == "/v2/me" else web.json_response(NOT_FOUND, status=404)

    async with RawTestServer(answer) as server, ProviderClients(SystemClock()) as providers:
        client = providers.calcom(str(server.make_url("")).rstrip("/"), "cal_x")
        client.api.state.filled_at, client.api.state.tokens = client.api.clock.monotonic(), ONE_READ
        with pytest.raises(RateLimited, match="own limit"):
            await client.get_event_type(7)
        client.api.state.tokens = ONE_READ  # its next turn
        assert await client.get_event_type(7) is None
        assert asked == ["/v2/event-types/7", "/v2/me"]
        client.api.state.tokens = ONE_READ
        with pytest.raises(RateLimited):
            await client.get_event_type(7)
    assert asked[2:] == ["/v2/event-types/7"], "a later look asks for it anew"
