"""The embedded PostgreSQL: it checks passwords, keeps its data when it is killed, and dies with its parent."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from askproai_sandbox.cluster import spawn
from askproai_sandbox.cluster.processes import ProcessIdentity
from askproai_sandbox.postgres import EmbeddedPostgres
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """Yield a server below pytest's folder, whose mode is 0700: if we are root, the server's user cannot enter it."""
    own = EmbeddedPostgres(tmp_path / "pg")
    await own.start()
    yield own
    await own.remove()


async def count(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval("SELECT count(*) FROM kept")
    finally:
        await connection.close()


async def with_a_row(server: EmbeddedPostgres) -> str:
    dsn = await server.create_database("salon")
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE kept AS SELECT 1 AS a")
    await connection.close()
    return dsn


async def test_every_user_needs_the_right_password(server: EmbeddedPostgres) -> None:
    dsn = await server.create_database("salon")
    for good in (dsn, server.superuser_dsn):
        wrong = good.replace(good.partition("@")[0].rpartition(":")[2] + "@", "wrong@")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(wrong)


async def test_committed_data_and_the_address_survive_kill_9(server: EmbeddedPostgres) -> None:
    dsn = await with_a_row(server)
    before = server.superuser_dsn
    await server.kill()
    with pytest.raises(OSError, match=r"."):
        await asyncpg.connect(dsn)
    await server.start()
    assert server.superuser_dsn == before
    assert await count(dsn) == 1
    await server.stop()
    await server.start()
    assert await count(dsn) == 1


async def test_server_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    """A killed test run or demo leaves no server behind, and what was committed is there at the next start."""
    program = f"""
import asyncio, pathlib, asyncpg
from askproai_sandbox.embedded import EmbeddedError
from askproai_sandbox.postgres import EmbeddedPostgres
async def main():
    server = EmbeddedPostgres(pathlib.Path({str(tmp_path / "pg")!r}))
    await server.start()
    connection = await asyncpg.connect(await server.create_database("salon"))
    await connection.execute("CREATE TABLE kept AS SELECT 1 AS a")
    print("pid", server.pid, flush=True)
    await asyncio.sleep(1000)
asyncio.run(main())
"""
    parent = await spawn("parent", [sys.executable, "-c", program], directory=tmp_path)
    await eventually(lambda: "pid " in parent.last_lines(), what="the server")
    server = ProcessIdentity.of(int(parent.last_lines().rpartition("pid ")[2]))
    assert server is not None
    os.kill(parent.pid, signal.SIGKILL)
    await eventually(lambda: not server.alive(), what="its end with its parent")
    again = EmbeddedPostgres(tmp_path / "pg")
    await again.start()
    assert await count(again.superuser_dsn.removesuffix("postgres") + "salon") == 1
    await again.remove()
