"""Verification of request signatures, and detection of refused requests that belong to the tenant's own calls.

Signatures are verified before anything is parsed. Every key is compared, in constant time, so that neither the answer's time
nor its text reveals which key or which byte was wrong.

The body of a refused request is unsigned, and anybody can know a number. So a body with an agent and a number of the tenant is
only a hint: it is counted apart and recorded in the audit log, a few a minute at most. It causes a condition only if no signed
request has passed since (`operator/askproai_operator/store/tenant_states.py`). A request that one of the keys has signed at
another time belongs to the tenant for certain.
"""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Container, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NoReturn

import msgspec
import structlog
from aiohttp import web

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE, Pool
from askproai_core.former_keys import FORMER_KEYS, PRESENT_KEYS, accepted_former_keys, decode_present_keys
from askproai_core.http_server import Problem, correlation_id
from askproai_core.signature_verdict import Verdict
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.arrivals import mark_proven, read_body, require_readable_body
from askproai_runtime.call_routes import Routing
from askproai_runtime.intake.senders import SENDERS, Signature, Source, WebhookSource
from askproai_runtime.intake.store import record_refused_signature
from askproai_runtime.metrics import Metrics
from askproai_runtime.watched_files import Credentials, LiveConfig

log = structlog.get_logger(__name__)

_LOOK_PAUSE = timedelta(milliseconds=100)  # a forger must not have each body parsed
_LOOK_SECONDS = 1.0  # a genuine body comes together with its header
_MOST_HINT_BYTES = 256 * 1024  # read in a millisecond; the first events of a call have a few kB
_RECORD_PAUSE = timedelta(seconds=10)


class SignatureResult(StrEnum):
    """The result of a request's signature check, as a label of `askproai_signatures_total`."""

    VALID = "valid"
    REFUSED = "refused"
    REFUSED_OWN = "refused_own"  # and the request seems to belong to one of the tenant's own calls


def read_keys(source: WebhookSource, credentials: Credentials, now: datetime) -> tuple[str, ...]:
    """Return the keys with which the sender may sign now: the tenant's keys, and for one hour the keys that they replaced.

    A Secret may be mounted before the operator has seen its change: until then the keys that the operator saw last are
    accepted. Call it once for each request, since it checks whether the mounted files have changed.
    """
    files = SENDERS[source].keys
    seen = decode_present_keys(credentials.get(PRESENT_KEYS))
    present = [key for name, key in seen.items() if name.startswith(files)]
    former = accepted_former_keys(credentials.get(FORMER_KEYS), files[0], now)
    return tuple(dict.fromkeys((*credentials.all(*files), *present, *former)))


def check_header(source: WebhookSource, headers: Mapping[str, str], keys: Sequence[str], now: datetime) -> Verdict:
    """Return why a signature header is invalid whatever the body is (by its shape or time), or else `VALID`.

    This needs no memory, whereas a body occupies memory until it is complete.
    """
    parsed = _parse(source, headers, keys)
    if isinstance(parsed, Verdict):
        return parsed
    return Verdict.VALID if parsed.is_within_window(now) else Verdict.OUTSIDE_WINDOW


def verify(
    source: WebhookSource, body: bytes, headers: Mapping[str, str], keys: Sequence[str], now: datetime
) -> Verdict:
    """Return the verdict on a request's signature, compared with each of the keys."""
    parsed = _parse(source, headers, keys)
    if isinstance(parsed, Verdict):
        return parsed
    if not _any_key_signs(parsed, body, keys):
        return Verdict.MISMATCH
    return Verdict.VALID if parsed.is_within_window(now) else Verdict.OUTSIDE_WINDOW


def _parse(source: WebhookSource, headers: Mapping[str, str], keys: Sequence[str]) -> Signature | Verdict:
    sender = SENDERS[source]
    if not keys:
        return Verdict.NO_KEY
    if (header := headers.get(sender.signature_header)) is None:
        return Verdict.MISSING
    return sender.parse_signature(header) or Verdict.MALFORMED


def _any_key_signs(signature: Signature, body: bytes, keys: Sequence[str]) -> bool:
    """Return True if a key's signature of the body is among the digests. All keys are compared, even after a match."""
    matches = False
    for key in keys:
        message = hmac.new(key.encode(), signature.prefix, hashlib.sha256)
        message.update(body)  # not joined: a body may have 8 MiB
        message.update(signature.suffix)
        for digest in signature.digests:
            matches |= hmac.compare_digest(message.hexdigest(), digest)
    return matches


class _Call(msgspec.Struct, frozen=True, kw_only=True):
    agent_id: str | None = None
    from_number: str | None = None  # the tenant's number in an outbound call
    to_number: str | None = None


class _AnyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that name the call in all bodies of Retell: events (`call`, `data`), call functions, inbound webhook."""

    call: _Call | None = None
    data: _Call | None = None
    call_inbound: _Call | None = None


def names_own_call(body: bytes, config: TenantConfig) -> bool:
    """Return True if a small body names both an agent and a number of the tenant. It is unsigned, so it is read strictly."""
    if len(body) > _MOST_HINT_BYTES:
        return False
    try:
        request = msgspec.json.decode(body, type=_AnyRequest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    call = request.call or request.data or request.call_inbound
    if call is None or call.agent_id is None:
        return False
    is_own_agent = any(agent.agent_id == call.agent_id for agent in config.agents)
    find_number = Routing(config).find_number
    return is_own_agent and any(find_number(each) is not None for each in (call.to_number, call.from_number))


def _hint_of_headers(headers: Container[str]) -> str:
    """Return a sentence with the right path for a request that has another sender's signature header; "" for other requests."""
    found = next((each.source for each in SENDERS.values() if each.signature_header in headers), None)
    return f". A request with {found}'s signature belongs at …/webhooks/{found}" if found else ""


class Signatures:
    """Verifies the requests of all senders by the mounted keys."""

    def __init__(
        self, config: LiveConfig, credentials: Credentials, pool: Pool, clock: Clock, metrics: Metrics
    ) -> None:
        self._config, self._credentials, self._pool = config, credentials, pool
        self._clock, self._metrics = clock, metrics
        self._next_look = self._next_record = float("-inf")  # monotonic seconds
        self._running: set[asyncio.Task[Any]] = set()
        self._refused_in_a_row = 0  # refused requests of the tenant's own calls since the last accepted one
        metrics.expect_signatures((Source.RETELL,), SignatureResult)

    @asynccontextmanager
    async def signed_body(
        self, request: web.Request, source: WebhookSource, limit: int, log_event: str
    ) -> AsyncIterator[bytes]:
        """Yield the verified body. The memory that it occupies is counted until the end of the block.

        A header that is invalid for every body is refused before the body is read, except a few a second. Raises `Problem` 401,
        logged as `log_event`, and the errors of `require_readable_body` and `read_body`.
        """
        require_readable_body(request, limit)
        now = self._clock.now()
        keys = read_keys(source, self._credentials, now)
        verdict, is_own = check_header(source, request.headers, keys, now), False
        if verdict is not Verdict.VALID:
            if self._may_look(source):
                verdict, is_own = await self._look_at_body(request, source, limit, keys, verdict)
            self.refuse(request, source, verdict, log_event, is_own=is_own)
        async with read_body(request, limit) as body:
            verdict = verify(source, body, request.headers, keys, self._clock.now())
            if verdict is not Verdict.VALID:
                is_own = self._may_look(source) and self._is_own(verdict, body)
                self.refuse(request, source, verdict, log_event, is_own=is_own)
            mark_proven(request)
            self._metrics.signature(source, SignatureResult.VALID)
            if source is Source.RETELL:
                self._count_refused(0)
            yield body

    def refuse(
        self, request: web.Request, source: WebhookSource, verdict: Verdict, log_event: str, *, is_own: bool = False
    ) -> NoReturn:
        """Log and count a refused signature, and raise `Problem` 401. `is_own`: it seems to belong to the tenant's own calls."""
        self._metrics.signature(source, SignatureResult.REFUSED_OWN if is_own else SignatureResult.REFUSED)
        log.warning(log_event, source=source, remote=request.remote, verdict=verdict, own_call=is_own)
        if is_own:
            self._count_refused(self._refused_in_a_row + 1)
            parsed = _parse(source, request.headers, ("any",)) if verdict is Verdict.OUTSIDE_WINDOW else None
            ahead = parsed.seconds_ahead(self._clock.now()) if isinstance(parsed, Signature) else None
            self._record(verdict, ahead, correlation_id(request))
        hint = _hint_of_headers(request.headers) if verdict is Verdict.MISSING else ""
        raise Problem(401, "Invalid Signature", f"Sign the raw body with the key that this tenant's secret holds{hint}")

    async def close(self) -> None:
        """Wait, one second at most, until audit records in progress are written."""
        if self._running:
            await asyncio.wait(self._running, timeout=1)

    def _count_refused(self, in_a_row: int) -> None:
        if in_a_row != self._refused_in_a_row:
            self._refused_in_a_row = in_a_row
            self._metrics.own_requests_refused(in_a_row)

    def _may_look(self, source: WebhookSource) -> bool:
        """Return True, a few times a second at most, if the body of a refused request may be looked at."""
        now = self._clock.monotonic()
        if source is not Source.RETELL or now < self._next_look:
            return False
        self._next_look = now + _LOOK_PAUSE.total_seconds()
        return True

    async def _look_at_body(
        self, request: web.Request, source: WebhookSource, limit: int, keys: Sequence[str], verdict: Verdict
    ) -> tuple[Verdict, bool]:
        """Return the verdict on a request that its header alone has refused, and True if it belongs to the tenant's own calls.

        The verdict changes only if the key is wrong, and not just the time. A body that does not come at once is not awaited.
        """
        with suppress(TimeoutError, Problem):
            async with asyncio.timeout(_LOOK_SECONDS), read_body(request, limit) as body:
                parsed = _parse(source, request.headers, keys)
                if isinstance(parsed, Signature) and not _any_key_signs(parsed, body, keys):
                    verdict = Verdict.MISMATCH
                return verdict, self._is_own(verdict, body)
        return verdict, False

    def _is_own(self, verdict: Verdict, body: bytes) -> bool:
        return verdict is Verdict.OUTSIDE_WINDOW or names_own_call(body, self._config.current)

    def _record(self, verdict: Verdict, seconds_ahead: int | None, correlation: str) -> None:
        now = self._clock.monotonic()
        if now >= self._next_record:
            self._next_record = now + _RECORD_PAUSE.total_seconds()
            task = asyncio.create_task(self._write(verdict, seconds_ahead, correlation))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _write(self, verdict: Verdict, seconds_ahead: int | None, correlation: str) -> None:
        tenant = self._config.current.tenant
        try:
            await record_refused_signature(self._pool, tenant, verdict, seconds_ahead, correlation)
        except DATABASE_UNAVAILABLE:
            log.warning("audit.failed", action="signature.refused")
