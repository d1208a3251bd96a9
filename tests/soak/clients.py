"""The senders: Retell for its callers, Stripe, and people at Cal.com. The history gets each request and its answer."""

import asyncio
import json
import random
import time
from typing import Any

import aiohttp

from askproai_sandbox import stripe
from askproai_sandbox.calcom.availability import Availability
from askproai_sandbox.caller import PhoneLine
from askproai_sandbox.example_tenant import AGENT_ID, NUMBER
from askproai_sandbox.retell import signature
from askproai_sandbox.simulator import Refusal, Reply, encode_json, unix_milliseconds
from tests.soak.environment import Environment, Tenant
from tests.soak.history import Answer, Change, Delivery, seconds

_FUNCTION_TIMEOUT_MS, _WEBHOOK_TIMEOUT_MS = 8_000, 10_000
_RETRIES = 3  # of Retell's webhooks (docs/vendors/retell.md)
_STRIPE_STATUSES = ("active", "past_due", "unpaid", "trialing")


class Call:
    """One telephone call at Retell: its events, and the functions that its agent calls."""

    def __init__(self, env: Environment, tenant: Tenant, call_id: str, caller: str | None, name: str) -> None:
        self.tenant, self.call_id, self.caller, self.name = tenant, call_id, caller, name
        self._env, self._events = env, set[asyncio.Task[None]]()
        clock = env.retell.clock
        self._line = PhoneLine(env.retell, lambda body: signature(tenant.retell_key, body, unix_milliseconds(clock)))
        self._call: dict[str, Any] = {
            "call_id": call_id, "call_type": "phone_call", "agent_id": AGENT_ID, "agent_version": 1, "call_status": "ongoing",
            "direction": "inbound", "to_number": NUMBER, "start_timestamp": unix_milliseconds(clock),
        }  # fmt: skip
        if caller:
            self._call["from_number"] = caller

    async def ask(self, function: str, **args: Any) -> Answer:
        """Call a function once, as Retell does: without a retry."""
        body = encode_json({"name": function, "call": self._call, "args": args})
        asked_at = time.time()
        reply = await self._line.send(
            "POST", f"{self.tenant.url}/retell/functions/{function}", body, _FUNCTION_TIMEOUT_MS
        )
        content = reply.json if isinstance(reply.json, dict) else {"text": reply.text}
        answer = Answer(
            self.tenant.key,
            self.call_id,
            self.caller,
            function,
            args,
            asked_at,
            time.time(),
            reply.status,
            content,
            self.name,
        )
        self._env.history.answers.append(answer)
        return answer

    def send(self, event: str, *, impatient: float = 0.0, stray: Tenant | None = None, **fields: Any) -> None:
        """Start sending an event, with its retries. `impatient`: the first attempt is given up after so many seconds, as if
        its answer was lost. `stray`: send it to another tenant as well.
        """
        self._call |= fields
        body = encode_json({"event": event, "call": self._call})
        self._begin(self._deliver(event, body, impatient))
        if stray is not None:
            self._begin(self._send_once(event, body, stray, 5_000, stray=True))

    def _begin(self, sending: Any) -> None:
        task = asyncio.ensure_future(sending)
        self._events.add(task)
        task.add_done_callback(self._events.discard)

    async def _deliver(self, event: str, body: bytes, impatient: float) -> None:
        for attempt in range(1 + _RETRIES):
            timeout = impatient * 1000 if impatient and attempt == 0 else _WEBHOOK_TIMEOUT_MS
            if (await self._send_once(event, body, self.tenant, timeout)).ok:
                return
            await self._line.pause("webhook_retry_delay_ms")

    async def _send_once(self, event: str, body: bytes, to: Tenant, timeout_ms: float, *, stray: bool = False) -> Reply:
        sent_at = time.time()
        reply = await self._line.send("POST", f"{to.url}/webhooks/retell", body, timeout_ms)
        content = reply.json if isinstance(reply.json, dict) else {"text": reply.text}
        delivery = Delivery("retell", to.key, event, body, sent_at, time.time(), reply.status, content, stray)
        self._env.history.deliveries.append(delivery)
        return reply

    async def close(self) -> None:
        """Wait until every event is acknowledged or given up."""
        while self._events:
            await asyncio.wait(set(self._events))


async def send_billing(env: Environment, tenant: Tenant, choose: random.Random, created: int) -> None:
    """Send one of Stripe's events until it is acknowledged, for a while."""
    event = stripe.event("customer.subscription.updated", stripe.subscription(choose.choice(_STRIPE_STATUSES)), created)
    body = json.dumps(event).encode()
    for attempt in range(8):
        sent_at, status, content = time.time(), None, {}
        headers = {"Stripe-Signature": stripe.signature(tenant.secret("stripe"), body, int(sent_at))}
        try:
            url = f"{tenant.url}/webhooks/stripe"
            async with env.session.post(url, data=body, headers=headers) as response:
                content = await response.json(content_type=None)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            content = {"error": type(error).__name__}
        if not isinstance(content, dict):
            content = {"text": content}
        delivery = Delivery("stripe", tenant.key, event["type"], body, sent_at, time.time(), status, content)
        env.history.deliveries.append(delivery)
        if delivery.acknowledged:
            return
        await asyncio.sleep(0.5 * (attempt + 1))


async def change_at_calcom(env: Environment, tenant: Tenant, action: str, uid: str = "", **fields: Any) -> bool:
    """Do what a person does in Cal.com's dashboard. Return whether Cal.com accepted it."""
    began_at = time.time()
    body = {"key": tenant.calcom_key, "action": action, **({"uid": uid} if uid else {}), **fields}
    try:
        response = await env.calcom.controls["dashboard"](body)
    except Refusal:
        return False
    booking = json.loads(response.body)  # type: ignore[arg-type]
    start = None if action == "cancel" else seconds(booking["start"])
    env.history.changes.append(Change(tenant.key, action, uid, booking["uid"], start, began_at, time.time()))
    return True


async def reassign_at_calcom(env: Environment, tenant: Tenant, uid: str, staff: str) -> bool:
    """Give a team's booking to another host who is free then. Return whether Cal.com accepted it."""
    account = env.calcom.account_of(tenant.calcom_key)
    booking, host = account.bookings[uid], env.host(tenant, staff)
    availability = Availability(account, booking.event_type, env.calcom.clock.now(), uid)
    if host not in availability.free_hosts(booking.start, booking.end) or booking.host is host:
        return False
    was_staff, began_at = env.staff_of(tenant, booking.host.name), time.time()
    await env.calcom.controls["dashboard"](
        {"key": tenant.calcom_key, "action": "reassign", "uid": uid, "host": host.name}
    )
    start = booking.start.timestamp()
    change = Change(tenant.key, "reassign", uid, uid, start, began_at, time.time(), was_staff)
    env.history.changes.append(change)
    return True
