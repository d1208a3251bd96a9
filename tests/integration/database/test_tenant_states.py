"""The state behind conditions needs as many statements for many tenants as for one, and no tenant gets another's state."""

from datetime import UTC, datetime, timedelta

import pytest

from askproai_operator.store.admin import AdminStore
from askproai_operator.store.stranded import DeclaredWork, StrandedBy, encode_declared
from askproai_operator.store.tenant_states import CalendarBacklog, ProvisionedTenant, TenantFacts, TenantState
from tests.worlds.databases import Database, TenantStore
from tests.worlds.statements import record_statements
from tests.worlds.tenant_reconciles import rows

pytestmark = pytest.mark.nightly

WAITED = timedelta(minutes=2)
SERVICES = [("mitte", "haarschnitt")]
LIMIT = 60  # as `create_tenant` sets it


def as_left(salon: TenantStore, **declared: list) -> ProvisionedTenant:  # type: ignore[type-arg]
    staff = DeclaredWork(declared.get("members", [("mitte", "anna")]), declared.get("away", []), SERVICES)
    ids = frozenset(salon.resources.values())
    return ProvisionedTenant(salon.tenant, salon.uid, salon.role, LIMIT, TenantFacts(), ids, encode_declared(staff))


def at_rest(state: TenantState) -> bool:
    return state == TenantState(refusals=frozenset(), backlog=CalendarBacklog(), poll=None, audit=None, stranded=())


async def read(admin: AdminStore, *tenants: ProvisionedTenant) -> dict[str, TenantState]:
    return await admin.read_states({each.tenant: each.work for each in tenants}, WAITED)


async def book(database: Database, salon: TenantStore, staff: str, status: str = "confirmed") -> None:
    await rows(
        database,
        """WITH made AS (
               INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, correlation_id)
               VALUES ($1, 'mitte', 'haarschnitt', $2, now() + interval '1 day', now() + interval '25 hours', $3, 'c')
               RETURNING tenant, id)
           INSERT INTO jobs (tenant, kind, priority, state, appointment_id, correlation_id, created_at)
           SELECT tenant, 'calendar-sync', 'high', 'dead', id, 'c', now() - interval '3 minutes' FROM made""",
        salon.tenant, staff, status,
    )  # fmt: skip


async def test_many_tenants_take_as_many_statements_as_one(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows, resources, logins, refusals, signatures, backlog, three tasks, stranded appointments; no lock, no write."""
    salons = [as_left(await database.create_tenant(name)) for name in ("a", "b", "c", "d", "e")]
    statements = record_statements(monkeypatch)
    admin = AdminStore(database.dsn)
    try:
        await read(admin, salons[0])
        statements.clear()
        found, provisioned = await read(admin, *salons), await admin.find_provisioned(salons)
        sent = [each for each in statements if each != "DISCARD PLANS"]
    finally:
        await admin.close()
    assert len(sent) == 10, sent
    assert all(each.lstrip().startswith("SELECT") and "FOR UPDATE" not in each for each in sent), sent
    assert found.keys() == provisioned == {each.tenant for each in salons}
    assert all(map(at_rest, found.values())), found


@pytest.mark.parametrize(
    ("seconds_ago", "signed", "since"),
    [
        ((90, 30), None, 90),
        ((90,), None, None),  # one request proves little
        ((50, 30), None, None),  # for less than a minute
        ((90, 30), 60, None),  # a signed one in between: somebody else's requests
        ((90, 70, 30), 80, 70),  # the key was changed since
        ((90, 30), 120, 90),
        ((7200, 7100), None, None),
        ((7200, 90, 30), None, 7200),  # it has lasted for longer than an hour
        ((7200, 5000, 90, 30), 6000, 5000),
    ],
)
@pytest.mark.parametrize("proof", ["event", "function", "poll"])
async def test_signed_request_between_refusals_clears_the_refusal(
    database: Database, seconds_ago: tuple[int, ...], signed: int | None, since: int | None, proof: str
) -> None:
    """The poll stores the events of refused calls, but is no request that Retell has signed."""
    if proof == "poll" and signed is not None:
        since = max(seconds_ago)
    salon = await database.create_tenant("salon")
    for seconds in seconds_ago:
        await rows(
            database,
            """INSERT INTO audit_log (tenant, at, actor, action, detail, correlation_id)
               VALUES ($1, now() - make_interval(secs => $2), 'unverified', 'signature.refused', '{}', 'c')""",
            salon.tenant, seconds,
        )  # fmt: skip
    event_id = "call_1:call_started:poll" if proof == "poll" else "call_1:call_started"
    of_event = f"""INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id, received_at)
                   VALUES ($1, 'retell', '{event_id}', 'call_started', '', 'c', now() - make_interval(secs => $2))"""
    of_function = """INSERT INTO function_requests (tenant, call_id, at, function, arguments, outcome, duration_ms, correlation_id)
                     VALUES ($1, 'call', now() - make_interval(secs => $2), 'f', '{}', 'done', 1, 'c')"""
    if signed is not None:
        await rows(database, of_function if proof == "function" else of_event, salon.tenant, signed)
    found = (await read(database.admin, as_left(salon)))[salon.tenant].refused
    ago = None if found is None else (datetime.now(UTC) - found.since).total_seconds()
    assert ago == (None if since is None else pytest.approx(since, abs=15))


async def test_state_of_a_tenant_contains_only_its_problems(database: Database) -> None:
    salons = [await database.create_tenant(name) for name in ("first", "second", "third")]
    first, second, third = salons
    await book(database, first, "anna")
    await book(database, second, "somebody-who-left")
    await rows(
        database,
        """INSERT INTO provider_calls (tenant, provider, operation, method, endpoint, status, outcome, duration_ms, correlation_id)
           VALUES ($1, 'calcom', 'create-booking', 'POST', '/v2/bookings', 404, 'refused', 60, 'c')""",
        second.tenant,
    )  # fmt: skip
    states = await read(database.admin, *map(as_left, salons))
    assert at_rest(states[third.tenant])
    of_first, of_second = states[first.tenant], states[second.tenant]
    assert (of_first.backlog.dead, of_first.refusals, list(of_first.stranded)) == (1, frozenset(), [])
    assert (of_second.backlog.dead, of_second.refusals) == (1, {404})
    assert [(each.staff, each.why) for each in of_second.stranded] == [("somebody-who-left", StrandedBy.GONE)]
    for salon in salons:  # as a reconcile reads one
        assert (await read(database.admin, as_left(salon)))[salon.tenant] == states[salon.tenant]


@pytest.mark.parametrize(
    ("watermark", "failing"),
    [
        ('{"away": {"Email": {"reason": "refused", "failures": 2}}}', {"Email": "refused"}),
        ('{"away": {"Email": {"reason": "refused", "failures": 1}}}', {}),
        ('{"away": {"Pigeon": {"reason": "refused", "failures": 2}}}', {}),
        ('{"listed": "2026-11-27"}', {}),
        ("[1]", {}),
    ],
)
async def test_failing_notification_channel_is_found_per_tenant(database: Database, watermark, failing) -> None:
    salon, other = await database.create_tenant("salon"), await database.create_tenant("other")
    await rows(
        database, "INSERT INTO tasks (tenant, name, due_at, watermark) VALUES ($1, 'notifications', now(), $2::jsonb)",
        salon.tenant, watermark,
    )  # fmt: skip
    states = await read(database.admin, as_left(salon), as_left(other))
    assert states[salon.tenant].failing == failing
    assert at_rest(states[other.tenant])


async def test_days_off_affect_only_their_own_tenant(database: Database) -> None:
    away, here = await database.create_tenant("away"), await database.create_tenant("here")
    for salon in (away, here):
        await book(database, salon, "anna")
    now, day = datetime.now(UTC), timedelta(days=1)
    tenants = [as_left(away, away=[("mitte", "anna", now, now + 3 * day)]), as_left(here)]
    states = await read(database.admin, *tenants)
    assert [each.why for each in states[away.tenant].stranded] == [StrandedBy.AWAY]
    assert not states[here.tenant].stranded


async def test_tenant_with_many_refusals_delays_no_other_tenant(database: Database) -> None:
    """A tenant's login may write any number, and one statement reads the refusals of all tenants."""
    salon, other = await database.create_tenant("salon"), await database.create_tenant("other")
    await rows(
        database,
        """INSERT INTO provider_calls
               (tenant, provider, operation, method, endpoint, status, outcome, duration_ms, correlation_id, at)
           SELECT $1, 'calcom', 'create-booking', 'POST', '/v2/bookings', 401, CASE n WHEN 0 THEN 'confirmed' ELSE 'refused' END,
                  60, 'c', now() - n * interval '1 ms' FROM generate_series(0, 100000) n""",
        salon.tenant,
    )  # fmt: skip
    # In less than 15 s, or it fails.
    states = await read(database.admin, as_left(salon), as_left(other))
    assert states[salon.tenant].refusals == frozenset(), "a later booking was confirmed"
    assert at_rest(states[other.tenant])


@pytest.mark.parametrize(
    "by_hand",
    [
        "UPDATE tenants SET uid = 'another' WHERE tenant = $1 AND $2 <> ''",
        "UPDATE tenants SET retell_base_url = 'https://elsewhere.example' WHERE tenant = $1 AND $2 <> ''",
        "DELETE FROM resources WHERE tenant = $1 AND $2 <> ''",
        "ALTER ROLE {role} NOLOGIN",
        "ALTER ROLE {role} CONNECTION LIMIT 3",
        "ALTER ROLE {role} RESET statement_timeout",
    ],
)
async def test_tenant_state_changed_by_hand_is_detected(database: Database, by_hand: str) -> None:
    salon, other = await database.create_tenant("salon"), await database.create_tenant("other")
    values = () if "{role}" in by_hand else (salon.tenant, salon.role)
    await rows(database, by_hand.format(role=salon.role), *values)
    assert await database.admin.find_provisioned([as_left(salon), as_left(other)]) == {other.tenant}


@pytest.mark.parametrize(
    ("calls", "fails"),  # newest last: status, error and minutes ago of each
    [
        ([(503, None, 2), (None, "ReadTimeout", 1)], True),
        ([(200, None, 3), (503, None, 2), (408, None, 1)], False),
        ([(201, None, 6)] + [(503, None, 1)] * 5, True),
        ([(503, None, 1)], False),
        ([(503, None, 12), (503, None, 1)], False),
        ([(503, None, 2), (200, None, 1)], False),
        ([(404, None, 2), (401, None, 1)], False),
        ([(None, "CredentialMissing", 2), (None, "CredentialMissing", 1)], False),
    ],
)
async def test_provider_is_failing_when_recent_requests_all_failed(database: Database, calls, fails) -> None:
    salon, other = await database.create_tenant("salon"), await database.create_tenant("other")
    for status, error, minutes in calls:
        await call_provider(database, salon, "calcom", status, error, minutes)
        await call_provider(database, salon, "another", 503, None, minutes)
        await call_provider(database, other, "calcom", 200, None, minutes)
    found = list(await database.admin.list_failing_providers(100))
    assert found == ([(salon.tenant, "calcom")] if fails else [])


async def call_provider(
    database: Database, salon: TenantStore, provider: str, status: int | None, error: str | None, minutes: int
) -> None:
    await rows(
        database,
        """INSERT INTO provider_calls
               (tenant, provider, operation, method, endpoint, status, error, outcome, duration_ms, correlation_id, at)
           VALUES ($1, $2, 'create-booking', 'POST', '/v2/bookings', $3, $4, 'x', 60, 'c', now() - $5 * interval '1 minute')""",
        salon.tenant, provider, status, error, minutes,
    )  # fmt: skip


SALON = ("salon.salon", "uid-salon", "password-of-salon")
ANNA, MEHMET = ("mitte", "anna", 1), ("mitte", "mehmet", 1)


async def test_unchanged_tenant_takes_four_statements_without_a_lock(database: Database, monkeypatch) -> None:
    """Schema, row, login and resources, each read by one."""
    statements = record_statements(monkeypatch)
    admin = AdminStore(database.dsn)

    async def ensure(*resources: tuple[str, str, int]) -> list[str]:
        statements.clear()
        await admin.prepare()
        await admin.ensure_tenant(*SALON, connection_limit=5, verify_password=False)
        await admin.ensure_resources(SALON[0], resources)
        return [each for each in statements if each != "DISCARD PLANS"]

    try:
        await ensure(ANNA)
        repeated = await ensure(ANNA)
        assert len(repeated) == 4, repeated
        assert all(each.lstrip().startswith("SELECT") and "FOR " not in each for each in repeated), repeated
        assert len(await ensure(ANNA, MEHMET)) > 4
        assert len(await ensure(MEHMET)) > 4, "one that left is to be switched off"
        assert len(await ensure(MEHMET)) == 4
    finally:
        await admin.close()
