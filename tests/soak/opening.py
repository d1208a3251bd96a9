"""Start the parts of a storm: each tenant's role, user, files and accounts, as the operator would make them, and all processes."""

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from datetime import time as clock_time
from functools import partial
from pathlib import Path

import aiohttp
from msgspec.structs import replace

from askproai_core.clock import SystemClock
from askproai_core.provider_names import CalendarProvider
from askproai_core.redis import PROMISE_KEY
from askproai_core.tenant_config import Service, TenantConfig, Weekday, encode
from askproai_core.tenant_config.branches import Hours
from askproai_core.tenant_config.config import CalendarConfig
from askproai_core.tenant_config.services import TeamEventType
from askproai_operator.redis_acl import acl_rules, coordinator_acl_rules
from askproai_sandbox.calcom.account import Webhook
from askproai_sandbox.cluster import free_port
from askproai_sandbox.postgres import EmbeddedPostgres
from askproai_sandbox.redis import EmbeddedRedis
from askproai_sandbox.retell import RetellSimulator
from askproai_sandbox.simulator import serve
from tests.soak.environment import (
    ADMIN_TOKEN,
    CIRCUIT_OPEN,
    EVENT_TYPES,
    PLANS,
    POLL,
    QUIET,
    SYNC_DELAY,
    TEAM_EVENT_TYPE,
    TRIGGERS,
    Environment,
    Plan,
    RecordingCalcom,
    Team,
    Tenant,
)
from tests.soak.history import History
from tests.soak.lease_server import serve_leases
from tests.soak.processes import Process, balance
from tests.worlds.compiled_salon import salon_config
from tests.worlds.databases import fresh_database


def _config(env: Environment, tenant: Tenant, calcom_url: str) -> TenantConfig:
    """Return the example salon, open on six days for both of its staff, so that there is much to book."""
    store = tenant.store
    ids = {staff: (store.resources["mitte", staff, 1],) for staff in EVENT_TYPES.values()}
    config = salon_config(resource_ids=ids, tenant=store.tenant, path_prefix=f"/{tenant.plan.name}")
    hours = Hours(days=tuple(Weekday)[:6], opens=clock_time(9), closes=clock_time(18))
    staff = tuple(replace(s, working_hours=None, absences=()) for s in config.branches[0].staff)
    branch = replace(config.branches[0], opening_hours=(hours,), staff=staff, holidays=None)
    calendar = config.calendar
    if not tenant.plan.local:
        calendar = CalendarConfig(
            provider=CalendarProvider.CALCOM,
            base_url=calcom_url,
            attendee_email_domain=calendar.attendee_email_domain,
            requests_per_minute=6000,  # a storm is not a day: the budget would only draw it out
        )
    services = tuple(_of_team(env, tenant, service) for service in config.services)
    return replace(config, branches=(branch,), calendar=calendar, services=services)


def _of_team(env: Environment, tenant: Tenant, service: Service) -> Service:
    """Return a service with the event type of the tenant's team, if it has one, in place of one for each person."""
    if tenant.plan.team is None:
        return service
    by_host = tenant.plan.team is Team.BY_HOST
    types = tuple(
        TeamEventType(
            staff=each.staff, event_type_id=TEAM_EVENT_TYPE, host_id=env.host(tenant, each.staff).id, by_host=by_host
        )
        for each in service.event_types
    )
    return replace(service, event_types=(), team_event_types=types)


def _mount(env: Environment, tenant: Tenant, redis_url: str, calcom_url: str) -> None:
    folder = env.directory / tenant.plan.name
    (folder / "credentials").mkdir(parents=True)
    (folder / "tenant.json").write_text(encode(_config(env, tenant, calcom_url)))
    (folder / "token").write_text(ADMIN_TOKEN)
    credentials = {
        "DATABASE_URL": tenant.store.dsn, "REDIS_URL": redis_url, "retell-api-key": tenant.retell_key,
        "calcom-api-key": tenant.calcom_key, "calcom-webhook-secret": tenant.secret("calcom"),
        "stripe-webhook-secret": tenant.secret("stripe"),
    }  # fmt: skip
    for name, value in credentials.items():
        (folder / "credentials" / name).write_text(value)


def _program(env: Environment, name: str, command: str, settings: Mapping[str, object]) -> Process:
    variables = {f"ASKPROAI_{key}": str(value) for key, value in settings.items()} | {
        "ASKPROAI_BIND_ADDRESS": "127.0.0.1"
    }
    program = [Path(sys.executable).with_name("askproai-runtime"), command]
    return Process(name, program, os.environ | variables, env.directory, env.history)


async def _open_tenant(env: Environment, stack: AsyncExitStack, plan: Plan, calcom_url: str) -> Tenant:
    """Create a tenant's role, user, files and accounts, and start its processes: as many pods as it has of either kind."""
    tenant = Tenant(plan, await env.database.create_tenant(plan.name))
    folder = env.directory / plan.name
    _mount(env, tenant, await env.redis.add_user(plan.name, partial(acl_rules, tenant.key)), calcom_url)
    public = [free_port() for _ in range(plan.webs)]
    tenant.private_ports = [free_port() for _ in range(plan.webs)]
    workers = [free_port() for _ in range(max(plan.webs, plan.workers))]
    shared = {
        "CONFIG_FILE": folder / "tenant.json", "CREDENTIALS_DIR": folder / "credentials", "ADMIN_TOKEN_FILE": folder / "token",
        "SHUTDOWN_DELAY_SECONDS": 0, "SHUTDOWN_GRACE_SECONDS": 8, "CALENDAR_SYNC_DELAY_SECONDS": SYNC_DELAY,
        "CALENDAR_QUIET_SECONDS": QUIET, "CIRCUIT_OPEN_SECONDS": CIRCUIT_OPEN, "CALENDAR_POLL_SECONDS": POLL,
        "CALENDAR_AUDIT_SECONDS": 60, "CALENDAR_FREE_TIMES_SECONDS": env.history.free_times,
    }  # fmt: skip
    for n in range(plan.webs):
        own = {
            "PUBLIC_PORT": public[n],
            "PRIVATE_PORT": tenant.private_ports[n],
            "PAGE_PORT": free_port(),
            "METRICS_PORT": free_port(),
            "WORKER_PORT": workers[n],
        }
        tenant.webs.append(_program(env, f"{plan.name}-web-{n}", "web", shared | own))
    for n in range(plan.workers):
        tenant.workers.append(_program(env, f"{plan.name}-worker-{n}", "worker", shared | {"WORKER_PORT": workers[n]}))
    tenant.url = await stack.enter_async_context(balance(public)) + f"/{plan.name}"
    if not plan.local:
        account, url = env.calcom.account_of(tenant.calcom_key), f"{tenant.url}/webhooks/calcom"
        env.calcom.owners[url] = tenant.key
        fields = {"subscriberUrl": url, "triggers": list(TRIGGERS), "active": True, "secret": tenant.secret("calcom")}
        hook = Webhook(str(uuid.uuid4()), datetime.now(UTC), fields)
        account.webhooks[hook.uid] = hook
        for number in tenant.event_types:
            await env.calcom.controls["event-types"](_event_type(env, tenant, number))
    return tenant


def _event_type(env: Environment, tenant: Tenant, number: int) -> dict[str, object]:
    body = {
        "key": tenant.calcom_key, "id": number, "lengthInMinutes": 45, "afterEventBuffer": 10, "slotInterval": 15,
    }  # fmt: skip
    if tenant.plan.team is None:
        return body | {"host": env.host(tenant, EVENT_TYPES[number]).name}
    hosts = [env.host(tenant, staff).name for staff in EVENT_TYPES.values()]
    return body | {
        "schedulingType": "roundRobin",
        "hosts": hosts,
        "rrHostSubsetEnabled": tenant.plan.team is Team.BY_HOST,
    }


async def _open_coordinators(env: Environment, kubeconfig: Path) -> list[Process]:
    password = "password-of-the-coordinator"
    await env.database.admin.ensure_coordinator(password)
    folder = env.directory / "coordinator"
    folder.mkdir()
    (folder / "DATABASE_URL").write_text(env.database.admin.coordinator_dsn(password))
    (folder / "REDIS_URL").write_text(await env.redis.add_user("askproai_coordinator", coordinator_acl_rules))
    settings = {
        "KUBECONFIG": kubeconfig, "CREDENTIALS_DIR": folder, "HEALTH_PORT": 0, "SWEEP_SECONDS": 2, "COUNT_SECONDS": 5,
        "LEASE_SECONDS": 4, "LEASE_RENEW_SECONDS": 3, "LEASE_RETRY_SECONDS": 1, "STUCK_AFTER_SECONDS": 60, "CIRCUIT_SECONDS": 2,
        "CIRCUIT_PROBE_SECONDS": 10,
    }  # fmt: skip
    return [
        _program(env, f"coordinator-{n}", "coordinator", settings | {"POD_NAME": f"coordinator-{n}"}) for n in range(2)
    ]


@asynccontextmanager
async def open_environment(directory: Path, history: History, seed: int) -> AsyncIterator[Environment]:
    """Start every part, and yield when all tenants are ready; end and remove them at the end. The logs stay."""
    postgres, redis = EmbeddedPostgres(directory / "postgres", durable=True), EmbeddedRedis(directory / "redis")
    await asyncio.gather(postgres.start(), redis.start())
    calcom, retell = RecordingCalcom(history, seed), RetellSimulator(SystemClock())
    calcom.settings["rate_limit"] = 0.0
    async with AsyncExitStack() as stack:
        stack.push_async_callback(redis.remove)
        stack.push_async_callback(postgres.remove)
        database = await stack.enter_async_context(fresh_database(postgres))
        async with redis.admin() as admin:  # the operator writes this for a durable server without replicas
            await admin.set(PROMISE_KEY, "0")
        calcom_url = await stack.enter_async_context(serve(calcom))
        await stack.enter_async_context(serve(retell))
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)))
        env = Environment(directory, history, postgres, redis, database, calcom, retell, [], [], session)
        kubeconfig = directory / "kubeconfig"
        await stack.enter_async_context(serve_leases(kubeconfig))
        env.coordinators = await _open_coordinators(env, kubeconfig)
        env.tenants = [await _open_tenant(env, stack, plan, calcom_url) for plan in PLANS]
        for process in env.processes:
            stack.push_async_callback(process.stop)
            await process.start()
        await env.ready()
        yield env
