"""Migration 0026: a number that was stored with +49 before its country code is the right one, and its person one person."""

import random
import re

import phonenumbers
import pytest
from phonenumbers import PhoneMetadata, PhoneNumberFormat

from askproai_core.database import Migrator, shipped_migrations
from askproai_core.phone_numbers import e164_or_none, to_e164
from askproai_sandbox.databases import Database
from tests.integration.database.test_numbers_of_nobody import read_rows, write_rows
from tests.worlds.tenant_rows import connected

MISREAD, PERSON = "+494915112345678", "+4915112345678"
(MIGRATION,) = [each for each in shipped_migrations() if each.version == 26]
LATER = len([each for each in shipped_migrations() if each.version >= 26])
_DECLARED = MIGRATION.up[MIGRATION.up.index("digits CONSTANT") : MIGRATION.up.index("misread CONSTANT")]
PATTERN = re.compile(r"\+49" + "".join(re.findall(r"'([^']*)'", _DECLARED)))
REWRITTEN = {
    "4915112345678": "+4915112345678",
    "491701234567": "+491701234567",
    "4917612345678": "+4917612345678",
    "31612345678": "+31612345678",
    "905321234567": "+905321234567",
    "380501234567": "+380501234567",
    "12125550123": "+12125550123",
}
KEPT = [  # each is, or can be, a German number, or none at all
    "+4915112345678", "+49491123456", "+49493112345", "+4941446681800", "+4949775591155", "+49498001234567", "+496641234567",
    "+49791234567", "+495112345678", "+494915112345", "+49436641234567", "+41446681800", "+49316", "anonymous",
]  # fmt: skip


def read_as_german(digits: str) -> str:
    return phonenumbers.format_number(phonenumbers.parse(digits, "DE"), PhoneNumberFormat.E164)


@pytest.mark.parametrize(("digits", "number"), REWRITTEN.items())
def test_the_migration_reads_as_the_code_does(digits: str, number: str) -> None:
    assert to_e164(digits, "DE") == number
    misread = PATTERN.fullmatch(read_as_german(digits))
    assert misread is not None
    assert f"+{misread[1]}" == number


@pytest.mark.parametrize("number", KEPT)
def test_what_can_be_german_is_kept(number: str) -> None:
    assert PATTERN.fullmatch(number) is None


def test_no_subscriber_of_germany_is_rewritten() -> None:
    """German numbers have at most eleven digits; what is written before a mobile number or an area is no area."""
    choose = random.Random(30)
    for _ in range(20_000):
        number = "+49" + "".join(choose.choice("0123456789") for _ in range(choose.randint(5, 11)))
        if phonenumbers.is_valid_number(phonenumbers.parse(number)):
            assert PATTERN.fullmatch(number) is None, number


@pytest.mark.parametrize("country", ["DE", "NL", "TR", "UA", "US"])
def test_only_a_valid_number_is_the_right_one(country: str) -> None:
    choose, code = random.Random(31), phonenumbers.country_code_for_region(country)
    lengths = PhoneMetadata.metadata_for_region(country).general_desc.possible_length
    for _ in range(20_000):
        length = choose.choice(lengths)
        digits = f"{code}{choose.randint(1, 9)}" + "".join(choose.choice("0123456789") for _ in range(length - 1))
        if (found := PATTERN.fullmatch(f"+49{digits}")) is not None:
            assert e164_or_none(digits, "DE") in {f"+{found[1]}", None}  # it may be made up


async def test_rows_of_a_misread_number_are_the_persons(database: Database) -> None:
    salon = await database.create_tenant("salon")
    await Migrator(database.dsn).down(steps=LATER)
    for number in (*map(read_as_german, REWRITTEN), "+4941446681800"):
        await write_rows(database, salon.tenant, number)
    await Migrator(database.dsn).up()
    everyone = sorted([*REWRITTEN.values(), "+4941446681800"])
    async with connected(database.dsn) as owner:
        rows = await read_rows(owner)
        assert {table: sorted(filter(None, numbers)) for table, numbers in rows.items()} == dict.fromkeys(
            rows, everyone
        )


async def test_two_persons_of_one_number_both_wait(database: Database) -> None:
    salon = await database.create_tenant("salon")
    await Migrator(database.dsn).down(steps=LATER)
    for number in (MISREAD, PERSON):
        await write_rows(database, salon.tenant, number)
    async with connected(database.dsn) as owner:
        await owner.execute("UPDATE waitlist SET name = 'Otto' WHERE tenant = $1 AND phone = $2", salon.tenant, PERSON)
    await Migrator(database.dsn).up()
    async with connected(database.dsn) as owner:
        waiting = await owner.fetch("SELECT state, phone FROM waitlist WHERE tenant = $1", salon.tenant)
    assert waiting == [("waiting", PERSON)] * 2


async def test_one_person_under_two_numbers_is_one(database: Database) -> None:
    salon = await database.create_tenant("salon")
    await Migrator(database.dsn).down(steps=LATER)
    for number in (MISREAD, PERSON):
        await write_rows(database, salon.tenant, number)
    other = await database.create_tenant("other")
    await write_rows(database, other.tenant, MISREAD)
    async with connected(database.dsn) as owner:
        await owner.execute(
            """INSERT INTO reminder_opt_outs (tenant, address, since, changed_by, changed_at)
               VALUES ($1, $2, now(), 'desk', now()), ($1, $3, NULL, 'desk', now() - interval '1 day')""",
            salon.tenant, MISREAD, PERSON,
        )  # fmt: skip
        await owner.execute(
            """INSERT INTO erasures (tenant, id, caller) VALUES ($1, gen_random_uuid(), $2), ($1, gen_random_uuid(), $3)""",
            salon.tenant, MISREAD, PERSON,
        )  # fmt: skip
        await owner.execute(
            """INSERT INTO messages (tenant, call_id, key, name, caller, phone, text, correlation_id)
               VALUES ($1, 'm', 'k', 'Vera', $2, $2, $3, 'c')""",
            salon.tenant, MISREAD, f"Telefon: {MISREAD} (bisher {PERSON}, Auftrag 1{MISREAD}9)",
        )  # fmt: skip
    await Migrator(database.dsn).up()
    async with connected(database.dsn) as owner:
        mine = "WHERE tenant = $1"
        assert await owner.fetch(f"SELECT phone FROM customers {mine}", salon.tenant) == [(PERSON,)]
        customers = await owner.fetch(
            f"SELECT DISTINCT customer_id IS NULL, caller FROM appointments {mine}", salon.tenant
        )
        assert customers == [(False, PERSON)]
        waiting = await owner.fetch(f"SELECT state, phone FROM waitlist {mine} ORDER BY state", salon.tenant)
        assert waiting == [("removed", PERSON), ("waiting", PERSON)]
        opted_out = await owner.fetch(f"SELECT address, since IS NOT NULL FROM reminder_opt_outs {mine}", salon.tenant)
        assert opted_out == [(PERSON, True)]
        erasures = await owner.fetch(f"SELECT state, caller FROM erasures {mine} ORDER BY state", salon.tenant)
        assert erasures == [("done", None), ("open", PERSON)]
        (message,) = await owner.fetch(f"SELECT caller, phone, text FROM messages {mine}", salon.tenant)
        text = f"Telefon: {PERSON} (bisher {PERSON}, Auftrag 1{MISREAD}9)"
        assert tuple(message) == (PERSON, PERSON, text)
        assert await owner.fetch(f"SELECT phone FROM customers {mine}", other.tenant) == [(PERSON,)]
