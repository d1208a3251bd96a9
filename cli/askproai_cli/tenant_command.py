"""`askproai tenant export` and `askproai tenant import`: move one tenant to another cluster and database."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from askproai_cli.cluster import KubeconfigOption, OperatorNamespaceOption, describe_cluster, refuse_file_and_context
from askproai_cli.output import Output, OutputOption, print_json
from askproai_cli.tenant_api import TenantOption

if TYPE_CHECKING:
    from askproai_cli.tenant_move import Exported, Imported
    from askproai_core.kube import HttpTransport

T = TypeVar("T")

_SHORTEST = 12  # characters of a passphrase

tenant = typer.Typer(
    no_args_is_help=True,
    help="Move one tenant to another cluster and database.",
    epilog="Example: `askproai tenant export -t salon-mueller.salon-mueller --to salon.askproai`, then at the other cluster"
    " `askproai --context new tenant import salon.askproai`",
)

DsnOption = Annotated[
    str,
    typer.Option(
        "--dsn",
        envvar="DATABASE_ADMIN_URL",
        show_envvar=True,
        help="The admin's URL of the database, as the operator has it: owner of the database, CREATEROLE.",
    ),
]
PassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", help="A file with the passphrase of the export. Default: ask for it.", metavar="FILE"
    ),
]


@tenant.command("export", epilog="Example: `askproai tenant export -t salon-mueller.salon-mueller --to salon.askproai`")
def export_command(
    context: typer.Context,
    name: TenantOption,
    to: Annotated[Path, typer.Option("--to", help="The file to write, encrypted with the passphrase.", metavar="FILE")],
    dsn: DsnOption,
    redis_url: Annotated[
        str | None,
        typer.Option(
            "--redis-url",
            envvar="REDIS_ADMIN_URL",
            show_envvar=True,
            help="The operator's URL of Redis, to see that no acknowledged event waits there. Not needed without a Redis.",
        ),
    ] = None,
    spool_is_empty: Annotated[
        bool, typer.Option("--spool-is-empty", help="You have seen that askproai_spool_events of the tenant is 0.")
    ] = False,
    with_credentials: Annotated[
        bool,
        typer.Option(
            "--with-credentials",
            help="Also the Secrets that the manifests name: keys of Retell, Cal.com and mail servers.",
        ),
    ] = False,
    passphrase_file: PassphraseOption = None,
    kubeconfig: KubeconfigOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Write all of a suspended tenant into one file: manifests, its token and data keys, and all its rows as of one moment.

    From then on its Tenant is not provisioned here any more, and its database login is gone, so that nothing is booked twice.
    The file is encrypted, because it has callers' words. You may repeat the export. Exit code 1: the tenant is not stopped, or
    something does not answer; there is no file then.
    """
    from askproai_cli.tenant_move import Source, export_tenant
    from askproai_core.clock import SystemClock

    namespace, _, own = name.partition(".")
    if not namespace or not own:
        raise typer.BadParameter(f"{name} is no NAMESPACE.TENANT", param_hint="--tenant")
    source = Source(namespace, own, dsn, redis_url, spool_is_empty=spool_is_empty, with_credentials=with_credentials)
    passphrase = _read_passphrase(passphrase_file, new=True)

    async def run(transport: "HttpTransport") -> "Exported":
        return await export_tenant(transport, source, to, passphrase, SystemClock().now())

    exported = _run(context, kubeconfig, run, f"{name} was not exported")
    if output is Output.JSON:
        print_json(asdict(exported) | {"file": str(to)})
        return
    for line in export_lines(exported, namespace, own, to):
        typer.echo(line)


def export_lines(exported: "Exported", namespace: str, name: str, file: Path) -> Iterator[str]:
    """Yield the lines about a finished export. The command that undoes it is a line of its own, so that people can copy it."""
    yield f"{file}: {sum(exported.rows.values())} rows, {', '.join((*exported.objects, *exported.secrets))}"
    if exported.missing:
        yield f"not in the file: the Secrets {', '.join(exported.missing)}; create them at the destination"
    yield f"the rows here belong to {exported.owner} now. If the move is given up before an import: this, then suspend: false"
    yield f"  kubectl annotate tenants.askproai.de {name} -n {namespace} askproai.de/adopt-data={exported.owner}"
    yield "next: askproai tenant import at the destination; delete the Tenant here when it is Ready there"


@tenant.command("import", epilog="Example: `askproai --context new tenant import salon.askproai`")
def import_command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file of an export.", metavar="FILE")],
    dsn: DsnOption,
    suspended: Annotated[
        bool, typer.Option("--suspended", help="Create the Tenant suspended: nobody serves until you end that.")
    ] = False,
    operator_namespace: OperatorNamespaceOption = "askproai-system",
    passphrase_file: PassphraseOption = None,
    kubeconfig: KubeconfigOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Create an exported tenant in another installation: its Secrets, its rows in one transaction, then the manifests.

    Refused if the tenant, its host or one of its numbers exists there already, or if the schema differs. You may repeat the
    import: existing objects stay unchanged. The operator takes over agents and webhook at Retell and Cal.com. Exit code 1: refused.
    """
    from askproai_cli.tenant_move import Destination, import_tenant

    destination = Destination(dsn, operator_namespace, suspended=suspended)
    passphrase = _read_passphrase(passphrase_file, new=False)

    async def run(transport: "HttpTransport") -> "Imported":
        return await import_tenant(transport, destination, file, passphrase)

    imported = _run(context, kubeconfig, run, f"{file} was not imported")
    if output is Output.JSON:
        print_json(asdict(imported))
        return
    rows = f"{sum(imported.rows.values())} rows" if imported.rows else "the rows are there from before"
    typer.echo(f"{imported.tenant}: {rows}; created {', '.join(imported.created) or 'nothing'}")
    if imported.kept:
        typer.echo(f"left as they are: {', '.join(imported.kept)}")
    for note in imported.notes:
        typer.echo(note)
    namespace, _, own = imported.tenant.partition(".")
    typer.echo(
        f"next: kubectl wait --for=condition=Ready tenants.askproai.de/{own} -n {namespace}, then delete it at the source"
    )


def _run(
    context: typer.Context, kubeconfig: Path | None, run: "Callable[[HttpTransport], Awaitable[T]]", failed: str
) -> T:
    """Run one command with a connection to the cluster. If it fails, print what to do and end with exit code 1."""
    import asyncio

    import asyncpg

    from askproai_cli.cluster_login import log_in
    from askproai_cli.tenant_move import MoveRefused, UnreadableFile
    from askproai_core.clock import SystemClock
    from askproai_core.database import DatabaseError
    from askproai_core.kube import AccessError, ApiError, HttpTransport

    refuse_file_and_context(context, kubeconfig)

    async def connect() -> T:
        access = log_in(kubeconfig, SystemClock())
        async with HttpTransport(lambda: access) as transport:
            return await run(transport)

    try:
        with _warnings_on_standard_error():
            return asyncio.run(connect())
    except MoveRefused as error:
        reasons = error.reasons
    except (ApiError, AccessError) as error:
        reasons = (f"{describe_cluster(kubeconfig)}: {error}",)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reasons = (f"the database refuses: {type(error).__name__}: {error}",)
    except (DatabaseError, UnreadableFile, OSError, ValueError) as error:
        reasons = (str(error) or type(error).__name__,)
    typer.echo(f"{failed}:", err=True)
    for reason in reasons:
        typer.echo(f"- {reason}", err=True)
    raise typer.Exit(1)


@contextmanager
def _warnings_on_standard_error() -> Iterator[None]:
    """Print the database package's log warnings about roles on standard error, because programs read standard output."""
    import logging
    import sys

    import structlog

    before = structlog.get_config()
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
    try:
        yield
    finally:
        structlog.configure(**before)


def _read_passphrase(file: Path | None, *, new: bool) -> str:
    """Return the passphrase from a file, or else ask for it. A short passphrase for a new file is wrong usage."""
    if file is None:
        passphrase: str = typer.prompt("Passphrase of the file", hide_input=True, confirmation_prompt=new, err=True)
    else:
        try:
            passphrase = file.read_text("utf-8").strip()
        except OSError as error:
            raise typer.BadParameter(f"{file}: {error.strerror}", param_hint="--passphrase-file") from None
    if new and len(passphrase) < _SHORTEST:
        raise typer.BadParameter(
            f"the passphrase needs at least {_SHORTEST} characters", param_hint="--passphrase-file"
        )
    return passphrase
