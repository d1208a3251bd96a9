"""Planted secrets, names and numbers come to light nowhere: not in logs at any level, metrics, refusals or the private API."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import aiohttp
import msgspec
from webpod import (
    CALCOM_SECRET,
    RETELL_KEY,
    STRIPE_SECRET,
    TOKEN,
    Pod,
    eventually,
    open_pod,
    sign_calcom,
    sign_retell,
    sign_stripe,
)  # fmt: skip

from askproai_runtime.web import WebProcess
from askproai_sandbox.cluster import free_port
from askproai_sandbox.databases import Database

NAME, CALLER, EMAIL, SAID = "Zacharias Kanarienvogel", "+4915155500077", "canary@example.com", "Zimtschnecke"
SECRETS = (RETELL_KEY, CALCOM_SECRET, STRIPE_SECRET, TOKEN, "password-of-canary")
NEEDLES = (*SECRETS, *NAME.split(), CALLER[3:], EMAIL, SAID)
PERSON = {"name": NAME, "email": EMAIL, "phoneNumber": CALLER}


async def live(pod: Pod) -> list[str]:
    """Have a caller and some strangers do all they can; gives what was answered to senders whom nobody can know."""
    call = {"call_id": "call_canary", "from_number": CALLER}
    first = {"service": "Haarschnitt", "staff": "anna"}
    free = await pod.function("check_availability", "call_canary", first, from_number=CALLER)
    wish = {"start": free.body["slots"][0]["start"], "customer_name": NAME, "email": EMAIL, "notes": SAID, **first}
    booked = await pod.function("book_appointment", "call_canary", wish, from_number=CALLER)
    assert booked.body["success"], booked.body
    await pod.inbound(CALLER)
    gone = await pod.function("cancel_appointment", "call_canary", {"reason": SAID}, from_number=CALLER)
    assert gone.body["success"]
    # PostgreSQL's error quotes the whole row
    await pod.db.execute("ALTER TABLE customers ADD CHECK (name <> $$" + NAME + "$$) NOT VALID")
    broken = await pod.function("book_appointment", "call_broken", wish, from_number=CALLER)
    assert not broken.body["success"]
    await pod.retell("call_ended", call.pop("call_id"), transcript=f"{NAME}: {SAID}", **call)
    await pod.retell("call_analyzed", "call_unreadable", call_analysis=f"{NAME} {CALLER}")
    event = {"triggerEvent": "BOOKING_CREATED", "createdAt": datetime.now(UTC).isoformat()}
    body = json.dumps({**event, "payload": {"uid": "u", "attendees": [PERSON], "startTime": SAID}}).encode()
    await pod.post("/webhooks/calcom", body, {"X-Cal-Signature-256": sign_calcom(body)})
    for event_id in ("call_canary:call_ended", "call_unreadable:call_analyzed"):
        await pod.settled(event_id)
    answers = []
    for bad in (json.dumps({"event": NAME, "call": PERSON}).encode(), f'"{NAME} {SAID}'.encode()):
        for path, headers in (
            ("/webhooks/retell", {"x-retell-signature": sign_retell(bad)}),
            ("/webhooks/calcom", {"X-Cal-Signature-256": sign_calcom(bad)}),
            ("/webhooks/stripe", {"Stripe-Signature": sign_stripe(bad)}),
            ("/retell/inbound", {"x-retell-signature": sign_retell(bad)}),
            ("/retell/functions/book_appointment", {"x-retell-signature": sign_retell(bad)}),
            (f"/webhooks/retell?{NAME}", {"x-retell-signature": sign_retell(bad, "other")}),
            (f"/{SAID}/{CALLER}", {"Authorization": f"Bearer {TOKEN}"}),
        ):
            reply = await pod.post(path, bad, headers)
            assert 400 <= reply.status < 500, path
            answers.append(json.dumps([reply.body, dict(reply.headers)]))
    return answers


@asynccontextmanager
async def spoken(pod: Pod) -> AsyncIterator[Path]:
    """Run the pod's processes as they run in a cluster, at debug level; gives the file of their logs."""
    public, private, metrics, worker = (free_port() for _ in range(4))
    ports = SimpleNamespace(public_port=public, private_port=private, metrics_port=metrics)
    pod.web, pod.worker_port = cast("WebProcess", ports), worker
    values = pod.settings(
        log_level="debug", public_port=public, private_port=private, metrics_port=metrics, worker_port=worker
    )
    given = {f"ASKPROAI_{name.upper()}": str(value) for name, value in values.model_dump(exclude_unset=True).items()}
    logs = pod.folder / "logs"
    with logs.open("wb") as out:
        program = str(Path(sys.executable).with_name("askproai-runtime"))
        started = [
            await asyncio.create_subprocess_exec(program, what, env=os.environ | given, stdout=out, stderr=out)
            for what in ("worker", "web")
        ]

        async def up() -> bool:
            try:
                return (await pod.get(f"{pod.private_url}/startupz")).status == 200
            except aiohttp.ClientError:
                return False

        try:
            await eventually(up, 20)
            yield logs
        finally:
            for process in started:
                process.terminate()
                await process.wait()


async def test_what_is_planted_is_found_nowhere(database: Database, tmp_path: Path) -> None:
    told: dict[str, str] = {}
    async with open_pod(database, tmp_path, "canary") as pod:
        config = pod.config()
        agents = tuple(msgspec.structs.replace(one, caller_recognition=True) for one in config.agents)
        pod.write_config(msgspec.structs.replace(config, agents=agents))
        async with spoken(pod) as logs:
            told["refusals"] = "\n".join(await live(pod))
            bearer = {"Authorization": f"Bearer {TOKEN}"}
            api = ("events", "events/1", "events/2", "events/3", "calls", "calls/call_canary/timeline", "circuits")
            for path in (*(f"api/v1/{one}" for one in api), "health/detailed", "health", "openapi.json"):
                reply = await pod.get(f"{pod.private_url}/{path}", **bearer)
                assert reply.status == 200, path
                told[path] = json.dumps(reply.body, ensure_ascii=False)
            book = await pod.get(f"{pod.private_url}/api/v1/appointments", **bearer)
            assert NAME in str(book.body), "the book alone tells who comes"
            for where in (pod.web.metrics_port, pod.worker_port):
                async with pod.session.get(f"http://127.0.0.1:{where}/metrics") as answer:
                    told[f"metrics {where}"] = await answer.text()
            errors = "SELECT string_agg(concat(j.last_error, a.error, l.detail), ' ') FROM jobs j, appointments a, audit_log l"
            told["rows"] = await pod.db.fetchval(errors) or ""
        told["logs"] = logs.read_text("utf-8")
    assert "event.stored" in told["logs"]
    assert "function.failed" in told["logs"]
    found = [(where, needle) for where, text in told.items() for needle in NEEDLES if needle in text]
    assert found == []
