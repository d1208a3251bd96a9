"""The operator's settings: `ASKPROAI_*` variables, read once at the start."""

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from askproai_operator.api import Key
from askproai_operator.resources import MANAGER
from askproai_operator.shards import MAX_SHARDS, Shard

Port = Annotated[int, Field(ge=0, le=65535)]


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]  # separated by commas in the variable


class Settings(BaseSettings):
    """The settings of one operator, set by a platform team. Every field is the variable `ASKPROAI_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="ASKPROAI_", frozen=True)

    kubeconfig: Path | None = None
    """Kubeconfig file. Absent: `KUBECONFIG`, then the pod's own service account."""
    namespace: str = "askproai-system"
    """The operator's own namespace: for its Lease, and Events that no other accepts."""
    pod_name: str | None = None
    """First part of this replica's name in the Lease. Absent: the host name."""
    shard_count: int = Field(1, ge=1, le=MAX_SHARDS)
    """How many operators divide the namespaces of the cluster. All of them have the same number; how it is changed:
    docs/how-to/platform.md.
    """
    shard_index: int = Field(0, ge=0)
    """Which part of the namespaces this operator has: 0 to ASKPROAI_SHARD_COUNT - 1."""
    installation_id: str | None = None
    """First part of the marker at the providers; two installations that share a Retell workspace must differ. Absent: the UID of
    namespace `kube-system`.
    """
    database_admin_url: SecretStr | None = None
    """PostgreSQL as the owner of its database, with CREATEROLE, not superuser."""
    database_admin_url_file: Path | None = None
    """File that holds it instead, such as a mounted Secret."""
    redis_admin_url: SecretStr | None = None
    """Redis as a user who may manage users; `redis+sentinel://user:password@h1:p,h2:p/master` by Sentinel. Absent: no Redis;
    locks, limits and circuits are each pod's own.
    """
    redis_admin_url_file: Path | None = None
    """File that holds it instead, such as a mounted Secret."""
    ca_file: Path | None = None
    """Authority of Redis's certificate (`rediss://`), if the system does not know it."""
    provider_hosts: Texts = ("api.retellai.com", "api.cal.com", "api.cal.eu")
    """Hosts that a tenant's `baseUrl` may name, separated by commas. Without a port: https on 443 only; `host:port` and `host:*`
    allow http, too. `*` matches within a host.
    """
    notification_hosts: Texts = ("*",)
    """Mail servers and webhooks that `notifications` of a Tenant may name, separated by commas. Without a port: 443, 465 and 587;
    `host:port` allows another one. `*` matches within a host. Empty: none.
    """
    issuer_hosts: Texts = ("*",)
    """Issuers that `page.oidc` of a Tenant may name, separated by commas. Without a port: 443; `host:port` allows another one.
    `*` matches within a host. Empty: none.
    """
    encrypt_bodies: bool = False
    """Bodies of events, transcripts, analyses, and what call functions were asked and answered are stored encrypted, with a key
    for each tenant (docs/how-to/keys.md).
    """
    retell_base_url: str = "https://api.retellai.com"
    """Retell for tenants without a `baseUrl`."""
    calcom_base_url: str = "https://api.cal.com"
    """Cal.com for tenants without a `baseUrl`."""
    shared_base_url: str = "https://voice.example.invalid"
    """Base URL of tenants without `exposure.host`, each at `<this>/<namespace>/<tenant>/…`."""
    fleet_page_host: str = ""
    """Host at which the fleet's page is published, which no tenant may have as its own. Empty: nowhere."""
    shared_ingress_class: str | None = None
    """Each tenant on the shared host gets an Ingress of this class. Absent: route it yourself."""
    shared_gateway: str | None = None
    """Or an HTTPRoute to this Gateway, `<namespace>/<name>`, which must let routes of all namespaces in."""
    shared_tls_secret: str | None = None
    """Secret with the certificate of the shared host; each tenant's Ingress there names it, so it must be in each tenant's
    namespace. Absent: the controller's default certificate, which must then fit the shared host.
    """
    shared_ingress_annotations: Texts = ()
    """Annotations `name=value`, separated by commas, of the tenants' Ingresses on the shared host, such as
    `nginx.ingress.kubernetes.io/proxy-body-size=9m`. None of cert-manager's: the certificate is that of the controller
    (docs/install.md).
    """
    ingress_annotations: Texts = (
        "cert-manager.io/issuer",
        "cert-manager.io/cluster-issuer",
        "cert-manager.io/issuer-kind",
        "cert-manager.io/issuer-group",
        "cert-manager.io/duration",
        "cert-manager.io/renew-before",
        "nginx.ingress.kubernetes.io/proxy-body-size",
        "traefik.ingress.kubernetes.io/router.entrypoints",
        "traefik.ingress.kubernetes.io/router.tls",
    )
    """Annotations, separated by commas, that the Ingresses of tenants' own hosts may have; `example.com/` allows all with this
    prefix. List none by which an Ingress reaches other hosts, such as ingress-nginx's `server-alias` and snippets, external-dns's
    `hostname` and cert-manager's `alt-names`.
    """
    verify_exposure: bool = True
    """Give senders a URL only when it leads to the tenant's own pods. `false` where the operator cannot reach the public URLs
    from inside the cluster.
    """
    exposure_hosts: Texts = ()
    """Hosts of tenants, separated by commas, whose DNS is yours alone, and to which the operator may connect at private addresses
    for that; as in ASKPROAI_PROVIDER_HOSTS, with a port also by http. The shared host always is.
    """
    monitoring_namespaces: Texts = ("monitoring",)
    """Namespaces, separated by commas, from which tenants' metrics are scraped."""
    denied_egress_ranges: Texts = ()
    """Address ranges (CIDR), separated by commas, that tenants' pods do not reach, except by DNS: those of the cluster's pods,
    Services and nodes. Absent: they reach all addresses but the cloud's metadata, and all pods, on the ports of PostgreSQL, Redis
    and providers.
    """
    allowed_egress_ranges: Texts = ()
    """Ranges within the denied ones that pods still reach, such as `10.0.8.5/32` with PostgreSQL."""
    allowed_egress_namespaces: Texts = ()
    """Namespaces, separated by commas, whose pods tenants reach despite denied ranges: those of PostgreSQL, Redis or Cal.com in
    the cluster.
    """
    monitor_labels: Texts = ()
    """Labels `name=value`, separated by commas, by which your Prometheus picks ServiceMonitors and PrometheusRules, such as
    `release=kube-prometheus-stack`.
    """
    runbook_base_url: str = "https://askproai.de/docs/runbooks"
    """Where `docs/runbooks/` can be read, to which alerts link: the folder, to which `/NAME.md` is added, or a URL with `{name}`
    in the place of the page's name.
    """
    runtime_image: str = "askproai:0.1.0"
    """Image of the tenants' pods."""
    runtime_images: Texts = ()
    """Repositories, separated by commas, of images that a Tenant may name for its pods: exactly, or with a slash at the end all
    below it. Absent: that of ASKPROAI_RUNTIME_IMAGE alone, so a Tenant chooses a tag of it.
    """
    rollout_max_tenants: int = Field(10, ge=0)
    """Most tenants whose pods change at once because the operator's release or its settings changed; no further one begins while
    the pods of one are unhealthy. 0: all at once, without this check.
    """
    rollout_soak_seconds: int = Field(30, ge=0, le=3600)
    """How long a tenant's pods are watched after they became ready, before the next tenant gets its place."""
    max_replicas: int = Field(20, ge=1)
    """Most pods of one Deployment of a tenant, whatever its manifest asks for; bounds its database connections, too."""
    max_requests_per_second: int = Field(1000, ge=1)
    """Highest rate limit of a tenant; `rateLimits` of 0 mean this ceiling."""
    max_cpu_millicores: int = Field(2000, ge=100)
    """Most CPU of one container of a tenant, as request and as limit (thousandths of a core)."""
    max_memory_mebibytes: int = Field(1024, ge=192)
    """Most memory of one container of a tenant, as request and as limit (MiB)."""
    image_pull_secrets: Texts = ()
    """Names, separated by commas, of Secrets with which all tenants' pods pull their image. Each tenant's namespace needs Secrets
    of these names: the operator copies none.
    """
    priority_classes: Texts = ()
    """PriorityClasses, separated by commas, that a tenant's pods may have. Absent: none."""
    toleration_keys: Texts = ()
    """Keys of taints, separated by commas, that a tenant's pods may tolerate. Absent: none."""
    pod_annotations: Texts = ()
    """Annotations, separated by commas, that a tenant's pods may have; `example.com/` allows all with this prefix. Absent: none."""
    workers: int = Field(16, ge=1, le=64)
    """Reconciles that run at the same time; of each four, one is kept for changes."""
    resync_seconds: int = Field(60, ge=5)
    """How often an object is reconciled when nothing changed (± 10 %). PostgreSQL and Redis are read as often for all healthy
    Tenants together, and for each by itself at every 15th time.
    """
    drift_seconds: int = Field(900, ge=0)
    """How often the objects at Retell and Cal.com are compared when nothing changed here (± 20 %); 0: at each reconcile."""
    audit_seconds: int = Field(300, ge=1)
    """How often all watched objects are listed, because a watch may lose deletions (± 25 %)."""
    deletion_budget_seconds: int = Field(600, ge=1)
    """How long a deletion waits for a provider before its objects go into the ledger."""
    leftover_retry_seconds: int = Field(30, ge=1)
    """Delay before an orphan's removal is retried; each failure doubles it, up to an hour."""
    bind_address: str = "0.0.0.0"  # noqa: S104 (kubelet and Prometheus reach it from outside)
    """Address of the probes and metrics."""
    health_port: Port = 8081
    """`/livez` and `/readyz`. 0: any free port."""
    metrics_port: Port = 9090
    """`/metrics`; may be the same port. 0: on the health port."""
    circuit_open_seconds: float = Field(60, gt=0)
    """How long no request is sent to a provider that failed five times in a row for one key."""
    lease_seconds: int = Field(8, ge=3)
    """A Lease that was not renewed for so long may be taken over."""
    lease_renew_seconds: int = Field(5, ge=2)
    """Without a renewal for so long the leader exits."""
    lease_retry_seconds: int = Field(1, ge=1)
    """How often the Lease is renewed, or asked for."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The lowest logged level."""
    tracing_endpoint: str = Field("", pattern=r"^(https?://[^/\s]\S*)?$")
    """Where this process and the tenants' pods send traces: an OpenTelemetry collector by OTLP over HTTP, such as
    `http://collector.observability:4318`. Empty: nowhere. A change restarts the tenants' pods.
    """
    tracing_sample_ratio: float = Field(0.01, ge=0, le=1)
    """The share of requests, tasks and reconciles whose trace is recorded."""
    testing: bool = False
    """Arms `ASKPROAI_FAULT`. Never in production."""

    @field_validator("denied_egress_ranges", "allowed_egress_ranges")
    @classmethod
    def _check_ranges(cls, ranges: tuple[str, ...]) -> tuple[str, ...]:
        """Reject address ranges that the API server would refuse in each tenant's NetworkPolicy."""
        for each in ranges:
            if ip_network(each).prefixlen == 0:
                raise ValueError(f"{each} is every address: name narrower ranges")
        return ranges

    @model_validator(mode="after")
    def _check_allowed_egress(self) -> Self:
        if not self.denied_egress_ranges and (self.allowed_egress_ranges or self.allowed_egress_namespaces):
            raise ValueError(
                "ASKPROAI_ALLOWED_EGRESS_RANGES and ASKPROAI_ALLOWED_EGRESS_NAMESPACES are exceptions from"
                " ASKPROAI_DENIED_EGRESS_RANGES: set that, too"
            )
        return self

    @model_validator(mode="after")
    def _check_lease(self) -> Self:
        """Reject Lease times with which two processes could lead, or one would exit before it tries to renew its Lease."""
        if not self.lease_retry_seconds < self.lease_renew_seconds < self.lease_seconds:
            raise ValueError(
                "ASKPROAI_LEASE_SECONDS must be greater than ASKPROAI_LEASE_RENEW_SECONDS, and that greater than"
                " ASKPROAI_LEASE_RETRY_SECONDS"
            )
        return self

    @model_validator(mode="after")
    def _check_shard(self) -> Self:
        if self.shard_index >= self.shard_count:
            raise ValueError(
                f"ASKPROAI_SHARD_INDEX is {self.shard_index}: of {self.shard_count} shards the last one is number"
                f" {self.shard_count - 1} (ASKPROAI_SHARD_COUNT)"
            )
        return self

    @model_validator(mode="after")
    def _check_shared_route(self) -> Self:
        """Reject both an Ingress class and a Gateway for the shared host: a tenant's condition Exposed reports a single route."""
        if self.shared_ingress_class and self.shared_gateway:
            raise ValueError(
                "ASKPROAI_SHARED_INGRESS_CLASS and ASKPROAI_SHARED_GATEWAY both route the shared host: set one of them"
            )
        return self

    @property
    def shard(self) -> Shard:
        return Shard(self.shard_index, self.shard_count, self.namespace)

    def background_key(self, kind: str) -> Key:
        """Return the queue's only key for background work of this kind, which has no custom resource."""
        return Key(kind, self.namespace, MANAGER)

    @property
    def resync(self) -> timedelta:
        return timedelta(seconds=self.resync_seconds)

    @property
    def drift(self) -> timedelta:
        return timedelta(seconds=self.drift_seconds)

    def quiet_interval(self, resyncs: int) -> timedelta:
        """Return the interval of a healthy object's reconciles: `resyncs` resyncs, but at most the interval of its looks."""
        return min(self.drift, resyncs * self.resync)

    @property
    def deletion_budget(self) -> timedelta:
        return timedelta(seconds=self.deletion_budget_seconds)

    def admin_dsn(self) -> str:
        """Return the administrator's URL of PostgreSQL. Raises ValueError if neither the variable nor the file is set."""
        if self.database_admin_url is not None:
            return self.database_admin_url.get_secret_value()
        if self.database_admin_url_file is not None:
            return self.database_admin_url_file.read_text(encoding="utf-8").strip()
        raise ValueError(
            "no database: set ASKPROAI_DATABASE_ADMIN_URL, or ASKPROAI_DATABASE_ADMIN_URL_FILE to a file that holds it"
        )

    @property
    def shared_host(self) -> str:
        """The host of `shared_base_url`, which no tenant may have as its own."""
        return urlsplit(self.shared_base_url).hostname or ""

    def what_is_reserved(self, host: str) -> str | None:
        """Return a text about the platform's own use of a host, so that no tenant may have it; None if tenants may."""
        if host == self.shared_host:
            return "the platform's shared host"
        return "the host of the fleet's page" if host == self.fleet_page_host.lower() else None

    def redis_url(self) -> str | None:
        """Return the administrator's URL of Redis; None for an installation without Redis."""
        if self.redis_admin_url is not None:
            return self.redis_admin_url.get_secret_value()
        if self.redis_admin_url_file is not None and self.redis_admin_url_file.exists():
            return self.redis_admin_url_file.read_text(encoding="utf-8").strip()
        return None
