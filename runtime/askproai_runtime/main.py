"""The program `askproai-runtime`. A tenant's processes start here without the library that parses commands."""

import sys

from askproai_runtime import serve

_PROCESSES = {"web": serve.web, "worker": serve.worker, "shadow": serve.shadow}


def app() -> None:
    """Run a process of a pod, or the command that the arguments name.

    The cost of a tenant is mostly the memory of its idle processes, and typer with pydantic and rich is 8 MB in each of them
    (docs/decisions/0069-the-price-of-a-pod.md).
    """
    if (run := _PROCESSES.get(" ".join(sys.argv[1:]))) is not None:
        # Python's own way to say that there is no such module: structlog would import it for tracebacks on a terminal.
        sys.modules["rich"] = None  # type: ignore[assignment]
        # The client of Redis would import it for metrics that nobody switches on, 3.5 MB; `open_tracing` takes this back.
        sys.modules["opentelemetry"] = None  # type: ignore[assignment]
        run()
    else:
        from askproai_runtime.commands import app as commands  # noqa: PLC0415 - see above

        commands()


if __name__ == "__main__":
    app()
