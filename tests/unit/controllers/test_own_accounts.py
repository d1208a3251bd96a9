"""Pods get event types of staff members' own accounts once they have the keys; each account fails separately."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from askproai_core.providers import CredentialRefused, ProviderUnavailable
from askproai_core.tenant_config import TenantConfig
from askproai_core.tenant_config.services import EventType, OwnEventType
from askproai_operator.api import SecretKeyRef
from askproai_operator.api.conditions import Reason, Status
from askproai_operator.controllers.tenant.own_keys import linked_event_types, register_in_own_accounts
from askproai_operator.controllers.tenant.run import OwnKeys
from askproai_operator.credentials import own_key_file
from askproai_operator.engine import ObservedObject
from tests.worlds.compiled_salon import salon_config
from tests.worlds.salon_models import offering

REF = SecretKeyRef(name="annas", key="k")
FILE = own_key_file(REF)
OWN = {"staff": "anna", "eventTypeId": 2001, "apiKeySecretRef": {"name": "annas", "key": "k"}}
OFFERINGS = [offering(calcom={"eventTypes": [OWN, {"staff": "mehmet", "eventTypeId": 1002}]})]
DONE = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
MOUNTS = {"askproai.de/own-keys": f"calcom-api-key-other,{FILE}"}
DEPLOYED = ObservedObject("uid", 1, "", {}, MOUNTS, DONE, generation=2)


def applied(*links: EventType | OwnEventType) -> TenantConfig:
    own = tuple(link for link in links if isinstance(link, OwnEventType))
    others = tuple(link for link in links if not isinstance(link, OwnEventType))
    config = salon_config()
    service = msgspec.structs.replace(config.services[0], event_types=others, own_event_types=own)
    return msgspec.structs.replace(config, services=(service,))


@pytest.mark.parametrize(
    ("case", "deployments", "is_linked"),
    [
        ("no pods yet", [], True),
        ("all pods have the key", [DEPLOYED], True),
        ("worker pods lack it", [DEPLOYED, replace(DEPLOYED, annotations={})], False),
        ("a pod of the template before is left", [replace(DEPLOYED, status=DONE | {"updatedReplicas": 1})], False),
        ("the new template was not seen yet", [replace(DEPLOYED, generation=3)], False),
        ("another key", [replace(DEPLOYED, annotations={"askproai.de/own-keys": "calcom-api-key-other"})], False),
    ],
)
def test_own_event_type_requires_pods_with_keys(case: str, deployments: list[ObservedObject], is_linked: bool):
    assert (linked_event_types(OFFERINGS, None, [FILE], deployments) == {2001}) is is_linked, case
    assert linked_event_types(OFFERINGS, None, [], deployments) == set(), "without our webhook there"


@pytest.mark.parametrize(
    "before",
    [
        OwnEventType(staff="anna", event_type_id=2001, credential="calcom-api-key-former"),
        EventType(staff="anna", event_type_id=2001),
    ],
    ids=["with another key", "with the tenant's"],
)
def test_calcom_bookings_never_fall_back_to_our_book(before: EventType):
    """During each rollout, and while a new key is missing, pods without the key refuse these bookings."""
    rolling = replace(DEPLOYED, annotations={}, status=DONE | {"updatedReplicas": 1})
    assert linked_event_types(OFFERINGS, applied(before), [], [rolling]) == {2001}
    assert linked_event_types([], applied(before), [], [rolling]) == set()


async def test_failing_account_does_not_delay_webhooks_of_others():
    keys = {"a": "cal_revoked", "b": "cal_away", "c": "cal_good"}
    errors: dict[str, Any] = {
        "cal_revoked": CredentialRefused("calcom", "list-webhooks", 401),
        "cal_away": ProviderUnavailable("calcom", "list-webhooks", "x"),
    }

    async def register(key: str) -> None:
        if key in errors:
            raise errors[key]

    found = await register_in_own_accounts(OwnKeys(dict.fromkeys(keys, REF), keys), register)
    assert found.registered == {"c"}
    assert (found.failure.status, found.failure.reason) == (Status.UNKNOWN, Reason.PROVIDER_UNAVAILABLE)
    assert "Secret 'annas'" in found.failure.message
    assert "cal_" not in found.failure.message
    del errors["cal_away"]
    found = await register_in_own_accounts(OwnKeys(dict.fromkeys(keys, REF), keys), register)
    assert (found.is_open, found.failure and found.failure.reason) == (False, Reason.CREDENTIALS_INVALID)
