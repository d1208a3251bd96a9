"""The commands of `askproai-runtime`: the processes, and the migrations of a database."""

import asyncio
import dataclasses
import json
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import asyncpg
import typer

from askproai_core.database import DatabaseError, Migrator, open_pool
from askproai_core.database.group_roles import ensure_group_roles
from askproai_core.logging import configure_logs
from askproai_core.terminal import Output
from askproai_runtime import serve

T = TypeVar("T")

app = typer.Typer(
    name="askproai-runtime",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The data plane of one tenant, and the coordinator over all. Settings are ASKPROAI_* variables.",
    epilog="Example: askproai-runtime migrate status --dsn postgresql://admin:…@db/askproai",
)
migrate = typer.Typer(
    no_args_is_help=True,
    help="Move the schema of a database.",
    epilog="Example: askproai-runtime migrate up --dsn postgresql://admin:…@db/askproai",
)
app.add_typer(migrate, name="migrate")


_DSN_HELP = "The admin's DSN: owner of the database, CREATEROLE (else taken from DATABASE_ADMIN_URL)"
Dsn = Annotated[str, typer.Option(envvar="DATABASE_ADMIN_URL", help=_DSN_HELP, show_envvar=True)]
Format = Annotated[Output, typer.Option("--output", "-o", help="text or json")]
Steps = Annotated[int, typer.Option(min=1, help="How many migrations to undo; what their tables hold is lost")]


@app.command()
def web() -> None:
    """Serve webhooks and call functions.

    Example: ASKPROAI_CONFIG_FILE=tenant.json ASKPROAI_CREDENTIALS_DIR=credentials askproai-runtime web
    """
    serve.web()


@app.command()
def worker() -> None:
    """Run the tenant's jobs.

    Example: ASKPROAI_CONFIG_FILE=tenant.json ASKPROAI_CREDENTIALS_DIR=credentials askproai-runtime worker
    """
    serve.worker()


@app.command()
def shadow() -> None:
    """Replay a tenant's calls to its shadow, and compare the bookings; the operator runs it beside the shadow's web process.

    Example: ASKPROAI_CONFIG_FILE=tenant.json ASKPROAI_LIVE_CREDENTIALS_DIR=live askproai-runtime shadow
    """
    serve.shadow()


@app.command()
def coordinator() -> None:
    """Run the work that is done once for all tenants. Several of these processes can run; one of them leads.

    Example: ASKPROAI_KUBECONFIG=~/.kube/config ASKPROAI_CREDENTIALS_DIR=credentials askproai-runtime coordinator
    """
    serve.coordinator()


@migrate.command()
def up(dsn: Dsn, output: Format = Output.TEXT) -> None:
    """Create the group roles of the database, and apply the migrations that are not applied yet.

    Example: askproai-runtime migrate up --dsn postgresql://admin:…@db/askproai
    """
    _print_versions("applied", _run_database_task(_migrate(dsn)), output)


@migrate.command(name="roles")
def create_roles(dsn: Dsn, output: Format = Output.TEXT) -> None:
    """Create only the group roles, which a dump needs before `pg_restore` into an empty database.

    Example: askproai-runtime migrate roles --dsn postgresql://admin:…@db/askproai
    """
    names = _run_database_task(_create_roles(dsn))
    typer.echo(json.dumps({"roles": names}) if output is Output.JSON else f"exist: {', '.join(names)}")


@migrate.command()
def down(dsn: Dsn, steps: Steps = 1, output: Format = Output.TEXT) -> None:
    """Undo the last migrations.

    Example: askproai-runtime migrate down --steps 1 --dsn postgresql://admin:…@db/askproai
    """
    _print_versions("undone", _run_database_task(Migrator(dsn).down(steps)), output)


@migrate.command()
def status(dsn: Dsn, output: Format = Output.TEXT) -> None:
    """Show every migration, and whether it is applied.

    Example: askproai-runtime migrate status -o json --dsn postgresql://admin:…@db/askproai
    """
    states = _run_database_task(Migrator(dsn).status())
    if output is Output.JSON:
        rows = [dataclasses.asdict(state) for state in states]
        typer.echo(json.dumps({"migrations": rows}, default=lambda at: at.isoformat()))
        return
    for state in states:
        applied = state.applied_at.isoformat(timespec="seconds") if state.applied_at else "pending"
        typer.echo(f"{state.version:04} {state.name:20} {applied}{'  CHANGED SINCE' if state.changed else ''}")


async def _migrate(dsn: str) -> list[int]:
    await _create_roles(dsn)
    return await Migrator(dsn).up()


async def _create_roles(dsn: str) -> list[str]:
    async with open_pool(dsn, max_size=1) as pool, pool.acquire() as conn:
        return await ensure_group_roles(conn)


def _print_versions(verb: str, versions: list[int], output: Output) -> None:
    text = f"{verb}: {', '.join(f'{version:04}' for version in versions) or 'nothing to do'}"
    typer.echo(json.dumps({verb: versions}) if output is Output.JSON else text)


def _run_database_task(task: Coroutine[Any, Any, T]) -> T:
    """Run one database task, and return its result. If it fails, print the error in one line, and exit with code 1."""
    configure_logs("info", component="migrate")
    try:
        return asyncio.run(task)
    except (DatabaseError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from error
