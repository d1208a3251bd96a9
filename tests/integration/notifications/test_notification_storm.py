"""Many notifications while workers are killed and the mail server fails (`ASKPROAI_STORM_CHANGES`: how many)."""

import os
import random
from pathlib import Path

import pytest

from tests.worlds.booking_environment import open_salon
from tests.worlds.databases import Database
from tests.worlds.notification_environment import mail_settings
from tests.worlds.notification_storm import FailingMailServer, storm

pytestmark = pytest.mark.nightly

CHANGES = int(os.environ.get("ASKPROAI_STORM_CHANGES", "500"))


@pytest.mark.processes
@pytest.mark.timeout(240 + CHANGES)
async def test_no_notification_is_lost_or_knowingly_doubled(module_database: Database, tmp_path: Path) -> None:
    seed = random.randrange(1_000_000)
    server = FailingMailServer(chance=random.Random(seed))
    await server.start()
    salon = await open_salon(module_database, "storm", notifications=mail_settings(server.port))
    try:
        result = await storm(salon.pool, salon.store.dsn, salon.configs[-1], server, tmp_path, CHANGES)
    finally:
        await salon.pool.close()
        await server.stop()
    assert (result.missing, result.twice, result.other_message_ids) == (0, 0, 0), f"seed {seed}: {result}"
    assert result.kills, "nobody was killed"
    assert result.faults["deferred"] + result.faults["250 lost"], "the mail server has not failed"
