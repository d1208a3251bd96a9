"""An image on trial at a real API server: its pods, the verdict, and the recorded trial."""

from typing import Any

import asyncpg
import pytest

from askproai_operator.api import Key
from askproai_operator.controllers.tenant.canary import CANARIES
from tests.worlds.databases import Database
from tests.worlds.operator_environment import NAME, TenantNamespace
from tests.worlds.tenant_reconciles import rows
from tests.worlds.unscheduled_pods import RUNS, make_deployment_ready
from tests.worlds.waiting import SOON, eventually, until

pytestmark = pytest.mark.nightly

WEB, CANARY = "salon-mueller-web", "salon-mueller-canary"
IMAGE = "askproai:0.2.0"
REQUEST = """INSERT INTO function_requests (tenant, call_id, at, function, outcome, duration_ms, correlation_id, track)
    VALUES ($1, $2, now(), 'book_appointment', $3, 5, 'c', $4)"""


def on_trial(image: str = IMAGE, **canary: Any) -> dict[str, Any]:
    return RUNS | {"runtime": RUNS["runtime"] | {"canary": {"image": image} | canary}}


async def begin(namespace: TenantNamespace, **canary: Any) -> dict[str, Any]:
    """Create a Tenant with a canary, and return the canary's Deployment."""
    await namespace.create_salon(spec=on_trial(**canary))
    return await namespace.wait_for("Deployment", CANARY, bool, "the canary's Deployment")


async def trial_of(namespace: TenantNamespace) -> dict[str, Any]:
    live = await namespace.get("Tenant")
    return dict(live["status"].get("canary") or {})


async def call(namespace: TenantNamespace, database: Database, outcome: str, *, at_canary: bool = True) -> None:
    """Record a caller's booking, as a pod does."""
    track = (await trial_of(namespace))["track"] if at_canary else None
    number = (await rows(database, "SELECT count(*) AS n FROM function_requests"))[0]["n"]
    await rows(database, REQUEST, namespace.tenant, f"call_{number}", outcome, track)


def container(deployment: dict[str, Any]) -> dict[str, Any]:
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(only)


async def test_canary_runs_its_image_behind_the_same_service(namespace):
    deployment = await begin(namespace)
    track = (await trial_of(namespace))["track"]
    web = container(deployment)
    assert (web["name"], web["image"]) == ("web", IMAGE), "jobs are done by the other pods"
    assert {"name": "ASKPROAI_TRACK", "value": track} in web["env"]
    assert deployment["spec"]["replicas"] == 1
    service = await namespace.get("Service", WEB)
    stable = await namespace.get("Deployment", WEB)
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert "askproai.de/track" not in stable["spec"]["template"]["metadata"]["labels"]
    assert stable["spec"]["template"]["spec"]["containers"][0]["image"] == "askproai:0.1.0"

    async def describes() -> bool:
        message = (await namespace.wait_for_condition("CanaryHealthy", "True", "Progressing"))["message"]
        return "1 of 3 web pods run askproai:0.2.0, so about 33 % of the requests go there; no caller met it" in message

    assert await eventually(describes, SOON, "the condition with the share of the pods")


async def test_failing_callers_end_trials_until_the_spec_changes(namespace, module_database):
    await begin(namespace)
    await make_deployment_ready(namespace, "web")
    for outcome in ("booked", "failed", "failed"):
        await call(namespace, module_database, "booked", at_canary=False)
        await call(namespace, module_database, outcome)
    condition = await namespace.wait_for_condition("CanaryHealthy", "False", "CanaryTakenBack")
    assert "the bookings of 2 of 3 callers failed there, and of 0 of 3 at the other pods" in condition["message"]
    await namespace.wait_for_condition("Ready", "True", "CanaryTakenBack")
    ended = await namespace.wait_for("Deployment", CANARY, lambda live: live["spec"]["replicas"] == 0, "no pods of it")
    await namespace.wait_for_event("Warning", "CanaryTakenBack")
    taken_back = await trial_of(namespace)
    assert (taken_back["state"], taken_back["callers"], taken_back["failedCallers"]) == ("TakenBack", 3, 2)

    # Neither the next look nor another edit runs the canary again.
    await namespace.operator.reconcile_again(namespace.operator.settings.background_key(CANARIES))
    await namespace.edit({"runtime": {"canary": {"callers": 50}}})
    await namespace.wait_for("Tenant", NAME, lambda live: live["status"]["observedGeneration"] == 2, "the edit")
    assert (await namespace.get("Deployment", CANARY) or {})["spec"]["replicas"] == 0
    assert ended["metadata"]["uid"] == (await namespace.get("Deployment", CANARY) or {})["metadata"]["uid"]

    # Nor does removing the canary and adding the same one again.
    await namespace.edit({"runtime": {"canary": None}})
    await namespace.wait_until_gone("Deployment", CANARY)
    await namespace.wait_for_condition("CanaryHealthy", "True", "NotRequested")
    await namespace.edit(on_trial())
    await namespace.wait_for_condition("CanaryHealthy", "False", "CanaryTakenBack")
    assert await trial_of(namespace) == taken_back
    assert (await namespace.get("Deployment", CANARY) or {})["spec"]["replicas"] == 0

    await namespace.edit({"runtime": {"canary": {"image": "askproai:0.2.1"}}})
    again = await namespace.wait_for("Deployment", CANARY, lambda live: live["spec"]["replicas"] == 1, "the next trial")
    assert container(again)["image"] == "askproai:0.2.1"
    assert (await trial_of(namespace))["track"] != taken_back["track"], "what the former one failed does not count"


async def test_pods_of_an_ended_canary_are_removed_again(namespace, module_database):
    """The verdict is written first. Any reconcile that reads it ends the pods, also those of an edit that came in between."""
    await begin(namespace)
    for _ in range(2):
        await call(namespace, module_database, "failed")
    await namespace.wait_for("Deployment", CANARY, lambda live: live["spec"]["replicas"] == 0, "no pods of it")
    await namespace.client.merge(namespace.path("Deployment", CANARY), {"spec": {"replicas": 3}})
    await namespace.wait_for("Deployment", CANARY, lambda live: live["spec"]["replicas"] == 0, "no pods of it again")


async def test_crashing_pods_end_trials_without_callers_records(namespace):
    await begin(namespace)

    async def crash() -> bool:
        path = f"/api/v1/namespaces/{namespace.name}/pods"
        found = await namespace.client.get(path, labelSelector="askproai.de/track=canary")
        for pod in found["items"]:
            ended = {"exitCode": 139, "reason": "Error"}
            status = {"name": "web", "image": IMAGE, "imageID": "", "ready": False, "restartCount": 2, "started": False}
            status |= {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": ended}}
            await namespace.client.merge(
                f"{path}/{pod['metadata']['name']}/status", {"status": {"containerStatuses": [status]}}
            )
        return bool(found["items"])

    await eventually(crash, SOON, "a pod of the canary")
    condition = await namespace.wait_for_condition("CanaryHealthy", "False", "CanaryTakenBack")
    assert "its containers were restarted 2 times (CrashLoopBackOff)" in condition["message"]


async def test_unreadable_kept_spec_delays_no_other_trial(namespace, module_database):
    """A paused Tenant's spec is in its status, perhaps in the form of another release."""
    await begin(namespace)
    other, paused = "a-neighbour", {"askproai.de/paused": "true"}
    await namespace.create("Tenant", other, spec=on_trial(), annotations=paused)
    await namespace.wait_for_condition("Paused", "True", name=other)
    unreadable = {"status": {"appliedSpec": '{"calendar": 7}', "key": f"{namespace.name}.{other}"}}
    await namespace.client.merge(f"{namespace.path('Tenant', other)}/status", unreadable)

    async def is_met() -> bool:
        cached = namespace.operator.context.cache.get(Key("Tenant", namespace.name, other))
        return cached is not None and cached.status.get("appliedSpec") == unreadable["status"]["appliedSpec"]

    assert await eventually(is_met, SOON, "the spec that cannot be read")
    for _ in range(2):
        await call(namespace, module_database, "failed")
    await namespace.wait_for("Deployment", CANARY, lambda live: live["spec"]["replicas"] == 0, "no pods of it")


async def test_removed_canarys_pods_end_despite_a_refused_key(namespace):
    await begin(namespace)
    await namespace.write_secret(**{"retell-api-key": "wrong"})
    await namespace.wait_for_condition("CredentialsValid", "False")
    await namespace.edit({"runtime": {"canary": None}})
    await namespace.wait_for("Deployment", CANARY, lambda live: live["spec"]["replicas"] == 0, "no pods of it")
    await until(lambda: trial_of(namespace), lambda trial: not trial, "the end of the trial")


@pytest.mark.parametrize("annotation", ["paused", "plan"])
async def test_held_edits_do_not_change_the_canary_trial(namespace, module_database, annotation):
    """The canary has real callers, so its trial goes on and is judged."""
    await begin(namespace)
    track = (await trial_of(namespace))["track"]
    await namespace.annotate(annotation)
    await namespace.wait_for_condition("Paused", "True")
    edit = {"spec": {"suspend": True, "runtime": {"canary": {"image": "askproai:0.2.1"}}}}
    await namespace.client.merge(namespace.path("Tenant"), edit)
    await namespace.operator.reconcile_again(namespace.operator.settings.background_key(CANARIES))
    assert ((await trial_of(namespace))["track"], (await trial_of(namespace))["image"]) == (track, IMAGE)
    for _ in range(2):
        await call(namespace, module_database, "failed")
    await namespace.wait_for("Deployment", CANARY, lambda live: live["spec"]["replicas"] == 0, "no pods of it")
    assert (await trial_of(namespace))["state"] == "TakenBack"


async def test_trial_stays_undecided_while_postgresql_is_silent(namespace, monkeypatch):
    await begin(namespace)

    async def away(*_: object) -> None:
        raise asyncpg.CannotConnectNowError("starting up")

    with monkeypatch.context() as patched:
        patched.setattr(namespace.operator.context.database, "read_canary_outcomes", away)
        await namespace.operator.reconcile_again(namespace.operator.settings.background_key(CANARIES))
    assert (await trial_of(namespace))["state"] == "Running"
    assert (await namespace.get("Deployment", CANARY) or {})["spec"]["replicas"] == 1
