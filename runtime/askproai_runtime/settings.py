"""Settings of a runtime process: `ASKPROAI_*` variables, read once at startup. The tenant's own settings are in TenantConfig."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from askproai_runtime.env_variables import LogLevel, Port, TracingEndpoint

_FOLDER = Path("/etc/askproai")


class Settings(Struct, frozen=True, kw_only=True):
    """How one process of the runtime runs. The operator sets these in the pods' manifests."""

    config_file: Annotated[Path, Meta(description="The tenant's config, re-read when it changes")] = (
        _FOLDER / "config/tenant.json"
    )
    credentials_dir: Annotated[Path, Meta(description="The secret files, re-read when they change")] = (
        _FOLDER / "credentials"
    )
    admin_token_file: Annotated[Path, Meta(description="The bearer token of the private port")] = (
        _FOLDER / "admin/token"
    )
    bind_address: Annotated[str, Meta(description="The address that every port listens on")] = "0.0.0.0"  # noqa: S104 - pods are reached by their address; network policies fence them
    public_port: Annotated[Port, Meta(description="Webhooks and call functions")] = 8080
    private_port: Annotated[Port, Meta(description="Probes and detailed health; never routed")] = 8081
    page_port: Annotated[Port, Meta(description="The page of a tenant that publishes it, and nothing else")] = 8082
    metrics_port: Annotated[Port, Meta(description="Metrics of the web process")] = 9090
    worker_port: Annotated[Port, Meta(description="The worker's health and metrics; web wakes it there")] = 9091
    pod_name: Annotated[
        str,
        Meta(
            description="Names the pod, by the part after its last hyphen, in the list of sessions, which all tenants can read"
        ),
    ] = "local"
    track: Annotated[
        str,
        Meta(
            max_length=40,
            description="Name of the trial of an image that this pod is part of, in the records of the call functions that it "
            "answers; empty: none",
        ),
    ] = ""
    log_level: Annotated[LogLevel, Meta(description="The least log level")] = "info"
    tracing_endpoint: Annotated[TracingEndpoint, Meta(description="Where traces are sent; empty: nowhere")] = ""
    tracing_sample_ratio: Annotated[
        float, Meta(ge=0, le=1, description="The share of requests, jobs and tasks whose trace is recorded")
    ] = 0.01
    calendar_sync_delay_seconds: Annotated[
        float, Meta(ge=0, description="How long after a failed calendar call it is tried again")
    ] = 300
    calendar_quiet_seconds: Annotated[
        float,
        Meta(ge=0, description="How long after an unknown outcome a calendar must be quiet before a second create"),
    ] = 30
    calendar_poll_seconds: Annotated[
        float,
        Meta(gt=0, description="How often Cal.com is asked what has changed, since it delivers an event at most once"),
    ] = 300
    calendar_free_times_seconds: Annotated[
        float,
        Meta(gt=0, description="For how long what Cal.com has free counts as known, before it is asked again"),
    ] = 300
    call_poll_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="How often Retell is asked for calls whose events did not come, since it gives up after three retries",
        ),
    ] = 900
    calendar_audit_seconds: Annotated[
        float, Meta(gt=0, description="How often the next slice of bookings at Cal.com is compared with our book")
    ] = 1_800
    circuit_open_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="How long a provider that failed five times in a row is left alone before one call tries it",
        ),
    ] = 60
    shutdown_delay_seconds: Annotated[
        float, Meta(ge=0, description="How long a web process goes on serving after SIGTERM, until nobody sends to it")
    ] = 3
    shutdown_grace_seconds: Annotated[
        float, Meta(ge=0, description="How long requests and jobs in flight may take to end")
    ] = 15
