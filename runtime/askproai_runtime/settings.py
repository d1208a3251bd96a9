"""Settings of a runtime process: `ASKPROAI_*` variables, read once at startup. What belongs to the tenant is in TenantConfig."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_FOLDER = Path("/etc/askproai")


class Settings(BaseSettings):
    """How one process of the runtime runs. The operator sets these in the pods' manifests."""

    model_config = SettingsConfigDict(env_prefix="ASKPROAI_", extra="ignore", frozen=True)

    config_file: Path = Field(
        _FOLDER / "config/tenant.json", description="The tenant's config, re-read when it changes"
    )
    credentials_dir: Path = Field(_FOLDER / "credentials", description="The secret files, re-read when they change")
    admin_token_file: Path = Field(_FOLDER / "admin/token", description="The bearer token of the private port")
    bind_address: str = Field("0.0.0.0", description="The address that every port listens on")  # noqa: S104 - pods are reached by their address; network policies fence them
    public_port: int = Field(8080, ge=0, le=65535, description="Webhooks and call functions")
    private_port: int = Field(8081, ge=0, le=65535, description="Probes and detailed health; never routed")
    metrics_port: int = Field(9090, ge=0, le=65535, description="Metrics of the web process")
    worker_port: int = Field(9091, ge=0, le=65535, description="The worker's health and metrics; web pokes it there")
    pod_name: str = Field(
        "local",
        description="Names the pod, by what follows its last hyphen, in the list of sessions, which all tenants can read",
    )
    log_level: str = Field("info", pattern="(?i)^(debug|info|warning|error)$", description="The least log level")
    calendar_sync_delay_seconds: float = Field(
        300, ge=0, description="How long after a failed calendar call it is tried again"
    )
    calendar_quiet_seconds: float = Field(
        30, ge=0, description="How long after an unknown outcome a calendar must be quiet before a second create"
    )
    calendar_poll_seconds: float = Field(
        300, gt=0, description="How often Cal.com is asked what has changed, since it delivers an event at most once"
    )
    calendar_audit_seconds: float = Field(
        1_800, gt=0, description="How often the next slice of bookings at Cal.com is compared with our book"
    )
    call_poll_seconds: float = Field(
        900,
        gt=0,
        description="How often Retell is asked for calls whose events did not come, since it gives up after three tries",
    )
    circuit_open_seconds: float = Field(
        60,
        gt=0,
        description="How long a provider that failed five times in a row is left alone before one call tries it",
    )
    shutdown_delay_seconds: float = Field(
        3, ge=0, description="How long a web process goes on serving after SIGTERM, until nobody sends to it"
    )
    shutdown_grace_seconds: float = Field(15, ge=0, description="How long requests and jobs in flight may take to end")
