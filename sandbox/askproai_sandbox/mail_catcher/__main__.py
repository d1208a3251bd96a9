"""The mail catcher as a process: `python -m askproai_sandbox.mail_catcher --smtp-port 2525 --port 8025`."""

import argparse
import asyncio
import sys

from askproai_sandbox.cluster import stop_signal
from askproai_sandbox.mail_catcher.server import MailCatcher, serve_catcher


async def run(arguments: argparse.Namespace) -> None:
    stop = stop_signal()
    async with serve_catcher(MailCatcher(), arguments.smtp_port, arguments.port) as (smtp_port, url):
        print(f"mails to 127.0.0.1:{smtp_port} are shown at {url}/mails", flush=True)
        await stop.wait()


parser = argparse.ArgumentParser(description="Keep all mails that are sent to it; loopback only.")
parser.add_argument("--smtp-port", type=int, default=0, help="0 takes a free one")
parser.add_argument("--port", type=int, default=0, help="for reading; 0 takes a free one")
try:
    asyncio.run(run(parser.parse_args()))
except OSError as error:
    sys.exit(f"the mail catcher cannot listen: {error}")
