"""PostgreSQL with a certificate of a private authority: pods verify the server as the administrator's URL demands."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from askproai_operator.store.admin import AdminStore
from askproai_runtime.process import open_database
from askproai_runtime.watched_files import Credentials
from askproai_sandbox.postgres import EmbeddedPostgres
from tests.worlds.certificates import new_certificate


def write_certificate(data: Path, authority: Path) -> None:
    """Write key and certificate into a server's data folder, and the certificate to `authority`."""
    key, certificate = new_certificate()
    authority.write_bytes(certificate)
    for name, content in (("server.key", key), ("server.crt", certificate)):
        (data / name).write_bytes(content)
        (data / name).chmod(0o600)
        os.chown(data / name, data.stat().st_uid, data.stat().st_gid)


@pytest.fixture
async def encrypted(tmp_path: Path) -> AsyncIterator[tuple[EmbeddedPostgres, Path]]:
    """Yield a server that speaks TLS, and the file with the certificate of its authority."""
    binaries, authority = os.environ.get("ASKPROAI_TEST_POSTGRES_BIN"), tmp_path / "ca.pem"
    server = EmbeddedPostgres(tmp_path / "server", durable=False, binaries=Path(binaries) if binaries else None)
    await server.start()
    try:
        connection = await asyncpg.connect(server.superuser_dsn)
        write_certificate(Path(await connection.fetchval("SHOW data_directory")), authority)
        try:
            await connection.execute("ALTER SYSTEM SET ssl = on")
        except asyncpg.InvalidParameterValueError:
            pytest.skip(
                "the embedded server is built without TLS; make matrix names Debian's by ASKPROAI_TEST_POSTGRES_BIN"
            )
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()
        yield server, authority
    finally:
        await server.remove()


async def test_pod_verifies_servers_with_the_operators_authority(
    encrypted: tuple[EmbeddedPostgres, Path], tmp_path: Path
) -> None:
    server, authority = encrypted
    dsn = await server.create_database("askproai")
    admin = AdminStore(f"{dsn}?sslmode=verify-full&sslrootcert={authority}")
    await admin.prepare()
    await admin.ensure_tenant("salon.salon", "uid", "password", 5)
    await admin.close()
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "DATABASE_URL").write_text(admin.tenant_dsn("salon.salon", "password"))
    (folder / "DATABASE_CA_FILE").write_text(admin.ca or "")
    async with open_database(Credentials(folder), 1, "test", asyncio.Event()) as pool:
        assert await pool.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    (folder / "DATABASE_CA_FILE").write_bytes(new_certificate()[1])
    async with open_database(Credentials(folder), 1, "test", asyncio.Event()) as pool:
        with pytest.raises(ssl.SSLCertVerificationError):
            await pool.fetchval("SELECT 1")
