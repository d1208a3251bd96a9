"""Migration 0030: rows under a number that identifies nobody belong to no person, and nothing else changes."""

import asyncpg
import pytest

from askproai_core.database import Migrator, shipped_migrations
from askproai_sandbox.databases import Database
from tests.worlds.tenant_rows import HOUR, T0, connected

PERSON, SHORT, TOLL_FREE = "+4915112345678", "+497748283", "+498001234567"
STAND_INS = ["+86282452253", "+17378742833", "+8656696", "+497378742833"]
NOBODYS = [*STAND_INS, "+4990012345678", "+4932", "+4915100000000", "+49123456789012", "+999123456789"]
LATER = len([each for each in shipped_migrations() if each.version >= 30])


async def test_a_short_number_of_a_village_stays(database: Database) -> None:
    salon = await database.create_tenant("salon")
    await Migrator(database.dsn).down(steps=LATER)
    await write_rows(database, salon.tenant, SHORT)
    await Migrator(database.dsn).up()
    async with connected(database.dsn) as owner:
        assert {tuple(numbers) for numbers in (await read_rows(owner)).values()} == {(SHORT,)}


async def write_appointment(database: Database, tenant: str, phone: str, caller: str) -> None:
    async with connected(database.dsn) as owner:
        customer = await owner.fetchval(
            """INSERT INTO customers (tenant, phone, name) VALUES ($1, $2, 'Vera')
               ON CONFLICT (tenant, phone) DO UPDATE SET name = 'Vera' RETURNING id""",
            tenant, phone,
        )  # fmt: skip
        await owner.execute(
            """INSERT INTO appointments (tenant, branch, service, staff, customer_id, customer_name, caller, starts_at, ends_at,
               status, correlation_id) VALUES ($1, 'mitte', 'schnitt', 'anna', $2, 'Vera', $3, $4, $5, 'confirmed', 'c')""",
            tenant, customer, caller, T0, T0 + HOUR,
        )  # fmt: skip


async def write_rows(database: Database, tenant: str, number: str) -> None:
    await write_appointment(database, tenant, number, caller=number)
    async with connected(database.dsn) as owner:
        await owner.execute(
            "INSERT INTO calls (tenant, call_id, status, from_number, correlation_id) VALUES ($1, $2, 'ended', $2, 'c')",
            tenant, number,
        )  # fmt: skip
        await owner.execute("INSERT INTO verifications (tenant, call_id, caller) VALUES ($1, 'v', $2)", tenant, number)
        await owner.execute(
            """INSERT INTO waitlist (tenant, call_id, key, branch, service, spans, requested, since, until, name, phone, caller,
               correlation_id) VALUES ($1, 'w', 'k', 'mitte', 'schnitt', '[]', 'morgen', $3, $4, 'Vera', $2, $2, 'c')""",
            tenant, number, T0, T0 + HOUR,
        )  # fmt: skip


async def read_rows(owner: asyncpg.Connection) -> dict[str, list[str | None]]:
    """Return the numbers in each table that has any, and the appointments by name and customer."""
    queries = {
        "customers": "SELECT phone FROM customers ORDER BY 1",
        "appointments": "SELECT coalesce(caller, customer_name) FROM appointments ORDER BY 1",
        "linked": "SELECT caller FROM appointments WHERE customer_id IS NOT NULL",
        "calls": "SELECT from_number FROM calls ORDER BY 1",
        "verifications": "SELECT caller FROM verifications ORDER BY 1",
        "waiting": "SELECT phone FROM waitlist WHERE state = 'waiting' ORDER BY 1",
        "waitlist": "SELECT caller FROM waitlist ORDER BY 1",
    }
    return {name: [row[0] for row in await owner.fetch(query)] for name, query in queries.items()}


@pytest.mark.parametrize("number", NOBODYS)
async def test_rows_of_nobodys_number_are_cut_loose(database: Database, number: str) -> None:
    salon = await database.create_tenant("salon")
    await Migrator(database.dsn).down(steps=LATER)
    for each in (number, PERSON):
        await write_rows(database, salon.tenant, each)
    await Migrator(database.dsn).up()
    async with connected(database.dsn) as owner:
        assert await read_rows(owner) == {
            "customers": [PERSON], "appointments": [PERSON, "Vera"], "linked": [PERSON], "calls": [PERSON, None],
            "verifications": [PERSON, None], "waiting": [PERSON], "waitlist": [PERSON, None],
        }  # fmt: skip


async def test_a_dictated_service_number_is_kept(database: Database) -> None:
    """Many people call from behind it, so its calls are of no person; the one who said it is reached there."""
    salon = await database.create_tenant("salon")
    await Migrator(database.dsn).down(steps=LATER)
    await write_rows(database, salon.tenant, TOLL_FREE)
    await write_appointment(database, salon.tenant, TOLL_FREE, caller=PERSON)
    await Migrator(database.dsn).up()
    async with connected(database.dsn) as owner:
        assert await read_rows(owner) == {
            "customers": [TOLL_FREE], "appointments": [PERSON, "Vera"], "linked": [PERSON], "calls": [None],
            "verifications": [None], "waiting": [TOLL_FREE], "waitlist": [None],
        }  # fmt: skip
