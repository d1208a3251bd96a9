"""The operator finds future appointments that no staff member would keep, whatever a tenant's rows contain."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from askproai_core.database import open_pool
from askproai_operator.store.stranded import DeclaredWork, Stranded, StrandedBy, encode_declared
from tests.worlds.databases import Database, TenantStore

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
STAFF = [("mitte", "anna"), ("mitte", "tobias")]
SERVICES = [("mitte", "haarschnitt"), ("west", "bartpflege")]


async def book(
    salon: TenantStore, staff: str, start: datetime | str, status: str = "confirmed", service: str = "haarschnitt"
) -> None:
    async with open_pool(salon.dsn, max_size=1) as pool:
        await pool.execute(
            """INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, correlation_id)
               VALUES ($1, 'mitte', $2, $3, $4::text::timestamptz, $4::text::timestamptz + interval '1 hour', $5, 'c')""",
            salon.tenant, service, staff, str(start), status,
        )  # fmt: skip


async def list_stranded(database: Database, salon: TenantStore, declared: DeclaredWork) -> Sequence[Stranded]:
    work = {salon.tenant: encode_declared(declared)}
    return (await database.admin.read_states(work, timedelta(minutes=2)))[salon.tenant].stranded


async def test_future_appointments_with_absent_staff_are_counted(emptied_database: Database) -> None:
    salon = await emptied_database.create_tenant("salon")
    away = NOON + 3 * DAY
    for staff, start, status in (
        ("anna", away, "confirmed"),
        ("anna", away + 2 * DAY, "confirmed"),  # is back
        ("anna", away + HOUR, "cancelled"),
        ("anna", away - DAY - HOUR, "confirmed"),  # ends when the absence begins
        ("tobias", away, "confirmed"),  # works
        ("lena", NOON + 5 * DAY, "pending_sync"),
        ("lena", NOON + 4 * DAY, "confirmed"),
        ("lena", NOON - 2 * DAY, "confirmed"),  # is past
    ):
        await book(salon, staff, start, status)
    declared = DeclaredWork(STAFF, [("mitte", "anna", away - DAY, away + DAY)], SERVICES)
    assert await list_stranded(emptied_database, salon, declared) == [
        Stranded("mitte", "anna", StrandedBy.AWAY, appointments=1, first=away),
        Stranded("mitte", "lena", StrandedBy.GONE, appointments=2, first=NOON + 4 * DAY),
    ]


async def test_withdrawn_services_future_appointments_are_counted(emptied_database: Database) -> None:
    """Each service counts by itself, and another branch's service is not offered. A former staff member is the first reason."""
    salon = await emptied_database.create_tenant("salon")
    first = NOON + 2 * DAY
    for staff, start, service in (
        ("anna", first, "sehtest"),
        ("anna", first + DAY, "sehtest"),
        ("anna", first + 2 * DAY, "bartpflege"),
        ("anna", first + 3 * DAY, "haarschnitt"),  # is offered
        ("anna", first + 3 * DAY + HOUR, "no name; `rm`"),
        ("lena", first + 4 * DAY, "sehtest"),
    ):
        await book(salon, staff, start, service=service)
    declared = DeclaredWork(STAFF, [("mitte", "anna", first - DAY, first + HOUR)], SERVICES)
    assert await list_stranded(emptied_database, salon, declared) == [
        Stranded("mitte", "anna", StrandedBy.NOT_OFFERED, 2, first, "sehtest"),
        Stranded("mitte", "anna", StrandedBy.NOT_OFFERED, 1, first + 2 * DAY, "bartpflege"),
        Stranded("mitte", "anna", StrandedBy.NOT_OFFERED, 1, first + 3 * DAY + HOUR, None),
        Stranded("mitte", "lena", StrandedBy.GONE, 1, first + 4 * DAY),
    ]


async def test_visit_needs_all_its_services_in_the_branch(emptied_database: Database) -> None:
    salon = await emptied_database.create_tenant("salon")
    first = NOON + 2 * DAY
    await book(salon, "anna", first, service="haarschnitt+farbe")
    await book(salon, "anna", first + DAY, service="haarschnitt+sehtest")
    await book(salon, "anna", first + 2 * DAY, service="haarschnitt+bartpflege")  # only in another branch
    declared = DeclaredWork(STAFF, [], [*SERVICES, ("mitte", "farbe")])
    assert await list_stranded(emptied_database, salon, declared) == [
        Stranded("mitte", "anna", StrandedBy.NOT_OFFERED, 1, first + DAY, "haarschnitt+sehtest"),
        Stranded("mitte", "anna", StrandedBy.NOT_OFFERED, 1, first + 2 * DAY, "haarschnitt+bartpflege"),
    ]


async def test_another_tenants_appointments_do_not_count(emptied_database: Database) -> None:
    salon, other = await emptied_database.create_tenant("salon"), await emptied_database.create_tenant("other")
    await book(other, "lena", NOON + DAY)
    assert not await list_stranded(emptied_database, salon, DeclaredWork(STAFF, [], SERVICES))


async def test_malformed_appointments_of_a_tenant_are_left_out(emptied_database: Database) -> None:
    salon = await emptied_database.create_tenant("salon")
    await book(salon, "no name; `rm`", NOON + DAY)
    await book(salon, "lena", "200000-01-01")
    (found,) = await list_stranded(emptied_database, salon, DeclaredWork([], [], SERVICES))
    assert (found.staff, found.appointments) == (None, 1)
