"""A service's status about its event types if Cal.com does not answer for one of them, or the account is another one."""

import base64
from collections.abc import Awaitable, Callable, Hashable
from types import SimpleNamespace
from typing import Any

import pytest

from askproai_core.providers import CredentialRefused, Json, ProviderError, ProviderRefused, ProviderUnavailable
from askproai_core.tenant_config import Withheld
from askproai_operator.api import Key, ServiceOffering
from askproai_operator.api.conditions import Condition, Reason
from askproai_operator.controllers.offering.reconcile import _check_calendar
from askproai_operator.controllers.tenant.withheld import find_former, find_withheld
from askproai_operator.credentials import AccountHashes, secret_refs
from askproai_operator.memory import Look, Memory
from askproai_operator.settings import Settings
from tests.worlds.rows import each_row
from tests.worlds.salon_models import raw, tenant

FITS: Json = {"lengthInMinutes": 45, "afterEventBuffer": 10}
STAFF = {"mitte": ("anna", "mehmet")}
DOWN = ProviderUnavailable("calcom", "get-event-type", "it failed there (500)")
IDS = {1001: {"eventTypeId": 1001}, 1002: {"eventTypeId": 1002}}


class Cluster:
    """One Secret with all keys, and a Cal.com that answers for each event type from `answers`."""

    def __init__(
        self, answers: dict[int, Json | Exception | None], key: str = "cal_x", own_key: str | None = None
    ) -> None:
        self.answers, self.key, self.own_key = answers, key, own_key
        self.installation_id, self.memory, self.settings = "installation", Memory(), Settings()
        self.kube = self.providers = self.cache = self

    async def get_secret(self, _namespace: str, name: str) -> Json:
        values = {ref.key: self.key for ref in secret_refs(tenant()).values()}
        if name == "anna":
            values = {"key": self.own_key} if self.own_key is not None else {}
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        return {"metadata": {"name": name, "labels": {"askproai.de/use": "true"}}, "data": data}

    def child(self, *_: object) -> None:
        """No key is granted to another tenant."""

    def calcom(self, _base_url: str, _key: str) -> Any:
        return SimpleNamespace(get_event_type=self.get_event_type)

    async def get_event_type(self, number: int) -> Json | None:
        answer = self.answers[number]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def look(
        self, owner: Key, name: Hashable, source: Hashable, read: Callable[[], Awaitable[Any]], **_: object
    ) -> Any:
        try:
            return await read()
        except ProviderError as error:
            self.memory.looks.keep(owner, name, Look(source, error, 60.0, 1))
            raise


def offering_with(status: Json | None, numbers: tuple[int, int] = (1001, 1002)) -> ServiceOffering:
    """Return the service with this status; `numbers` are the event types of anna and mehmet."""
    links = [{"staff": staff, "eventTypeId": number} for staff, number in zip(("anna", "mehmet"), numbers, strict=True)]
    return ServiceOffering.from_raw(raw("ServiceOffering", calcom={"eventTypes": links}) | {"status": status or {}})


async def check(
    cluster: Cluster, status: Json | None = None, numbers: tuple[int, int] = (1001, 1002)
) -> tuple[Condition, Json]:
    offering = offering_with(status, numbers)
    return await _check_calendar(offering, tenant(), STAFF, cluster)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "failure",
    [DOWN, ProviderRefused("calcom", "get-event-type", 400, "no"), CredentialRefused("calcom", "get-event-type", 403)],
    ids=["fails", "refused", "a firewall"],
)
async def test_unreadable_event_type_does_not_change_other_results(failure: Exception) -> None:
    cluster = Cluster({1001: failure, 1002: FITS})
    _, before = await check(cluster)
    condition, found = await check(cluster, before)
    assert not condition.good
    assert condition.message.startswith(str(failure))
    assert found["eventTypesInAccount"] == [IDS[1002]]
    assert found["eventTypesNotFound"] is None


async def test_missing_event_type_is_named_beside_unreadable_ones() -> None:
    cluster = Cluster({1001: DOWN, 1002: None})
    _, before = await check(cluster)
    condition, _ = await check(cluster, before)
    assert condition.reason is Reason.EVENT_TYPE_NOT_FOUND
    assert "event type 1002 of mehmet is not in this Cal.com account" in condition.message
    assert condition.message.endswith(f"{DOWN}; looked at again soon")


async def test_unread_event_type_may_have_the_booking_field() -> None:
    links = [{"staff": "anna", "eventTypeId": 1001}, {"staff": "mehmet", "eventTypeId": 1002}]
    fields = [{"slug": "kassenart", "value": "GKV"}]
    offering = ServiceOffering.from_raw(raw("ServiceOffering", calcom={"eventTypes": links, "bookingFields": fields}))
    cluster = Cluster({1001: DOWN, 1002: FITS})
    for _ in range(2):
        condition, _ = await _check_calendar(offering, tenant(), STAFF, cluster)  # type: ignore[arg-type]
    assert condition.reason is Reason.PROVIDER_UNAVAILABLE


ANNA, MEHMET = [IDS[1001]], [IDS[1002]]
ALL, ONE = {1001: FITS, 1002: FITS}, {1001: FITS, 1002: None}
NONE_READ, FIRST_GONE = {1001: DOWN, 1002: DOWN}, {1001: None, 1002: FITS}
REFUSED = CredentialRefused("calcom", "get-event-type", 401)


@each_row(
    ("before", "later", "options", "account", "not_found", "gone"),
    [
        (ALL, NONE_READ, {}, [*ANNA, *MEHMET], None, None),  # each change of their order enqueues the Tenant
        (ONE, NONE_READ, {}, ANNA, MEHMET, None),
        (ONE, NONE_READ, {"key": "cal_other"}, None, MEHMET, None),
        (ALL, {1001: REFUSED, 1002: REFUSED}, {}, [*ANNA, *MEHMET], None, None),
        (ALL, FIRST_GONE, {}, MEHMET, None, ANNA),
        (ALL, FIRST_GONE, {"key": "cal_other"}, MEHMET, ANNA, None),  # of a former account
    ],
)
async def test_second_look_keeps_what_it_cannot_read(before, later, options, account, not_found, gone) -> None:
    _, first = await check(Cluster(before))
    for _ in range(3):
        condition, found = await check(Cluster(later, **options), first)
        recorded = [found[name] for name in ("eventTypesInAccount", "eventTypesNotFound", "eventTypesGone")]
        assert recorded == [account, not_found, gone]
        assert (found["eventTypesSeenWith"] == first["eventTypesSeenWith"]) is ("key" not in options)
        assert "cal_" not in str(found)
    assert REFUSED not in later.values() or condition.reason is Reason.CREDENTIALS_INVALID


@each_row(
    ("own_key", "later", "account", "not_found", "gone"),
    [
        ("cal_anna", NONE_READ, [*ANNA, *MEHMET], None, None),
        ("cal_other", NONE_READ, MEHMET, None, None),  # the new key belongs to another account
        (None, ALL, [*ANNA, *MEHMET], None, None),  # the key cannot be used
        ("cal_other", FIRST_GONE, MEHMET, ANNA, None),
        ("cal_anna", FIRST_GONE, MEHMET, None, ANNA),
    ],
)
async def test_second_look_with_a_staff_members_own_key(own_key, later, account, not_found, gone) -> None:
    """The Tenant's account is unchanged."""

    async def look(cluster: Cluster, status: Json | None = None) -> Json:
        own = {"staff": "anna", "eventTypeId": 1001, "apiKeySecretRef": {"name": "anna", "key": "key"}}
        links = {"eventTypes": [own, {"staff": "mehmet", "eventTypeId": 1002}]}
        service = ServiceOffering.from_raw(raw("ServiceOffering", calcom=links) | {"status": status or {}})
        return (await _check_calendar(service, tenant(), STAFF, cluster))[1]  # type: ignore[arg-type]

    first = await look(Cluster(ALL, own_key="cal_anna"))
    found = await look(Cluster(later, own_key=own_key), first)
    recorded = [found[name] for name in ("eventTypesInAccount", "eventTypesNotFound", "eventTypesGone")]
    assert recorded == [account, not_found, gone]
    assert found["eventTypesSeenWith"] == first["eventTypesSeenWith"]
    assert "cal_" not in str(found)


@pytest.mark.parametrize("versions", [["V2"], ["V2", "V1"]], ids=str)
async def test_foreign_event_type_stays_withheld_without_a_check(versions: list[str]) -> None:
    _, before = await check(Cluster({1001: None, 1002: FITS}))
    rotated = Cluster({1001: DOWN, 1002: FITS}, key="cal_rotated")
    _, found = await check(rotated, before)
    _, found = await check(rotated, found)
    calendar = raw("Tenant")["spec"]["calendar"]
    salon = tenant(calendar=calendar | {"calcom": calendar["calcom"] | {"apiVersions": versions}})
    service = offering_with(found)
    assert find_withheld(salon, [service], None, "", AccountHashes(found["eventTypesSeenWith"])) == {
        "haarschnitt": {1001: Withheld.NOT_FOUND}
    }
    corrected = offering_with(found, (1003, 1002))
    assert find_former(salon, [corrected], AccountHashes(found["eventTypesSeenWith"])) == (1001,)
    _, found = await check(Cluster({1001: FITS, 1002: FITS}, key="cal_rotated"), found)
    assert found["eventTypesNotFound"] is None, "Cal.com shows it"


async def test_deleted_own_event_type_is_withheld_while_named() -> None:
    """Its appointments are the tenant's own, and can be changed again once the spec names its successor."""
    _, before = await check(Cluster({1001: FITS, 1002: FITS}))
    _, found = await check(Cluster({1001: None, 1002: FITS}), before)
    for answers in ({1001: None, 1002: FITS}, {1001: DOWN, 1002: FITS}):
        rotated = Cluster(answers, key="cal_rotated")
        _, found = await check(rotated, found)
        _, found = await check(rotated, found)
        withheld = find_withheld(tenant(), [offering_with(found)], None, "", AccountHashes(found["eventTypesSeenWith"]))
        assert withheld == {"haarschnitt": {1001: Withheld.NOT_FOUND}}
    assert (found["eventTypesGone"], found["eventTypesNotFound"]) == ([IDS[1001]], None)
    _, found = await check(Cluster({1003: FITS, 1002: FITS}), found, (1003, 1002))
    assert (found["eventTypesGone"], found["eventTypesNotFound"]) == (None, None)
    assert find_former(tenant(), [offering_with(found, (1003, 1002))], AccountHashes(found["eventTypesSeenWith"])) == ()


async def test_corrected_event_type_id_stays_recorded_as_missing() -> None:
    _, before = await check(Cluster({1001: FITS, 1002: FITS}), {"eventTypesNotFound": [{"eventTypeId": 999}]})
    assert before["eventTypesNotFound"] == [{"eventTypeId": 999}]
    _, found = await check(Cluster({1001: FITS, 1002: FITS}, key="cal_other"), before)
    assert found["eventTypesNotFound"] == [{"eventTypeId": 999}], "with a rotated key, too"
