"""examples/stores/postgres.yaml: the start of CloudNativePG makes the role that the operator needs."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml

from askproai_operator.store.admin import AdminStore
from askproai_sandbox.postgres import EmbeddedPostgres
from tests.worlds.chart_render import ROOT

pytestmark = pytest.mark.nightly

PASSWORD = "of-the-secret"


def read_cluster() -> dict[str, Any]:
    manifests = yaml.safe_load_all((ROOT / "examples" / "stores" / "postgres.yaml").read_text("utf-8"))
    (cluster,) = [each for each in manifests if each["kind"] == "Cluster"]
    return dict(cluster["spec"])


@pytest.fixture
async def bare_server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server of its own, in which nobody but the superuser has a role."""
    server = EmbeddedPostgres(tmp_path / "server", durable=False)
    await server.start()
    yield server
    await server.remove()


async def bootstrap(server: EmbeddedPostgres, statements: list[str]) -> str:
    """Do what CloudNativePG's `initdb` does, in its order: role, statements, database. Return the owner's DSN."""
    initdb = read_cluster()["bootstrap"]["initdb"]
    owner, database = initdb["owner"], initdb["database"]
    connection = await asyncpg.connect(server.superuser_dsn)
    for statement in (
        f"CREATE ROLE {owner} LOGIN",
        *statements,
        f"CREATE DATABASE {database} OWNER {owner}",
        f"ALTER ROLE {owner} PASSWORD '{PASSWORD}'",
    ):
        await connection.execute(statement)
    await connection.close()
    return f"postgresql://{owner}:{PASSWORD}@127.0.0.1:{server.port}/{database}"


async def test_database_role_of_the_example_can_prepare_database(bare_server: EmbeddedPostgres) -> None:
    dsn = await bootstrap(bare_server, read_cluster()["bootstrap"]["initdb"]["postInitSQL"])
    admin = AdminStore(dsn)
    await admin.prepare()
    await admin.ensure_tenant("salon.salon", "uid", "password", 5)
    tenant = await asyncpg.connect(admin.tenant_dsn("salon.salon", "password"))
    assert await tenant.fetchval("SELECT count(*) FROM appointments") == 0
    await tenant.close()
    await admin.close()


async def test_database_role_without_examples_grants_cannot_prepare_database(bare_server: EmbeddedPostgres) -> None:
    admin = AdminStore(await bootstrap(bare_server, []))
    with pytest.raises(Exception, match=r"(?i)permission denied|CREATEROLE"):
        await admin.prepare()
    await admin.close()


async def test_postgresql_accepts_the_parameters_of_the_example(bare_server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(bare_server.superuser_dsn)
    for name, value in read_cluster()["postgresql"]["parameters"].items():
        await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    await connection.close()


def append(file: Path, lines: list[str]) -> int:
    """Add lines to a file, and return how many it had."""
    before = file.read_text("utf-8").splitlines()
    file.write_text("\n".join([*before, *lines, ""]), "utf-8")
    return len(before)


async def test_postgresql_parses_the_access_rules_of_the_example(bare_server: EmbeddedPostgres) -> None:
    """A line that PostgreSQL cannot read would leave the former rules in force."""
    rules = read_cluster()["postgresql"]["pg_hba"]
    connection = await asyncpg.connect(bare_server.superuser_dsn)
    before = append(Path(await connection.fetchval("SHOW hba_file")), rules)
    read = await connection.fetch(
        "SELECT type, auth_method, error FROM pg_hba_file_rules WHERE line_number > $1 ORDER BY line_number", before
    )
    await connection.close()
    # A server built without TLS, like that of the tests, reports that `hostssl` can match nobody.
    errors = [row["error"] for row in read if row["error"] and "not supported by this build" not in row["error"]]
    assert errors == []
    assert len(read) == len(rules)
    assert (read[-1]["type"], read[-1]["auth_method"]) == ("host", "reject"), "what no rule names is refused"
