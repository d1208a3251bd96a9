"""A simulated call in which the user of the command plays the agent: a person, or a program that writes lines.

The simulators are imported inside the function: askproai_cli.demo says why.
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
  bye                        hang up (so does the end of the input)
In the output `heard` is your sentence, and `said` the caller's."""


def play_by_hand(retell_url: str, to: str, caller: str, say: Sequence[str]) -> "CallRecord":
    """Play a call whose agent acts by lines of standard input. Raises ValueError if the simulator refuses the call."""
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
            while held.record is None and (line := read_line("> " if sys.stdin.isatty() else "")) is not None:
                word, _, rest = line.partition(" ")
                if word == "bye":
                    break
                if word == "fn":
                    if (call := _read_call(rest.strip())) is not None:
                        _print_steps(runner.run(held.call_function(*call)))
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
    print_end(record)
    return record


def print_end(record: "CallRecord") -> None:
    """Print why a call failed or changed nothing, and the call's id for `askproai timeline`."""
    for step in record.steps:
        if step.error and step.kind != "tool":  # the error of a function was printed already
            print(f"{step.kind:8} {step.error}")
    if record.status == "ended" and not any(step.kind == "tool" for step in record.steps):
        print("note     no function was called: nothing was looked up, booked or changed")
    print(record.call_id)


def read_line(prompt: str) -> str | None:
    """Return the next line that is not empty; None at the end of the input, and for Ctrl-C. The prompt is "" if nobody types."""
    try:
        while not (text := input(prompt).strip()):
            pass
    except (EOFError, KeyboardInterrupt):
        print(end="\n" if prompt else "")
        return None
    return text


def _read_call(line: str) -> tuple[str, dict[str, Any]] | None:
    """Return the function name and arguments of a line; None, after printing why, if the line is malformed."""
    name, _, text = line.partition(" ")
    if not name:
        print("fn is followed by the name of a function, and its arguments", flush=True)
        return None
    try:
        args = json.loads(text or "{}")
    except ValueError as error:
        print(f"these arguments are no JSON: {error}", flush=True)
        return None
    if not isinstance(args, dict):
        print("the arguments of a function are a JSON object", flush=True)
        return None
    return name, args


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
