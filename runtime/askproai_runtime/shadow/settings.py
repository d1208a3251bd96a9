"""Settings of the process that replays requests to a shadow: `ASKPROAI_*` variables, read once at startup."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from askproai_runtime.env_variables import LogLevel, Port

_FOLDER = Path("/etc/askproai")


class ShadowSettings(Struct, frozen=True, kw_only=True):
    """How the process beside a shadow's web process runs. The operator sets these in the pod's manifest."""

    config_file: Annotated[Path, Meta(description="The shadow's config, as its web process reads it")] = (
        _FOLDER / "config/tenant.json"
    )
    credentials_dir: Annotated[Path, Meta(description="The shadow's secret files")] = _FOLDER / "credentials"
    live_credentials_dir: Annotated[
        Path,
        Meta(
            description="DATABASE_URL of the tenant whose shadow it is, and its data keys; mounted by no other container"
        ),
    ] = _FOLDER / "live"
    bind_address: Annotated[str, Meta(description="The address of the shadow's web process")] = "0.0.0.0"  # noqa: S104 - compared, and never bound
    public_port: Annotated[Port, Meta(description="Its port of call functions")] = 8080
    calendar_port: Annotated[
        Port, Meta(description="Cal.com's answers, on the loopback address alone; 0: any free port")
    ] = 8092
    pod_name: Annotated[
        str, Meta(description="Names the pod in the list of sessions, by the part after its last hyphen")
    ] = "local"
    log_level: Annotated[LogLevel, Meta(description="The least log level")] = "info"
