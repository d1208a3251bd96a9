"""Calls that pair each sentence of the caller with the function that a language model calls after it."""

from typing import Any

from askproai_sandbox.caller import CallRecord, play_call

Turn = tuple[str, dict[str, Any] | None]  # what the caller says, and the function call


def calls(function: str, **args: Any) -> dict[str, Any]:
    """Return a call of a function."""
    return {"name": function, "args": args}


def searches(**args: Any) -> dict[str, Any]:
    """Return a search for free times."""
    return calls("check_availability", **args)


def books(name: str, service: str, **args: Any) -> dict[str, Any]:
    """Return a booking of the first time of the last offer."""
    return calls("book_appointment", service=service, start="{offer.1}", customer_name=name, **args)


async def play_turns(retell_url: str, number: str, *turns: Turn, **options: Any) -> CallRecord:
    """Let the simulated Retell play a call. Raises ValueError with its message when it refuses."""
    said, functions = zip(*turns, strict=True)
    return await play_call(retell_url, number, said, args=functions, **options)
