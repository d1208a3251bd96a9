"""After the tenant's days appointments lose their customer, and customers are deleted, unless pending work needs them."""

import json
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from askproai_core.database import open_pool
from askproai_core.kube import NotLeader
from askproai_core.tenant_config.config import Retention
from askproai_operator.store.tenant_states import TenantFacts
from askproai_runtime.book.store.appointments import upsert_customer
from askproai_runtime.coordinator import maintenance
from askproai_runtime.coordinator.maintenance import delete_expired
from tests.worlds.coordinator_environment import CoordinatorEnvironment
from tests.worlds.databases import TenantStore

pytestmark = pytest.mark.nightly

PHONE = "+4915155500077"
SHORT = Retention(appointment_days=10, customer_days=20)
PERSONAL = ("customer_id", "customer_name", "caller", "attendee_email", "notes", "birth_date", "cancel_reason")


async def create_tenant(env: CoordinatorEnvironment, name: str, retention: Retention = SHORT) -> TenantStore:
    tenant = await env.database.create_tenant(name)
    await env.database.admin.ensure_tenant(
        tenant.tenant, tenant.uid, f"password-of-{name}", connection_limit=60, facts=TenantFacts(retention)
    )
    return tenant


async def customer(env: CoordinatorEnvironment, tenant: TenantStore, phone: str = PHONE, age: str = "30 days") -> UUID:
    found: UUID = await env.superuser.fetchval(
        """INSERT INTO customers (tenant, phone, name, updated_at) VALUES ($1, $2, 'Zora', now() - $3::text::interval)
           ON CONFLICT (tenant, phone) DO UPDATE SET updated_at = EXCLUDED.updated_at RETURNING id""",
        tenant.tenant, phone, age,
    )  # fmt: skip
    return found


async def visit(env: CoordinatorEnvironment, tenant: TenantStore, days: int, **values: Any) -> UUID:
    """Add an appointment of the customer that is `days` from now, and takes its time."""
    appointment = await env.appointment(tenant, status="confirmed", day=days)
    row = {
        "customer_id": await customer(env, tenant),
        "customer_name": "Zora Vogelsang",
        "caller": PHONE,
        "attendee_email": "zora@example.org",
        "notes": "Allergie",
        "cancel_reason": "krank",
    } | values
    sets = ", ".join(f"{name} = ${number}" for number, name in enumerate(row, start=2))
    await env.superuser.execute(
        f"UPDATE appointments SET {sets}, birth_date = '1980-01-01' WHERE id = $1", appointment, *row.values()
    )
    return appointment


async def nameless(env: CoordinatorEnvironment) -> set[UUID]:
    """Return the appointments without a trace of their customers."""
    personal = " AND ".join(f"coalesce({name}::text, '') = ''" for name in PERSONAL)
    return {row["id"] for row in await env.rows(f"SELECT id FROM appointments WHERE {personal}")}


async def phones(env: CoordinatorEnvironment) -> set[str]:
    return {row["phone"] for row in await env.rows("SELECT phone FROM customers")}


async def job(env: CoordinatorEnvironment, tenant: TenantStore, appointment: UUID, state: str) -> None:
    await env.superuser.execute(
        """INSERT INTO jobs (tenant, kind, priority, state, appointment_id, correlation_id)
           VALUES ($1, 'calendar-sync', 'high', $2, $3, 'c')""",
        tenant.tenant, state, appointment,
    )  # fmt: skip


async def notification(env: CoordinatorEnvironment, tenant: TenantStore, appointment: UUID, state: str) -> None:
    await env.superuser.execute(
        """INSERT INTO notifications (tenant, kind, subject, recipient, channel, state, appointment_id, correlation_id)
           VALUES ($1, 'booked', $2, 'customer', 'Email', $3, $4, 'c')""",
        tenant.tenant, f"{appointment}/{state}", state, appointment,
    )  # fmt: skip


async def test_aged_appointment_loses_only_its_customer(env: CoordinatorEnvironment) -> None:
    salon, patient = await create_tenant(env, "salon"), await create_tenant(env, "patient", Retention())
    old, young, coming = [await visit(env, salon, days) for days in (-12, -8, 3)]
    await visit(env, patient, -12)
    book = "SELECT id, branch, service, staff, starts_at, ends_at, status, version, updated_at FROM appointments ORDER BY id"
    claims = "SELECT * FROM claims ORDER BY id"
    before = await env.rows(book), await env.rows(claims)
    assert await delete_expired(env.context) == 1
    assert await nameless(env) == {old}
    assert (await env.rows(book), await env.rows(claims)) == before
    assert {young, coming}.isdisjoint(await nameless(env))
    (entry,) = await env.rows("SELECT tenant, actor, action, detail FROM audit_log")
    assert (entry["tenant"], entry["actor"], entry["action"]) == (salon.tenant, "coordinator", "appointments.aged")
    assert json.loads(entry["detail"]) == {"appointments": 1, "days": 10}
    assert env.metric("aged_total") == {'{"what": "appointments"}': 1, '{"what": "customers"}': 0}
    assert await delete_expired(env.context) == 0, "what has aged is not found again"


async def test_appointment_with_pending_work_stays(env: CoordinatorEnvironment) -> None:
    salon = await create_tenant(env, "salon")
    kept = [await visit(env, salon, -20 - number) for number in range(4)]
    settled, sent = await visit(env, salon, -30), await visit(env, salon, -31)
    for appointment, state in zip(kept, ("ready", "running", "dead"), strict=False):
        await job(env, salon, appointment, state)
    await notification(env, salon, kept[3], "waiting")
    for state in ("dead", "done"):
        await job(env, salon, settled, state)
    await notification(env, salon, sent, "sent")
    assert await delete_expired(env.context) == 2
    assert await nameless(env) == {settled, sent}
    await env.superuser.execute("UPDATE jobs SET state = 'done'")
    await env.superuser.execute("UPDATE notifications SET state = 'sent'")
    await delete_expired(env.context)
    assert await nameless(env) == {settled, sent, *kept}


async def test_ageing_appointment_loses_its_finished_jobs_only(env: CoordinatorEnvironment) -> None:
    """Jobs go after `callDays`, years before appointments; a dead letter stays, and would keep the name for ever."""
    salon = await create_tenant(env, "salon", Retention(call_days=5, appointment_days=10))
    settled, smooth = await visit(env, salon, -30), await visit(env, salon, -31)
    for state in ("dead", "done"):
        await job(env, salon, settled, state)
    await job(env, salon, smooth, "done")
    await env.superuser.execute("UPDATE jobs SET finished_at = now() - interval '29 days'")
    await delete_expired(env.context)
    assert await nameless(env) == {settled, smooth}
    kept = "SELECT state FROM jobs WHERE appointment_id = $1 ORDER BY id"
    assert [row["state"] for row in await env.rows(kept, settled)] == ["dead", "done"]
    assert await env.rows(kept, smooth) == []


async def test_an_unreferenced_customer_is_deleted(env: CoordinatorEnvironment) -> None:
    salon, patient = await create_tenant(env, "salon"), await create_tenant(env, "patient", Retention())
    await visit(env, salon, -8)  # of PHONE
    numbers = {name: f"+49151555010{number:02}" for number, name in enumerate(
        ("gone", "young", "booked_for_another", "called", "called_long_ago", "was_called", "left", "left_for_another",
         "waits"))}  # fmt: skip
    for name, number in numbers.items():
        await customer(env, salon, number, "5 days" if name == "young" else "30 days")
    await customer(env, patient, numbers["gone"])
    await visit(env, salon, -9, caller=numbers["booked_for_another"])
    for name, direction, age in (
        ("called", "inbound", "5 days"),
        ("called_long_ago", "inbound", "25 days"),
        ("was_called", "outbound", "5 days"),
    ):
        numbers_of_call = (numbers[name], "+4930") if direction == "inbound" else ("+4930", numbers[name])
        await env.superuser.execute(
            """INSERT INTO calls (tenant, call_id, status, direction, from_number, to_number, correlation_id, updated_at)
               VALUES ($1, $2, 'ended', $3, $4, $5, 'c', now() - $6::text::interval)""",
            salon.tenant, name, direction, *numbers_of_call, age,
        )  # fmt: skip
    for name, caller, phone in (("left", numbers["left"], None), ("other", "+4930", numbers["left_for_another"])):
        await env.superuser.execute(
            """INSERT INTO messages (tenant, call_id, key, name, text, caller, phone, correlation_id)
               VALUES ($1, 'call', $2, 'Zora', 'Rückruf', $3, $4, 'c')""",
            salon.tenant, name, caller, phone,
        )  # fmt: skip
    await env.superuser.execute(
        """INSERT INTO waitlist (tenant, call_id, key, branch, service, spans, requested, since, until, name, phone, state,
                                 correlation_id)
           VALUES ($1, 'call', 'k', 'mitte', 'schnitt', '[]', 'Freitag', now(), now(), 'Zora', $2, 'waiting', 'c')""",
        salon.tenant, numbers["waits"],
    )  # fmt: skip
    assert await delete_expired(env.context) == 2
    left = {row["phone"] for row in await env.rows("SELECT phone FROM customers WHERE tenant = $1", salon.tenant)}
    assert left == {PHONE, *numbers.values()} - {numbers["gone"], numbers["called_long_ago"]}
    phones = await env.rows("SELECT phone FROM customers WHERE tenant = $1", patient.tenant)
    assert phones == [{"phone": numbers["gone"]}]
    (entry,) = await env.rows("SELECT action, detail FROM audit_log")
    assert (entry["action"], json.loads(entry["detail"])) == ("customers.aged", {"customers": 2, "days": 20})


async def test_interrupted_run_is_recorded_and_continued_next_time(env: CoordinatorEnvironment, monkeypatch) -> None:
    salon = await create_tenant(env, "salon")
    visits = {await visit(env, salon, -20 - number) for number in range(7)}
    await job(env, salon, min(visits, key=lambda each: each.int), "dead")  # each batch after it goes on behind it
    monkeypatch.setattr(maintenance, "BATCH", 2)
    real, runs = maintenance.store.age_rows, []

    async def lose_the_lease(*values: Any) -> Any:
        runs.append(values)
        env.term.held = len(runs) < 2
        return await real(*values)

    monkeypatch.setattr(maintenance.store, "age_rows", lose_the_lease)
    with pytest.raises(NotLeader):
        await delete_expired(env.context)
    first = await nameless(env)
    assert 2 <= len(first) < 6
    monkeypatch.setattr(maintenance.store, "age_rows", real)
    env.term.held = True
    await delete_expired(env.context)
    assert len(await nameless(env)) == 6
    entries = await env.rows("SELECT detail FROM audit_log WHERE action = 'appointments.aged'")
    assert sum(json.loads(entry["detail"])["appointments"] for entry in entries) == 6


async def test_nothing_ages_before_the_operator_writes_the_days(env: CoordinatorEnvironment) -> None:
    """A row is older than the columns: the days in its manifest are not known yet."""
    salon = await create_tenant(env, "salon")
    await visit(env, salon, -5000)
    await env.superuser.execute("UPDATE tenants SET appointment_days = NULL, customer_days = NULL")
    assert await delete_expired(env.context) == 0
    assert await nameless(env) == set()


async def test_concurrent_booking_keeps_its_customer(env: CoordinatorEnvironment) -> None:
    salon = await create_tenant(env, "salon")
    locked = await visit(env, salon, -12)
    booking = "+4915155501234"
    await customer(env, salon, booking)
    holder = await asyncpg.connect(env.database.superuser_dsn)
    async with open_pool(salon.dsn, max_size=1) as pool, pool.acquire() as conn:
        async with conn.transaction(), holder.transaction():
            await holder.execute("SELECT FROM appointments WHERE id = $1 FOR UPDATE", locked)
            await upsert_customer(conn, salon.tenant, booking, "Zora", None)
            assert await delete_expired(env.context) == 0
        assert booking in await phones(env)
        assert await delete_expired(env.context) == 2  # the appointment and its customer; a new customer stays
        assert booking in await phones(env)
    await holder.close()


async def test_refusal_row_is_kept_until_retells_copy_ends(env: CoordinatorEnvironment) -> None:
    """Without it, texts that Retell repeats would be stored again, and nobody would ask Retell to delete its copy."""
    salon = await create_tenant(env, "salon", Retention(call_days=10))
    for name, refused, deleted in (
        ("plain", None, None), ("open", 20, None), ("done", 20, 20), ("young_call", 20, 20),
    ):  # fmt: skip
        await env.superuser.execute(
            """INSERT INTO call_notices (tenant, call_id, at, refused_at, deleted_at)
               VALUES ($1, $2, now() - interval '20 days', now() - $3::integer * interval '1 day',
                       now() - $4::integer * interval '1 day')""",
            salon.tenant, name, refused, deleted,
        )  # fmt: skip
    for name, days in (("plain", 15), ("young_call", 5)):
        await env.superuser.execute(
            """INSERT INTO calls (tenant, call_id, status, correlation_id, updated_at)
               VALUES ($1, $2, 'ended', 'c', now() - $3::integer * interval '1 day')""",
            salon.tenant, name, days,
        )  # fmt: skip
    await delete_expired(env.context)
    left = [row["call_id"] for row in await env.rows("SELECT call_id FROM call_notices ORDER BY call_id")]
    assert left == ["open", "young_call"]


REFUSED = (
    "UPDATE appointments SET customer_name = 'Eva' WHERE ends_at < now()",
    "UPDATE appointments SET customer_name = '' WHERE ends_at < now()",
    "UPDATE customers SET name = 'Eva'",
    "INSERT INTO audit_log (tenant, actor, action, correlation_id) SELECT tenant, 'desk', 'caller.erase', 'c' FROM tenants",
)


@pytest.mark.parametrize("statement", REFUSED)
async def test_coordinator_can_neither_alter_nor_partly_remove_customers(
    env: CoordinatorEnvironment, statement: str
) -> None:
    await visit(env, await create_tenant(env, "salon"), -12)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await env.context.pool.execute(statement)


async def test_the_coordinator_cannot_empty_future_appointments(env: CoordinatorEnvironment) -> None:
    salon = await create_tenant(env, "salon")
    await visit(env, salon, 3)
    empty = ", ".join(f"{name} = {'NULL' if name != 'customer_name' else repr('')}" for name in PERSONAL)
    assert await env.context.pool.execute(f"UPDATE appointments SET {empty}") == "UPDATE 0"
    assert await nameless(env) == set()


async def test_customer_of_a_newly_written_appointment_is_kept(env: CoordinatorEnvironment) -> None:
    """The statement may have looked before the booking was committed: the foreign key looks again."""
    salon = await create_tenant(env, "salon")
    await visit(env, salon, 3)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await env.context.pool.execute("DELETE FROM customers WHERE phone = $1", PHONE)
    assert await phones(env) == {PHONE}
