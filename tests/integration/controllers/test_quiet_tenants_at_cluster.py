"""A healthy Tenant is reconciled rarely, and yet shows changes in PostgreSQL and Redis within a resync."""

import json
from dataclasses import replace
from datetime import timedelta
from importlib import import_module

import pytest

from askproai_core.audit_state import CALENDAR_AUDIT
from askproai_core.former_keys import FORMER_KEYS
from askproai_core.poll_state import CALENDAR_POLL
from askproai_operator.api.conditions import ConditionType, good
from askproai_operator.controllers.quiet_tenants import KIND
from askproai_operator.redis_users import PresentUsers, user_name
from tests.worlds.operator_environment import NAME, RunningOperator, TenantNamespace
from tests.worlds.tenant_reconciles import rows
from tests.worlds.unscheduled_pods import RUNS
from tests.worlds.waiting import SOON, eventually, until

pytestmark = pytest.mark.nightly

INTERVAL = timedelta(minutes=15)
APPOINTMENT = """INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, correlation_id)
    VALUES ($1, 'mitte', 'haarschnitt', $2, now() + interval '1 day', now() + interval '25 hours', $3, 'c') RETURNING id"""
TASK = (
    "INSERT INTO tasks (tenant, name, due_at, created_at, watermark) VALUES ($1, $2, now(), now() - $3::interval, $4)"
)
DIFFERENCE = {
    "sort": "doubled", "account": "", "position": "2026-11-27T09:00:00Z", "since": "2026-11-20T09:00:00Z", "event_type": 1001,
}  # fmt: skip


def is_quiet(namespace: TenantNamespace) -> bool:
    return namespace.key in namespace.operator.context.memory.quiet


async def read_together(operator: RunningOperator) -> None:
    """Do what each resync does."""
    await operator.reconcile_again(operator.settings.background_key(KIND))


async def wait_until_left_alone(namespace: TenantNamespace) -> None:
    """Wait for three comparisons that do not make the Tenant due: before, watches still report its new children.

    A comparison during the Tenant's reconcile skips it, and the next one finds changes since that reconcile's reads.
    """
    operator, key = namespace.operator, namespace.key

    async def is_left_alone() -> bool:
        before = operator.ended[key]
        for _ in range(3):
            await read_together(operator)
        return is_quiet(namespace) and operator.ended[key] == before

    await eventually(is_left_alone, SOON, "three looks at all that make it not due")


@pytest.fixture
async def quiet(namespace: TenantNamespace, monkeypatch: pytest.MonkeyPatch) -> TenantNamespace:
    """The namespace of a quiet Tenant. Its pods count as available: none run here."""
    module = import_module("askproai_operator.controllers.tenant.reconcile")
    available = good(ConditionType.RUNTIME_AVAILABLE)
    monkeypatch.setattr(module, "runtime_condition", lambda *_: available)
    await namespace.open_salon("Branch", "Tenant", spec=RUNS)

    await read_together(namespace.operator)  # another test may have had another Redis

    async def settled() -> bool:
        await namespace.reconcile_again()
        return is_quiet(namespace)

    await eventually(settled, SOON, "the Tenant to be quiet")
    await wait_until_left_alone(namespace)
    return namespace


async def test_quiet_tenant_is_reconciled_at_the_long_interval(quiet):
    """In an hour it is reconciled 5 times, not 60 times; the comparisons meanwhile make no Tenant due."""
    due, _ = await eventually(lambda: quiet.operator.queue._due.get(quiet.key), SOON, "the next run to be scheduled")
    assert due - quiet.operator.context.clock.monotonic() >= 0.75 * INTERVAL.total_seconds()
    await wait_until_left_alone(quiet)


async def test_edit_of_a_quiet_tenant_applies_at_once(quiet):
    await quiet.edit({"suspend": True})
    await quiet.wait_for("Deployment", f"{NAME}-web", lambda live: live and live["spec"]["replicas"] == 0, "no pods")


REFUSED_BOOKING = """
    INSERT INTO provider_calls (tenant, provider, operation, method, endpoint, status, outcome, duration_ms, correlation_id)
    VALUES ($1, 'calcom', 'create-booking', 'POST', '/v2/bookings', 401, 'refused', 60, 'c')"""
REFUSED_CALLS = """
    INSERT INTO audit_log (tenant, at, actor, action, detail, correlation_id)
    SELECT $1, now() - make_interval(secs => ago), 'unverified', 'signature.refused', '{}', 'c'
    FROM unnest(ARRAY[90, 30]) ago"""
WAITING_APPOINTMENT = f"""
    WITH appointment AS ({APPOINTMENT})
    INSERT INTO jobs (tenant, kind, priority, state, appointment_id, correlation_id, created_at)
    SELECT $1, 'calendar-sync', 'high', 'ready', id, 'c', now() - interval '3 minutes' FROM appointment"""
DIFFERENCES = json.dumps({"differences": [DIFFERENCE]})
OTHER_OWNER = "UPDATE tenants SET uid = 'somebody-else', retell_key_hash = '' WHERE tenant = $1"


@pytest.mark.parametrize(
    ("changes", "type_", "reason"),
    [
        ([(REFUSED_BOOKING,)], "CredentialsValid", "BookingsRefused"),
        ([(REFUSED_CALLS,)], "RequestsVerified", "RequestsRefused"),
        ([(WAITING_APPOINTMENT, "anna", "pending_sync")], "CalendarSynced", "CalendarBehind"),
        ([(TASK, CALENDAR_POLL, timedelta(minutes=31), "{}")], "CalendarSynced", "CalendarBehind"),
        (
            [(TASK, CALENDAR_POLL, timedelta(), "{}"), (TASK, CALENDAR_AUDIT, timedelta(), DIFFERENCES)],
            "CalendarSynced", "CalendarDiffers",
        ),
        ([(APPOINTMENT, "somebody-who-left", "confirmed")], "AppointmentsFit", "AppointmentsStranded"),
        ([(OTHER_OWNER,)], "DatabaseReady", "DataOwnedByOther"),
    ],
    ids=["bookings", "calls", "waiting", "stalled", "differs", "stranded", "owner"],
)  # fmt: skip
async def test_common_read_reports_a_state_in_postgresql(quiet, module_database, changes, type_, reason):
    for statement, *values in changes:
        await rows(module_database, statement, quiet.tenant, *values)
    await read_together(quiet.operator)
    await quiet.wait_for_condition(type_, "False", reason)
    assert not is_quiet(quiet), "it is looked at by each resync, as any other of which something is not well"


async def test_progress_that_changes_a_message_is_shown(quiet, module_database):
    state = {"accounts": {"": {"event_types": [1], "taken_in": 7}}}
    await rows(module_database, TASK, quiet.tenant, CALENDAR_POLL, timedelta(), json.dumps(state))
    await read_together(quiet.operator)
    await until(
        lambda: quiet.wait_for_condition("CalendarSynced", "True"),
        lambda found: "7 bookings" in found["message"],
        "the bookings that were imported",
    )


@pytest.mark.parametrize(
    "by_hand",
    [
        None,
        'ALTER ROLE "{role}" NOLOGIN CONNECTION LIMIT 0',
        "DELETE FROM resources WHERE tenant = '{tenant}'",
        "UPDATE tenants SET call_days = 1 WHERE tenant = '{tenant}'",
    ],
    ids=["role dropped", "limit", "resources", "facts"],
)
async def test_manual_change_in_postgresql_is_corrected(quiet, module_database, by_hand):
    operator, tenant = quiet.operator, quiet.tenant
    role = operator.context.database.role_name(tenant)
    state = """SELECT (SELECT (rolcanlogin, rolconnlimit)::text FROM pg_roles WHERE rolname = $2),
                      (SELECT call_days FROM tenants WHERE tenant = $1),
                      (SELECT array_agg((branch, staff, unit, active)::text ORDER BY id) FROM resources WHERE tenant = $1)"""
    before = await rows(module_database, state, tenant, role)
    if by_hand is None:
        await operator.context.database.drop_tenant(tenant, erase=False)
    else:
        await rows(module_database, by_hand.format(role=role, tenant=tenant))
    assert await rows(module_database, state, tenant, role) != before
    await read_together(operator)
    await until(lambda: rows(module_database, state, tenant, role), lambda found: found == before, f"{before} again")


async def test_redis_user_deleted_by_hand_is_recreated(quiet, valkey):
    user = user_name(quiet.tenant)
    async with valkey.admin() as admin:
        assert await admin.execute_command("ACL", "DELUSER", user) == 1
        await read_together(quiet.operator)
        await until(lambda: admin.execute_command("ACL", "USERS"), lambda found: user in map(str, found), "the user")


async def test_redis_restart_makes_each_tenant_due(quiet, monkeypatch):
    operator, key = quiet.operator, quiet.key
    redis = operator.context.redis
    await read_together(operator)
    before, list_users = operator.ended[key], redis.list_users

    async def list_users_of_another_start() -> PresentUsers:
        return replace(await list_users(), runs=frozenset({"another start"}))

    monkeypatch.setattr(redis, "list_users", list_users_of_another_start)
    await read_together(operator)
    await eventually(lambda: operator.ended[key] > before, SOON, "a reconcile")


async def test_absent_database_is_a_condition_and_visible_failure(quiet, monkeypatch):
    operator, database = quiet.operator, quiet.operator.context.database

    def retries() -> float:
        return float(operator.queue._metrics.retries._value.get())

    async def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as away:
        away.setattr(database, "prepare", refuse)
        before = retries()
        await read_together(operator)
        assert retries() > before
        await quiet.wait_for_condition("DatabaseReady", "False", "DatabaseUnavailable")
    await quiet.wait_for_condition("DatabaseReady", "True")


async def test_tenant_with_a_former_key_is_not_quiet(quiet):
    """A changed secret is sent to Cal.com two minutes later, and accepted for an hour: no watch reports that."""
    await quiet.write_secret(**{"calcom-webhook-secret": "another"})
    await quiet.wait_for("Secret", f"{NAME}-signing-keys", lambda live: live and FORMER_KEYS in live["data"], "it")
    await quiet.reconcile_again()
    assert not is_quiet(quiet)


async def test_paused_tenant_is_no_longer_checked(quiet):
    operator, key = quiet.operator, quiet.key
    await quiet.annotate("paused")
    await quiet.wait_for_condition("Paused", "True")
    await read_together(operator)
    assert not is_quiet(quiet)
    ended = operator.ended[key]
    await read_together(operator)
    await read_together(operator)
    assert operator.ended[key] <= ended + 1
