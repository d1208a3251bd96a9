"""`askproai`: the command line for people. Exit codes: 0 ok, 1 failed, 2 misused."""

import asyncio
import sys
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console

from askproai_cli.book import appointments, slots
from askproai_cli.circuits import circuits
from askproai_cli.events import events, timeline
from askproai_cli.lint.command import lint_command
from askproai_cli.output import Output, OutputOption, as_json
from askproai_cli.plan.command import plan_command
from askproai_core.clock import SystemClock
from askproai_runtime.german_dates import Understanding, understand

app = typer.Typer(
    no_args_is_help=True,
    help="AskProAI on Kubernetes, for people.",
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    epilog="Example: `askproai lint examples/`, then `askproai plan examples/`",
)


app.command("lint", epilog="Example: `askproai lint examples/ && kubectl apply -f examples/`")(lint_command)
app.command("plan", epilog="Example: `askproai plan examples/salon.yaml`")(plan_command)
app.add_typer(circuits, name="circuits")
app.add_typer(events, name="events")
app.add_typer(appointments, name="appointments")
app.command(epilog="Example: `askproai timeline call_5d2f -t salon-mueller.salon-mueller`")(timeline)
app.command(
    epilog="Example: `askproai slots -t salon-mueller.salon-mueller --branch mitte --service haarschnitt --date 2026-11-27`"
)(slots)


@app.callback()
def _root() -> None:
    """AskProAI on Kubernetes, for people."""


@app.command(epilog="Example: `askproai when 'Freitag um halb drei' --at 2026-11-20T10:00 --zone Europe/Berlin`")
def when(
    text: Annotated[str, typer.Argument(help="What the caller says, in German or ISO.")],
    at: Annotated[
        str | None, typer.Option(help="Start of the call, ISO; without offset it is local. Default: now.")
    ] = None,
    zone: Annotated[str, typer.Option(help="Time zone of the branch.")] = "Europe/Berlin",
    output: OutputOption = Output.JSON,
) -> None:
    """Show what the German grammar understands of a date or a time."""
    try:
        tz = ZoneInfo(zone)
        moment = datetime.fromisoformat(at) if at else SystemClock().now()
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise typer.BadParameter(
            f"{error}: --zone takes a name like Europe/Berlin, --at an ISO time like 2026-11-20T10:00"
        ) from None
    understood = understand(text, at=moment if moment.tzinfo else moment.replace(tzinfo=tz), zone=tz)
    if output is Output.JSON:
        as_json(_candidates(understood))
    elif understood.refused:
        print(f"refused: {understood.refused}")
    else:
        print("\n".join(candidate.reading for candidate in understood.candidates))


def _candidates(understood: Understanding) -> dict[str, object]:
    candidates = [
        {"start": c.start.isoformat()}
        | ({"end": c.end.isoformat()} if c.end else {})
        | {"grain": str(c.grain), "reading": c.reading}
        for c in understood.candidates
    ]
    return {"candidates": candidates, "ambiguous": understood.ambiguous, "refused": understood.refused}


@app.command(epilog="Example: `askproai demo --keep`, then `askproai demo --down`")
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
    # Imported here: the other commands need neither the simulators nor a test database.
    from askproai_sandbox.cluster import ProcessError, ProgramError  # noqa: PLC0415
    from askproai_sandbox.demo.run import end_demo, run_demo  # noqa: PLC0415
    from askproai_sandbox.demo.scenario import ScenarioError  # noqa: PLC0415

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


@app.command(
    epilog="Example: `askproai call --to +49301234567 --say 'Einen Haarschnitt morgen um zehn' --say 'Ja, Max Muster'`"
)
def call(
    to: Annotated[str, typer.Option(help="The number that is rung, E.164.")],
    say: Annotated[list[str], typer.Option(help="What the caller says; once for each turn.")],
    caller: Annotated[str, typer.Option("--from", help="The caller's number, E.164.")] = "+4915112345678",
    output: OutputOption = Output.TEXT,
) -> None:
    """Play a simulated, signed call against the running demo."""
    import aiohttp  # noqa: PLC0415

    from askproai_sandbox.caller import play_call  # noqa: PLC0415
    from askproai_sandbox.demo import StateError, read_state  # noqa: PLC0415

    try:
        record = asyncio.run(play_call(read_state().retellUrl, to, say, from_number=caller))
    except (StateError, ValueError, aiohttp.ClientError) as error:
        typer.echo(f"the call failed: {error}", err=True)
        raise typer.Exit(1) from None
    if output is Output.JSON:
        as_json(record.to_json())
    else:
        for step in record.steps:
            print(f"{step.kind:8} {step.text or step.name or ''} {step.status or step.error or ''}".rstrip())
    if record.errors:
        raise typer.Exit(1)


@app.command(epilog="Example: `askproai sandbox retell --port 9001`")
def sandbox(
    provider: Annotated[str, typer.Argument(help="retell or calcom.")],
    port: Annotated[int, typer.Option(help="Port on loopback.")] = 9001,
) -> None:
    """Run one simulator on its own."""
    import runpy  # noqa: PLC0415

    if provider not in {"retell", "calcom"}:
        raise typer.BadParameter("the simulators are: retell, calcom")
    sys.argv = [provider, "--port", str(port)]
    runpy.run_module(f"askproai_sandbox.{provider}", run_name="__main__")
