"""A Tenant's canary: the images that may be named, the number of its pods, and the report of the condition."""

from datetime import UTC, datetime
from typing import Any

import pytest

from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Reason, Status
from askproai_operator.api.tenant_status import CanaryState, CanaryStatus
from askproai_operator.controllers.canary import observe_pods
from askproai_operator.controllers.canary_judge import CanaryPods
from askproai_operator.controllers.ceilings import apply_ceilings, repository_of
from askproai_operator.controllers.tenant.canary import (
    canary_condition,
    canary_pods,
    describe_callers,
    image_of,
    is_of,
    recorded_trial,
    wanted_canary,
)
from askproai_operator.controllers.tenant.children.autoscaling import disruption_budget
from askproai_operator.controllers.tenant.children.metadata import Component
from askproai_operator.controllers.tenant.children.services import metrics_service, page_service, services
from askproai_operator.controllers.tenant.database import connection_limit
from askproai_operator.settings import Settings
from tests.worlds.compiled_contexts import deployment
from tests.worlds.salon_models import credentials, tenant

IMAGE = "registry.example:5000/voice/askproai:0.2.0"
SETTINGS = Settings(runtime_image="registry.example:5000/voice/askproai:0.1.0")


def trial(**changes: Any) -> CanaryStatus:
    began = datetime(2026, 11, 24, 12, tzinfo=UTC)
    fields = {"image": IMAGE, "percent": 10, "track": "canary-1", "since": began, "state": CanaryState.RUNNING}
    return CanaryStatus.model_validate(fields | changes)


def on_trial(tried: str = IMAGE, **runtime: Any) -> Tenant:
    return tenant(runtime={"canary": {"image": tried}, **runtime})


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("askproai", "askproai"),
        ("askproai:0.1.0", "askproai"),
        ("registry.example:5000/voice/askproai", "registry.example:5000/voice/askproai"),
        ("registry.example:5000/voice/askproai:0.1.0", "registry.example:5000/voice/askproai"),
        ("registry.example/askproai:0.1.0@sha256:" + "a" * 64, "registry.example/askproai"),
        ("registry.example/askproai@sha256:" + "a" * 64, "registry.example/askproai"),
    ],
)
def test_image_repository_has_neither_tag_nor_digest(image: str, repository: str) -> None:
    assert repository_of(image) == repository


@pytest.mark.parametrize(
    ("listed", "image", "is_allowed"),
    [
        ((), "registry.example:5000/voice/askproai:any", True),  # that of the operator
        ((), "registry.example:5000/voice/askproai2:1", False),
        ((), "registry.example:5000/voice/askproai/tools:1", False),
        ((), "askproai:0.1.0", False),  # another registry's
        (("registry.example/a",), "registry.example/a:1", True),
        (("registry.example/a",), "registry.example:5000/voice/askproai:0.1.0", False),
        (("registry.example/team/",), "registry.example/team/any:1", True),
        (("registry.example/team/",), "registry.example/team:1", False),
        (("registry.example/team/",), "registry.example/team2/any:1", False),
    ],
)
def test_only_images_of_listed_repositories_are_run(listed: tuple[str, ...], image: str, is_allowed: bool) -> None:
    """The author of a Tenant may lack the right to create pods, and these hold the tenant's keys and database login."""
    settings = SETTINGS.model_copy(update={"runtime_images": listed})
    allowed, sentences = apply_ceilings(on_trial(image, image=f"{image}-stable"), settings)
    assert (allowed.spec.runtime.canary is not None, allowed.spec.runtime.image is not None) == (is_allowed, is_allowed)
    assert len(sentences) == (0 if is_allowed else 2)
    assert all("ASKPROAI_RUNTIME_IMAGES" in sentence for sentence in sentences)
    assert (wanted_canary(on_trial(image), settings) is not None) is is_allowed


def test_canary_with_the_other_pods_image_is_ignored() -> None:
    assert wanted_canary(on_trial(SETTINGS.runtime_image), SETTINGS) is None
    assert wanted_canary(on_trial(IMAGE), SETTINGS) is not None
    assert image_of(tenant(), SETTINGS) == SETTINGS.runtime_image
    assert image_of(tenant(runtime={"image": IMAGE}), SETTINGS) == IMAGE


@pytest.mark.parametrize(
    ("others", "percent", "pods"),
    [(0, 10, 1), (1, 10, 1), (1, 50, 1), (2, 50, 2), (9, 10, 1), (18, 10, 2), (17, 10, 1), (20, 50, 20), (3, 25, 1)],
)
def test_canary_has_at_least_one_pod(others: int, percent: int, pods: int) -> None:
    assert canary_pods(others, percent) == pods
    assert pods == 1 or pods * 100 <= percent * (pods + others), "never more than its share"


def test_canary_pods_serve_all_services_and_no_worker() -> None:
    rendered = deployment(on_trial(), credentials(), IMAGE, alone=True, replicas=1, track="canary-1")
    usual = deployment(on_trial(), credentials(), IMAGE, replicas=1)
    assert rendered["metadata"]["name"] == "salon-mueller-canary"
    labels = rendered["spec"]["template"]["metadata"]["labels"]
    assert rendered["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert (
        not rendered["spec"]["selector"]["matchLabels"].items()
        <= usual["spec"]["template"]["metadata"]["labels"].items()
    )
    for service in (*services(on_trial()), page_service(on_trial()), metrics_service(on_trial())):
        assert service["spec"]["selector"].items() <= labels.items(), service["metadata"]["name"]
    budget = disruption_budget(on_trial(), Component.WEB)
    assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()
    (container,) = rendered["spec"]["template"]["spec"]["containers"]
    assert container["name"] == "web"
    assert container["env"][-1] == {"name": "ASKPROAI_TRACK", "value": "canary-1"}
    assert "ASKPROAI_TRACK" not in str(usual)


def test_canary_pods_have_their_own_connections() -> None:
    # One pod, and one more of a roll-out.
    assert connection_limit(on_trial()) == connection_limit(tenant()) + (1 + 1) * 3
    many = on_trial(web={"maxReplicas": 18})
    assert connection_limit(many) == connection_limit(tenant(runtime={"web": {"maxReplicas": 18}})) + (2 + 1) * 3


def test_trial_is_remembered_until_image_or_share_change() -> None:
    canary = on_trial().spec.runtime.canary
    assert is_of(trial(), canary)
    assert is_of(trial(), canary.model_copy(update={"callers": 20}))
    assert not is_of(trial(image="other"), canary)
    assert not is_of(trial(percent=11), canary)
    assert not is_of(None, canary)
    assert not is_of(trial(), None)
    stored = trial().model_dump(by_alias=True, mode="json")
    assert recorded_trial(tenant().model_copy(update={"status": {"canary": stored}})) == trial()


@pytest.mark.parametrize(
    ("runtime", "found", "status", "reason", "text"),
    [
        ({"canary": {"image": IMAGE}}, None, Status.TRUE, Reason.PROGRESSING, "begins"),
        ({"canary": {"image": IMAGE}}, trial(image="former"), Status.TRUE, Reason.PROGRESSING, "begins"),
        (
            {"canary": {"image": IMAGE}}, trial(), Status.TRUE, Reason.PROGRESSING,
            "no caller met it yet; it is good enough after 100",
        ),
        (
            {"canary": {"image": IMAGE}}, trial(callers=20, failed_callers=1), Status.TRUE, Reason.PROGRESSING,
            "so about 33 % of the requests go there; 20 or more callers met it, 1 of them a failure; it is good enough after 100",
        ),
        ({"canary": {"image": IMAGE}}, trial(state="Passed"), Status.TRUE, Reason.CANARY_PASSED, "write it into runtime.image"),
        (
            {"canary": {"image": IMAGE}}, trial(state="TakenBack", message="why"), Status.FALSE, Reason.CANARY_TAKEN_BACK,
            "why",
        ),
    ],
)  # fmt: skip
def test_condition_shows_the_progress_of_a_trial(runtime, found, status, reason, text):
    condition = canary_condition(tenant(runtime=runtime), found, 1, 2, SETTINGS)
    assert (condition.status, condition.reason) == (status, reason)
    assert text in condition.message
    assert condition.good, "Ready ignores it"


def test_condition_exists_only_during_or_after_a_canary() -> None:
    assert canary_condition(tenant(), None, 0, 2, SETTINGS) is None
    had = {"conditions": [{"type": "CanaryHealthy", "status": "False", "reason": "CanaryTakenBack"}]}
    ended = canary_condition(tenant().model_copy(update={"status": had}), None, 0, 2, SETTINGS)
    assert (ended.status, ended.reason) == (Status.TRUE, Reason.NOT_REQUESTED)
    suspended = canary_condition(tenant(suspend=True, runtime={"canary": {"image": IMAGE}}), None, 0, 0, SETTINGS)
    assert suspended.reason is Reason.SUSPENDED


def test_small_caller_counts_are_stated_exactly() -> None:
    assert [describe_callers(number) for number in (0, 1, 2)] == ["no caller", "1 caller", "2 or more callers"]


def pod(*containers: dict[str, Any], track: str = "canary-1", ending: bool = False, **status: Any) -> dict[str, Any]:
    meta = {"deletionTimestamp": "2026-11-24T12:00:00Z"} if ending else {}
    env = [{"name": "ASKPROAI_TRACK", "value": track}]
    return {
        "metadata": meta,
        "spec": {"containers": [{"env": env}]},
        "status": {"containerStatuses": containers, **status},
    }


def test_canary_pod_state_comes_from_the_cluster() -> None:
    waiting = {"restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}}
    ended = {"restartCount": 1, "state": {}, "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}
    found = observe_pods({}, [pod(waiting, ended)], trial())
    assert found == CanaryPods(4, None, "CrashLoopBackOff: back-off 10s")
    assert observe_pods({}, [pod(ended)], trial()).waits_for == "OOMKilled: exit code 137"
    unscheduled = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}
    assert observe_pods({}, [pod(conditions=[unscheduled])], trial()) == CanaryPods(waits_for="0/3 nodes are available")
    refused = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    assert observe_pods({"conditions": [refused]}, [], trial()) == CanaryPods(waits_for="exceeded quota")


def test_pods_of_an_earlier_trial_are_not_counted() -> None:
    crashed = {"restartCount": 9, "state": {}}
    assert observe_pods({}, [pod(crashed, track="canary-0"), pod(crashed, ending=True)], trial()) == CanaryPods()


@pytest.mark.parametrize(
    ("status", "since", "expected"),
    [
        ("True", "2026-11-24T13:00:00Z", None),
        ("False", "2026-11-24T13:00:00Z", datetime(2026, 11, 24, 13, tzinfo=UTC)),
        ("False", "2026-11-24T11:00:00Z", trial().since),  # of the trial before
    ],
)
def test_pods_count_as_unready_only_during_the_trial(status: str, since: str, expected: datetime | None) -> None:
    available = {"type": "Available", "status": status, "lastTransitionTime": since}
    assert observe_pods({"conditions": [available]}, [], trial()).unready_since == expected
