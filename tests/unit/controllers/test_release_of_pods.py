"""Changes of a tenant's pods that wait for their turn, and others that never do: decided from manifests, without a cluster."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from askproai_operator.api import SecretKeyRef, Tenant
from askproai_operator.api.conditions import Reason, Status
from askproai_operator.controllers.ceilings import apply_ceilings
from askproai_operator.controllers.tenant.canary import image_of
from askproai_operator.controllers.tenant.children.deployment import pod_template, rollout_condition, tracing_variables
from askproai_operator.controllers.tenant.children.metadata import Component
from askproai_operator.controllers.tenant.children.release import (
    Change,
    change_of,
    next_records,
    own_inputs,
    present_release,
    record_of,
    with_record,
)
from askproai_operator.credentials import secret_refs
from askproai_operator.engine import ObservedObject
from askproai_operator.rollouts import RolloutRecord, read_record
from askproai_operator.settings import Settings
from tests.worlds.compiled_contexts import deployment
from tests.worlds.salon_models import credentials, tenant

WEB = Component.WEB
FORMER, PRESENT = Settings(runtime_image="askproai:0.1.0"), Settings(runtime_image="askproai:0.2.0")
NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
OWN_KEY = SecretKeyRef.model_validate({"name": "stylist", "key": "calcom-api-key"})
Keys = Mapping[str, SecretKeyRef]


def render(
    declared: Tenant, settings: Settings, *, own_keys: Keys | None = None
) -> tuple[dict[str, Any], RolloutRecord]:
    """Return the web Deployment that an operator with these settings applies, and its record."""
    allowed, _ = apply_ceilings(declared, settings)
    image = image_of(allowed, settings)
    keys = replace(credentials(), secret_refs=secret_refs(declared))
    manifest = deployment(allowed, keys, image, own_keys=own_keys, variables=tracing_variables(settings))
    inputs = own_inputs(declared, WEB, alone=False, own_keys=(own_keys or {}).values(), further_keys=())
    record = record_of(manifest, image, inputs, present_release(settings, pod_template()))
    return with_record(manifest, record), record


def live(
    declared: Tenant,
    settings: Settings = FORMER,
    *,
    judged: bool = False,
    replicas: int = 2,
    available: int = 2,
    updated: int = 2,
    down_since: str = "",
) -> ObservedObject:
    """Return the Deployment that such an operator applied, as the cache keeps it."""
    manifest, record = render(declared, settings)
    marked = with_record(manifest, RolloutRecord(record.release, record.image, record.template, record.inputs, judged))
    status: dict[str, Any] = {"replicas": replicas, "updatedReplicas": updated, "availableReplicas": available}
    if down_since:
        status["conditions"] = [{"type": "Available", "status": "False", "lastTransitionTime": down_since}]
    return ObservedObject("uid", 1, "", {}, marked["metadata"]["annotations"], status, replicas=replicas)


def observed(declared: Tenant) -> Tenant:
    """Return a Tenant whose edits have all been applied."""
    declared.status["observedGeneration"] = declared.metadata.generation
    return declared


def change(before: Tenant, after: Tenant, settings: Settings = PRESENT, **render_: Any) -> Change:
    return change_of(live(before), render(after, settings, **render_)[1])


@pytest.mark.parametrize(
    "settings",
    [
        {"runtime_image": "askproai:0.2.0"},
        {"tracing_endpoint": "http://collector:4318"},
        {"image_pull_secrets": ("registry",)},
        {"max_memory_mebibytes": 192},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_changed_platform_setting_counts_as_release(settings):
    present = FORMER.model_copy(update=settings)
    assert present_release(present, pod_template()) != present_release(FORMER, pod_template())
    if "image_pull_secrets" not in settings:  # which this file's `render` leaves out
        assert change(tenant(), tenant(), present) is Change.RELEASE


def test_changed_template_of_operator_counts_as_release():
    changed = {**pod_template(), "revisionHistoryLimit": 5}
    assert present_release(FORMER, changed) != present_release(FORMER, pod_template())


@pytest.mark.parametrize(
    "spec",
    [
        {"runtime": {"image": "askproai:0.1.1"}},
        {"runtime": {"pods": {"nodeSelector": {"disk": "ssd"}}}},
        {"runtime": {"web": {"resources": {"memoryRequestMebibytes": 128}}}},
        {"stripe": {"webhookSecretRef": {"name": "stripe", "key": "secret"}}},
    ],
    ids=["image", "pods", "resources", "Secret"],
)
def test_tenants_change_counts_as_edit_despite_platform_changes(spec):
    for settings in (FORMER, PRESENT):
        assert change(tenant(), tenant(**spec), settings) is Change.EDIT


def test_default_added_by_api_server_is_no_edit():
    written = tenant().spec.runtime.model_dump(by_alias=True, exclude_none=True, mode="json")
    assert change(tenant(), tenant(runtime=written)) is Change.RELEASE


def test_tenant_digest_is_stable_across_releases():
    """If a release computed another digest, as for a new field's default, every tenant would look edited and change at once."""
    digest = own_inputs(tenant(), WEB, alone=False, own_keys=[OWN_KEY], further_keys=())
    assert digest == "f0ea809684d2a75c94df642d893bb1a7"


def test_new_key_of_staff_account_is_an_edit():
    assert change(tenant(), tenant(), own_keys={"calcom-api-key-1": OWN_KEY}) is Change.EDIT


@pytest.mark.parametrize(
    "spec",
    [{"displayName": "Salon Neu"}, {"runtime": {"web": {"minReplicas": 3}}}, {"retention": {"callDays": 20}}],
    ids=["name", "pods", "retention"],
)
def test_change_outside_the_pod_template_changes_no_pods(spec):
    assert change(tenant(), tenant(**spec), FORMER) is Change.NONE
    assert change(tenant(), tenant(**spec), PRESENT) is Change.RELEASE, "the release waits all the same"


def test_tenant_with_its_own_image_ignores_the_default():
    pinned = tenant(runtime={"image": "askproai:0.1.1"})
    assert change(pinned, pinned) is Change.NONE
    traced = PRESENT.model_copy(update={"tracing_endpoint": "http://collector:4318"})
    assert change(pinned, pinned, traced) is Change.RELEASE


def test_deployment_without_a_record_counts_as_edited():
    unrecorded = ObservedObject("uid", 1, "", {}, {}, {}, replicas=2)
    assert change_of(unrecorded, render(tenant(), PRESENT)[1]) is Change.EDIT


def turn(
    declared: Tenant, found: ObservedObject | None, *, settings: Settings = PRESENT, begin: Callable[[], bool]
) -> RolloutRecord | None:
    """Return the record of the Deployment that is applied, None while the tenant waits."""
    records = next_records(declared, {WEB: found}, {WEB: render(declared, settings)[1]}, begin, NOW)
    return None if records is None else records[WEB]


def never() -> bool:
    raise AssertionError("no turn is asked for")


def test_absent_pod_does_not_bypass_the_release_turn():
    """A node's drain restarts the only pod of most tenants: that must not bring them a stopped release."""
    away = live(tenant(), replicas=1, updated=1, available=0, down_since="2026-11-26T08:59:57Z")
    assert turn(observed(tenant()), away, begin=lambda: False) is None
    record = turn(observed(tenant()), away, begin=lambda: True)
    assert not record.judged, "what was away before is not the release's fault"


@pytest.mark.parametrize("begins", [True, False])
def test_healthy_tenant_gets_its_release_in_turn(begins):
    record = turn(observed(tenant()), live(tenant()), begin=lambda: begins)
    assert (record is not None and record.judged) is begins


@pytest.mark.parametrize(
    "found",
    [
        None,
        live(tenant(), replicas=0, available=0, updated=0),
        live(tenant(), available=0, down_since="2026-11-26T08:50:00Z"),
        live(tenant(), updated=1),
    ],
    ids=["new", "no pods", "none has been available for long", "they are being changed"],
)
def test_tenant_without_healthy_pods_needs_no_rollout_turn(found):
    record = turn(observed(tenant()), found, begin=never)
    assert not record.judged


def test_suspended_tenants_and_edits_need_no_rollout_turn():
    for declared in (tenant(suspend=True), tenant(runtime={"pods": {"nodeSelector": {"disk": "ssd"}}})):
        record = turn(observed(declared), live(tenant()), begin=never)
        assert not record.judged


def test_rollout_verdict_stays_until_an_edit_or_release():
    judged = live(tenant(), PRESENT, judged=True)
    same = turn(observed(tenant()), judged, begin=never)
    assert same.judged
    assert same == read_record(judged), "nothing is written again"
    renamed = PRESENT.model_copy(update={"runtime_images": ("askproai", "other")})
    edited = tenant(runtime={"pods": {"nodeSelector": {"disk": "ssd"}}})
    for declared, settings in ((tenant(), renamed), (edited, PRESENT)):
        record = turn(observed(declared), judged, settings=settings, begin=never)
        assert not record.judged


def test_deployments_of_a_tenant_get_the_release_together():
    declared, found = observed(tenant()), live(tenant())
    wanted = render(declared, PRESENT)[1]
    parts = {Component.WORKER: found, WEB: found}
    assert next_records(declared, parts, dict.fromkeys(parts, wanted), lambda: False, NOW) is None
    for judged in (True, False):
        parts[Component.WORKER] = live(tenant(), PRESENT, judged=judged)
        records = next_records(declared, parts, dict.fromkeys(parts, wanted), never, NOW)
        assert {record.judged for record in records.values()} == {judged}


def test_new_worker_deployment_releases_the_web_deployment_too():
    """As after the change to mode Split: a tenant's pods must not stay at two releases."""
    declared = observed(tenant())
    wanted = dict.fromkeys((Component.WORKER, WEB), render(declared, PRESENT)[1])
    records = next_records(declared, {Component.WORKER: None, WEB: live(tenant())}, wanted, never, NOW)
    assert not any(record.judged for record in records.values())


def test_waiting_tenant_is_healthy_and_names_the_reason():
    condition = rollout_condition(tenant(), {WEB: live(tenant())}, awaited="0.2.0-1")
    assert (condition.status, condition.reason) == (Status.TRUE, Reason.RELEASE_WAITS)
    former = present_release(FORMER, pod_template())
    assert condition.message.startswith(f"its pods stay with release {former} (image askproai:0.1.0)")
    assert "to get release 0.2.0-1" in condition.message
    unrecorded = ObservedObject("uid", 1, "", {}, {}, {}, replicas=2)
    message = rollout_condition(tenant(), {WEB: unrecorded}, awaited="2").message
    assert message.startswith("its pods stay with a former release until")


def test_tenant_whose_rollout_began_is_not_waiting():
    waited = tenant()
    waited.status["conditions"] = [
        {"type": "RolloutHealthy", "status": "True", "reason": "ReleaseWaits", "message": "…"}
    ]
    begun = ObservedObject("uid", 1, "", {}, {}, {"observedGeneration": 1}, generation=2, replicas=2)
    assert rollout_condition(waited, {WEB: begun}).reason is Reason.AS_DECLARED
