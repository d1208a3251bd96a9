"""`askproai`: the command line for people. Exit codes: 0 ok, 1 failed, 2 misused."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from askproai_cli.appointments import appointments, slots
from askproai_cli.circuits import circuits
from askproai_cli.demo import call, demo, sandbox
from askproai_cli.events import events, timeline
from askproai_cli.lint import lint_command
from askproai_cli.output import Output, OutputOption, print_json
from askproai_cli.plan import plan_command
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
        print_json(_to_json(understood))
    elif understood.refused:
        print(f"refused: {understood.refused}")
    else:
        print("\n".join(candidate.reading for candidate in understood.candidates))


def _to_json(understood: Understanding) -> dict[str, object]:
    """Return `{"candidates": [{"start", "end"?, "grain", "reading"}], "ambiguous", "refused"}`."""
    candidates = [
        {"start": candidate.start.isoformat()}
        | ({"end": candidate.end.isoformat()} if candidate.end else {})
        | {"grain": str(candidate.grain), "reading": candidate.reading}
        for candidate in understood.candidates
    ]
    return {"candidates": candidates, "ambiguous": understood.ambiguous, "refused": understood.refused}


app.command(epilog="Example: `askproai demo --keep`, then `askproai demo --down`")(demo)
app.command(
    epilog="Example: `askproai call --to +49301234567 --say 'Einen Haarschnitt am Mittwoch um elf' --say 'Ja, Max Muster'`"
)(call)
app.command(epilog="Example: `askproai sandbox retell --port 9001`")(sandbox)
