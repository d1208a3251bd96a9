"""The yardstick of the intake: an aiohttp server that reads the body and answers 204. `python -m tests.load.bare PORT`."""

import sys

from aiohttp import web


async def answer(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=204)


if __name__ == "__main__":
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)  # as the runtime does
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
