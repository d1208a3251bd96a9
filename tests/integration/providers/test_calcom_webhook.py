"""The tenant's webhook at Cal.com's simulator: idempotent by its URL (`docs/vendors/calcom.md`)."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from askproai_core.clock import SystemClock
from askproai_core.providers import ProviderRefused, UnknownOutcome
from askproai_operator.providers import ProviderClients, ensure_calcom_webhook, remove_calcom_webhook
from askproai_operator.providers.calcom import CalcomClient
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.simulator import serve

URL = "https://voice.example/salon/salon/webhooks/calcom/inst-1"
TRIGGERS = ("BOOKING_CREATED", "BOOKING_CANCELLED")
DESIRED: tuple[str, tuple[str, ...], str] = (URL, TRIGGERS, "s3cret")


class Account:
    def __init__(self, client: CalcomClient, simulator: CalcomSimulator, http: aiohttp.ClientSession) -> None:
        self.client, self.simulator, self.http = client, simulator, http

    @property
    def writes(self) -> list[str]:
        return [e["method"] for e in self.simulator.journal.entries if e["method"] != "GET"]

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        body = {"operation": operation, "fault": kind, **more}
        async with self.http.post("/_sim/faults", json=body) as response:
            assert response.ok, await response.text()


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    simulator = CalcomSimulator(SystemClock())
    async with (
        serve(simulator) as url,
        ProviderClients(SystemClock()) as providers,
        aiohttp.ClientSession(base_url=url) as http,
    ):
        yield Account(providers.calcom(url, "cal_test_salon"), simulator, http)


async def test_repeated_webhook_registration_writes_nothing(account: Account) -> None:
    await ensure_calcom_webhook(account.client, *DESIRED)
    (first,) = await account.client.list_webhooks()
    await ensure_calcom_webhook(account.client, *DESIRED)
    assert await account.client.list_webhooks() == [first]
    assert account.writes == ["POST"]


async def test_a_changed_secret_or_trigger_is_patched(account: Account) -> None:
    await ensure_calcom_webhook(account.client, *DESIRED)
    await ensure_calcom_webhook(account.client, URL, ("BOOKING_CREATED",), "other")
    (hook,) = await account.client.list_webhooks()
    assert (hook["secret"], hook["triggers"]) == ("other", ["BOOKING_CREATED"])
    assert account.writes == ["POST", "PATCH"]


@pytest.mark.parametrize("fault", ["timeout-after-commit", "error-after-commit"])
async def test_webhook_of_an_unanswered_create_is_adopted(account: Account, fault: str) -> None:
    await account.fault("create-webhook", fault, seconds=0)
    with pytest.raises(UnknownOutcome):
        await ensure_calcom_webhook(account.client, *DESIRED)
    await ensure_calcom_webhook(account.client, *DESIRED)
    assert account.writes == ["POST"]
    assert len(await account.client.list_webhooks()) == 1


async def test_webhook_conflict_leads_to_adoption_after_new_list(account: Account) -> None:
    """409: our list was old, or somebody was faster."""
    await account.fault("list-webhooks", "lagging-list", requests=1)
    await account.client.create_webhook({"subscriberUrl": URL, "triggers": ["BOOKING_CREATED"], "active": False})
    await ensure_calcom_webhook(account.client, *DESIRED)
    assert account.writes == ["POST", "POST", "PATCH"]
    (hook,) = await account.client.list_webhooks()
    assert hook["active"] is True


async def test_former_releases_webhook_gets_new_triggers_in_place(account: Account) -> None:
    """It stays registered all the time: events of bookings that come meanwhile are not lost."""
    await ensure_calcom_webhook(account.client, *DESIRED)
    (before,) = await account.client.list_webhooks()
    await ensure_calcom_webhook(account.client, *DESIRED, newer=["OOO_CREATED"])
    (hook,) = await account.client.list_webhooks()
    assert hook == before | {"triggers": sorted([*TRIGGERS, "OOO_CREATED"])}
    await ensure_calcom_webhook(account.client, *DESIRED, newer=["OOO_CREATED"])
    assert account.writes == ["POST", "PATCH"]


UNKNOWN = "NOT_KNOWN_THERE"


async def test_trigger_unknown_to_the_server_is_left_out(account: Account) -> None:
    for _ in range(2):
        assert await ensure_calcom_webhook(account.client, *DESIRED, newer=[UNKNOWN]) == {UNKNOWN}
        (hook,) = account.simulator.account_of("cal_test_salon").webhooks.values()
        assert (set(hook.fields["triggers"]), hook.fields["active"]) == (set(TRIGGERS), True)
    assert await ensure_calcom_webhook(account.client, *DESIRED, newer=["OOO_CREATED"]) == frozenset()


async def test_known_newer_trigger_is_registered_without_unknown_trigger(account: Account) -> None:
    assert await ensure_calcom_webhook(account.client, *DESIRED, newer=["OOO_CREATED", UNKNOWN]) == {UNKNOWN}
    (hook,) = await account.client.list_webhooks()
    assert set(hook["triggers"]) == {*TRIGGERS, "OOO_CREATED"}


async def test_server_refusing_triggers_still_gets_changed_secrets(account: Account) -> None:
    await ensure_calcom_webhook(account.client, *DESIRED)
    before = len(account.simulator.journal.entries)
    assert await ensure_calcom_webhook(account.client, URL, TRIGGERS, "other", newer=[UNKNOWN]) == {UNKNOWN}
    requests = [entry["method"] for entry in account.simulator.journal.entries[before:]]
    assert requests == ["GET", "PATCH", "PATCH"], "listed once: a refused change changes nothing"
    (hook,) = await account.client.list_webhooks()
    assert (hook["secret"], set(hook["triggers"]), hook["active"]) == ("other", set(TRIGGERS), True)


async def test_needed_trigger_that_is_refused_is_an_error(account: Account) -> None:
    with pytest.raises(ProviderRefused):
        await ensure_calcom_webhook(account.client, URL, ["NOT_KNOWN_THERE"], "s3cret", newer=["OOO_CREATED"])


async def test_foreign_webhooks_are_left_alone(account: Account) -> None:
    other = URL.replace("inst-1", "inst-2")
    await account.client.create_webhook({"subscriberUrl": other, "triggers": ["BOOKING_CREATED"], "active": True})
    await ensure_calcom_webhook(account.client, *DESIRED)
    await remove_calcom_webhook(account.client, URL)
    await remove_calcom_webhook(account.client, URL)
    assert account.writes == ["POST", "POST", "DELETE"]
    assert [hook["subscriberUrl"] for hook in await account.client.list_webhooks()] == [other]


async def test_oldest_duplicate_webhook_is_kept() -> None:
    hooks = [
        {"id": str(n), "subscriberUrl": URL, "triggers": list(TRIGGERS), "active": True, "secret": "s3cret"}
        for n in range(3)
    ]
    deleted: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.method == "DELETE":
            deleted.append(request.path.rpartition("/")[2])
        return web.json_response({"status": "success", "data": hooks})

    async with RawTestServer(answer) as server, ProviderClients(SystemClock()) as providers:
        await ensure_calcom_webhook(providers.calcom(str(server.make_url("")), "cal_x"), *DESIRED)
    assert deleted == ["1", "2"]
