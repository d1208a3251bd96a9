"""Settings of the coordinator: `ASKPROAI_*` variables, read once at startup."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from askproai_runtime.env_variables import LogLevel, Port, TracingEndpoint


class CoordinatorSettings(Struct, frozen=True, kw_only=True):
    """How one of the coordinator's processes runs. The chart sets these."""

    kubeconfig: Annotated[
        Path | None, Meta(description="Kubeconfig file. Absent: `KUBECONFIG`, then the pod's own service account")
    ] = None
    namespace: Annotated[str, Meta(description="Where the Lease `askproai-coordinator` lives")] = "askproai-system"
    pod_name: Annotated[
        str | None, Meta(description="First part of this replica's name in the Lease. Absent: the host name")
    ] = None
    credentials_dir: Annotated[
        Path,
        Meta(description="The mounted Secret `askproai-coordinator`: DATABASE_URL, REDIS_URL; re-read when it changes"),
    ] = Path("/etc/askproai/credentials")
    bind_address: Annotated[str, Meta(description="Address of the port")] = "0.0.0.0"  # noqa: S104 - a kubelet and Prometheus come from outside
    health_port: Annotated[Port, Meta(description="`/livez`, `/readyz`, `/metrics`. 0: any free port")] = 9091
    fleet_page_port: Annotated[
        Port | None,
        Meta(
            description="The fleet's page, which `FLEET_TOKEN` in the mounted Secret opens. Absent: no page; 0: any free port"
        ),
    ] = None
    fleet_page_time_zone: Annotated[str, Meta(description="Time zone of the times on the fleet's page")] = (
        "Europe/Berlin"
    )
    fleet_page_host: Annotated[
        str, Meta(description="Host at which you publish the fleet's page with TLS. Empty: it is on a forwarded port")
    ] = ""
    fleet_oidc_issuer: Annotated[
        str, Meta(description="Issuer (OpenID Connect) of logins to the fleet's page. Empty: by `FLEET_TOKEN` alone")
    ] = ""
    fleet_oidc_client_id: Annotated[
        str, Meta(description="How the page is known there; the mounted file `FLEET_OIDC_CLIENT_SECRET` has the secret")
    ] = ""
    fleet_oidc_roles_claim: Annotated[str, Meta(description="Claim with the groups of a person")] = "groups"
    fleet_oidc_platform_groups: Annotated[
        str, Meta(description="Who of them sees the fleet: groups, separated by commas")
    ] = ""
    lease_seconds: Annotated[
        int, Meta(ge=3, description="A Lease that was not renewed for so long may be taken over")
    ] = 15
    lease_renew_seconds: Annotated[int, Meta(ge=2, description="Without a renewal for so long the leader exits")] = 10
    lease_retry_seconds: Annotated[int, Meta(ge=1, description="How often the Lease is renewed, or asked for")] = 2
    sweep_seconds: Annotated[
        float, Meta(gt=0, description="How often expired holds, locks, lost jobs and stored answers are swept")
    ] = 30
    count_seconds: Annotated[
        float, Meta(gt=0, description="How often dead letters, waiting jobs and claims are counted")
    ] = 30
    circuit_seconds: Annotated[float, Meta(gt=0, description="How often the tenants' circuits are looked at")] = 5
    retention_seconds: Annotated[float, Meta(gt=0, description="How often what is too old is forgotten")] = 6 * 3600
    stuck_after_seconds: Annotated[
        float, Meta(ge=60, description="An event without a live job for so long is armed again; workers are faster")
    ] = 300
    circuit_tenants: Annotated[
        int, Meta(ge=2, description="A provider is down for all when the circuits of so many tenants are open …")
    ] = 3
    circuit_percent: Annotated[int, Meta(ge=1, le=100, description="… and of this part of those that use it now")] = 50
    circuit_probe_seconds: Annotated[
        float, Meta(gt=0, description="How long until one probe is sent for everybody")
    ] = 60
    log_level: Annotated[LogLevel, Meta(description="The least log level")] = "info"
    tracing_endpoint: Annotated[TracingEndpoint, Meta(description="Where traces are sent; empty: nowhere")] = ""
    tracing_sample_ratio: Annotated[
        float, Meta(ge=0, le=1, description="The share of runs of periodic tasks whose trace is recorded")
    ] = 0.01
