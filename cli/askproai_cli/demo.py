"""`askproai demo`, `askproai call` and `askproai sandbox`: the commands that need the simulators, `askproai_sandbox`.

They import it inside the function, because the production image ships no simulators: there the other commands work, and these
end with exit code 2 and name what they need.
"""

import asyncio
import json
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console

from askproai_cli.output import Output, OutputOption, print_json


@contextmanager
def _simulators(command: str) -> Iterator[None]:
    """Import the simulators inside this context: without them the command ends with exit code 2."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "askproai_sandbox":
            raise
        typer.echo(
            f"`askproai {command}` needs the simulators, which this installation lacks: run it in a checkout", err=True
        )
        raise typer.Exit(2) from None


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running; .demo/state.json says where.")
    ] = False,
    kill: Annotated[
        bool, typer.Option("--kill", help="Kill the operator and the workers with -9 in the middle.")
    ] = False,
    down: Annotated[bool, typer.Option("--down", help="End a demo that was left running.")] = False,
) -> None:
    """Show the whole path on this machine: from a manifest to a booked appointment."""
    with _simulators("demo"):
        from askproai_sandbox.cluster import ProcessError, ProgramError  # noqa: PLC0415
        from askproai_sandbox.demo import ScenarioError, end_demo, run_demo  # noqa: PLC0415

    console = Console(width=None if sys.stdout.isatty() else 132)  # a log or a pipe has no width of its own
    if down and (keep or kill):
        raise typer.BadParameter("--down ends a demo: it goes with neither --keep nor --kill")
    if down:
        console.print("ended" if asyncio.run(end_demo()) else "no demo was running")
        return
    try:
        asyncio.run(run_demo(keep=keep, kill=kill, console=console))
    except (ProcessError, ProgramError, ScenarioError) as error:
        Console(stderr=True).print(f"the demo failed: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _parse_tool_call(function: str | None, arguments: list[str], say: list[str]) -> list[dict[str, Any]] | None:
    """Return the function call that replaces the demo's agent, None without `--function`."""
    if (function is None) == (not say):
        raise typer.BadParameter("give either sentences, --say, or one function, --function NAME key=value …")
    if function is None:
        if arguments:
            raise typer.BadParameter(f"{arguments[0]!r} is an argument of a function: name it with --function")
        return None
    if wrong := [argument for argument in arguments if "=" not in argument]:
        raise typer.BadParameter(f"an argument of a function is key=value, not {wrong[0]!r}")
    return [{"name": function, "args": dict(argument.split("=", 1) for argument in arguments)}]


def call(
    to: Annotated[str, typer.Option(help="The number that is rung, E.164.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="The arguments of --function.")
    ] = None,
    say: Annotated[list[str] | None, typer.Option(help="What the caller says; once for each turn.")] = None,
    function: Annotated[
        str | None, typer.Option(help="Call this function of the agent, and leave the demo's agent out.")
    ] = None,
    caller: Annotated[str, typer.Option("--from", help="The caller's number, E.164.")] = "+4915112345678",
    output: OutputOption = Output.TEXT,
) -> None:
    """Play a simulated, signed call against the running demo. What its agent understands: docs/demo-agent.md."""
    tool_calls = _parse_tool_call(function, arguments or [], say or [])
    with _simulators("call"):
        import aiohttp  # noqa: PLC0415

        from askproai_sandbox.caller import play_call  # noqa: PLC0415
        from askproai_sandbox.demo import StateError, read_state  # noqa: PLC0415

    try:
        record = asyncio.run(play_call(read_state().retellUrl, to, say or (), from_number=caller, args=tool_calls))
    except (StateError, ValueError, aiohttp.ClientError) as error:
        typer.echo(f"the call failed: {error}", err=True)
        raise typer.Exit(1) from None
    if output is Output.JSON:
        print_json(record.to_json())
    elif function is not None and not record.errors:
        print(*(json.dumps(answer, ensure_ascii=False, indent=2) for answer in record.answers(function)), sep="\n")
        print(*(step.to_text() for step in record.steps if step.kind == "note"), sep="\n", file=sys.stderr, end="")
    else:
        for step in record.steps:
            print(step.to_text())
    if record.errors:
        raise typer.Exit(1)


def sandbox(
    provider: Annotated[str, typer.Argument(help="retell or calcom.")],
    port: Annotated[int, typer.Option(help="Port on loopback.")] = 9001,
) -> None:
    """Run one simulator on its own."""
    if provider not in {"retell", "calcom"}:
        raise typer.BadParameter("the simulators are: retell, calcom")
    with _simulators("sandbox"):
        import askproai_sandbox  # noqa: F401, PLC0415 - only to learn whether it is installed

    sys.argv = [provider, "--port", str(port)]
    runpy.run_module(f"askproai_sandbox.{provider}", run_name="__main__")
