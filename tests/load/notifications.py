"""`python -m tests.load.notifications`: 10,000 notifications while workers are killed and the mail server fails.

It prints what arrived, counted by the mails alone. Exit code 1 when one is missing, came twice although its outcome was known, or
came again under another Message-ID.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from askproai_core.logging import configure_logs
from askproai_sandbox.postgres import EmbeddedPostgres
from tests.worlds.booking_environment import open_salon
from tests.worlds.databases import fresh_database
from tests.worlds.notification_environment import mail_settings
from tests.worlds.notification_storm import FailingMailServer, StormResult, storm


async def measure(directory: Path, changes: int, seed: int) -> StormResult:
    """Run the storm against PostgreSQL with `fsync` on, and remove the servers at the end."""
    postgres = EmbeddedPostgres(directory / "postgres", durable=True)
    await postgres.start()
    server = FailingMailServer(chance=random.Random(seed))
    await server.start()
    try:
        async with fresh_database(postgres) as database:
            salon = await open_salon(database, "storm", notifications=mail_settings(server.port))
            try:
                return await storm(salon.pool, salon.store.dsn, salon.configs[-1], server, directory, changes)
            finally:
                await salon.pool.close()
    finally:
        await server.stop()
        await postgres.remove()


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Count notifications while workers are killed and the mail server fails."
    )
    parser.add_argument("--count", type=int, default=10_000, help="changes of appointments (10,000)")
    parser.add_argument("--seed", type=int, default=0, help="of the faults and the moments of the kills (0)")
    options = parser.parse_args()
    configure_logs("warning", component="notifications")
    with tempfile.TemporaryDirectory(prefix="askproai-notifications-") as directory:
        result = asyncio.run(measure(Path(directory), options.count, options.seed))
    sys.stdout.write(f"{result}\n")
    sys.exit(1 if result.missing or result.twice or result.other_message_ids else 0)


if __name__ == "__main__":
    main()
