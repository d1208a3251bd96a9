"""A gate in front of PostgreSQL: open, shut (connections are refused and cut), or silent (nothing passes, nothing ends)."""

import asyncio
from urllib.parse import urlsplit


class DatabaseGate:
    """A TCP proxy to the server of `dsn`. Its port stays the same."""

    def __init__(self, dsn: str) -> None:
        target = urlsplit(dsn)
        self._dsn, self._target = dsn, (target.hostname or "", target.port or 0)
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._requests_pass, self._replies_pass = asyncio.Event(), asyncio.Event()
        self.port = 0

    @property
    def dsn(self) -> str:
        """Return the URL of the server through this gate."""
        return self._dsn.replace(f":{self._target[1]}/", f":{self.port}/")

    async def open(self) -> None:
        """Let everything pass."""
        self._requests_pass.set()
        self._replies_pass.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._forward, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Cut all connections, and refuse new ones."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()
        self._server = None

    def silence(self, *, replies_only: bool = False) -> None:
        """Hold back all data, like a hanging server. With `replies_only` the server still executes the requests."""
        self._replies_pass.clear()
        if not replies_only:
            self._requests_pass.clear()

    def lose(self) -> None:
        """Pass nothing more on open connections, not even their end, as after a failover. New connections work."""
        self.silence()
        self._requests_pass, self._replies_pass = asyncio.Event(), asyncio.Event()
        self._requests_pass.set()
        self._replies_pass.set()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(*self._target)
        self._writers |= {writer, server_writer}
        await asyncio.gather(
            self._pump(reader, server_writer, self._requests_pass),
            self._pump(server_reader, writer, self._replies_pass),
        )

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, may_pass: asyncio.Event) -> None:
        try:
            while data := await reader.read(65536):
                await may_pass.wait()
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()
            self._writers.discard(writer)
