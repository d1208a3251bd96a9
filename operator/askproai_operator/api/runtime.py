"""How a Tenant's pods run: image and trials, replicas, resources, nodes and limits."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from askproai_operator.api import base

Replicas = Annotated[int, Field(ge=1, le=100)]
PerSecond = Annotated[int, Field(ge=0, le=100_000)]


class RuntimeMode(StrEnum):
    COMBINED = "Combined"
    SPLIT = "Split"


_REPLICAS = base.rule(
    "self.minReplicas <= self.maxReplicas",
    "minReplicas must not be above maxReplicas (an absent one has its default: web 1 and 10, workers 1 and 5)",
)
_REQUESTS = base.rule(
    "self.memoryRequestMebibytes <= self.memoryLimitMebibytes"
    " && (!has(self.cpuLimitMillicores) || self.cpuRequestMillicores <= self.cpuLimitMillicores)",
    "a request must not be above its limit (absent ones have their defaults: CPU 15 and no limit, memory 64 and 256)",
)
Millicores = Annotated[int, Field(ge=1, le=64_000)]
Mebibytes = Annotated[int, Field(ge=16, le=262_144)]


class ContainerResources(base.Part):
    model_config = base.with_rules(_REQUESTS)

    cpu_request_millicores: Millicores = 15
    """CPU that the scheduler reserves (thousandths of a core), up to the operator's ASKPROAI_MAX_CPU_MILLICORES."""
    cpu_limit_millicores: Annotated[int, Field(ge=100, le=64_000)] | None = None
    """Most CPU (thousandths of a core), up to the operator's ASKPROAI_MAX_CPU_MILLICORES. Absent: no limit."""
    memory_request_mebibytes: Mebibytes = 64
    """Memory that the scheduler reserves (MiB), up to the operator's ASKPROAI_MAX_MEMORY_MEBIBYTES."""
    # A process under load has less than 81 MiB, and request bodies in flight may take 64 MiB more.
    memory_limit_mebibytes: Annotated[int, Field(ge=192, le=262_144)] = 256
    """Memory beyond which the container is restarted (MiB), up to the operator's ASKPROAI_MAX_MEMORY_MEBIBYTES."""


class WebScale(base.Part):
    model_config = base.with_rules(_REPLICAS)

    min_replicas: Replicas = 1
    """Fewest web pods (pods). With 1, an update loses no call, but nobody answers while a container of the pod (the
    worker's, too) waits or restarts, nor while the pod moves from a drained or lost node; with 2 the other pod answers."""
    max_replicas: Replicas = 10
    """Most web pods (pods), up to the operator's ASKPROAI_MAX_REPLICAS; also bounds the database connections."""
    resources: ContainerResources = ContainerResources()
    """CPU and memory of each web container."""


class WorkerScale(base.Part):
    model_config = base.with_rules(_REPLICAS)

    min_replicas: Replicas = 1
    """Fewest worker pods (pods)."""
    max_replicas: Replicas = 5
    """Most worker pods (pods), up to the operator's ASKPROAI_MAX_REPLICAS."""
    resources: ContainerResources = ContainerResources()
    """CPU and memory of each worker container, in both modes."""


class TolerationOperator(StrEnum):
    EQUAL = "Equal"
    EXISTS = "Exists"


class TaintEffect(StrEnum):
    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Toleration(base.Part):
    model_config = base.with_rules(
        base.rule(
            "!has(self.operator) || self.operator != 'Exists' || !has(self.value) || self.value == ''",
            "a toleration with operator Exists has no value",
        ),
        base.rule(
            "!has(self.tolerationSeconds) || has(self.effect) && self.effect == 'NoExecute'",
            "tolerationSeconds needs the effect NoExecute",
        ),
    )

    key: Annotated[str, base.bounded_text(253)]
    """Key of the taint; one that the operator's ASKPROAI_TOLERATION_KEYS lists."""
    operator: TolerationOperator | None = None
    """Equal (the value must be the taint's) or Exists. Absent: Equal."""
    value: base.LabelValue | None = None
    """Value of the taint."""
    effect: TaintEffect | None = None
    """Effect of the taint. Absent: all effects."""
    toleration_seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None
    """How long a pod stays on a node with a NoExecute taint (seconds). Absent: for good."""


class Pods(base.Part):
    image_pull_secrets: Annotated[tuple[base.SecretRef, ...], base.bounded_list(5, key="name")] = ()
    """Secrets of this namespace with which the image is pulled, before those of the operator's ASKPROAI_IMAGE_PULL_SECRETS."""
    node_selector: Annotated[dict[str, base.LabelValue], base.bounded_map(20)] | None = None
    """Labels that a node must have. They only narrow the choice, so every label is allowed."""
    tolerations: Annotated[tuple[Toleration, ...], base.bounded_list(20)] = ()
    """Taints that the pods tolerate; only keys of the operator's ASKPROAI_TOLERATION_KEYS, the others are left out."""
    priority_class_name: base.ForeignName | None = None
    """PriorityClass of the pods; one of the operator's ASKPROAI_PRIORITY_CLASSES, any other is left out."""
    annotations: Annotated[dict[str, Annotated[str, Field(max_length=1000)]], base.bounded_map(50)] | None = None
    """Annotations of the pods; only those of the operator's ASKPROAI_POD_ANNOTATIONS, the others are left out."""


class RateLimits(base.Part):
    webhooks_per_second: PerSecond = 300
    """Webhooks per second, up to the operator's ASKPROAI_MAX_REQUESTS_PER_SECOND; 0 is that ceiling."""
    functions_per_second: PerSecond = 100
    """Call functions per second, up to the operator's ASKPROAI_MAX_REQUESTS_PER_SECOND; 0 is that ceiling."""


class BookingLimits(base.Part):
    per_call: Annotated[int, Field(ge=1, le=100)] = 3
    """Bookings in one call, cancelled ones included."""
    per_caller_and_day: Annotated[int, Field(ge=1, le=1000)] = 10
    """Bookings from one number within 24 hours; raise it for an office that books for many people."""
    anonymous_per_hour: Annotated[int, Field(ge=1, le=1000)] = 20
    """Bookings by all callers who withhold their number."""


_REPOSITORY = r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)*"


Image = Annotated[
    str,
    base.matching(
        rf"^{_REPOSITORY}(:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(@sha256:[a-f0-9]{{64}})?$",
        500,
        "not an image, such as registry.example/askproai:0.2.0",
    ),
]


class Canary(base.Part):
    image: Image
    """Image that some of the web pods run on trial, beside the others; of a repository that the operator's ASKPROAI_RUNTIME_IMAGES
    lists. It is taken back when its callers meet more failures than callers of the other pods. Promote it by writing it into
    `runtime.image` and removing `canary`."""
    percent: Annotated[int, Field(ge=1, le=50)] = 10
    """Number of further pods that run the image, in percent of the web pods; at least one. Each request goes to any pod, so a
    canary beside one web pod answers half of them. A change restarts the trial."""
    callers: Annotated[int, Field(ge=20, le=10_000)] = 100
    """Callers after whom CanaryHealthy says that the image is good enough to be promoted. The trial goes on until you end it."""


class Shadow(base.Part):
    image: Image
    """Image that answers copies of this tenant's calls on a copy of its book, which no caller hears; of a repository that the
    operator's ASKPROAI_RUNTIME_IMAGES lists. It reaches no provider and sends nothing. `status.shadow` lists the bookings that
    differ."""
    hours: Annotated[int, Field(ge=1, le=168)] = 24
    """Its duration (hours). Then its pods, its login and its copy of the book are deleted, and `status.shadow` stays. It begins
    anew, without its findings, when image or hours change (a longer time does not prolong it), and when it is asked for again
    after `status.shadow.withdrawn` became true."""


class Runtime(base.Part):
    model_config = base.with_rules(
        base.rule("!has(self.canary) || !has(self.shadow)", "try one image at a time: keep either canary or shadow"),
        base.rule(
            "!has(self.image) || !has(self.canary) || self.image != self.canary.image",
            "canary.image is runtime.image already: remove canary, or name another image",
        ),
    )

    image: Image | None = None
    """Image of the tenant's pods, of a repository that the operator's ASKPROAI_RUNTIME_IMAGES lists; of the operator's release or
    of the one before, so write it anew at each upgrade. Absent: the operator's image, which follows its upgrades."""
    canary: Canary | None = None
    """An image on trial, for a share of the callers."""
    shadow: Shadow | None = None
    """An image on trial, for no callers: its bookings are compared with the real ones."""
    mode: RuntimeMode = RuntimeMode.COMBINED
    """Combined: one Deployment whose pods have a web and a worker container.
    Split: two Deployments that scale apart."""
    web: WebScale = WebScale()
    """Number of web pods; between minimum and maximum an autoscaler decides, by their CPU."""
    workers: WorkerScale = WorkerScale()
    """Number of worker pods, for mode Split only; with Combined each web pod has a worker."""
    pods: Pods = Pods()
    """Settings of all pods of this tenant: registry, nodes, priority, annotations. A change restarts them one by one."""
    rate_limits: RateLimits = RateLimits()
    """Limits over all pods: a webhook above them is answered 429 with Retry-After, a function by a sentence that asks to wait.
    Without Redis they apply to each pod alone.
    """
    booking_limits: BookingLimits = BookingLimits()
    """Number of appointments that callers can book; above it they are referred to the team."""
