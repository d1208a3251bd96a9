"""What came in and what went out, for tests and the demo to read; secrets are never kept."""

import json
import re
from typing import Any

from askproai_sandbox.simulator.clock import Clock

_SECRET = {"secret", "sip_trunk_auth_password", "auth_password"}


def without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: "***" if k in _SECRET and v is not None else without_secrets(v) for k, v in value.items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value


def _readable(body: bytes) -> Any:
    try:
        return without_secrets(json.loads(body)) if body else None
    except ValueError:
        return {"unreadable_bytes": len(body)}


class Journal:
    """Requests (`entries`) and the webhooks that were sent (`deliveries`), each with a growing `seq`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.entries: list[dict[str, Any]] = []
        self.deliveries: list[dict[str, Any]] = []
        self._seq = 0

    def clear(self) -> None:
        """Forget everything; `seq` goes on growing, so that a reader's `since` stays right."""
        self.entries.clear()
        self.deliveries.clear()

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def request(self, key: str, method: str, path: str, operation: str, body: bytes) -> dict[str, Any]:
        """Note a request before it is worked on; the caller sets `status` (None: no answer was given) and `fault`."""
        entry = {
            "seq": self._next(), "time": self._clock.now().isoformat(), "key": key[-4:], "method": method,
            "path": re.sub(r"(?<=apiKey=)[^&]+", "***", path),
            "operation": operation, "body": _readable(body), "status": None, "fault": None,
        }  # fmt: skip
        self.entries.append(entry)
        return entry

    def delivery(self, event: str, url: str, status: int | None, note: str = "") -> None:
        """Note a webhook that was sent; status None: no answer."""
        at = self._clock.now().isoformat()
        self.deliveries.append(
            {"seq": self._next(), "time": at, "event": event, "url": url, "status": status, "note": note}
        )
