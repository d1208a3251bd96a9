"""A mail server that defers, refuses, hangs, dies, or wants encryption and a login; and workers that are killed."""

import asyncio
import sys
from dataclasses import replace as replace_dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from msgspec.structs import replace

from askproai_core.database import Pool
from askproai_core.notification_state import NOTIFICATIONS
from askproai_core.tenant_config import encode
from askproai_core.tenant_config.notifications import SMTP_PASSWORD, SMTP_USERNAME, WebhookSettings
from askproai_core.tenant_config.vocabulary import EmailSecurity
from askproai_runtime.notifications import email_channel, task
from askproai_runtime.notifications.decide import RETRIES
from askproai_runtime.notifications.store.notifications import list_due
from tests.worlds.booking_environment import MORNING
from tests.worlds.mail_server import PASSWORD, USER, running_mail_server
from tests.worlds.notification_environment import NotificationEnvironment, mail_settings, notify_business
from tests.worlds.task_environment import TaskEnvironment
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).parents[3]


async def test_deferred_mail_is_sent_later_without_delaying_others(env: NotificationEnvironment) -> None:
    env.server.rcpt = ["451 greylisted, come back later"]
    await env.book()
    await env.book("call_2", email="otto@example.de", start=MORNING)
    await env.run()
    first, second = await env.rows()
    assert (first["state"], first["attempts"], second["state"]) == ("waiting", 1, "sent")
    assert "451" in first["error"]
    assert "petra" not in first["error"], "an error names nobody"
    await env.run()
    assert len(env.server.mails) == 1, "not before its wait has ended"
    await env.make_due()
    await env.run()
    assert [row["state"] for row in await env.rows()] == ["sent", "sent"]


@pytest.mark.parametrize("step", ["rcpt", "data"])
async def test_a_refused_mail_is_dead_at_once(env: NotificationEnvironment, step: str) -> None:
    setattr(env.server, step, ["550 no such user"])
    await env.book()
    await env.run()
    (row,) = await env.rows()
    assert (row["state"], row["attempts"]) == ("dead", 1)
    assert "550" in row["error"]


async def test_unreachable_mail_server_is_tried_once_per_run(env: NotificationEnvironment) -> None:
    for number, start in enumerate((MORNING, "2026-11-27T11:00:00+01:00", "2026-11-27T12:00:00+01:00")):
        await env.book(f"call_{number}", email=f"petra{number}@example.de", start=start)
    await env.server.stop()
    await env.run()
    assert sorted(row["attempts"] for row in await env.rows()) == [0, 0, 1]
    await env.server.start()
    await env.make_due()
    await env.run()
    recipients = sorted(envelope.rcpt_tos[0] for envelope in env.server.envelopes)
    assert recipients == [f"petra{number}@example.de" for number in range(3)]


async def test_mail_unsent_for_a_day_is_dead(env: NotificationEnvironment) -> None:
    await env.server.stop()
    await env.book()
    for _ in range(len(RETRIES) + 1):
        await env.make_due()
        await env.run()
    (row,) = await env.rows()
    assert (row["state"], row["attempts"]) == ("dead", len(RETRIES) + 1)
    await env.server.start()


@pytest.mark.parametrize(("limit", "what"), [("_STEP_SECONDS", "answer"), ("_LONGEST_SECONDS", "finish")])
async def test_hanging_mail_server_is_abandoned_and_retried(
    env: NotificationEnvironment, monkeypatch: pytest.MonkeyPatch, limit: str, what: str
) -> None:
    monkeypatch.setattr(email_channel, limit, 0.3)
    env.server.data = ["hang"]
    await env.book()
    async with asyncio.timeout(10):
        await env.run()
    (row,) = await env.rows()
    assert (row["state"], env.server.hanging) == ("waiting", 1)
    assert row["error"] == f"the mail server did not {what} within 0.3 s"
    await env.make_due()
    await env.run()
    assert [row["state"] for row in await env.rows()] == ["sent"]


async def test_mail_with_a_lost_answer_is_repeated_recognisably(env: NotificationEnvironment) -> None:
    """Nobody knows that the first one arrived; the second one is the same message."""
    env.server.data = ["lose"]
    await env.book()
    await env.run()
    await env.make_due()
    await env.run()
    first, second = env.server.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert [row["state"] for row in await env.rows()] == ["sent"]


@pytest.mark.parametrize("security", [EmailSecurity.START_TLS, EmailSecurity.TLS])
async def test_mails_use_encryption_and_login(env: NotificationEnvironment, tmp_path, monkeypatch, security) -> None:
    implicit = security is EmailSecurity.TLS
    async with running_mail_server(tls_folder=tmp_path, with_login=True, implicit=implicit) as server:
        plain = mail_settings(server.port)
        assert plain.email is not None
        settings = replace(plain, email=replace(plain.email, security=security, needs_login=True))
        env.configure(settings)
        await env.book()
        await env.run()
        assert "not mounted" in (await env.rows())[0]["error"]

        async def error_after_run() -> str:
            await env.make_due()
            await env.run()
            return str((await env.rows())[0]["error"])

        env.credentials = {SMTP_USERNAME: USER, SMTP_PASSWORD: "wrong"}
        assert "SSLCertVerificationError" in await error_after_run()
        assert server.certificate is not None
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        assert "user and password" in await error_after_run()
        env.credentials[SMTP_PASSWORD] = PASSWORD
        await error_after_run()
        assert len(server.mails) == 1


async def test_mail_reaches_the_business_despite_one_refused_address(env: NotificationEnvironment) -> None:
    business = replace(notify_business(), email_to=("gone@salon.example", "chefin@salon.example"))
    env.configure(replace(mail_settings(env.server.port), customer=None, business=business))
    env.server.rcpt = ["550 no such user", None]
    await env.book()
    await env.run()
    (row,) = await env.rows()
    assert (row["state"], row["error"]) == ("sent", "1 of 2 addresses were refused")


async def test_mail_accepted_before_the_server_hangs_is_sent(env: NotificationEnvironment, monkeypatch) -> None:
    """The time for the whole transaction ends during the goodbye."""
    monkeypatch.setattr(email_channel, "_LONGEST_SECONDS", 0.7)
    env.server.hangs_at_quit = True
    await env.book()
    await env.run()
    assert [row["state"] for row in await env.rows()] == ["sent"]


@pytest.mark.parametrize(
    "answer",
    [
        "553 5.7.1 <a@b.example>: Sender address rejected: not owned by user",
        "530 login first",
        "554 5.7.1 <petra@example.de>: Relay access denied",
        "554 5.7.1 <unknown[192.0.2.7]>: Client host rejected: Access denied",
        "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
    ],
)
async def test_refusal_of_the_sender_at_recipient_retries_mail(env: NotificationEnvironment, answer: str) -> None:
    """Postfix and Exchange refuse a sender, or an unknown client, only when they hear the first recipient."""
    env.server.rcpt = [answer]
    await env.book()
    await env.book("call_2", email="otto@example.de", start=MORNING)
    await env.run()
    rows = await env.rows()
    assert sorted((row["state"], row["attempts"]) for row in rows) == [("waiting", 0), ("waiting", 1)]
    assert "email.sender" in next(row["error"] for row in rows if row["attempts"])
    await env.make_due()
    await env.run()
    assert [row["state"] for row in await env.rows()] == ["sent", "sent"]


@pytest.mark.parametrize(
    "answer",
    [
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        "554 5.2.252 SendAsDenied; chefin@salon.example not allowed to send as termine@salon.example",
    ],
)
async def test_refusal_of_the_sender_after_text_retries_mail(env: NotificationEnvironment, answer: str) -> None:
    """As Exchange Online does."""
    env.server.data = [answer]
    await env.book()
    await env.run()
    (row,) = await env.rows()
    assert (row["state"], row["attempts"]) == ("waiting", 1)
    assert "email.sender" in row["error"]


@pytest.mark.parametrize(
    "answer",
    [
        "550 5.7.1 <petra@example.de>: Recipient address rejected: Access denied",
        "550 5.7.1 <sender@relay.example>: Recipient address rejected: by policy",
    ],
)
async def test_policy_about_one_address_delays_no_other_mail(env: NotificationEnvironment, answer: str) -> None:
    env.server.rcpt = [answer]
    await env.book()
    await env.book("call_2", email="otto@example.de", start=MORNING)
    await env.run()
    first, second = await env.rows()
    assert (first["state"], first["attempts"], second["state"]) == ("waiting", 1, "sent")
    assert "email.sender" not in first["error"]


async def test_notification_without_settings_waits_five_minutes_at_most(env: NotificationEnvironment) -> None:
    await env.book()
    env.configure(None)
    await env.run()
    (row,) = await env.salon.rows("SELECT state, due_at - clock_timestamp() AS wait FROM notifications")
    assert row["state"] == "waiting"
    assert row["wait"] <= timedelta(minutes=5)


async def test_run_ends_in_time_and_continues_at_once(env: NotificationEnvironment, monkeypatch) -> None:
    """A run that is cut off would leave a mail in flight, which comes twice then."""
    monkeypatch.setattr(task, "_LONGEST_RUN", timedelta())
    await env.book()
    await env.book("call_2", email="otto@example.de", start=MORNING)
    assert await env.run() == timedelta()
    assert sorted(state for _, _, state in await env.states()) == ["sent", "waiting"]
    await env.run()
    assert [state for _, _, state in await env.states()] == ["sent", "sent"]


async def test_one_channels_error_leaves_another_channels_mail_sent(env: NotificationEnvironment, monkeypatch) -> None:
    plain = mail_settings(env.server.port)
    webhook = WebhookSettings(url="http://127.0.0.1:9/in")
    env.configure(replace(plain, webhook=webhook))
    await env.book()

    async def list_after_the_mail_began(pool: Pool, tenant: str, channel: str, limit: int) -> list[UUID]:
        if channel == "Webhook":
            await eventually(lambda: env.server.connections > 0)
            raise ConnectionError("the database is away")
        return await list_due(pool, tenant, channel, limit)

    monkeypatch.setattr(task, "list_due", list_after_the_mail_began)
    with pytest.raises(ConnectionError):
        await env.run()
    assert await env.states() == [("booked", "customer", "sent")]


@pytest.mark.processes
@pytest.mark.parametrize("point", ["after:notification-begin", "after:notification-send"])
async def test_a_killed_worker_loses_no_mail(env: NotificationEnvironment, point: str, tmp_path: Path) -> None:
    """Killed before the transmission: one mail. Killed after it, before its outcome is recorded: the same mail again, no other."""
    (tmp_path / "tenant.json").write_text(encode(env.salon.configs[-1]))
    await env.book()
    command = [sys.executable, "-m", "tests.integration.notifications.sending_process"]
    arguments = [env.salon.store.dsn, str(tmp_path / "tenant.json"), point]
    process = await asyncio.create_subprocess_exec(*command, *arguments, cwd=ROOT)
    assert await asyncio.wait_for(process.wait(), 60) == -9
    assert (await env.rows())[0]["state"] == "sending"
    before = len(env.server.mails)
    assert before == (1 if point == "after:notification-send" else 0)
    await env.run()
    assert [(row["state"], row["attempts"]) for row in await env.rows()] == [("sent", 2)]
    assert len(env.server.mails) == before + 1
    assert len({mail["Message-ID"] for mail in env.server.mails}) == 1


async def test_two_workers_send_each_mail_once(env: NotificationEnvironment) -> None:
    """By the runner of a worker, with its lease and its fence."""
    starts = [f"2026-11-27T{hour:02}:00:00+01:00" for hour in (10, 11, 12, 15, 16)]
    tasks = TaskEnvironment(env.salon.store.tenant, env.salon.store.dsn, env.salon.pool)
    handler = replace_dataclass(env.task(), every=timedelta(seconds=0.1)).run
    async with tasks.running({NOTIFICATIONS: handler}), tasks.running({NOTIFICATIONS: handler}):
        for number, start in enumerate(starts):
            await env.book(f"call_{number}", email=f"petra{number}@example.de", start=start)

        async def are_sent() -> bool:
            return [state for _, _, state in await env.states()] == ["sent"] * len(starts)

        await eventually(are_sent, SOON)
    assert len({mail["Message-ID"] for mail in env.server.mails}) == len(env.server.mails) == len(starts)


async def test_mail_that_kills_each_worker_ends_finally(env: NotificationEnvironment) -> None:
    await env.book()
    await env.salon.pool.execute("UPDATE notifications SET state = 'sending', attempts = $1", len(RETRIES) + 1)
    await env.run()
    assert [(row["state"]) for row in await env.rows()] == ["dead"]


async def test_notification_run_repeats_soon_only_with_notifications(env: NotificationEnvironment) -> None:
    assert await env.run() <= timedelta(seconds=30)
    env.configure(None)
    assert await env.run() >= timedelta(minutes=1), "a tenant without notifications costs next to nothing"
