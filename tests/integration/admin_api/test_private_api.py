"""The private API of a real pod: authentication, invalid requests, and the circuit breakers."""

import base64
import contextlib
import json
import ssl
from functools import partial
from urllib.parse import quote

import asyncpg
import pytest
from yarl import URL

from askproai_core.database import StatementTimeout
from askproai_core.provider_limits.circuit_breaker import CircuitOpen
from askproai_core.provider_names import Provider
from askproai_operator.redis_acl import acl_rules
from askproai_runtime.admin_api.store.calls import CallStore
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.private_desk import command, run_command
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod, next_friday, running_web, running_worker
from tests.worlds.waiting import eventually


async def request(
    pod: TenantPod, path: str, method: str = "GET", token: str | None = ADMIN_TOKEN
) -> tuple[int, dict, str]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    url = URL(f"{pod.private_url}/api/v1/{path}", encoded=True)
    async with pod.session.request(method, url, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None), answer.content_type


@pytest.mark.parametrize("token", [None, "", "admin-toke", "admin-token2", "ädmin"])
@pytest.mark.parametrize("path", ["circuits", "circuits/calcom/reset", "nothing/here"])
async def test_missing_token_reveals_not_even_existing_paths(shared_web_pod: TenantPod, token, path) -> None:
    status, problem, kind = await request(shared_web_pod, path, token=token)
    assert (status, kind, problem["title"]) == (401, "application/problem+json", "Unauthorized")
    assert problem["correlation_id"]


async def test_private_api_is_not_on_the_public_port(shared_web_pod: TenantPod) -> None:
    async with shared_web_pod.session.get(f"{shared_web_pod.url}/api/v1/circuits") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "nothing", 404), ("DELETE", "circuits", 405), ("POST", "circuits/stripe/reset", 404)],
)
async def test_unknown_path_returns_a_problem_document(shared_web_pod: TenantPod, method, path, status) -> None:
    got, problem, kind = await request(shared_web_pod, path, method)
    assert (got, kind, problem["status"]) == (status, "application/problem+json", status)


async def test_absent_database_is_reported_with_the_remedy(web_pod: TenantPod) -> None:
    assert (await request(web_pod, "calls"))[0] == 200
    web_pod.write_credential("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    await web_pod.db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )

    async def found_away(path: str) -> tuple[int, dict, str] | None:
        answer = await request(web_pod, path)  # the changed file is read within a moment
        return answer if answer[0] != 200 else None

    for path in ("calls", "appointments", "events", "figures", "messages", "timeline/call_1"):
        status, problem, kind = await eventually(partial(found_away, path), what=path)
        assert (status, kind, problem["title"]) == (503, "application/problem+json", "Database Unavailable"), path
        assert "PostgreSQL does not answer" in problem["detail"]
        assert problem["correlation_id"]
    said = await command(web_pod, "calls", "list", code=1)
    assert "PostgreSQL does not answer" in said
    assert "askproai doctor" in said


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (asyncpg.ConnectionDoesNotExistError(), 503, "Database Unavailable"),
        (asyncpg.CannotConnectNowError(), 503, "Database Unavailable"),
        (asyncpg.TooManyConnectionsError(), 503, "Database Unavailable"),
        (asyncpg.InterfaceError("connection is closed"), 503, "Database Unavailable"),
        (ConnectionResetError(), 503, "Database Unavailable"),  # not the sender of the request
        (TimeoutError(), 503, "Database Unavailable"),
        (ssl.SSLCertVerificationError("of the server"), 503, "Database Unavailable"),
        (asyncpg.ReadOnlySQLTransactionError(), 503, "Database Unavailable"),  # after a failover
        (asyncpg.QueryCanceledError(), 503, "Took Too Long"),
        (StatementTimeout("counting took too long"), 503, "Took Too Long"),
        (asyncpg.UndefinedColumnError(), 500, "Internal Server Error"),
        (asyncpg.exceptions._base.DataError("a value that no statement takes"), 500, "Internal Server Error"),
    ],
)
async def test_only_a_lost_database_is_reported_as_unavailable(
    shared_web_pod: TenantPod, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, title: str
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(CallStore, "list_calls", fail)
    got, problem, _ = await request(shared_web_pod, "calls")
    assert (got, problem["title"]) == (status, title)


def cursor(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


UNKNOWN_ID = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    "path",
    [
        *(f"{page}?limit={'9' * 5000}" for page in ("appointments", "events", "calls")),
        *(f"appointments?{name}=%00" for name in ("from", "branch", "staff", "status")),
        *(f"appointments?from={moment}" for moment in ("0001-01-01", "9999-12-31T23:59:59-14:00")),
        *(f"slots?branch=mitte&service=haarschnitt&date={day}" for day in ("0001-01-01", "9999-12-31")),
        f"appointments?cursor={cursor('2026-01-01T00:00:00Z', 'x')}",
        f"appointments?cursor={cursor('0001-01-01T00:00:00+14:00', UNKNOWN_ID)}",
        f"events?cursor={cursor('9999-12-31T23:59:59-14:00', '1')}",
        f"events?cursor={cursor('2026-01-01T00:00:00Z', chr(0))}",
        f"calls?cursor={cursor('2026-01-01T00:00:00Z')}",
        f"calls?cursor={cursor({}, [])}",
        "events?type=%00",
        "calls/%00/timeline",
    ],
)
async def test_invalid_value_is_explained_and_never_stored(shared_web_pod: TenantPod, path: str) -> None:
    status, problem, _ = await request(shared_web_pod, path)
    assert (status, problem["title"]) == (400, "Bad Request")


@pytest.mark.parametrize("value", ["' OR tenant <> '", "x'; DROP TABLE calls; --", "%' OR '1'='1", "\\", "$1"])
async def test_request_parameters_are_never_executed_as_sql(shared_web_pod: TenantPod, value: str) -> None:
    for path in ("appointments?branch=", "appointments?staff="):
        status, problem, _ = await request(shared_web_pod, path + quote(value))
        assert (status, problem["title"]) == (404, "Not Found")
        assert repr(value) in problem["detail"]
    status, page, _ = await request(shared_web_pod, "events?type=" + quote(value))
    assert page.pop("zone") == "Europe/Berlin"
    assert (status, page["next"], *(rows for rows in page.values() if rows)) == (200, None)
    status, _, _ = await request(shared_web_pod, f"calls/{quote(value, safe='')}/timeline")
    assert status == 404


async def test_circuits_are_listed_and_reset(shared_web_pod: TenantPod) -> None:
    """Without Redis each process has circuits of its own."""
    status, answer, _ = await request(shared_web_pod, "circuits")
    closed = {"state": "closed", "failures": 0, "retry_after_seconds": 0.0, "everywhere": False, "shared": False}
    assert (status, answer) == (200, {"circuits": [{"provider": name, **closed} for name in ("retell", "calcom")]})
    status, answer, _ = await request(shared_web_pod, "circuits/calcom/reset", "POST")
    assert (status, answer) == (200, {"provider": "calcom", **closed})


async def test_circuit_reset_runs_jobs_waiting_for_calcom(shared_web_pod: TenantPod) -> None:
    """Not the job of a booking whose caller is still on the line: the booking itself asks the calendar."""
    pod, tenant = shared_web_pod, shared_web_pod.store.tenant
    jobs = []
    for number, age in ((1, "1hour"), (2, "1s")):
        start = next_friday(pod, 10, number).isoformat()
        args = {"service": "Haarschnitt", "start": start, "customer_name": "Petra Müller"}
        booked = await pod.function("book_appointment", f"call_reset_{number}", args, from_number="+4915166660009")
        assert booked.body.get("success"), booked.body
        jobs.append(
            await pod.db.fetchval(
                """INSERT INTO jobs (tenant, kind, priority, appointment_id, correlation_id, run_at, created_at)
                   VALUES ($1, 'calendar-sync', 'high', $2::text::uuid, 'c', clock_timestamp() + interval '5 min',
                           clock_timestamp() - $3::text::interval) RETURNING id""",
                tenant, booked.body["appointment_id"], age,
            )
        )  # fmt: skip
    due = "SELECT id FROM jobs WHERE tenant = $1 AND id = ANY ($2) AND run_at <= clock_timestamp()"
    assert (await request(pod, "circuits/retell/reset", "POST"))[0] == 200
    assert await pod.db.fetch(due, tenant, jobs) == []
    assert (await request(pod, "circuits/calcom/reset", "POST"))[0] == 200
    assert [row["id"] for row in await pod.db.fetch(due, tenant, jobs)] == jobs[:1]
    await pod.db.execute("DELETE FROM jobs WHERE tenant = $1 AND id = ANY ($2)", tenant, jobs)


@pytest.mark.nightly
@pytest.mark.processes
async def test_command_line_uses_the_private_api(shared_web_pod: TenantPod) -> None:
    code, out, _ = await run_command(shared_web_pod, "circuits", "list", "-o", "json")
    assert (code, [row["state"] for row in json.loads(out)["circuits"]]) == (0, ["closed", "closed"])
    code, out, _ = await run_command(shared_web_pod, "circuits", "reset", "calcom")
    assert code == 0
    assert "calcom" in out
    code, _, error = await run_command(shared_web_pod, "circuits", "list", token="wrong")
    assert (code, "refuses the token" in error, "wrong" in error) == (1, True, False)


async def test_web_and_worker_share_their_circuits_through_redis(stopped_pod: TenantPod, valkey: EmbeddedRedis) -> None:
    """An outage that the worker notices spares the next caller the wait, and a reset at the web process reaches the worker."""
    tenant = stopped_pod.store.tenant
    url = await valkey.add_user(f"web-{tenant}", partial(acl_rules, tenant))
    stopped_pod.write_credential("REDIS_URL", url)
    async with running_worker(stopped_pod) as port, running_web(stopped_pod, worker_port=port):
        worker = stopped_pod.worker.circuits

        async def open_for_the_web() -> dict | None:
            """Open a circuit for the web process. It is tried again, since Redis may be slow on a busy machine."""
            with contextlib.suppress(CircuitOpen):
                for _ in range(5):
                    await (await worker.allow(Provider.CALCOM)).record_failure()
            _, answer, _ = await request(stopped_pod, "circuits")
            calcom = next(row for row in answer["circuits"] if row["provider"] == "calcom")
            return calcom if calcom["state"] == "open" and calcom["shared"] else None

        calcom = await eventually(open_for_the_web)
        assert 0 < calcom["retry_after_seconds"] <= 60
        token = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        details = await stopped_pod.get(f"{stopped_pod.private_url}/health/detailed", **token)
        assert details.body["providers"]["calcom"]["circuit"] == "open"

        async def closed_for_the_worker() -> bool:
            _, row, _ = await request(stopped_pod, "circuits/calcom/reset", "POST")
            return bool(row["shared"]) and not (await worker.views())[Provider.CALCOM].retry_after

        await eventually(closed_for_the_worker)
        await (await worker.allow(Provider.CALCOM)).record_success()
