"""Many notifications while workers are killed and the mail server fails (`ASKPROAI_STORM_CHANGES`: how many).

Every change is for a customer of its own. A mail may arrive twice only if nobody could know that it had arrived: the server has
accepted it and its 250 was lost, or the worker that sent it was killed.
"""

import asyncio
import os
import random
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from askproai_core.database import Pool
from askproai_core.notification_state import NOTIFICATIONS
from askproai_core.tenant_config import TenantConfig, encode
from askproai_runtime.notifications.outbox import enqueue_change
from askproai_runtime.notifications.store.notifications import redrive_notifications
from askproai_runtime.notifications.types import Kind
from tests.worlds.booking_environment import open_salon
from tests.worlds.databases import Database
from tests.worlds.mail_server import MailServer
from tests.worlds.notification_environment import mail_settings
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly

ROOT: Final = Path(__file__).parents[3]
_WORKERS: Final = 2
_KINDS: Final = (Kind.BOOKED, Kind.MOVED, Kind.CANCELLED)

_APPOINTMENTS = """
INSERT INTO appointments (tenant, branch, service, staff, customer_name, attendee_email, starts_at, ends_at, status, version,
                          call_id, caller, correlation_id)
SELECT $1, 'mitte', 'haarschnitt', 'anna', 'Petra Müller', 'customer' || n || '@example.com', at, at + interval '30 min',
       CASE n % 3 WHEN 2 THEN 'cancelled' ELSE 'confirmed' END, 1 + n % 3, 'call_' || n, '+4915112345678', 'corr-' || n
FROM (SELECT n, $3::timestamptz + n * interval '1 h' AS at FROM generate_series(0, $2::integer - 1) n) a
RETURNING id, version, starts_at, attendee_email
"""


@dataclass
class FailingMailServer(MailServer):
    """A mail server that fails at random: it defers, refuses, breaks off, and accepts mails whose 250 it loses.

    Each fault has a rate: one in so many mails. The server keeps only the parts of a mail that the count needs.
    """

    chance: random.Random = field(default_factory=random.Random)
    accepted: list[tuple[str, str]] = field(default_factory=list)  # recipient and Message-ID
    lost: Counter[str] = field(default_factory=Counter)  # by recipient, the number of lost 250s
    faults: Counter[str] = field(default_factory=Counter)

    def _happens(self, fault: str, one_in: int) -> bool:
        happens = self.chance.randrange(one_in) == 0
        self.faults[fault] += happens
        return happens

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        if self._happens("deferred", 50):
            return "451 come back later"
        if self._happens("refused", 100):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self._happens("broken off", 100):
            server.transport.abort()
            return "421 gone"
        (recipient,), content = envelope.rcpt_tos, bytes(envelope.content or b"")
        message_id = next(line for line in content.splitlines() if line.lower().startswith(b"message-id:"))
        self.accepted.append((recipient, message_id.decode()))
        if self._happens("250 lost", 50):
            self.lost[recipient] += 1
            server.transport.abort()
        return "250 OK"


@dataclass(frozen=True)
class StormResult:
    """The result of the changes. `repeated` are further copies of mails whose outcome nobody knew; `twice` all other copies."""

    changes: int
    missing: int
    twice: int
    repeated: int
    other_message_ids: int
    kills: int
    unknown: int  # mails that a killed worker or a lost 250 left without an outcome
    faults: dict[str, int]
    seconds: float

    def __str__(self) -> str:
        faults = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        return (
            f"{self.changes:,} notifications in {self.seconds:.0f} s: {self.missing} missing, {self.twice} twice."
            f" {self.kills} workers were killed, {faults}. The outcome of {self.unknown} mails was unknown: {self.repeated} came"
            f" again, {self.other_message_ids} under another Message-ID"
        )


async def storm(
    pool: Pool, dsn: str, config: TenantConfig, server: FailingMailServer, folder: Path, changes: int
) -> StormResult:
    """Write the notifications of `changes` changes, and let workers that are killed send them until all have arrived.

    A waiting notification is due again at once, and one that a refusal has ended is redriven, as a person would do.
    """
    loop, tenant, config_file = asyncio.get_running_loop(), config.tenant, folder / "tenant.json"
    config_file.write_text(encode(config))
    await write_changes(pool, config, changes)
    killer, began = Killer(pool, tenant, (dsn, str(config_file)), server), loop.time()
    async with asyncio.timeout(60 + changes / 5):
        kills = asyncio.create_task(killer.run())
        unsent = "SELECT EXISTS (SELECT 1 FROM notifications WHERE tenant = $1 AND state <> 'sent')"
        make_due = "UPDATE notifications SET due_at = clock_timestamp() WHERE tenant = $1 AND state = 'waiting' AND attempts > 0"
        while not kills.done() and await pool.fetchval(unsent, tenant):
            await pool.execute(make_due, tenant)
            await redrive_notifications(pool, tenant, None, 1000, "corr-storm")
            await asyncio.wait({kills}, timeout=0.2)
        kills.cancel()
        await asyncio.gather(kills, return_exceptions=not kills.done())
    return count(changes, server, killer, loop.time() - began)


async def write_changes(pool: Pool, config: TenantConfig, changes: int) -> None:
    """Write appointments to come, each booked, moved or cancelled, with the notification of that change as bookings write it."""
    first = datetime.now(UTC) + timedelta(days=2)
    rows = await pool.fetch(_APPOINTMENTS, config.tenant, changes, first)
    for row in rows:
        async with pool.acquire() as conn, conn.transaction():
            await enqueue_change(
                conn, config, _KINDS[row["version"] - 1], appointment_id=row["id"], version=row["version"],
                starts_at=row["starts_at"], email=row["attendee_email"], phone=None, in_remote_calendar=False,
                told=False, correlation_id="corr-storm",
            )  # fmt: skip


@dataclass
class Killer:
    """Keeps two workers running, and kills one of them at a random moment, again and again.

    Between two kills at least one mail arrives, so that slow workers also get to send something. `interrupted` are the
    recipients whose mail a killed worker was sending.
    """

    pool: Pool
    tenant: str
    arguments: tuple[str, str]
    server: FailingMailServer
    kills: int = 0
    interrupted: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Go on until cancelled. Raises `AssertionError` if a worker ends by itself."""
        workers = [await self._start() for _ in range(_WORKERS)]
        try:
            while True:
                await self._wait_for_a_mail(workers)
                await asyncio.sleep(self.server.chance.uniform(0.5, 3))
                victim = workers.pop(self.server.chance.randrange(_WORKERS))
                assert victim.returncode is None, f"a worker ended by itself with {victim.returncode}"
                victim.kill()
                assert await victim.wait() == -signal.SIGKILL
                self.kills += 1
                await self._record(victim.pid)
                workers.append(await self._start())
        finally:
            for worker in workers:
                if worker.returncode is None:
                    worker.kill()
                await worker.wait()

    async def _wait_for_a_mail(self, workers: Sequence[asyncio.subprocess.Process]) -> None:
        """Wait until one more mail has arrived, or until no worker is left to send it."""
        before = len(self.server.accepted)

        def arrived() -> bool:
            return len(self.server.accepted) > before or all(worker.returncode is not None for worker in workers)

        await eventually(arrived, what="a mail since the last kill")

    async def _start(self) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "tests.worlds.notification_worker", *self.arguments]
        return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL)

    async def _record(self, pid: int) -> None:
        """Record which mail a worker was sending when it was killed; only the worker with the task's lease sends."""
        rows = await self.pool.fetch(
            """SELECT a.attendee_email FROM notifications n JOIN appointments a ON a.tenant = n.tenant AND a.id = n.appointment_id
               WHERE n.tenant = $1 AND n.state = 'sending'
                 AND EXISTS (SELECT 1 FROM tasks t WHERE t.tenant = $1 AND t.name = $2 AND t.worker LIKE '%:' || $3)""",
            self.tenant, NOTIFICATIONS, str(pid),
        )  # fmt: skip
        self.interrupted.update(row["attendee_email"] for row in rows)


def count(changes: int, server: FailingMailServer, killer: Killer, seconds: float) -> StormResult:
    """Compare the arrived mails with the expected ones, by the mails alone."""
    copies: defaultdict[str, list[str]] = defaultdict(list)
    for recipient, message_id in server.accepted:
        copies[recipient].append(message_id)
    unknown = server.lost + killer.interrupted
    further = {recipient: len(ids) - 1 for recipient, ids in copies.items()}
    allowed = {recipient: min(number, unknown[recipient]) for recipient, number in further.items()}
    return StormResult(
        changes=changes,
        missing=sum(f"customer{number}@example.com" not in copies for number in range(changes)),
        twice=sum(further.values()) - sum(allowed.values()),
        repeated=sum(allowed.values()),
        other_message_ids=sum(len(set(ids)) > 1 for ids in copies.values()),
        kills=killer.kills,
        unknown=unknown.total(),
        faults=dict(server.faults),
        seconds=seconds,
    )


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
