"""The Deployments of a tenant, their ServiceAccount, and the change of the pods between Combined and Split. Pure."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import yaml

from askproai_core.data_keys import DATA_KEYS
from askproai_core.former_keys import FORMER_KEYS, PRESENT_KEYS, REVOKED_AT
from askproai_operator import resources
from askproai_operator.api import SecretKeyRef, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, Status, bad, good
from askproai_operator.api.runtime import ContainerResources, Pods, RuntimeMode
from askproai_operator.controllers.tenant.children.autoscaling import SCALED_BY, ScaledBy, replica_bounds
from askproai_operator.controllers.tenant.children.metadata import (
    Component,
    Manifest,
    child_labels,
    child_name,
    new_manifest,
    pod_selector,
)
from askproai_operator.controllers.tenant.children.secrets import ENCRYPTION_SUFFIX, SIGNING_KEYS
from askproai_operator.credentials import Credentials
from askproai_operator.engine import Cache, ObservedObject, find_condition
from askproai_operator.rollouts import read_record, rollout_problem
from askproai_operator.settings import Settings

# annotation of a Deployment: the files with staff members' own keys that its pods mount
OWN_KEYS = "askproai.de/own-keys"
# annotation of a Deployment: its pods can decrypt what others have encrypted
DECRYPTS = "askproai.de/decrypts"
# label of pods: whose image is on trial; the others have none, and Services select both
TRACK = "askproai.de/track"
CANARY = "canary"  # its value, and the suffix of the Deployment
MODE = "askproai.de/mode"  # annotation of Deployment T-web: Combined if its pods have a worker container, else Split


def live_canary(tenant: Tenant, objects: Cache) -> ObservedObject | None:
    """Return the Deployment `T-canary` from the cache; None without one."""
    return objects.child(resources.DEPLOYMENTS, tenant.metadata.namespace, child_name(tenant.metadata.name, CANARY))


@dataclass(frozen=True, slots=True)
class PodInputs:
    """The inputs of all Deployments of a tenant. `own_keys` and `further_keys` are keyed by the name of the mounted file."""

    tenant: Tenant
    credentials: Credentials
    own_keys: Mapping[str, SecretKeyRef] = field(default_factory=dict)  # of staff members' own Cal.com accounts
    further_keys: Mapping[str, SecretKeyRef] = field(default_factory=dict)  # the pods run without them, too
    pull_secrets: Sequence[str] = ()  # the installation's, in addition to the tenant's own
    variables: Mapping[str, str] = field(default_factory=dict)  # further environment variables


def deployment(
    pods: PodInputs,
    image: str,
    component: Component = Component.WEB,
    *,
    alone: bool = False,
    replicas: int | None = None,
    track: str = "",
) -> Manifest:
    """Return a Deployment's manifest: `deployment.yaml` with this tenant's names, image and volumes.

    Its pods have the containers of web and worker; with `alone`, only the one named like `component`. Without `replicas`, the
    field is left to an autoscaler. With a `track`, it is the Deployment `T-canary`: the Services select its pods, too, and the
    pods record their answers under that name.
    """
    tenant = pods.tenant
    spec: Manifest = copy.deepcopy(pod_template())
    if replicas is not None:
        spec["replicas"] = replicas
    selector, labels = pod_selector(tenant, component), {TRACK: CANARY} if track else {}
    # A canary's pods also match the selectors of the Services, the budget and `T-web` (which cannot be changed). That is safe:
    # a Deployment acts on the ReplicaSets that it owns, and a ReplicaSet on its own pods.
    spec["selector"] = {"matchLabels": selector | labels}
    spec["template"]["metadata"] = {"labels": child_labels(tenant, component) | labels}
    pod = spec["template"]["spec"]
    pod["serviceAccountName"] = child_name(tenant.metadata.name, "runtime")
    pod["containers"] = [container for container in pod["containers"] if not alone or container["name"] == component]
    for container in pod["containers"]:
        container["image"] = image
        named = {**pods.variables, **({"ASKPROAI_TRACK": track} if track else {})}
        further = [{"name": name, "value": value} for name, value in named.items()]
        container["env"] = [*container["env"], *further]  # both containers share the template's list
        container["resources"] = container_resources(replica_bounds(tenant, Component(container["name"])).resources)
    if component is Component.WORKER:  # no Service selects it; but a rollout waits until the new pod can work
        pod["containers"][0]["readinessProbe"] = {"httpGet": {"path": "/readyz", "port": "worker"}, "periodSeconds": 2}
    for constraint in pod["topologySpreadConstraints"]:
        constraint["labelSelector"] = {"matchLabels": selector}
    pod["volumes"] = _volumes(tenant, pods.credentials, {**pods.own_keys, **pods.further_keys})
    common = tenant.spec.runtime.pods
    pod |= pod_fields(common, pods.pull_secrets)
    if common.annotations:
        spec["template"]["metadata"]["annotations"] = dict(common.annotations)
    manifest = new_manifest(tenant, resources.DEPLOYMENTS, CANARY if track else component, component) | {"spec": spec}
    manifest["metadata"]["annotations"] = {
        SCALED_BY: ScaledBy.AUTOSCALER if replicas is None else ScaledBy.OPERATOR,
        DECRYPTS: "true",
        MODE: RuntimeMode.SPLIT if alone else RuntimeMode.COMBINED,
        **({OWN_KEYS: ",".join(sorted(pods.own_keys))} if pods.own_keys else {}),
    }
    return manifest


@cache
def pod_template() -> Manifest:
    """Return the parsed `deployment.yaml`. Callers must not change it."""
    return dict(yaml.safe_load(files(__package__).joinpath("deployment.yaml").read_text("utf-8")))


def tracing_variables(settings: Settings) -> dict[str, str]:
    """Return the environment variables for pods to send traces; empty if the operator sends no traces."""
    if not settings.tracing_endpoint:
        return {}
    return {
        "ASKPROAI_TRACING_ENDPOINT": settings.tracing_endpoint,
        "ASKPROAI_TRACING_SAMPLE_RATIO": str(settings.tracing_sample_ratio),
    }


def container_resources(resources: ContainerResources) -> Manifest:
    """Return a container's resources. By default without a CPU limit, since a throttled process answers late."""
    limits = {"memory": f"{resources.memory_limit_mebibytes}Mi"}
    if resources.cpu_limit_millicores is not None:
        limits["cpu"] = f"{resources.cpu_limit_millicores}m"
    requests = {"cpu": f"{resources.cpu_request_millicores}m", "memory": f"{resources.memory_request_mebibytes}Mi"}
    return {"requests": requests, "limits": limits}


def pod_fields(pods: Pods, pull_secrets: Iterable[str]) -> Manifest:
    """Return the pod fields that `runtime.pods` asks for. Empty fields are left out, so that existing pods stay as they are."""
    names = dict.fromkeys([*(ref.name for ref in pods.image_pull_secrets), *pull_secrets])
    fields = {
        "imagePullSecrets": [{"name": name} for name in names],
        "nodeSelector": dict(pods.node_selector or {}),
        "tolerations": [each.model_dump(by_alias=True, exclude_none=True, mode="json") for each in pods.tolerations],
        "priorityClassName": pods.priority_class_name,
    }
    return {name: value for name, value in fields.items() if value}


def _volumes(tenant: Tenant, credentials: Credentials, optional: Mapping[str, SecretKeyRef]) -> list[Manifest]:
    """Return the pods' volumes. The user's Secrets are projected key by key: a rotated key reaches the pods without the
    operator.

    If a key of `optional` is missing, the pods start without the features that need the key.
    """
    suffixes = ("config", "runtime", "admin", SIGNING_KEYS, ENCRYPTION_SUFFIX)
    config, runtime, admin, signing_keys, data_keys = (child_name(tenant.metadata.name, suffix) for suffix in suffixes)
    sources = [
        _secret_source(runtime, "DATABASE_URL"),
        # Optional, so that a Redis or an authority that is added or removed restarts no pod.
        _secret_source(runtime, "REDIS_URL", "CA_FILE", "DATABASE_CA_FILE", optional=True),
        # Former keys exist for an hour after a change of a key; `REVOKED_AT` exists after a revocation.
        _secret_source(signing_keys, FORMER_KEYS, PRESENT_KEYS, REVOKED_AT, optional=True),
        # Absent while the installation does not encrypt: pods without a key store plainly.
        _secret_source(data_keys, DATA_KEYS, optional=True),
        *(_secret_source(ref.name, (ref.key, file)) for file, ref in sorted(credentials.secret_refs.items())),
        *(_secret_source(ref.name, (ref.key, file), optional=True) for file, ref in sorted(optional.items())),
    ]
    return [
        {"name": "config", "configMap": {"name": config}},
        {"name": "credentials", "projected": {"sources": sources}},
        {"name": "admin", "secret": {"secretName": admin}},
    ]


def _secret_source(name: str, *keys: str | tuple[str, str], optional: bool = False) -> Manifest:
    """Return a projected volume's source from keys of a Secret. A pair is a key and its path; a single name is both."""
    pairs = [(key, key) if isinstance(key, str) else key for key in keys]
    source: Manifest = {"name": name, "items": [{"key": key, "path": path} for key, path in pairs]}
    return {"secret": source | ({"optional": True} if optional else {})}


def service_account(tenant: Tenant) -> Manifest:
    """Return the pods' ServiceAccount, for policies to name. Its token is mounted nowhere."""
    account = new_manifest(tenant, resources.SERVICE_ACCOUNTS, "runtime", "runtime")
    return account | {"automountServiceAccountToken": False}


@dataclass(frozen=True, slots=True)
class Layout:
    """The containers of a tenant's Deployments: `web_alone` for web pods without a worker, `workers` if there are worker pods."""

    web_alone: bool
    workers: bool


def plan_layout(tenant: Tenant, web: ObservedObject | None, workers: ObservedObject | None) -> Layout:
    """Return the next layout on the way to `runtime.mode`, such that a worker runs at every moment.

    To Split: the web pods keep their worker until a worker pod serves. To Combined: the worker pods stay until all web pods
    have a worker again. Both kinds of workers may run together, since each job is claimed by one worker. `web` and `workers`
    are the present Deployments, or None.
    """
    if tenant.spec.runtime.mode is RuntimeMode.SPLIT:
        split_already = web is None or web.annotations.get(MODE) == RuntimeMode.SPLIT
        return Layout(web_alone=split_already or tenant.spec.suspend or _is_serving(workers), workers=True)
    combined = web is not None and web.annotations.get(MODE) == RuntimeMode.COMBINED and _is_rolled_out(web)
    return Layout(web_alone=False, workers=workers is not None and not (combined or tenant.spec.suspend))


def _is_rolled_out(deployment: ObservedObject) -> bool:
    """Return True if only pods of the newest template run and all of them are available."""
    status = deployment.status
    counts = {status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")}
    return len(counts) == 1 and status.get("observedGeneration", 0) >= deployment.generation


def mounted_own_keys(deployments: Iterable[ObservedObject]) -> frozenset[str] | None:
    """Return the files of own keys that all pods of a tenant mount; None without pods, since later pods mount all files."""
    found = [
        frozenset(live.annotations.get(OWN_KEYS, "").split(",") if _is_rolled_out(live) else ()) for live in deployments
    ]
    return frozenset.intersection(*found) if found else None


def all_pods_decrypt(deployments: Sequence[ObservedObject], *, before: bool) -> bool:
    """Return True if every pod of a tenant can decrypt the data that another pod encrypts, also if there are no pods yet.

    While a roll-out between templates of this release is under way, the answer stays as `before`. A Deployment whose pods do
    not decrypt lacks the annotation, and then the answer is False.
    """
    if not all(live.annotations.get(DECRYPTS) for live in deployments):
        return False
    return before or all(map(_is_rolled_out, deployments))


def _is_serving(deployment: ObservedObject | None) -> bool:
    return deployment is not None and deployment.status.get("availableReplicas", 0) > 0


def runtime_condition(tenant: Tenant, deployments: Mapping[Component, ObservedObject]) -> Condition:
    """Return RuntimeAvailable: True if each Deployment has its least number of available pods, or the tenant is suspended."""
    kind = ConditionType.RUNTIME_AVAILABLE
    if tenant.spec.suspend:
        text = "spec.suspend is true: no pods run; callers hear that no appointments are taken at present"
        return good(kind, text, Reason.SUSPENDED)
    counts = {
        component: (int(live.status.get("availableReplicas") or 0), replica_bounds(tenant, component).min_replicas)
        for component, live in deployments.items()
    }
    text = ", ".join(
        f"{ready} {component} pods are ready, at least {least} are wanted"
        for component, (ready, least) in counts.items()
    )
    if all(ready >= least for ready, least in counts.values()):
        return good(kind, text)
    return bad(kind, Reason.PROGRESSING, f"{text}; if it stays so: {_describe_pods(tenant)}")


def rollout_condition(
    tenant: Tenant, deployments: Mapping[Component, ObservedObject], awaited: str | None = None
) -> Condition:
    """Return RolloutHealthy: False if Kubernetes has given up on the newest pods, or is not allowed to create them.

    It is separate from RuntimeAvailable: the former pods serve, and numbers are bound meanwhile. `awaited` is the release that
    the tenant waits for, or None. The message names no other tenant and no number, so that it is written once.
    """
    kind, name = ConditionType.ROLLOUT_HEALTHY, tenant.metadata.name
    former = find_condition(tenant, kind)
    if former.get("reason") == Reason.RELEASE_WAITS:
        former = {}
    if former and any(live.status.get("observedGeneration", 0) < live.generation for live in deployments.values()):
        # Each step of an autoscaler makes a generation: the condition waits until the Deployment's status observes it.
        return Condition(kind, Status(former["status"]), former["reason"], former.get("message", ""))
    problems = [
        f"Deployment {child_name(name, component)}: {problem}"
        for component, live in deployments.items()
        if (problem := rollout_problem(live)) is not None
    ]
    if not problems and awaited is not None:
        return good(kind, _describe_wait(deployments.values(), awaited), Reason.RELEASE_WAITS)
    if not problems:
        return good(kind)
    return bad(kind, Reason.ROLLOUT_STUCK, f"{'; '.join(problems)}; what the pods wait for: {_describe_pods(tenant)}")


def _describe_wait(deployments: Iterable[ObservedObject], awaited: str) -> str:
    found = [record for record in map(read_record, deployments) if record is not None]
    former = f"release {found[0].release} (image {found[0].image})" if found else "a former release"
    return (
        f"its pods stay with {former} until it is their turn to get release {awaited}: so many tenants change at once as"
        " settings.rolloutMaxTenants says, and no further one while the pods of one are unhealthy; an edit never waits"
    )


def _describe_pods(tenant: Tenant) -> str:
    return f"kubectl describe pods -n {tenant.metadata.namespace} -l askproai.de/tenant={tenant.metadata.name}"
