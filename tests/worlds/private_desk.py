"""Changes for the tenant over the private API of a pod."""

import sys
from datetime import datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod

CLI = (sys.executable, "-c", "from askproai_cli.main import app; app()")
BERLIN = ZoneInfo("Europe/Berlin")


async def request(pod: TenantPod, path: str, body: Any = None, **params: Any) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    method, url = "GET" if body is None else "POST", f"{pod.private_url}/api/v1/{path}"
    async with pod.session.request(method, url, params=params, headers=headers, json=body) as answer:
        return answer.status, await answer.json(content_type=None)


def asking(**fields: Any) -> dict[str, Any]:
    return {"request_id": str(uuid4()), "by": "karin@laptop", **fields}


async def book(pod: TenantPod, start: datetime, staff: str = "anna") -> str:
    args = {"start": start.isoformat(), "service": "Haarschnitt", "customer_name": "Petra Müller", "staff": staff}
    reply = await pod.function(
        "book_appointment", f"call_{uuid4().hex}", args, from_number=f"+49151{uuid4().int % 10**8:08}"
    )
    assert reply.body["success"], reply.body
    return str(reply.body["appointment_id"])
