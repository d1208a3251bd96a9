"""Settings of the coordinator: `ASKPROAI_*` variables, read once at startup."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class CoordinatorSettings(BaseSettings):
    """How one of the coordinator's processes runs. The chart sets these."""

    model_config = SettingsConfigDict(env_prefix="ASKPROAI_", extra="ignore", frozen=True)

    kubeconfig: Path | None = Field(
        None, description="Kubeconfig file. Absent: `KUBECONFIG`, then the pod's own service account"
    )
    namespace: str = Field("askproai-system", description="Where the Lease `askproai-coordinator` lives")
    pod_name: str | None = Field(
        None, description="First part of this replica's name in the Lease. Absent: the host name"
    )
    credentials_dir: Path = Field(
        Path("/etc/askproai/credentials"),
        description="The mounted Secret `askproai-coordinator`: DATABASE_URL, REDIS_URL; re-read when it changes",
    )
    bind_address: str = Field("0.0.0.0", description="Address of the port")  # noqa: S104 - a kubelet and Prometheus come from outside
    health_port: int = Field(9091, ge=0, le=65535, description="`/livez`, `/readyz`, `/metrics`. 0: any free port")
    lease_seconds: int = Field(15, ge=3, description="A Lease that was not renewed for so long may be taken over")
    lease_renew_seconds: int = Field(10, ge=2, description="Without a renewal for so long the leader exits")
    lease_retry_seconds: int = Field(2, ge=1, description="How often the Lease is renewed, or asked for")
    sweep_seconds: float = Field(30, gt=0, description="How often expired holds, locks and lost jobs are swept")
    count_seconds: float = Field(30, gt=0, description="How often dead letters, waiting jobs and claims are counted")
    circuit_seconds: float = Field(5, gt=0, description="How often the tenants' circuits are looked at")
    retention_seconds: float = Field(6 * 3600, gt=0, description="How often what is too old is forgotten")
    stuck_after_seconds: float = Field(
        300, ge=60, description="An event without a live job for so long is armed again; workers are faster"
    )
    circuit_tenants: int = Field(
        3, ge=2, description="A provider is down for all when the circuits of so many tenants are open …"
    )
    circuit_percent: int = Field(50, ge=1, le=100, description="… and of this part of those that use it now")
    circuit_probe_seconds: float = Field(60, gt=0, description="How long until one probe is sent for everybody")
    log_level: str = Field("info", pattern="(?i)^(debug|info|warning|error)$", description="The least log level")
