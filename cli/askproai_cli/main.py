"""`askproai`: the command line for people. Exit codes: 0 ok, 1 failed, 2 misused.

The modules of the commands import what is heavy (pydantic, kopf, aiohttp, the grammar) inside their functions: `--help` and the
completion of a shell import all modules here (tests/unit/cli/test_start_up.py).
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from askproai_cli.appointments import appointments, slots
from askproai_cli.audit import audit
from askproai_cli.blocks import ADD_EXAMPLE, REMOVE_EXAMPLE, blocks
from askproai_cli.blocks import add as block
from askproai_cli.blocks import remove as unblock
from askproai_cli.calendar import calendar
from askproai_cli.call_command import call
from askproai_cli.calls import calls, timeline
from askproai_cli.circuits import circuits
from askproai_cli.cluster import use_context
from askproai_cli.demo import demo, play
from askproai_cli.doctor_command import doctor_command
from askproai_cli.events import events
from askproai_cli.figures import EXAMPLE as FIGURES_EXAMPLE
from askproai_cli.figures import figures
from askproai_cli.fleet import tenants
from askproai_cli.lint_command import lint_command
from askproai_cli.messages import messages, waitlist
from askproai_cli.notifications import notifications
from askproai_cli.offers import offers
from askproai_cli.plan_command import plan_command
from askproai_cli.privacy import ERASE_EXAMPLE, EXPORT_EXAMPLE, erase, erasures, export
from askproai_cli.sandbox import sandbox
from askproai_cli.tenant_command import tenant
from askproai_cli.when import when

# The commands in the order of `--help`, below the headings that they have there.
_PANELS = {
    "Manifests": ("lint", "plan"),
    "The platform": ("tenants", "tenant", "doctor"),
    "A tenant": (
        "calls",
        "timeline",
        "messages",
        "waitlist",
        "appointments",
        "block",
        "unblock",
        "blocks",
        "offers",
        "slots",
        "figures",
        "events",
        "notifications",
        "circuits",
        "calendar",
        "audit",
        "export",
        "erase",
        "erasures",
    ),
    "This machine": ("when", "demo", "call", "play", "sandbox"),
}


class _Commands(TyperGroup):
    """The commands in the order of `_PANELS`; others come last."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        ordered = {name: panel for panel, names in _PANELS.items() for name in names if name in self.commands}
        for name, panel in ordered.items():
            self.commands[name].rich_help_panel = panel  # type: ignore[attr-defined]  # both kinds of commands have it
        self.commands = {name: self.commands[name] for name in [*ordered, *(self.commands.keys() - ordered.keys())]}


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    help="AskProAI on Kubernetes, for people.",
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    epilog="Example: `askproai lint examples/`, then `askproai plan examples/`",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"askproai {version('askproai')}")
        raise typer.Exit


@contextmanager
def _collect_rarely() -> Iterator[None]:
    """Collect garbage only after a million new objects: imports make 200,000 objects that stay, and a full search takes 70 ms."""
    before = gc.get_threshold()
    gc.set_threshold(1_000_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@app.callback()
def _root(
    context: typer.Context,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--context", metavar="NAME", help="Context of the kubeconfig; before the command. Default: its current one."
        ),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version, and end.")
    ] = False,
) -> None:
    """AskProAI on Kubernetes, for people."""
    context.with_resource(_collect_rarely())
    if cluster is not None:
        context.with_resource(use_context(cluster))


app.command("lint", epilog="Example: `askproai lint examples/ && kubectl apply -f examples/`")(lint_command)
app.command("plan", epilog="Example: `askproai plan examples/salon.yaml`")(plan_command)
app.command("doctor", epilog="Example: `askproai doctor`, or in a pipeline `askproai doctor --strict -o json`")(
    doctor_command
)
app.command("tenants", epilog="Example: `askproai tenants --failing`, or `askproai tenants --search köln`")(tenants)
app.add_typer(tenant, name="tenant")
app.add_typer(circuits, name="circuits")
app.add_typer(events, name="events")
app.add_typer(notifications, name="notifications")
app.add_typer(appointments, name="appointments")
app.add_typer(calls, name="calls")
app.add_typer(messages, name="messages")
app.add_typer(waitlist, name="waitlist")
app.add_typer(blocks, name="blocks")
app.add_typer(offers, name="offers")
app.command("block", epilog=ADD_EXAMPLE)(block)
app.command("unblock", epilog=REMOVE_EXAMPLE)(unblock)
app.add_typer(calendar, name="calendar")
app.add_typer(audit, name="audit")
app.command("export", epilog=EXPORT_EXAMPLE)(export)
app.command("erase", epilog=ERASE_EXAMPLE)(erase)
app.command("erasures", epilog="Example: `askproai erasures -t salon-mueller.salon-mueller`")(erasures)
app.command(epilog="Example: `askproai timeline call_5d2f -t salon-mueller.salon-mueller`")(timeline)
app.command(
    epilog="Example: `askproai slots -t salon-mueller.salon-mueller --branch mitte --service haarschnitt --date 2026-11-27`"
)(slots)
app.command("figures", epilog=FIGURES_EXAMPLE)(figures)
app.command(epilog="Example: `askproai when 'Freitag um halb drei' --at 2026-11-20T10:00 --zone Europe/Berlin`")(when)
app.command(epilog="Example: `askproai demo --keep`, then `askproai demo --down`")(demo)
app.command(
    epilog="Example: `askproai call --to +49301234567 --say 'Einen Haarschnitt am Mittwoch um elf' --say 'Ja, Max Muster'`"
)(call)
app.command(epilog="Example: `askproai play examples/calls`")(play)
app.add_typer(sandbox, name="sandbox")
