"""The private API over a real pod: who gets in, and the circuits (C1, S3)."""

import asyncio
import base64
import contextlib
import json
import sys
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
from webpod import TOKEN, Pod, eventually, running_web, running_worker
from yarl import URL

from askproai_core.redis import CircuitOpen, Provider, acl_rules
from askproai_sandbox.redis import EmbeddedRedis

ASKPROAI = Path(sys.executable).with_name("askproai")


async def ask(pod: Pod, path: str, method: str = "GET", token: str | None = TOKEN) -> tuple[int, dict, str]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    url = URL(f"{pod.private_url}/api/v1/{path}", encoded=True)
    async with pod.session.request(method, url, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None), answer.content_type


@pytest.mark.parametrize("token", [None, "", "admin-toke", "admin-token2", "ädmin"])
@pytest.mark.parametrize("path", ["circuits", "circuits/calcom/reset", "nothing/here"])
async def test_without_the_token_nothing_is_told_not_even_which_paths_there_are(
    shared_web_pod: Pod, token: str | None, path: str
) -> None:
    status, problem, kind = await ask(shared_web_pod, path, token=token)
    assert (status, kind, problem["title"]) == (401, "application/problem+json", "Unauthorized")
    assert problem["correlation_id"]


async def test_it_is_not_on_the_public_port(shared_web_pod: Pod) -> None:
    async with shared_web_pod.session.get(f"{shared_web_pod.url}/api/v1/circuits") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "nothing", 404), ("DELETE", "circuits", 405), ("POST", "circuits/stripe/reset", 404)],
)
async def test_what_is_not_there_is_a_problem_document(
    shared_web_pod: Pod, method: str, path: str, status: int
) -> None:
    got, problem, kind = await ask(shared_web_pod, path, method)
    assert (got, kind, problem["status"]) == (status, "application/problem+json", status)


def cursor(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    "path",
    [
        *(f"{page}?limit={'9' * 5000}" for page in ("appointments", "events", "calls")),
        *(f"appointments?{name}=%00" for name in ("from", "branch", "staff", "status")),
        *(f"appointments?from={moment}" for moment in ("0001-01-01", "9999-12-31T23:59:59-14:00")),
        *(f"slots?branch=mitte&service=haarschnitt&date={day}" for day in ("0001-01-01", "9999-12-31")),
        f"appointments?cursor={cursor('2026-01-01T00:00:00Z', 'x')}",
        f"appointments?cursor={cursor('0001-01-01T00:00:00+14:00', NOBODY)}",
        f"events?cursor={cursor('9999-12-31T23:59:59-14:00', '1')}",
        f"events?cursor={cursor('2026-01-01T00:00:00Z', chr(0))}",
        f"calls?cursor={cursor('2026-01-01T00:00:00Z')}",
        f"calls?cursor={cursor({}, [])}",
        "events?type=%00",
        "calls/%00/timeline",
    ],
)
async def test_a_forged_value_is_refused_in_words_and_reaches_no_database(shared_web_pod: Pod, path: str) -> None:
    status, problem, _ = await ask(shared_web_pod, path)
    assert (status, problem["title"]) == (400, "Bad Request")


@pytest.mark.parametrize("value", ["' OR tenant <> '", "x'; DROP TABLE calls; --", "%' OR '1'='1", "\\", "$1"])
async def test_what_a_parameter_says_is_data(shared_web_pod: Pod, value: str) -> None:
    for path in ("appointments?branch=", "appointments?staff=", "events?type="):
        status, page, _ = await ask(shared_web_pod, path + quote(value))
        assert (status, page["next"], *(rows for rows in page.values() if rows)) == (200, None)
    status, _, _ = await ask(shared_web_pod, f"calls/{quote(value, safe='')}/timeline")
    assert status == 404


async def test_circuits_are_listed_and_reset(shared_web_pod: Pod) -> None:
    """Without Redis they are this process's own."""
    status, answer, _ = await ask(shared_web_pod, "circuits")
    closed = {"state": "closed", "failures": 0, "retry_after_seconds": 0.0, "everywhere": False, "shared": False}
    assert (status, answer) == (200, {"circuits": [{"provider": name, **closed} for name in ("retell", "calcom")]})
    status, answer, _ = await ask(shared_web_pod, "circuits/calcom/reset", "POST")
    assert (status, answer) == (200, {"provider": "calcom", **closed})


async def test_the_command_line_asks_it(shared_web_pod: Pod) -> None:
    async def run(*arguments: str, token: str = TOKEN) -> tuple[int | None, str, str]:
        process = await asyncio.create_subprocess_exec(
            str(ASKPROAI), "circuits", *arguments, "-t", "salon.salon", "--url", shared_web_pod.private_url,
            env={"ASKPROAI_TOKEN": token, "COLUMNS": "100"}, stdout=-1, stderr=-1,
        )  # fmt: skip
        out, error = await process.communicate()
        return process.returncode, out.decode(), error.decode()

    code, out, _ = await run("list", "-o", "json")
    assert (code, [row["state"] for row in json.loads(out)["circuits"]]) == (0, ["closed", "closed"])
    code, out, _ = await run("reset", "calcom")
    assert code == 0
    assert "calcom" in out
    code, _, error = await run("list", token="wrong")
    assert (code, "Unauthorized" in error, "wrong" in error) == (1, True, False)


async def test_web_and_worker_share_their_circuits_through_redis(still_pod: Pod, valkey: EmbeddedRedis) -> None:
    """What the worker learns of an outage spares the next caller's wait, and a reset at the web reaches the worker."""
    tenant = still_pod.store.tenant
    url = await valkey.add_user(f"web-{tenant}", partial(acl_rules, tenant))
    still_pod.write_credential("REDIS_URL", url)
    async with running_worker(still_pod) as port, running_web(still_pod, worker_port=port):
        worker = still_pod.worker.circuits

        async def open_for_the_web() -> dict | None:
            """On a busy machine a call to Redis may take longer than the tenth of a second that it is given."""
            with contextlib.suppress(CircuitOpen):
                for _ in range(5):
                    await (await worker.allow(Provider.CALCOM)).record_failure()
            _, answer, _ = await ask(still_pod, "circuits")
            calcom = next(row for row in answer["circuits"] if row["provider"] == "calcom")
            return calcom if calcom["state"] == "open" and calcom["shared"] else None

        calcom = await eventually(open_for_the_web)
        assert 0 < calcom["retry_after_seconds"] <= 60
        token = {"Authorization": f"Bearer {TOKEN}"}
        details = await still_pod.get(f"{still_pod.private_url}/health/detailed", **token)
        assert details.body["providers"]["calcom"]["circuit"] == "open"

        async def let_through() -> bool:
            _, row, _ = await ask(still_pod, "circuits/calcom/reset", "POST")
            return bool(row["shared"]) and not (await worker.views())[Provider.CALCOM].retry_after

        await eventually(let_through)
        await (await worker.allow(Provider.CALCOM)).record_success()
