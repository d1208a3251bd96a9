"""The event types to which the pods must send nothing, by the state at Cal.com and their use until now."""

from typing import Any

import msgspec
import pytest

from askproai_core.provider_names import CalendarProvider
from askproai_core.tenant_config import TenantConfig, Withheld
from askproai_core.tenant_config.config import CalendarConfig
from askproai_core.tenant_config.services import EventType
from askproai_operator.api import SecretKeyRef, ServiceOffering, Tenant
from askproai_operator.controllers.tenant.withheld import find_former, find_not_found, find_withheld, needs_applied
from askproai_operator.credentials import AccountHashes, own_key_file
from tests.worlds.compiled_salon import salon_config
from tests.worlds.salon_models import offering, raw, tenant

URL = "https://api.cal.example"
MARK, OWN_MARK = "hash of address and key", "hash of address and own key"
FILE = own_key_file(SecretKeyRef(name="anna", key="key"))
ACCOUNTS = AccountHashes(MARK, {FILE: OWN_MARK})
SEEN = {"eventTypesSeenWith": MARK, "eventTypesInAccount": [{"eventTypeId": 1001}, {"eventTypeId": 1002}]}
NOT_FOUND = {
    "eventTypesSeenWith": MARK,
    "eventTypesInAccount": [{"eventTypeId": 1002}],
    "eventTypesNotFound": [{"eventTypeId": 1001}],
}
UNSEEN = dict.fromkeys((1001, 1002), Withheld.NOT_LOOKED_UP)
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
        ("not looked up yet", {}, None, UNSEEN),
        ("used before an upgrade, or while Cal.com is away", {}, applied(), {}),
        ("not in the account, whatever the pods did before", NOT_FOUND, applied(), {1001: Withheld.NOT_FOUND}),
        ("withheld before, too", {}, applied(Withheld.NOT_LOOKED_UP), UNSEEN),
        ("seen with the key of another account, or at another address", SEEN | ELSEWHERE, None, UNSEEN),
        ("the key is rotated, and the pods book on", SEEN | ELSEWHERE, applied(), {}),
        ("another account did not have it", NOT_FOUND | ELSEWHERE, applied(), {}),
        ("another server has others of these ids", {}, applied(base_url="https://cal.other.example"), UNSEEN),
        ("named in a local calendar, which books nowhere", {}, applied(provider=CalendarProvider.LOCAL), UNSEEN),
    ],
)
def test_only_event_types_known_as_own_are_used(case, status, before, expected):
    offerings = seen(status)
    found = find_withheld(tenant(), offerings, before, URL, ACCOUNTS)
    assert found.get("haarschnitt", {}) == expected, case
    assert needs_applied(tenant(), offerings, ACCOUNTS) is not (status.get("eventTypesSeenWith") == MARK), case


def test_new_service_may_use_seen_event_types() -> None:
    second = raw("ServiceOffering") | {"metadata": {**raw("ServiceOffering")["metadata"], "name": "new"}}
    assert find_withheld(tenant(), [*seen(SEEN), ServiceOffering.from_raw(second)], None, URL, ACCOUNTS) == {}


def test_tenant_without_event_types_withholds_none() -> None:
    assert find_withheld(tenant(), seen({}, capacity=4), None, URL, ACCOUNTS) == {}
    local = tenant(calendar={"provider": "Local"})
    assert find_withheld(local, [offering()], None, URL, ACCOUNTS) == {}


def test_version_1_withholds_only_certainly_missing_event_types() -> None:
    """A server with version 1 alone shows no event types to the operator, but accepts bookings."""
    calendar = raw("Tenant")["spec"]["calendar"]
    old_server = tenant(calendar=calendar | {"calcom": calendar["calcom"] | {"apiVersions": ["V2", "V1"]}})
    assert find_withheld(old_server, seen({}), None, URL, ACCOUNTS) == {}
    assert find_withheld(old_server, seen(NOT_FOUND), None, URL, ACCOUNTS) == {
        "haarschnitt": {1001: Withheld.NOT_FOUND}
    }
    rotated = find_withheld(old_server, seen(NOT_FOUND | ELSEWHERE), None, URL, ACCOUNTS)
    assert rotated == {"haarschnitt": {1001: Withheld.NOT_LOOKED_UP}}, "until it was looked up with the new key"


def test_corrected_id_stays_withheld_until_named_again() -> None:
    """Else bookings in the foreign account would be moved and cancelled after all."""
    links = [{"staff": "anna", "eventTypeId": 1003}, {"staff": "mehmet", "eventTypeId": 1002}]
    assert find_former(tenant(), seen(NOT_FOUND, calcom={"eventTypes": links}), ACCOUNTS) == (1001,)
    assert find_former(tenant(), seen(NOT_FOUND), ACCOUNTS) == ()
    assert (
        find_former(tenant(calendar={"provider": "Local"}), seen(NOT_FOUND, calcom={"eventTypes": links}), ACCOUNTS)
        == ()
    )


def test_service_with_seats_keeps_foreign_event_type_withheld() -> None:
    """Such a service uses no event type, and earlier bookings there belong to another business."""
    assert find_former(tenant(), seen(NOT_FOUND, capacity=2), ACCOUNTS) == (1001,)
    assert find_former(tenant(), [*seen(NOT_FOUND, capacity=2), *seen(NOT_FOUND)], ACCOUNTS) == (), (
        "it is withheld by its name"
    )


def knowing(*numbers: int, **spec: Any) -> Tenant:
    """Return the Tenant whose status has these event types as not found."""
    status = {"eventTypesNotFound": [{"eventTypeId": number} for number in numbers]}
    return Tenant.from_raw(raw("Tenant", **spec) | {"status": status})


def test_event_type_of_deleted_service_stays_withheld() -> None:
    """The service's status is gone, too, but callers must not move another business's booking."""
    kept = find_not_found(tenant(), seen(NOT_FOUND), ACCOUNTS)
    assert find_former(knowing(*kept), [], ACCOUNTS) == kept == (1001,)
    assert find_not_found(knowing(*kept), [], ACCOUNTS) == kept, "by each further run, too"
    assert find_former(knowing(*kept), seen({}), ACCOUNTS) == (), "named again, its service's own look decides"
    assert find_not_found(knowing(*kept), seen({}), ACCOUNTS) == kept, "there was none yet"
    assert find_not_found(knowing(*kept), seen(SEEN | ELSEWHERE), ACCOUNTS) == kept, "nor one with the present key"
    assert find_not_found(knowing(*kept), seen(SEEN), ACCOUNTS) == (), "Cal.com shows it"
    gone = {"eventTypesSeenWith": MARK, "eventTypesGone": [{"eventTypeId": 1001}]}
    assert find_not_found(knowing(*kept), seen(gone), ACCOUNTS) == (), (
        "it was the tenant's own before it was deleted there"
    )


def test_version_1_withholds_deleted_services_event_types() -> None:
    calendar = raw("Tenant")["spec"]["calendar"]
    spec = {"calendar": calendar | {"calcom": calendar["calcom"] | {"apiVersions": ["V2", "V1"]}}}
    assert find_withheld(knowing(1001, **spec), seen({}), None, URL, ACCOUNTS) == {
        "haarschnitt": {1001: Withheld.NOT_LOOKED_UP}
    }


def test_event_type_is_seen_with_its_own_key() -> None:
    own = {"staff": "anna", "eventTypeId": 1001, "apiKeySecretRef": {"name": "anna", "key": "key"}}
    links = {"eventTypes": [own, {"staff": "mehmet", "eventTypeId": 1002}]}
    with_own_key = SEEN | {"ownEventTypesSeenWith": [{"eventTypeId": 1001, "seenWith": OWN_MARK}]}
    assert find_withheld(tenant(), seen(with_own_key, calcom=links), None, URL, ACCOUNTS) == {}
    unseen = {"haarschnitt": {1001: Withheld.NOT_LOOKED_UP}}
    rotated = AccountHashes(MARK, {FILE: "hash of address and another key"})
    for case, status, accounts in (
        ("seen with another key of anna", with_own_key, rotated),
        ("seen with the Tenant's key", SEEN, ACCOUNTS),
        ("her key cannot be used", with_own_key, AccountHashes(MARK)),
    ):
        assert find_withheld(tenant(), seen(status, calcom=links), None, URL, accounts) == unseen, case
        assert find_withheld(tenant(), seen(status, calcom=links), applied(), URL, accounts) == {}, "the pods book on"
    assert find_withheld(tenant(), seen(with_own_key), None, URL, ACCOUNTS) == unseen, "now with the Tenant's key"


def test_pods_send_nothing_to_former_foreign_event_types() -> None:
    config = msgspec.structs.replace(applied(), withheld_event_types=(999,))
    assert config.withheld(999) is Withheld.NOT_FOUND
    assert config.withheld(1001) is None
