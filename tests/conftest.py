"""Fixtures that every test may use. PostgreSQL and Valkey are real; each test that asks for `database` gets one of its own."""

import os
import platform
import re
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import structlog
import typer.testing
from hypothesis import settings

from askproai_sandbox.postgres import EmbeddedPostgres
from askproai_sandbox.redis import EmbeddedRedis

pytest.register_assert_rewrite("tests.worlds")  # before anything imports it

from tests.worlds.databases import Database, fresh_database  # noqa: E402

pytest_plugins = ["tests.worlds.golden_answers"]

# A deadline measures how busy the machine is.
settings.register_profile("shared-machine", deadline=None)
settings.load_profile("shared-machine")


# A module whose tests all run at night.
NIGHTLY = re.compile(r"^pytestmark = (?:\[[^\]]*)?pytest\.mark\.nightly\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out by day what runs at night only: a third of the modules, and each worker would import them all."""
    is_left_out = config.option.markexpr == "not nightly" and collection_path.suffix == ".py"
    return True if is_left_out and NIGHTLY.search(collection_path.read_text("utf-8")) else None


@pytest.fixture(scope="session", autouse=True)
def commands_built_once() -> Iterator[None]:
    """Keep the commands of a Typer application: `CliRunner` builds all of them again for each command that a test runs, 0.1 s."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.testing, "_get_command", cache(typer.testing._get_command))
        yield


@pytest.fixture(scope="session", autouse=True)
def uncached_loggers() -> Iterator[None]:
    """Let `capture_logs` see each logger, also one that was used before: a cached one keeps the processors of its first use."""
    configure = structlog.configure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            structlog, "configure", lambda **options: configure(**options | {"cache_logger_on_first_use": False})
        )
        yield


@pytest.fixture(scope="session", autouse=True)
def report_of_python(record_testsuite_property: Callable[[str, object], None]) -> None:
    """Write into the report of `--junitxml` what ran the tests. The servers' fixtures do so, too: `hack/matrix.py` reads it."""
    record_testsuite_property("python", platform.python_version())


@pytest.fixture(scope="session")
async def postgres(
    tmp_path_factory: pytest.TempPathFactory, record_testsuite_property: Callable[[str, object], None]
) -> AsyncIterator[EmbeddedPostgres]:
    """One server for the run. ASKPROAI_TEST_POSTGRES_BIN names another release's programs, say Debian's 15."""
    binaries = os.environ.get("ASKPROAI_TEST_POSTGRES_BIN")
    server = EmbeddedPostgres(
        tmp_path_factory.mktemp("postgres"), durable=False, binaries=Path(binaries) if binaries else None
    )
    await server.start()
    record_testsuite_property("postgresql", await server.version())
    yield server
    await server.remove()


@pytest.fixture
async def database(postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    """A fresh prepared database for one test. `await database.tenant_store("salon")` makes a tenant in it."""
    async with fresh_database(postgres) as fresh:
        yield fresh


@pytest.fixture(scope="module")
async def module_database(postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    """A prepared database that the tests of one module share: each makes tenants of its own."""
    async with fresh_database(postgres) as fresh:
        yield fresh


@pytest.fixture(scope="session")
async def valkey(
    tmp_path_factory: pytest.TempPathFactory, record_testsuite_property: Callable[[str, object], None]
) -> AsyncIterator[EmbeddedRedis]:
    """One server for the run: use keys of your own, and kill an `own_valkey` instead.

    ASKPROAI_TEST_REDIS_SERVER names another release's program.
    """
    server = EmbeddedRedis(tmp_path_factory.mktemp("valkey"))
    await server.start()
    record_testsuite_property("redis", await server.version())
    yield server
    await server.remove()


@pytest.fixture
async def own_valkey(tmp_path: Path) -> AsyncIterator[EmbeddedRedis]:
    """A server for one test, which may kill and start it."""
    server = EmbeddedRedis(tmp_path / "valkey")
    await server.start()
    yield server
    await server.remove()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print how this run's random order comes again (`-p no:randomly` is the order of the files)."""
    if (seed := getattr(config.option, "randomly_seed", None)) is not None:
        terminalreporter.write_line(f"order of the tests: --randomly-seed={seed}")
