"""The record of received requests and sent webhooks, for tests and the demo to read. It never holds a secret."""

import json
import re
from collections import Counter
from typing import Any

from askproai_core.clock import Clock

_SECRET_FIELDS = {"secret", "sip_trunk_auth_password", "auth_password"}


def without_secrets(value: Any) -> Any:
    """Return a copy of a JSON value with `***` in place of each secret that is not empty."""
    if isinstance(value, dict):
        return {k: "***" if k in _SECRET_FIELDS and v is not None else without_secrets(v) for k, v in value.items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value


def _readable(body: bytes) -> Any:
    try:
        return without_secrets(json.loads(body)) if body else None
    except ValueError:
        return {"unreadable_bytes": len(body)}


class Journal:
    """Received requests (`entries`) and sent webhooks (`deliveries`), each with a `seq` that only grows.

    `counts` are the requests since the start by method and operation, such as `GET get-agent`.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.entries: list[dict[str, Any]] = []
        self.deliveries: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()
        self._seq = 0

    def clear(self) -> None:
        """Remove all entries and deliveries. `seq` and `counts` are not reset, so that a reader's `since` stays valid."""
        self.entries.clear()
        self.deliveries.clear()

    def _next_seq(self) -> int:
        self._seq += 1
        return self._seq

    def request(self, key: str, method: str, path: str, operation: str, body: bytes) -> dict[str, Any]:
        """Record a request before it is handled. The caller sets `status` (it stays None without an answer) and `fault`."""
        entry = {
            "seq": self._next_seq(), "time": self._clock.now().isoformat(), "key": key[-4:], "method": method,
            "path": re.sub(r"(?<=apiKey=)[^&]+", "***", path),
            "operation": operation, "body": _readable(body), "status": None, "fault": None,
        }  # fmt: skip
        self.entries.append(entry)
        self.counts[f"{method} {operation}"] += 1
        return entry

    def delivery(self, event: str, url: str, status: int | None, note: str = "") -> None:
        """Record a webhook that was sent; `status` None means that no answer came."""
        at = self._clock.now().isoformat()
        self.deliveries.append(
            {"seq": self._next_seq(), "time": at, "event": event, "url": url, "status": status, "note": note}
        )
