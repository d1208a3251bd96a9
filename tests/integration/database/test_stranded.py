"""The operator finds the appointments to come that nobody would keep, whatever a tenant's rows hold."""

from datetime import UTC, datetime, timedelta

from askproai_core.database import DeclaredStaff, Stranded, open_pool
from askproai_sandbox.databases import Database, TenantStore

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
STAFF = [("mitte", "anna"), ("mitte", "tobias")]


async def book(
    salon: TenantStore, staff: str, start: datetime | str, status: str = "confirmed", branch: str = "mitte"
) -> None:
    async with open_pool(salon.dsn, max_size=1) as pool:
        await pool.execute(
            """INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, correlation_id)
               VALUES ($1, $2, 'haarschnitt', $3, $4::text::timestamptz, $4::text::timestamptz + interval '1 hour', $5, 'c')""",
            salon.tenant, branch, staff, str(start), status,
        )  # fmt: skip


async def test_who_is_gone_or_away_has_no_appointments_to_come(database: Database) -> None:
    salon = await database.create_tenant("salon")
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
    declared = DeclaredStaff(STAFF, [("mitte", "anna", away - DAY, away + DAY)])
    assert await database.admin.list_stranded(salon.tenant, declared) == [
        Stranded("mitte", "anna", gone=False, appointments=1, first=away),
        Stranded("mitte", "lena", gone=True, appointments=2, first=NOON + 4 * DAY),
    ]


async def test_another_tenants_appointments_do_not_count(database: Database) -> None:
    salon, other = await database.create_tenant("salon"), await database.create_tenant("other")
    await book(other, "lena", NOON + DAY)
    assert await database.admin.list_stranded(salon.tenant, DeclaredStaff(STAFF, [])) == []


async def test_what_a_tenants_own_login_has_written_there_disturbs_nobody(database: Database) -> None:
    salon = await database.create_tenant("salon")
    await book(salon, "no name; `rm`", NOON + DAY)
    await book(salon, "lena", "200000-01-01")
    (found,) = await database.admin.list_stranded(salon.tenant, DeclaredStaff([], []))
    assert (found.staff, found.appointments) == (None, 1)
