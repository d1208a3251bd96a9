"""`askproai call`: a simulated, signed call to the running demo. Its agent follows rules, or is a language model or the user.

The simulators are imported inside of the functions: askproai_cli.demo says why.
"""

import json
import os
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from askproai_cli.call_by_hand import play_by_hand, print_end, read_line
from askproai_cli.demo import simulators
from askproai_cli.demo_state import require_simulators
from askproai_cli.output import Output, OutputOption, fail, print_json

if TYPE_CHECKING:
    from askproai_sandbox.caller import CallRecord, HeldCall, Step
    from askproai_sandbox.model_agent import ModelCall

_PROMPT = "said     "  # printed before each typed sentence, too
_SHOWN_LIVE = {"heard", "tool", "note"}  # events arrive later than these
_WITHHELD = "anonymous"  # Retell's value for a caller who withholds the number
_KEY_VARIABLE = "ASKPROAI_MODEL_KEY"


def parse_number(text: str) -> str:
    """Return a number in E.164, in the spellings that manifests accept."""
    from askproai_core.phone_numbers import DEFAULT_REGION, InvalidNumber, to_e164

    try:
        return to_e164(text, DEFAULT_REGION)
    except InvalidNumber as error:
        raise typer.BadParameter(str(error)) from None


def _parse_caller(text: str) -> str:
    return text if text == _WITHHELD else parse_number(text)


def _parse_tool_call(function: str | None, arguments: list[str], say: list[str]) -> list[dict[str, Any]] | None:
    """Return the one function call that the demo's agent makes instead of its own, in a list; None without `--function`."""
    if function is not None and say:
        raise typer.BadParameter("give either sentences, --say, or one function, --function NAME key=value …")
    if function is None:
        if arguments:
            raise typer.BadParameter(f"{arguments[0]!r} is an argument of a function: name it with --function")
        return None
    if wrong := [argument for argument in arguments if "=" not in argument]:
        raise typer.BadParameter(f"an argument of a function is key=value, not {wrong[0]!r}")
    return [{"name": function, "args": dict(argument.split("=", 1) for argument in arguments)}]


def call(
    to: Annotated[
        str,
        typer.Option(
            parser=parse_number, metavar="NUMBER", help="The number to call, such as +49301234567 or 030 1234567."
        ),
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="The arguments of --function.")
    ] = None,
    say: Annotated[list[str] | None, typer.Option(help="The sentence of the caller; once for each turn.")] = None,
    function: Annotated[
        str | None, typer.Option(help="Call this function of the agent directly, without a model.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Let a language model play the agent: the base URL of a server of the OpenAI chat-completions protocol.",
        ),
    ] = None,
    model_name: Annotated[str, typer.Option(help="The model's name at that server.")] = "default",
    model_key_file: Annotated[
        Path | None, typer.Option(help=f"A file with the server's key; else {_KEY_VARIABLE} has it.")
    ] = None,
    model_timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="How long each answer of the model may take.")
    ] = 120,
    by_hand: Annotated[
        bool,
        typer.Option(
            "--by-hand",
            help="Play the agent yourself, by lines: `fn NAME {json}` calls a function, `say TEXT` speaks to the caller,"
            " `caller TEXT` is the caller's sentence, `bye` hangs up.",
        ),
    ] = False,
    caller: Annotated[
        str,
        typer.Option(
            "--from",
            parser=_parse_caller,
            metavar="NUMBER",
            help=f"The caller's number, or {_WITHHELD} if it is withheld.",
        ),
    ] = "+4915112345678",
    output: OutputOption = Output.TEXT,
) -> None:
    """Play a simulated, signed call against the running demo. docs/demo-agent.md says what its agent understands.

    Without --say and --function, the call is held on the terminal: type the caller's sentences, line by line; Ctrl-D hangs up.
    Exit code 1: the call, one of its functions or one of its events failed.
    """
    tool_calls = _parse_tool_call(function, arguments or [], say or [])
    if sum((function is not None, model is not None, by_hand)) > 1:
        raise typer.BadParameter("--function, --model and --by-hand each replace the demo's agent: give one of them")
    if output is Output.JSON and by_hand:
        raise typer.BadParameter("--by-hand prints text: leave -o json out")
    if output is Output.JSON and not (say or function):
        raise typer.BadParameter("-o json needs the sentences, --say, or a function, --function NAME key=value …")
    with simulators("call"):
        import asyncio

        import aiohttp

        from askproai_sandbox.caller import HeldCall, play_call
        from askproai_sandbox.model_agent import ModelAddress, ModelCall, ModelError

    retell = require_simulators().retell
    try:
        if by_hand:
            record = play_by_hand(retell, to, caller, say or [])
        elif model is not None:
            address = ModelAddress(model, model_name, _read_key(model_key_file), model_timeout)
            receiver = address.completions_url  # refuses a URL with a password before it is printed
            print(f"{receiver} gets the agent's prompt and functions, what is said and answered", file=sys.stderr)
            record = _play_interactively(ModelCall.begin(retell, to, from_number=caller, address=address), say, output)
        elif say or function:
            record = asyncio.run(play_call(retell, to, say or (), from_number=caller, args=tool_calls))
            _print_played(record, function, output)
        else:
            record = _play_interactively(HeldCall.begin(retell, to, from_number=caller), None, output)
    except (ValueError, ModelError) as error:  # the simulator's sentence, or that of the model's server
        fail(f"the call failed: {error}")
    except (aiohttp.ClientError, TimeoutError):
        fail(f"the call failed: the simulated Retell at {retell} does not answer; start `askproai demo --keep` again")
    if record.errors:
        raise typer.Exit(1)


def _read_key(file: Path | None) -> str:
    """Return the API key of a model's server from a file; empty if no file is given."""
    if file is None:
        return os.environ.get(_KEY_VARIABLE, "")
    try:
        key = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"--model-key-file {file} is not read: {type(error).__name__}") from None
    if not key or not key.isprintable():
        raise typer.BadParameter(
            f"--model-key-file {file} is {'not one line' if key else 'empty'}: it holds the key alone"
        )
    return key


def _print_played(record: "CallRecord", function: str | None, output: Output) -> None:
    if output is Output.JSON:
        print_json(record.to_json())
    elif function is not None and not record.errors:
        print(*(json.dumps(answer, ensure_ascii=False, indent=2) for answer in record.answers(function)), sep="\n")
        print(*(step.to_text() for step in record.steps if step.kind == "note"), sep="\n", file=sys.stderr, end="")
    else:
        for step in record.steps:
            print(step.to_text())
        print(record.call_id)  # for `askproai timeline`


def _play_interactively(
    begin: Coroutine[Any, Any, "tuple[HeldCall | ModelCall, list[Step]]"], say: Sequence[str] | None, output: Output
) -> "CallRecord":
    """Play a call and print its steps as they happen. The caller's sentences are from `say`, or else the terminal or a pipe."""
    import asyncio

    is_typed = not say and sys.stdin.isatty()
    if is_typed:
        import readline  # noqa: F401 - `input` edits the line with it
    sentences = iter(say or ())

    def read() -> str | None:
        return next(sentences, None) if say else read_line(_PROMPT if is_typed else "")

    with asyncio.Runner() as runner:  # it does not run while `input` waits, so Ctrl-C hangs up at once
        held, steps = runner.run(begin)
        try:
            while True:
                for step in steps if output is Output.TEXT else ():
                    if step.kind in _SHOWN_LIVE or (step.kind == "said" and not is_typed):
                        print(step.to_text(), flush=True)
                if held.record is not None or (text := read()) is None:
                    break
                steps = runner.run(held.say(text))
        except BaseException:
            print(runner.run(held.hang_up()).call_id, file=sys.stderr)
            raise
        record = runner.run(held.hang_up())
    if output is Output.JSON:
        print_json(record.to_json())
        return record
    print_end(record)
    return record
