"""Opening and closing the ports of a process."""

from aiohttp import web


async def open_port(
    app: web.Application, address: str, port: int, *, grace_seconds: float
) -> tuple[web.AppRunner, int]:
    """Serve `app` on a port and give it (0 picks a free one). Raises `OSError` when it is taken.

    A sender that hangs up does not cancel its handler: the event that it sent is stored all the same. There is no access log,
    because paths and peers would only repeat what the events say, with less care.
    """
    runner = web.AppRunner(app, access_log=None, handler_cancellation=False, shutdown_timeout=grace_seconds)
    await runner.setup()
    await web.TCPSite(runner, address, port, backlog=1024).start()
    return runner, int(runner.addresses[0][1])
