"""The private API of a pod, over HTTP and by the command line."""

import asyncio
import sys
from datetime import datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod

CLI = (sys.executable, "-c", "from askproai_cli.main import app; app()")
BERLIN = ZoneInfo("Europe/Berlin")


async def request(
    pod: TenantPod, path: str, body: Any = None, *, method: str = "", **params: Any
) -> tuple[int, dict[str, Any]]:
    """Send a request as the owner: a POST if it has a body."""
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    method, url = method or ("GET" if body is None else "POST"), f"{pod.private_url}/api/v1/{path}"
    async with pod.session.request(method, url, params=params, headers=headers, json=body) as answer:
        return answer.status, await answer.json(content_type=None)


async def run_command(
    pod: TenantPod, *arguments: str, token: str = ADMIN_TOKEN, answer: str = ""
) -> tuple[int | None, str, str]:
    """Run a command of the command line, with an answer to its question. Return its exit code, its output and its errors."""
    process = await asyncio.create_subprocess_exec(
        *CLI, *arguments, "-t", "salon.salon", "--url", pod.private_url,
        env={"ASKPROAI_TOKEN": token, "COLUMNS": "200", "PYTHONPATH": ":".join(sys.path)}, stdin=-1, stdout=-1, stderr=-1,
    )  # fmt: skip
    out, err = await process.communicate(answer.encode())
    return process.returncode, out.decode(), err.decode()


async def command(pod: TenantPod, *arguments: str, token: str = ADMIN_TOKEN, answer: str = "", code: int = 0) -> str:
    """Run a command that ends with this exit code. Return its output and its errors."""
    found, out, err = await run_command(pod, *arguments, token=token, answer=answer)
    assert found == code, (out, err)
    return out + err


def asking(**fields: Any) -> dict[str, Any]:
    return {"request_id": str(uuid4()), "by": "karin@laptop", **fields}


async def book(pod: TenantPod, start: datetime, staff: str = "anna") -> str:
    args = {"start": start.isoformat(), "service": "Haarschnitt", "customer_name": "Petra Müller", "staff": staff}
    reply = await pod.function(
        "book_appointment", f"call_{uuid4().hex}", args, from_number=f"+49151{uuid4().int % 10**8:08}"
    )
    assert reply.body["success"], reply.body
    return str(reply.body["appointment_id"])
