"""The operator with a sampling profile and a trace of what it waits for: `python -m tests.load.scale.instrumented run`.

SCALE_PROFILE: a file that gets a profile at SIGUSR2, since the last one, and at the end: how often each function was found
running at each 5 ms of CPU time. SCALE_TRACE: a file that gets a line of JSON for each HTTP request, each use of the database's or
Redis's administrator, and each reconcile: who made it, when, and how long it took. `tests.load.scale.costs` sums both up.
"""

import atexit
import inspect
import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any, Final

import aiohttp

import askproai_operator.main
from askproai_core.database import AdminStore
from askproai_operator.control_loop import ReconcileLoop
from askproai_operator.redis_users import RedisAdmin

_ROOT: Final = str(Path(__file__).resolve().parents[3]) + "/"
_INTERVAL_SECONDS: Final = 0.005


def place(code: Any, line: int | None = None) -> str:
    """Return a function as file, line and name; a file of a library from its package on."""
    file = code.co_filename.removeprefix(_ROOT).rpartition("site-packages/")[2].rpartition("/lib/")[2]
    return f"{file}:{line or code.co_firstlineno} {code.co_qualname}"


class Profile:
    """Samples of the main thread: by the line that ran (`own`), and by all functions on the stack (`total`)."""

    def __init__(self, file: Path) -> None:
        self._file, self._number = file, 0
        self._samples, self._own, self._total = 0, Counter[str](), Counter[str]()
        signal.signal(signal.SIGPROF, self._sample)
        signal.signal(signal.SIGUSR2, lambda *_: self.write())
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL_SECONDS, _INTERVAL_SECONDS)
        atexit.register(self.write)

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        if frame is None:
            return
        self._samples += 1
        self._own[place(frame.f_code, frame.f_lineno)] += 1
        on_stack = set()
        while frame is not None:
            on_stack.add(place(frame.f_code))
            frame = frame.f_back
        self._total.update(on_stack)

    def write(self) -> None:
        """Write what was sampled since the last time, and begin anew."""
        samples, own, total = self._samples, self._own, self._total
        self._samples, self._own, self._total = (
            0,
            Counter(),
            Counter(),
        )  # before: the next sample interrupts what follows
        result = {"samples": samples, "own": own.most_common(100), "total": total.most_common(250)}
        self._file.with_name(f"{self._file.stem}-{self._number}.json").write_text(json.dumps(result, indent=1))
        self._number += 1


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
    """Run the operator with what the environment asks for."""
    if where := os.environ.get("SCALE_PROFILE"):
        Profile(Path(where))
    if where := os.environ.get("SCALE_TRACE"):
        Trace(Path(where))
    askproai_operator.main.main()


if __name__ == "__main__":
    main()
