"""`askproai`: the command line for people. Exit codes: 0 ok, 1 failed, 2 misused.

The modules of the commands import what is heavy (pydantic, kopf, aiohttp, the grammar) inside their functions: `--help` and the
completion of a shell import all modules here (tests/unit/cli/test_start_up.py).
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final

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
from askproai_cli.figures import figures
from askproai_cli.fleet import tenants
from askproai_cli.lint_command import lint_command
from askproai_cli.messages import messages, waitlist
from askproai_cli.notifications import notifications
from askproai_cli.offers import offers
from askproai_cli.plan_command import plan_command
from askproai_cli.privacy import ERASE_EXAMPLE, EXPORT_EXAMPLE, erase, erasures, export
from askproai_cli.sandbox import sandbox
from askproai_cli.tenant_api import example
from askproai_cli.tenant_command import tenant
from askproai_cli.when import when

# The commands and groups of commands below their headings, in the order of `--help`; commands with an example.
_COMMANDS: Final[Mapping[str, Sequence[tuple[str, Any] | tuple[str, Any, str]]]] = {
    "Manifests": [
        ("lint", lint_command, "Example: `askproai lint examples/ && kubectl apply -f examples/`"),
        ("plan", plan_command, "Example: `askproai plan examples/salon.yaml`"),
    ],
    "The platform": [
        ("tenants", tenants, "Example: `askproai tenants --failing`, or `askproai tenants --search köln`"),
        ("tenant", tenant),
        ("doctor", doctor_command, "Example: `askproai doctor`, or in a pipeline `askproai doctor --strict -o json`"),
    ],
    "A tenant": [
        ("calls", calls),
        ("timeline", timeline, example("timeline call_5d2f")),
        ("messages", messages),
        ("waitlist", waitlist),
        ("appointments", appointments),
        ("block", block, ADD_EXAMPLE),
        ("unblock", unblock, REMOVE_EXAMPLE),
        ("blocks", blocks),
        ("offers", offers),
        (
            "slots",
            slots,
            "Example: `askproai slots -t salon-mueller.salon-mueller --branch mitte --service haarschnitt --date 2026-11-27`",
        ),
        ("figures", figures, example("figures")),
        ("events", events),
        ("notifications", notifications),
        ("circuits", circuits),
        ("calendar", calendar),
        ("audit", audit),
        ("export", export, EXPORT_EXAMPLE),
        ("erase", erase, ERASE_EXAMPLE),
        ("erasures", erasures, example("erasures")),
    ],
    "This machine": [
        ("when", when, "Example: `askproai when 'Freitag um halb drei' --at 2026-11-20T10:00 --zone Europe/Berlin`"),
        ("demo", demo, "Example: `askproai demo --keep`, then `askproai demo --down`"),
        (
            "call",
            call,
            "Example: `askproai call --to +49301234567 --say 'Einen Haarschnitt am Mittwoch um elf' --say 'Ja, Max Muster'`",
        ),
        ("play", play, "Example: `askproai play examples/calls`"),
        ("sandbox", sandbox),
    ],
}


class _Commands(TyperGroup):
    """The commands in the order of `_COMMANDS`: Typer's own order has the groups first."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: self.commands[name] for rows in _COMMANDS.values() for name, *_ in rows}


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


for _panel, _rows in _COMMANDS.items():
    for _name, _command, *_epilog in _rows:
        if isinstance(_command, typer.Typer):
            app.add_typer(_command, name=_name, rich_help_panel=_panel)
        else:
            app.command(_name, epilog=_epilog[0], rich_help_panel=_panel)(_command)
