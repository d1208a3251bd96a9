"""The operator with a trace of its waits: `python -m tests.load.scale.instrumented run`.

SCALE_TRACE: a file that gets a line of JSON for each HTTP request, each use of the database's or Redis's administrator, and each
reconcile: who made it, when, and how long it took.
"""

import inspect
import json
import os
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import aiohttp

import askproai_operator.main
from askproai_operator.control_loop import ReconcileLoop
from askproai_operator.redis_users import RedisAdmin
from askproai_operator.store.admin import AdminStore


class Trace:
    """Records what the operator waits for. Nested entries are all recorded: a reconcile contains its requests."""

    def __init__(self, file: Path) -> None:
        self._out = file.open("a", buffering=1)
        for owner, names in (
            (aiohttp.ClientSession, ["_request"]),
            (ReconcileLoop, ["process"]),
            (AdminStore, _coroutines(AdminStore)),
            (RedisAdmin, _coroutines(RedisAdmin)),
        ):
            for name in names:
                setattr(owner, name, self._traced(owner.__name__, name, getattr(owner, name)))

    def _traced(self, owner: str, name: str, original: Any) -> Any:
        async def traced(*arguments: Any, **options: Any) -> Any:
            began, (key, callers), status = time.time(), _callers(), None
            try:
                result = await original(*arguments, **options)
                status = getattr(result, "status", None)
                return result
            finally:
                is_http = name == "_request"
                line = {"at": began, "ms": round((time.time() - began) * 1000, 1), "what": "HTTP" if is_http else owner,
                        "method": arguments[1] if is_http else name, "url": str(arguments[2]) if is_http else "",
                        "status": status, "key": str(arguments[1]) if name == "process" else key, "by": callers}  # fmt: skip
                self._out.write(json.dumps(line) + "\n")

        return traced


def _coroutines(owner: type) -> list[str]:
    """Return the names of the public coroutine methods of a class."""
    return [name for name, member in vars(owner).items() if name[0] != "_" and inspect.iscoroutinefunction(member)]


def _callers() -> tuple[str, list[str]]:
    """Return the key that is reconciled, and the operator's functions that led here, the innermost first."""
    frame: FrameType | None = sys._getframe(2)
    key, found = "", []
    while frame is not None:
        name = frame.f_code.co_filename
        if "askproai_operator/" in name and not any(part in name for part in ("/engine/", "/providers/")):
            found.append(f"{name.rpartition('askproai_operator/')[2]}:{frame.f_lineno} {frame.f_code.co_name}")
        if name.endswith("control_loop/loop.py") and frame.f_code.co_name == "process":
            key = str(frame.f_locals.get("key", ""))
        frame = frame.f_back
    return key, found


def main() -> None:
    """Run the operator with its trace."""
    Trace(Path(os.environ["SCALE_TRACE"]))
    askproai_operator.main.main()


if __name__ == "__main__":
    main()
