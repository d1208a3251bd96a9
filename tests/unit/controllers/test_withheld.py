"""Which event types the pods must not send anything to, by what was seen at Cal.com and what they have been using."""

from typing import Any

import msgspec
import pytest

from askproai_core.tenant_config import CalendarConfig, CalendarProvider, EventType, TenantConfig, Withheld
from askproai_operator.api import ServiceOffering
from askproai_operator.controllers.tenant.withheld import find_former, find_withheld, needs_applied
from tests.worlds.compiled_salon import salon_config
from tests.worlds.salon_models import offering, raw, tenant

URL = "https://api.cal.example"
MARK = "hash of address and key"
SEEN = {"eventTypesSeenWith": MARK, "eventTypesInAccount": [{"eventTypeId": 1001}, {"eventTypeId": 1002}]}
NOT_FOUND = {
    "eventTypesSeenWith": MARK,
    "eventTypesInAccount": [{"eventTypeId": 1002}],
    "eventTypesNotFound": [{"eventTypeId": 1001}],
}
ELSEWHERE = {"eventTypesSeenWith": "hash of another account"}


def applied(withheld: Withheld | None = None, **calendar: Any) -> TenantConfig:
    config = salon_config(calendar=CalendarConfig(**{"provider": CalendarProvider.CALCOM, "base_url": URL, **calendar}))
    links = tuple(EventType(staff=str(number), event_type_id=number, withheld=withheld) for number in (1001, 1002))
    return msgspec.structs.replace(config, services=(msgspec.structs.replace(config.services[0], event_types=links),))


def seen(status: dict[str, Any], **spec: Any) -> list[ServiceOffering]:
    return [ServiceOffering.from_raw(raw("ServiceOffering", **spec) | {"status": status})]


@pytest.mark.parametrize(
    ("case", "status", "before", "expected"),
    [
        ("seen with the account's key", SEEN, None, {}),
        ("not looked up yet", {}, None, dict.fromkeys((1001, 1002), Withheld.NOT_LOOKED_UP)),
        ("used before an upgrade, or while Cal.com is away", {}, applied(), {}),
        ("not in the account, whatever the pods did before", NOT_FOUND, applied(), {1001: Withheld.NOT_FOUND}),
        (
            "withheld before, too",
            {},
            applied(Withheld.NOT_LOOKED_UP),
            dict.fromkeys((1001, 1002), Withheld.NOT_LOOKED_UP),
        ),
        (
            "seen with the key of another account, or at another address",
            SEEN | ELSEWHERE,
            None,
            dict.fromkeys((1001, 1002), Withheld.NOT_LOOKED_UP),
        ),
        ("the key is rotated, and the pods book on", SEEN | ELSEWHERE, applied(), {}),
        ("another account did not have it", NOT_FOUND | ELSEWHERE, applied(), {}),
        (
            "another server has others of these ids",
            {},
            applied(base_url="https://cal.other.example"),
            dict.fromkeys((1001, 1002), Withheld.NOT_LOOKED_UP),
        ),
        (
            "named in a local calendar, which books nowhere",
            {},
            applied(provider=CalendarProvider.LOCAL),
            dict.fromkeys((1001, 1002), Withheld.NOT_LOOKED_UP),
        ),
    ],
)
def test_only_event_types_known_to_be_the_tenants_own_are_used(
    case: str, status: dict[str, Any], before: TenantConfig | None, expected: dict[int, Withheld]
) -> None:
    offerings = seen(status)
    found = find_withheld(tenant(), offerings, before, URL, MARK)
    assert found.get("haarschnitt", {}) == expected, case
    assert needs_applied(tenant(), offerings, MARK) is not (status.get("eventTypesSeenWith") == MARK), case


def test_a_new_service_at_an_event_type_that_another_has_seen_waits_for_nothing() -> None:
    second = raw("ServiceOffering") | {"metadata": {**raw("ServiceOffering")["metadata"], "name": "new"}}
    assert find_withheld(tenant(), [*seen(SEEN), ServiceOffering.from_raw(second)], None, URL, MARK) == {}


def test_event_types_that_nobody_books_at_are_not_looked_for() -> None:
    assert find_withheld(tenant(), seen({}, capacity=4), None, URL, MARK) == {}
    local = tenant(calendar={"provider": "Local"})
    assert find_withheld(local, [offering()], None, URL, MARK) == {}


def test_with_version_1_only_what_the_account_certainly_does_not_have_is_withheld() -> None:
    """A server that has only version 1 shows no event type to the operator, and is booked at all the same."""
    calendar = raw("Tenant")["spec"]["calendar"]
    old_server = tenant(calendar=calendar | {"calcom": calendar["calcom"] | {"apiVersions": ["V2", "V1"]}})
    assert find_withheld(old_server, seen({}), None, URL, MARK) == {}
    assert find_withheld(old_server, seen(NOT_FOUND), None, URL, MARK) == {"haarschnitt": {1001: Withheld.NOT_FOUND}}
    rotated = find_withheld(old_server, seen(NOT_FOUND | ELSEWHERE), None, URL, MARK)
    assert rotated == {"haarschnitt": {1001: Withheld.NOT_LOOKED_UP}}, "until it was looked up with the new key"


def test_a_corrected_id_stays_withheld_until_it_is_named_again() -> None:
    """Else the bookings that an earlier release made in the foreign account would be moved and cancelled after all."""
    links = [{"staff": "anna", "eventTypeId": 1003}, {"staff": "mehmet", "eventTypeId": 1002}]
    assert find_former(tenant(), seen(NOT_FOUND, calcom={"eventTypes": links})) == (1001,)
    assert find_former(tenant(), seen(NOT_FOUND)) == ()
    assert find_former(tenant(calendar={"provider": "Local"}), seen(NOT_FOUND, calcom={"eventTypes": links})) == ()


def test_seats_free_no_event_type_of_another_account() -> None:
    """A service with seats books at none, and what was booked there before is still another business's."""
    assert find_former(tenant(), seen(NOT_FOUND, capacity=2)) == (1001,)
    assert find_former(tenant(), [*seen(NOT_FOUND, capacity=2), *seen(NOT_FOUND)]) == (), "it is withheld by its name"


def test_pods_send_nothing_to_a_former_event_type_of_another_account() -> None:
    config = msgspec.structs.replace(applied(), withheld_event_types=(999,))
    assert config.withheld(999) is Withheld.NOT_FOUND
    assert config.withheld(1001) is None
