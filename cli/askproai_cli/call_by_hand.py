"""A call whose agent is the holder of the command: a person, or any program that writes lines.

The simulators are imported inside of the function: askproai_cli.demo says why.
"""

import json
import sys
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from askproai_sandbox.caller import Briefing, CallRecord, Step

_HELP = """You are the agent. Lines that you can write:
  fn NAME {"key": "value"}   call a function, and read its answer
  say TEXT                   say something to the caller, and hear what the caller says next
  caller TEXT                what the caller says, where --say has no sentence left
  bye                        hang up (so does the end of the input)"""


def play_by_hand(retell_url: str, to: str, caller: str, say: Sequence[str]) -> "CallRecord":
    """Play a call by the lines of the input. Raises ValueError with the simulator's message when it refuses."""
    import asyncio

    from askproai_sandbox.caller import HeldCall

    sentences = deque(say)
    with asyncio.Runner() as runner:
        held, steps = runner.run(HeldCall.begin(retell_url, to, from_number=caller, plays_agent=True))
        try:
            if held.briefing is not None:
                _print_briefing(held.briefing)
            _print_steps(steps)
            if sentences and held.record is None:
                _print_steps(runner.run(held.say(sentences.popleft())))
            while held.record is None and (line := _read_line()) is not None:
                word, _, rest = line.partition(" ")
                if word == "bye":
                    break
                if word == "fn":
                    name, _, text = rest.strip().partition(" ")
                    if (args := _read_arguments(text)) is not None:
                        _print_steps(runner.run(held.call_function(name, args)))
                elif word == "say" and rest.strip():
                    _print_steps(runner.run(held.answer(rest.strip())))
                    if sentences:
                        _print_steps(runner.run(held.say(sentences.popleft())))
                elif word == "caller" and rest.strip():
                    _print_steps(runner.run(held.say(rest.strip())))
                else:
                    print(f"{line!r} is not understood.\n{_HELP}", flush=True)
        finally:
            record = runner.run(held.hang_up())
    print(record.call_id)  # for `askproai timeline`
    return record


def _read_line() -> str | None:
    """Return the next line that is not empty; None at the end of the input, and for Ctrl-C."""
    try:
        while not (text := input("> " if sys.stdin.isatty() else "").strip()):
            pass
    except (EOFError, KeyboardInterrupt):
        return None
    return text


def _read_arguments(text: str) -> dict[str, Any] | None:
    try:
        args = json.loads(text or "{}")
    except ValueError as error:
        print(f"these arguments are no JSON: {error}", flush=True)
        return None
    if not isinstance(args, dict):
        print("the arguments of a function are a JSON object", flush=True)
        return None
    return args


def _print_briefing(briefing: "Briefing") -> None:
    print(briefing.prompt)
    for function in briefing.functions:
        print(f"\nfn {function['name']}: {function['description']}")
        required = function["parameters"].get("required", ())
        for name, schema in function["parameters"].get("properties", {}).items():
            kind = schema.get("type", "")
            print(f"    {name} ({kind}{', required' if name in required else ''}): {schema.get('description', '')}")
    print(f"\n{_HELP}\n", flush=True)


def _print_steps(steps: "list[Step]") -> None:
    for step in steps:
        if step.kind == "tool":
            answer = step.error or json.dumps(step.answer, ensure_ascii=False)
            print(f"answer   {answer}", flush=True)
        elif step.kind != "webhook":
            print(step.to_text(), flush=True)
