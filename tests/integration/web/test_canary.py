"""Planted secrets, names and numbers appear nowhere: not in logs at any level, metrics, refusals or the private API.

Pages show them to permitted roles, and the logs have nothing of the views and acts there.
"""

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
from uuid import uuid4

import aiohttp
import msgspec
import pytest

from askproai_core.reader_token import reader_token_of
from askproai_runtime.page.views import FORMS, VIEWS
from askproai_runtime.web import WebProcess
from askproai_sandbox.cluster import free_port
from tests.worlds.databases import Database
from tests.worlds.page_rows import filled, seed
from tests.worlds.page_visitor import hidden, visiting
from tests.worlds.tenant_pod import (
    ADMIN_TOKEN,
    CALCOM_SECRET,
    RETELL_KEY,
    STRIPE_SECRET,
    TenantPod,
    open_pod,
    sign_calcom,
    sign_retell,
    sign_stripe,
)
from tests.worlds.trace_collector import running_collector
from tests.worlds.waiting import SOON, eventually  # fmt: skip

NAME, CALLER, EMAIL, NOTE = "Zacharias Kanarienvogel", "+4915155500077", "canary@example.de", "Zimtschnecke"
SECRETS = (RETELL_KEY, CALCOM_SECRET, STRIPE_SECRET, ADMIN_TOKEN, "password-of-canary")
NEEDLES = (*SECRETS, *NAME.split(), CALLER[3:], EMAIL, NOTE)
PERSON = {"name": NAME, "email": EMAIL, "phoneNumber": CALLER}


async def use_everything(pod: TenantPod) -> list[str]:
    """Send every kind of request, valid and forged. Return what unknown senders were answered."""
    call = {"call_id": "call_canary", "from_number": CALLER}
    first = {"service": "Haarschnitt", "staff": "anna"}
    free = await pod.function("check_availability", "call_canary", first, from_number=CALLER)
    args = {"start": free.body["slots"][0]["start"], "customer_name": NAME, "email": EMAIL, "notes": NOTE, **first}
    args["email_confirmed"] = True
    for _ in range(2):  # the first one reads the address back
        booked = await pod.function("book_appointment", "call_canary", args, from_number=CALLER)
        await pod.let_two_seconds_pass("call_canary")
    assert booked.body["success"], booked.body
    await pod.inbound(CALLER)
    for _ in range(2):  # the first one asks back
        agreed = {"reason": NOTE, "confirmed": True}
        cancelled = await pod.function("cancel_appointment", "call_canary", agreed, from_number=CALLER)
        await pod.let_two_seconds_pass("call_canary")
    assert cancelled.body["success"]
    # PostgreSQL's error quotes the whole row.
    await pod.db.execute("ALTER TABLE customers ADD CHECK (name <> $$" + NAME + "$$) NOT VALID")
    for _ in range(2):
        broken = await pod.function("book_appointment", "call_broken", args, from_number=CALLER)
        await pod.let_two_seconds_pass("call_broken")
    assert not broken.body["success"]
    await pod.retell("call_ended", call.pop("call_id"), transcript=f"{NAME}: {NOTE}", **call)
    await pod.retell("call_analyzed", "call_unreadable", call_analysis=f"{NAME} {CALLER}")
    event = {"triggerEvent": "BOOKING_CREATED", "createdAt": datetime.now(UTC).isoformat()}
    body = json.dumps({**event, "payload": {"uid": "u", "attendees": [PERSON], "startTime": NOTE}}).encode()
    await pod.post("/webhooks/calcom", body, {"X-Cal-Signature-256": sign_calcom(body)})
    for event_id in ("call_canary:call_ended", "call_unreadable:call_analyzed"):
        await pod.settled(event_id)
    answers = []
    for bad in (json.dumps({"event": NAME, "call": PERSON}).encode(), f'"{NAME} {NOTE}'.encode()):
        for path, headers in (
            ("/webhooks/retell", {"x-retell-signature": sign_retell(bad)}),
            ("/webhooks/calcom", {"X-Cal-Signature-256": sign_calcom(bad)}),
            ("/webhooks/stripe", {"Stripe-Signature": sign_stripe(bad)}),
            ("/retell/inbound", {"x-retell-signature": sign_retell(bad)}),
            ("/retell/functions/book_appointment", {"x-retell-signature": sign_retell(bad)}),
            (f"/webhooks/retell?{NAME}", {"x-retell-signature": sign_retell(bad, "other")}),
            (f"/{NOTE}/{CALLER}", {"Authorization": f"Bearer {ADMIN_TOKEN}"}),
        ):
            reply = await pod.post(path, bad, headers)
            assert 400 <= reply.status < 500, path
            answers.append(json.dumps([reply.body, dict(reply.headers)]))
    return answers


async def use_every_page(pod: TenantPod) -> None:
    """Open each page as the owner and as a reader, and act with planted values in the forms."""
    made = await seed(pod, NAME, NOTE)
    paths = [filled(path, made) for path in (*VIEWS, *FORMS, "/calls/{id}?personal=true")]
    for token in (ADMIN_TOKEN, reader_token_of(ADMIN_TOKEN)):
        async with visiting(pod) as visitor:
            assert await visitor.log_in(token, "Karin") == 303
            answers = [await visitor.get(path) for path in paths]
            seen = "".join(page for status, page, _ in answers if status == 200)
            assert (NAME in seen) is (NOTE in seen) is (token == ADMIN_TOKEN)
            for path, fields in (
                ("/appointments/{id}/cancel", {"reason": NOTE}),
                ("/appointments/{id}/move", {"day": NOTE, "time": NAME, "staff": ""}),
                ("/blocks/new", {"who": NAME, "day": NOTE, "reason": NOTE}),
                ("/pause", {"branch": NAME, "last_day": NOTE, "reason": NOTE}),
                ("/messages/{id}/done", {"note": f"{NAME}: {NOTE}"}),
            ):
                csrf = hidden(answers[0][1])
                status, _, _ = await visitor.post(
                    filled(path, made), csrf=csrf, request_id=str(uuid4()), **fields
                )  # fmt: skip
                assert status in ({303, 400, 404, 409, 422} if token == ADMIN_TOKEN else {403}), path


@asynccontextmanager
async def running_processes(pod: TenantPod, collector_url: str) -> AsyncIterator[Path]:
    """Run the pod's processes as a cluster does, at debug level. Yields the file of their logs."""
    public, private, metrics, worker = (free_port() for _ in range(4))
    ports = SimpleNamespace(public_port=public, private_port=private, metrics_port=metrics)
    pod.web, pod.worker_port = cast("WebProcess", ports), worker
    environment = pod.variables(
        log_level="debug", public_port=public, private_port=private, metrics_port=metrics, worker_port=worker,
        tracing_endpoint=collector_url, tracing_sample_ratio=1,
    )  # fmt: skip
    logs = pod.folder / "logs"
    with logs.open("wb") as out:
        program = str(Path(sys.executable).with_name("askproai-runtime"))
        processes = [
            await asyncio.create_subprocess_exec(program, command, env=os.environ | environment, stdout=out, stderr=out)
            for command in ("worker", "web")
        ]

        async def up() -> bool:
            try:
                return (await pod.get(f"{pod.private_url}/startupz")).status == 200
            except aiohttp.ClientError:
                return False

        try:
            await eventually(up, SOON)
            yield logs
        finally:
            for process in processes:
                process.terminate()
                assert await process.wait() == 0


@pytest.mark.processes
async def test_planted_secrets_and_names_appear_in_no_output(database: Database, tmp_path: Path) -> None:
    outputs: dict[str, str] = {}
    async with open_pod(database, tmp_path, "canary") as pod:
        config = pod.config()
        agents = tuple(msgspec.structs.replace(agent, caller_recognition=True) for agent in config.agents)
        pod.write_config(msgspec.structs.replace(config, agents=agents))
        async with running_collector() as collector, running_processes(pod, collector.url) as logs:
            outputs["refusals"] = "\n".join(await use_everything(pod))
            bearer = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
            endpoints = (
                "events",
                "events/1",
                "events/2",
                "events/3",
                "calls",
                "calls/call_canary/timeline",
                "circuits",
            )
            for path in (
                *(f"api/v1/{endpoint}" for endpoint in endpoints),
                "health/detailed",
                "health",
                "openapi.json",
            ):
                reply = await pod.get(f"{pod.private_url}/{path}", **bearer)
                assert reply.status == 200, path
                outputs[path] = json.dumps(reply.body, ensure_ascii=False)
            appointments = await pod.get(f"{pod.private_url}/api/v1/appointments", **bearer)
            assert NAME in str(appointments.body), "only the appointments say who comes"
            for port in (pod.web.metrics_port, pod.worker_port):
                async with pod.session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                    outputs[f"metrics {port}"] = await answer.text()
            await use_every_page(pod)
            errors = "SELECT string_agg(concat(j.last_error, a.error, l.detail), ' ') FROM jobs j, appointments a, audit_log l"
            outputs["rows"] = await pod.db.fetchval(errors) or ""
        outputs["logs"] = logs.read_text("utf-8")
        outputs["spans"] = "\n".join(each.text for each in collector.spans)
    assert "event.stored" in outputs["logs"]
    assert "function.failed" in outputs["logs"]
    assert {"/retell/functions/book_appointment", "booking.write", "job", "/webhooks/calcom"} <= {
        each.name for each in collector.spans
    }
    # Two processes, one trace.
    job = next(each for each in collector.named("job") if collector.ancestors(each)[-1] == "/webhooks/retell")
    assert {each.service for each in collector.spans if each.trace == job.trace} == {"askproai-web", "askproai-worker"}
    found = [(where, needle) for where, text in outputs.items() for needle in NEEDLES if needle in text]
    assert found == []
