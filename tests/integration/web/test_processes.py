"""The processes start, follow their files, and stop: inside the test, and as real processes."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from askproai_core.exposure_proof import PROOF_PATHS, new_nonce, proof_of
from askproai_sandbox.cluster import free_port
from askproai_sandbox.example_tenant import AGENT_ID, NUMBER
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod, running_web, running_worker, sign_retell, waiting_for_lock
from tests.worlds.tenant_rows import altered_schema
from tests.worlds.waiting import SOON, eventually


async def test_detailed_health_needs_the_admin_token(pod: TenantPod) -> None:
    url = pod.private_url + "/health/detailed"
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {ADMIN_TOKEN}"},
        {"Authorization": "Bearer "},
    ):
        assert (await pod.get(url, **headers)).status == 401
    reply = await pod.get(url, Authorization=f"Bearer {ADMIN_TOKEN}")
    assert reply.status == 200
    assert {"database", "queue", "config", "providers", "redis", "version"} <= set(reply.body)
    assert (reply.body["status"], reply.body["database"]["status"]) == ("ok", "ok")
    assert ADMIN_TOKEN not in json.dumps(reply.body)
    (pod.folder / "token").write_text("rotated")
    assert (await pod.get(url, Authorization=f"Bearer {ADMIN_TOKEN}")).status == 401
    assert (await pod.get(url, Authorization="Bearer rotated")).status == 200
    (pod.folder / "token").unlink()
    assert (await pod.get(url, Authorization="Bearer ")).status == 401, "without a token file nothing is accepted"
    (pod.folder / "token").write_text(ADMIN_TOKEN)


async def test_unauthenticated_health_answer_is_one_status_word(pod: TenantPod) -> None:
    for path in ("/livez", "/readyz", "/startupz"):
        reply = await pod.get(pod.private_url + path)
        assert (reply.status, reply.body) == (200, {"status": "ok"})
    for url in (f"{pod.private_url}/health", f"{pod.url}/health", f"{pod.url}/salon/salon/health"):
        reply = await pod.get(url)
        assert (reply.status, reply.body["status"]) == (200, "ok")
        assert datetime.now(UTC) - datetime.fromisoformat(reply.body["timestamp"]) < timedelta(minutes=1)
    assert (await pod.post("/health", b"")).status == 405
    for path in ("/livez", "/readyz"):
        assert (await pod.get(f"http://127.0.0.1:{pod.worker_port}{path}")).status == 200
    assert (await pod.get(pod.private_url + "/nowhere")).status == 404


async def test_only_a_valid_changed_config_is_in_use(web_pod: TenantPod) -> None:
    new_agent: dict[str, Any] = {"agent_id": "agent_new", "to_number": "+49309999999"}
    assert (await web_pod.function("check_availability", "call_1", {}, **new_agent)).status == 403
    config = json.loads((web_pod.folder / "tenant.json").read_text())
    config["agents"].append({"name": "neu", "branch": "mitte", "agent_id": "agent_new"})
    config["path_prefix"] = "/moved"
    web_pod.write_config(json.dumps(config))

    async def accepted() -> bool:
        return (await web_pod.function("check_availability", "call_1", {}, **new_agent)).status == 200

    await eventually(accepted, SOON)
    assert (await web_pod.retell("call_started", "call_p", path="/moved/webhooks/retell")).status == 200
    assert (await web_pod.retell("call_started", "call_p", path="/salon/salon/webhooks/retell")).status == 404

    web_pod.write_config('{"tenant": 7}')

    async def degraded() -> bool:
        return (await web_pod.get(web_pod.private_url + "/health")).body["status"] == "degraded"

    await eventually(degraded, SOON)
    assert await accepted()
    async with web_pod.session.get(f"http://127.0.0.1:{web_pod.web.metrics_port}/metrics") as response:
        assert 'askproai_config_rejected_total{tenant="salon.salon"} 1.0' in await response.text()


async def sessions(pod: TenantPod) -> set[int]:
    rows = await pod.db.fetch("SELECT pid FROM pg_stat_activity WHERE usename = $1", pod.store.role)
    return {row["pid"] for row in rows}


async def test_a_rotated_database_password_loses_no_event(web_pod: TenantPod) -> None:
    assert (await web_pod.retell("call_started", "call_before")).status == 200
    password, old, sent = secrets.token_hex(8), await sessions(web_pod), 1
    await web_pod.db.execute(f"ALTER ROLE \"{web_pod.store.role}\" PASSWORD '{password}'")
    credentials, _, address = web_pod.store.dsn.rpartition("@")
    user = credentials.rpartition(":")[0]
    web_pod.write_credential("DATABASE_URL", f"{user}:{password}@{address}")

    async def swapped() -> bool:
        nonlocal sent
        assert (await web_pod.retell("call_started", f"call_{sent}")).status == 200
        sent += 1
        return not old & await sessions(web_pod)

    await eventually(swapped, SOON)
    assert (await web_pod.counts())[0] == sent


async def test_a_pods_own_worker_begins_at_once(stopped_pod: TenantPod) -> None:
    """An idle worker polls every 15 s: a job that is done within 5 s was announced to it."""
    async with running_worker(stopped_pod) as port, running_web(stopped_pod, worker_port=port):
        for number in range(3):
            await stopped_pod.retell("call_started", f"call_{number}")
            await asyncio.wait_for(stopped_pod.settled(f"call_{number}:call_started"), 5)


async def test_pod_reports_its_missing_database_url_until_present(stopped_pod: TenantPod) -> None:
    (stopped_pod.folder / "credentials" / "DATABASE_URL").unlink()
    async with running_worker(stopped_pod) as port, running_web(stopped_pod, worker_port=port):
        for base in (stopped_pod.private_url, f"http://127.0.0.1:{port}"):
            reply = await stopped_pod.get(base + "/readyz")
            assert (reply.status, reply.body["detail"]) == (503, "the credential DATABASE_URL is missing")
            assert (await stopped_pod.get(base + "/livez")).status == 200
        assert (await stopped_pod.retell("call_started", "call_early")).status == 503
        stopped_pod.write_credential("DATABASE_URL", stopped_pod.store.dsn)

        async def accepted() -> bool:
            return (await stopped_pod.retell("call_started", "call_early")).status == 200

        await eventually(accepted)
        await stopped_pod.settled("call_early:call_started")


async def test_a_worker_returns_a_job_after_its_grace(stopped_pod: TenantPod) -> None:
    """ASKPROAI_SHUTDOWN_GRACE_SECONDS applies to jobs too, because the kubelet kills the process soon after."""
    async with stopped_pod.db.transaction():  # nobody can change a call until this ends
        await stopped_pod.db.execute("LOCK TABLE calls IN EXCLUSIVE MODE")
        async with running_worker(stopped_pod, shutdown_grace_seconds=0.2) as port:
            async with running_web(stopped_pod, worker_port=port):
                await stopped_pod.retell("call_started", "call_slow")
            await eventually(lambda: waiting_for_lock(stopped_pod))
            stopping = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - stopping < 3
    job = await stopped_pod.job("call_slow:call_started")
    assert job is not None
    assert (job["state"], job["attempts"]) == ("ready", 0)


async def test_shutdown_fails_readiness_and_completes_running_requests(stopped_pod: TenantPod) -> None:
    async with running_web(stopped_pod, worker_port=9, shutdown_delay_seconds=2, shutdown_grace_seconds=10) as stop:
        async with stopped_pod.db.transaction():  # nobody can store an event until this ends
            await stopped_pod.db.execute("LOCK TABLE webhook_events IN EXCLUSIVE MODE")
            sending = asyncio.create_task(stopped_pod.retell("call_started", "call_in_flight"))
            await eventually(lambda: waiting_for_lock(stopped_pod))
            stop.set()

            async def unready() -> bool:
                return (await stopped_pod.get(stopped_pod.private_url + "/readyz")).status == 503

            await eventually(unready)  # the port closes after the delay, and asking would fail
            late = asyncio.create_task(stopped_pod.retell("call_started", "call_while_draining"))

            async def closed() -> bool:
                try:  # no request: one that comes in the very moment of the end is held until the grace is over
                    _, writer = await asyncio.open_connection("127.0.0.1", stopped_pod.web.public_port)
                except OSError:
                    return True
                writer.close()
                return False

            await eventually(closed)
            assert not sending.done()
        for reply in (await sending, await late):
            assert (reply.status, reply.body["status"]) == (200, "accepted")
    assert (await stopped_pod.counts())[0] == 2


@pytest.mark.nightly
@pytest.mark.processes
async def test_port_in_use_is_an_error_naming_it(pod: TenantPod) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "askproai_runtime.main", "web",
        env=environment(pod, ASKPROAI_PUBLIC_PORT=pod.web.public_port),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert str(pod.web.public_port) in errors.decode()
    assert "Traceback" not in errors.decode()


def environment(pod: TenantPod, **changes: Any) -> dict[str, str]:
    return dict(os.environ) | pod.variables() | {name: str(value) for name, value in changes.items()}


@pytest.mark.nightly
@pytest.mark.processes
async def test_real_processes_accept_calls_and_end_on_sigterm(stopped_pod: TenantPod, tmp_path: Path) -> None:
    """`askproai-runtime web` and `worker`, as the pods run them."""
    ports = {name: free_port() for name in ("PUBLIC", "PRIVATE", "METRICS", "WORKER")}
    env = environment(stopped_pod, **{f"ASKPROAI_{name}_PORT": port for name, port in ports.items()})
    log = tmp_path / "log"
    processes = []
    with log.open("wb") as output:
        for command in ("worker", "web"):
            program = Path(sys.executable).with_name("askproai-runtime")
            processes.append(
                await asyncio.create_subprocess_exec(program, command, env=env, stdout=output, stderr=output)
            )
    try:
        base = f"http://127.0.0.1:{ports['PUBLIC']}"

        async def ready() -> bool:
            with contextlib.suppress(OSError):
                private = await stopped_pod.get(f"http://127.0.0.1:{ports['PRIVATE']}/readyz")
                worker = await stopped_pod.get(f"http://127.0.0.1:{ports['WORKER']}/readyz")
                return private.status == worker.status == 200
            return False

        await eventually(ready, SOON)
        call = {"call_id": "call_real", "agent_id": AGENT_ID, "to_number": NUMBER, "from_number": "+4915112345678"}
        for event in ("call_started", "call_ended"):
            body = json.dumps({"event": event, "call": call}).encode()
            headers = {"x-retell-signature": sign_retell(body), "X-Correlation-Id": "real-1"}
            async with stopped_pod.session.post(f"{base}/webhooks/retell", data=body, headers=headers) as response:
                assert response.status == 200
            await stopped_pod.settled(f"call_real:{event}")
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        codes = [await asyncio.wait_for(process.wait(), SOON) for process in processes]
    text = log.read_text()
    assert codes == [0, 0], text
    lines = [json.loads(line) for line in text.splitlines()]
    stored = next(line for line in lines if line["event"] == "event.stored")
    assert (stored["correlation_id"], stored["tenant"], stored["component"]) == ("real-1", "salon.salon", "web")
    assert stored["step"] == "webhook"
    updated = next(line for line in lines if line["event"] == "call.updated")
    assert (updated["correlation_id"], updated["component"]) == ("real-1", "worker")
    assert (updated["step"], updated["branch"]) == ("webhook-event", "mitte")
    for secret in ("+4915112345678", "key_test", "password-of", ADMIN_TOKEN):
        assert secret not in text


@pytest.mark.nightly
@pytest.mark.processes
@pytest.mark.parametrize(
    ("name", "value", "code"), [("ASKPROAI_PUBLIC_PORT", "many", 2), ("ASKPROAI_CONFIG_FILE", "/nowhere", 1)]
)
async def test_wrong_pod_settings_are_named_at_start(pod: TenantPod, name: str, value: str, code: int) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "askproai_runtime.main", "worker",
        env=environment(pod, **{name: value}), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await process.communicate()
    assert process.returncode == code
    assert (name if code == 2 else value) in errors.decode()
    assert "Traceback" not in errors.decode()


@pytest.mark.nightly
@pytest.mark.processes
async def test_migrate_shows_and_changes_the_schema(database: Any) -> None:
    async def run(*arguments: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "askproai_runtime.main", "migrate", *arguments,
            env=dict(os.environ) | {"DATABASE_ADMIN_URL": database.dsn},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        output, _ = await process.communicate()
        return process.returncode, output.decode()

    code, text = await run("status", "-o", "json")
    assert code == 0
    migrations = json.loads(text)["migrations"]
    assert all(step["applied_at"] for step in migrations)
    assert await run("up") == (0, "applied: nothing to do\n")
    assert (await run("down", "--steps", str(len(migrations))))[0] == 0
    code, text = await run("up", "-o", "json")
    assert json.loads(text)["applied"][0] == 1
    connection = await asyncpg.connect(database.dsn)
    assert await connection.fetchval("SELECT to_regclass('webhook_events') IS NOT NULL")
    await connection.close()


async def test_pods_on_another_migration_history_are_unready(stopped_pod: TenantPod) -> None:
    """The newest number of the foreign schema is the same as theirs, or higher."""
    own = dict(await stopped_pod.db.fetchrow("SELECT name, sha256 FROM schema_migrations WHERE version = 1"))
    rename = "UPDATE schema_migrations SET name = '{name}', sha256 = '{sha256}' WHERE version = 1;"
    async with (
        altered_schema(
            stopped_pod.db,
            rename.format(name="core", sha256="x")
            + "INSERT INTO schema_migrations VALUES (31, 'offers', 'x', now(), 1)",
            rename.format(**own) + "DELETE FROM schema_migrations WHERE version = 31",
        ),
        running_worker(stopped_pod) as port,
        running_web(stopped_pod, worker_port=port),
    ):
        for base in (stopped_pod.private_url, f"http://127.0.0.1:{port}"):
            reply = await stopped_pod.get(base + "/readyz")
            assert reply.status == 503
            assert "the database has another history" in reply.body["detail"]


async def test_postgresql_session_list_names_no_tenant(stopped_pod: TenantPod) -> None:
    """Every role of the server may read the `application_name` of every session."""
    async with running_web(stopped_pod, worker_port=9, pod_name="salon-web-57bc79b78b-zkcb8"):
        assert (await stopped_pod.retell("call_started", "call_seen")).status == 200
        names = await stopped_pod.db.fetch(
            "SELECT application_name FROM pg_stat_activity WHERE usename = $1", stopped_pod.store.role
        )
    assert {row["application_name"] for row in names} == {"askproai-web zkcb8"}


async def test_public_port_returns_the_proof_of_its_token(pod: TenantPod) -> None:
    nonce = new_nonce()

    async def ask(path: str, method: str = "GET") -> tuple[int, str]:
        async with pod.session.request(method, pod.url + path) as response:
            return response.status, await response.text()

    for path in PROOF_PATHS:
        assert await ask(f"{path}/{nonce}") == (200, proof_of(ADMIN_TOKEN, nonce))
        assert await ask(f"/salon/salon{path}/{nonce}") == (200, proof_of(ADMIN_TOKEN, nonce))
        assert (await ask(f"{path}/{nonce}", "POST"))[0] == 405
        for other in ("", "x", nonce.upper() + "A", nonce * 2, f"{nonce}/{nonce}"):
            assert (await ask(f"{path}/{other}"))[0] == 404, "only a nonce of the right shape is answered"
    assert ADMIN_TOKEN not in proof_of(ADMIN_TOKEN, nonce)
    (pod.folder / "token").unlink()
    assert (await ask(f"{PROOF_PATHS[0]}/{nonce}"))[0] == 503
    (pod.folder / "token").write_text(ADMIN_TOKEN)


async def test_former_path_prefix_is_served_beside_the_new(web_pod: TenantPod) -> None:
    config = json.loads((web_pod.folder / "tenant.json").read_text())
    web_pod.write_config(json.dumps(config | {"path_prefix": "/voice", "former_path_prefix": "/salon/salon"}))

    async def moved() -> bool:
        return (await web_pod.retell("call_started", "call_m", path="/voice/webhooks/retell")).status == 200

    await eventually(moved, SOON)
    assert (await web_pod.retell("call_started", "call_m", path="/salon/salon/webhooks/retell")).status == 200
