"""The process beside a shadow's web process, from the live version's image: it replays, compares, and imitates Cal.com."""

import asyncio
from pathlib import Path
from typing import Annotated

import structlog
from msgspec import Meta, Struct

from askproai_core.clock import Clock, SystemClock
from askproai_core.data_keys import DATA_KEYS
from askproai_core.http_answers import client_session
from askproai_core.http_server import start_server
from askproai_core.logging import configure_logs
from askproai_runtime.calls.at_retell import API_KEY
from askproai_runtime.encryption import BodyCipher
from askproai_runtime.env_variables import LogLevel, Port
from askproai_runtime.process import open_database
from askproai_runtime.shadow.frozen_calendar import FrozenCalendar
from askproai_runtime.shadow.replay import Replayer
from askproai_runtime.watched_files import Credentials, LiveConfig

log = structlog.get_logger(__name__)

LIVE_CONNECTIONS, SHADOW_CONNECTIONS = 2, 1
_LOOPBACK = "127.0.0.1"
_SUFFIX = ":shadow"
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


async def run_shadow(settings: ShadowSettings, stop: asyncio.Event, clock: Clock | None = None) -> None:
    """Replay requests to the shadow until `stop`. Raises `ConfigUnreadable`, or `OSError` if a port is taken."""
    config, clock = LiveConfig(settings.config_file), clock or SystemClock()
    own, live = Credentials(settings.credentials_dir), Credentials(settings.live_credentials_dir)
    shadow_tenant = config.current.tenant
    tenant = shadow_tenant.removesuffix(_SUFFIX)
    configure_logs(settings.log_level, component="shadow", tenant=shadow_tenant)
    name = f"askproai-shadow {settings.pod_name.rpartition('-')[2]}"
    cipher = BodyCipher(tenant, lambda: live.get(DATA_KEYS), lambda: False, clock)  # a cipher only to decrypt
    address = _LOOPBACK if settings.bind_address == "0.0.0.0" else settings.bind_address  # noqa: S104 - a comparison
    async with (
        open_database(live, LIVE_CONNECTIONS, name, stop) as live_pool,
        open_database(own, SHADOW_CONNECTIONS, name, stop) as shadow_pool,
        client_session() as session,
    ):
        calendar = FrozenCalendar(live_pool, tenant)
        server, port = await start_server(calendar.app(), _LOOPBACK, settings.calendar_port, grace_seconds=1)
        url = f"http://{address}:{settings.public_port}"
        replayer = Replayer(
            tenant, shadow_tenant, live_pool, shadow_pool, cipher, calendar, session, url, lambda: own.get(API_KEY), clock
        )  # fmt: skip
        log.info("shadow.started", calendar_port=port)
        try:
            await replayer.run(stop)
        finally:
            await server.cleanup()
    log.info("shadow.stopped")
