"""examples/stores/valkey.yaml unchanged: its script, configuration and users, by TLS, as operator and tenants use them.

The Valkey of the tests is built without TLS. A proxy then ends TLS before it, and the lines `tls-*` are not read; a server with
TLS (ASKPROAI_TEST_REDIS_SERVER) reads all of them.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError

from askproai_core.clock import SystemClock
from askproai_core.provider_limits import RedisUnavailable
from askproai_operator.redis_users import RedisAdmin, user_name
from askproai_runtime.metrics import Metrics
from askproai_runtime.redis.client import RedisClient
from askproai_sandbox.cluster import free_port, spawn
from askproai_sandbox.redis import server_binary
from tests.worlds.certificates import new_certificate
from tests.worlds.chart_render import ROOT
from tests.worlds.documented_commands import list_commands
from tests.worlds.waiting import SLOW_DISK, SOON, eventually

pytestmark = pytest.mark.nightly

SALON, OTHER = "salon.salon-mueller", "praxis.praxis-weber"


@dataclass
class StoreExample:
    """The example in a folder of this machine: where the pod mounts /data, /config, /tls and /users."""

    folder: Path
    port: int

    @property
    def authority(self) -> Path:
        return self.folder / "tls" / "ca.crt"

    def url(self, password: str) -> str:
        return f"rediss://askproai-admin:{password}@127.0.0.1:{self.port}/0"

    def write_users(self, password: str) -> None:
        """Write the file of the Secret `valkey-users` as the command of docs/install.md makes it."""
        (secret,) = [each for each in list_commands() if "valkey-users" in each.words and "create" in each.words]
        (literal,) = [word for word in secret.words if word.startswith("--from-literal=users.acl=")]
        text = literal.partition("users.acl=")[2].replace("$REDIS_PASSWORD", password)
        (self.folder / "users" / "users.acl").write_text(text)

    @asynccontextmanager
    async def running(self, password: str) -> AsyncIterator[None]:
        """Run the server as the pod does, during the block."""
        async with AsyncExitStack() as stack:
            config = self.folder / "config" / "valkey.conf"
            if b"SSL_CTX_new" in server_binary().read_bytes():
                config.write_text(self._local("valkey.conf").replace("tls-port 6379", f"tls-port {self.port}"))
            else:
                inner = free_port()
                text = re.sub(r"(?m)^tls-.*\n", "", self._local("valkey.conf"))
                config.write_text(text.replace("port 0\n", f"port {inner}\nbind 127.0.0.1\n"))
                await stack.enter_async_context(_tls_proxy(self.port, inner, self.folder / "tls"))
            script = self.folder / "config" / "start.sh"
            script.write_text(self._local("start.sh").replace("exec valkey-server", f"exec {server_binary()}"))
            child = await spawn("valkey", ["sh", script], directory=self.folder)
            stack.push_async_callback(child.stop)

            async def answers() -> bool:
                with suppress(RedisError, OSError):
                    async with self.client(self.url(password)) as client:
                        return bool(await client.execute_command("ACL", "WHOAMI"))
                return False

            await eventually(answers, SOON, "Valkey to answer its administrator")
            yield

    def client(self, url: str) -> "Redis":
        return Redis.from_url(url, ssl_ca_certs=str(self.authority), decode_responses=True)

    def _local(self, name: str) -> str:
        manifests = yaml.safe_load_all((ROOT / "examples" / "stores" / "valkey.yaml").read_text("utf-8"))
        (config,) = [each for each in manifests if each["kind"] == "ConfigMap"]
        return re.sub(r"(?<=\s|>)/(data|config|tls|users)\b", rf"{self.folder}/\1", config["data"][name])


@asynccontextmanager
async def _tls_proxy(port: int, inner: int, certificate: Path) -> AsyncIterator[None]:
    """Pass TLS connections on to a server without TLS, during the block."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "tls.crt", certificate / "tls.key")

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while received := await reader.read(65536):
                writer.write(received)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            plain_reader, plain_writer = await asyncio.open_connection("127.0.0.1", inner)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pipe(reader, plain_writer), pipe(plain_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=context)
    try:
        yield
    finally:
        server.close()


@pytest.fixture
def example(tmp_path: Path) -> StoreExample:
    for name in ("data", "config", "tls", "users"):
        (tmp_path / name).mkdir()
    key, certificate = new_certificate()
    for name, content in (("tls.key", key), ("tls.crt", certificate), ("ca.crt", certificate)):
        (tmp_path / "tls" / name).write_bytes(content)
    made = StoreExample(tmp_path, free_port())
    made.write_users("first")
    return made


def operator_of(example: StoreExample, password: str) -> RedisAdmin:
    return RedisAdmin(example.url(password), SystemClock(), example.authority, timeout=SLOW_DISK)


async def works(example: StoreExample, url: str, tenant: str) -> bool:
    """Use the tenant's Redis as its pods do."""
    client = RedisClient(
        lambda: url, tenant, SystemClock(), Metrics(tenant), ca_file=example.authority, timeout=SLOW_DISK
    )
    try:
        return bool(await client.execute("SET", client.key("x"), 1, "PX", 60_000))
    except RedisUnavailable:
        return False
    finally:
        await client.close()


async def test_operators_tenant_users_reach_only_own_keys(example: StoreExample) -> None:
    async with example.running("first"):
        admin = operator_of(example, "first")
        salon, other = (admin.tenant_url(tenant, None) for tenant in (SALON, OTHER))
        for tenant, url in ((SALON, salon), (OTHER, other)):
            assert await admin.ensure_user(tenant, url) == ()
            assert await works(example, url, tenant)
        assert not await works(example, salon, OTHER)
        async with example.client(salon) as client:
            for command in (
                ("GET", f"askproai:{OTHER}:x"),
                ("SET", "askproai:_:promise", "no"),
                ("KEYS", "*"),
                ("SCAN", "0"),
                ("ACL", "LIST"),
                ("CONFIG", "GET", "*"),
                ("FLUSHALL",),
                ("CLIENT", "LIST"),
            ):
                with pytest.raises(NoPermissionError):
                    await client.execute_command(*command)
        await admin.close()


async def test_store_keeps_events_while_postgresql_is_away(example: StoreExample) -> None:
    async with example.running("first"):
        admin = operator_of(example, "first")
        assert await admin.find_durability_problem() is None
        await admin.close()


async def test_restarted_store_has_tenants_and_new_administrator_password(example: StoreExample) -> None:
    async with example.running("first"):
        admin = operator_of(example, "first")
        url = admin.tenant_url(SALON, None)
        await admin.ensure_user(SALON, url)
        await admin.close()
    example.write_users("second")
    async with example.running("second"):
        assert await works(example, url, SALON)
        admin = operator_of(example, "second")
        assert user_name(SALON) in (await admin.list_users()).names
        await admin.close()
        with pytest.raises(AuthenticationError):
            async with example.client(example.url("first")) as client:
                await client.execute_command("ACL", "WHOAMI")


async def test_login_requires_a_user_and_a_trusted_certificate(example: StoreExample, tmp_path: Path) -> None:
    async with example.running("first"):
        async with example.client(f"rediss://127.0.0.1:{example.port}/0") as client:
            with pytest.raises(AuthenticationError):
                await client.ping()
        stranger = tmp_path / "stranger.pem"
        stranger.write_bytes(new_certificate()[1])
        with pytest.raises(RedisConnectionError, match=r"(?i)certificate"):
            async with Redis.from_url(example.url("first"), ssl_ca_certs=str(stranger)) as client:
                await client.execute_command("ACL", "WHOAMI")
