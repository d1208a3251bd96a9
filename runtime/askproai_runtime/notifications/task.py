"""The task `notifications`: write scheduled notifications, then send due ones. One worker of the tenant at a time runs it.

Each notification is decided and marked `sending` in one transaction, sent outside of any, and its outcome recorded in another.
A worker that dies in between leaves it `sending`, and the next one sends it again with the same Message-ID and id: the outcome
is unknown, and a mail that comes twice is better than none (docs/decisions/0078-notifications.md).
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
import structlog
from structlog.contextvars import bound_contextvars

from askproai_core.clock import Clock
from askproai_core.database import Pool
from askproai_core.fault_injection import FaultPoints
from askproai_core.logging import error_location
from askproai_core.notification_state import AwayChannel, NotificationState
from askproai_core.tenant_config import NotificationChannel, TenantConfig
from askproai_core.tracing import Kind as SpanKind
from askproai_core.tracing import annotate, continue_from, fail_current, span
from askproai_runtime.metrics import Metrics
from askproai_runtime.notifications.decide import Drop, GiveUp, Send, Wait, decide, retry_after
from askproai_runtime.notifications.recipients import business_channels, customer_channels, email_addresses, real_email
from askproai_runtime.notifications.render import render
from askproai_runtime.notifications.schedule import day_bounds, list_day, reminder_due
from askproai_runtime.notifications.stop_link import stop_url
from askproai_runtime.notifications.store.notifications import (
    TRACEPARENT,
    begin_attempt,
    end_attempt,
    insert_notifications,
    list_appointments_between,
    list_due,
    list_other_due,
    lock_notification,
    read_work,
)
from askproai_runtime.notifications.types import (
    AppointmentFacts,
    Away,
    Channel,
    Deferred,
    Kind,
    NewNotification,
    Recipient,
    Rejected,
    SendOutcome,
    Sent,
    State,
    StoredNotification,
)
from askproai_runtime.tasks import Next, TaskRun

log = structlog.get_logger(__name__)

_OUTCOMES: Final = ("sent", "failed", "dead")  # labels of `askproai_notifications_total`
_EVERY: Final = timedelta(seconds=20)
_WHILE_UNUSED: Final = timedelta(minutes=5)  # a tenant without `notifications` may get them at any time
_AT_ONCE: Final = 50  # notifications of each channel in one run
# Below the time limit of tasks, which would cut off a mail in flight: a slow server takes long for each mail.
_LONGEST_RUN: Final = timedelta(minutes=5)
_QUIET_SHIFT: Final = timedelta(hours=25)  # how much earlier a reminder may be due because of quiet hours


@dataclass(frozen=True, slots=True)
class NotificationTask:
    """The handler of the task `notifications`. `credential` returns a mounted file's text, `admin_token` the API's token."""

    pool: Pool
    config: Callable[[], TenantConfig]
    credential: Callable[[str], str | None]
    session: aiohttp.ClientSession
    clock: Clock
    faults: FaultPoints
    metrics: Metrics
    admin_token: Callable[[], str | None] = lambda: None
    every: timedelta = _EVERY

    async def run(self, run: TaskRun) -> Next:
        """Write the scheduled notifications that are due, then send all due ones. An unavailable channel does not delay others."""
        config = self.config()
        if config.notifications is None:
            await self._drop_others(run, config, ())
            return Next(_WHILE_UNUSED, {})
        before = read_notification_state(run.watermark)
        listed = await self._add_daily_list(before, run, config)
        await self._add_reminders(run, config)
        channels = self._open_channels(config)
        self.metrics.expect_notifications(channels, _OUTCOMES)
        await self._drop_others(run, config, channels)
        sent = await self._send_all(run, config, channels)
        away = {name: each for name in channels if (each := _next_away(before.away.get(name), sent[name].outcome))}
        more = any(each.more for each in sent.values())
        watermark = msgspec.to_builtins(NotificationState(away=away, listed=listed))
        return Next(timedelta() if more else self.every, watermark)

    async def _send_all(
        self, run: TaskRun, config: TenantConfig, channels: Mapping[NotificationChannel, Channel]
    ) -> dict[NotificationChannel, "_Progress"]:
        """Send the due notifications of all channels concurrently. After all have ended, raise the first channel's error."""
        sending = (self._send_due(run, config, name, each) for name, each in channels.items())
        # An error of one channel must not cut off a mail of another, whose arrival would be unknown.
        results = await asyncio.gather(*sending, return_exceptions=True)
        found = {}
        for name, each in zip(channels, results, strict=True):
            if isinstance(each, BaseException):
                raise each
            found[name] = each
        return found

    def _open_channels(self, config: TenantConfig) -> Mapping[NotificationChannel, Channel]:
        """Return the configured channels. Their modules are imported here, to save memory in workers without notifications."""
        settings, channels = config.notifications, dict[NotificationChannel, Channel]()
        assert settings is not None
        if settings.email is not None:
            from askproai_runtime.notifications.email_channel import EmailChannel  # noqa: PLC0415

            channels[NotificationChannel.EMAIL] = EmailChannel(config, settings.email, self.credential, self.clock)
        if settings.webhook is not None:
            from askproai_runtime.notifications.webhook_channel import WebhookChannel  # noqa: PLC0415

            channels[NotificationChannel.WEBHOOK] = WebhookChannel(
                config, settings.webhook, self.credential, self.session, self.clock
            )
        return channels

    async def _send_due(self, run: TaskRun, config: TenantConfig, name: str, channel: Channel) -> "_Progress":
        """Send the due notifications of one channel, until it is unavailable or the run's time is up. Return its progress."""
        until, outcome = self.clock.monotonic() + _LONGEST_RUN.total_seconds(), None
        due = await list_due(self.pool, config.tenant, name, _AT_ONCE)
        for notification_id in due:
            outcome = await self._send_one(run, config, notification_id, channel) or outcome
            if isinstance(outcome, Away):
                return _Progress(more=False, outcome=outcome)
            if self.clock.monotonic() >= until:
                return _Progress(more=True, outcome=outcome)
        return _Progress(more=len(due) == _AT_ONCE, outcome=outcome)

    async def _send_one(
        self, run: TaskRun, config: TenantConfig, notification_id: UUID, channel: Channel
    ) -> SendOutcome | None:
        """Decide on one notification and send it if due. Return the outcome; None if it is not sent now."""
        notification = await self._begin(run, config, notification_id)
        if notification is None:
            return None
        self.faults.reach("after:notification-begin")
        with (
            continue_from(notification.content.get(TRACEPARENT)),
            span(
                "notification",
                SpanKind.CONSUMER,
                tenant=config.tenant,
                channel=notification.channel,
                job_kind=notification.kind,
                attempt=notification.attempts,
                correlation_id=notification.correlation_id,
            ),
            bound_contextvars(branch=notification.appointment.branch if notification.appointment else None),
        ):
            outcome = await self._transmit(config, notification, channel)
            self.faults.reach("after:notification-send")
            await self._end(config, notification, outcome)
        return outcome

    async def _begin(self, run: TaskRun, config: TenantConfig, notification_id: UUID) -> StoredNotification | None:
        """Mark a notification as being sent, and return it with this attempt counted; None if it must not be sent now."""
        tenant = config.tenant
        async with self.pool.acquire() as conn, conn.transaction():
            await run.check(conn)
            zone = ZoneInfo(config.time_zone)
            found = await lock_notification(conn, tenant, notification_id, zone)
            if found is None:
                return None
            match decide(found, config.notifications, self.clock.now(), zone):
                case Send():
                    await begin_attempt(conn, tenant, found.id)
                    return _counted(found)
                case Drop(reason):
                    await end_attempt(conn, tenant, found.id, found.attempts, State.DROPPED, reason)
                    log.info("notification.dropped", notification=str(found.id), kind=found.kind, why=reason)
                case GiveUp(reason):
                    await end_attempt(conn, tenant, found.id, found.attempts, State.DEAD, reason)
                    log.error("notification.dead", notification=str(found.id), kind=found.kind, why=reason)
                case Wait(duration, reason):
                    await end_attempt(conn, tenant, found.id, found.attempts, State.WAITING, reason, duration)
        return None

    async def _transmit(self, config: TenantConfig, notification: StoredNotification, channel: Channel) -> SendOutcome:
        """Render and send a notification, and return the outcome. An error in rendering becomes Deferred, not an exception."""
        assert config.notifications is not None
        to = email_addresses(config.notifications, notification.recipient, notification.appointment)
        try:
            day = await self._day(config, notification)
            rendered = render(notification, config, day, self._stop_url(config, notification))
            return await channel.send(notification, rendered, to)
        except Exception as error:  # noqa: BLE001  recorded with the notification, which is tried again and becomes dead
            # Without its text, which may quote names and addresses.
            return Deferred(f"{type(error).__name__} at {error_location(error)}")

    def _stop_url(self, config: TenantConfig, notification: StoredNotification) -> str | None:
        """Return the link by which the appointment's customer stops reminders; None without an e-mail address or a public URL."""
        settings, appointment, token = config.notifications, notification.appointment, self.admin_token()
        email = real_email(appointment.email) if appointment else None
        if settings is None or not settings.public_url or appointment is None or email is None or token is None:
            return None
        return stop_url(settings.public_url, token, config.tenant, appointment.id, email)

    async def _day(self, config: TenantConfig, notification: StoredNotification) -> list[AppointmentFacts]:
        """Return the appointments of the day that a daily list is about; [] for a notification of another kind."""
        if notification.kind != Kind.DAILY_LIST:
            return []
        zone = ZoneInfo(config.time_zone)
        bounds = day_bounds(datetime.fromisoformat(notification.content["day"]), zone)
        found = [each.facts for each in await list_appointments_between(self.pool, config.tenant, *bounds)]
        return await read_work(self.pool, config.tenant, found)

    async def _end(self, config: TenantConfig, notification: StoredNotification, outcome: SendOutcome) -> None:
        wait, error = None, None
        match outcome:
            case Sent(note):
                state, error = State.SENT, note
            case Rejected(reason):
                state, error = State.DEAD, reason
            case Deferred(reason) | Away(reason):
                wait, error = retry_after(notification.attempts), reason
                state = State.DEAD if wait is None else State.WAITING
        await end_attempt(self.pool, config.tenant, notification.id, notification.attempts, state, error, wait)
        ended = "failed" if state is State.WAITING else state.value
        annotate(outcome=ended)
        if state is not State.SENT:
            fail_current()
        self.metrics.notified(notification.channel, ended)
        facts = {"notification": str(notification.id), "kind": notification.kind, "channel": notification.channel}
        if state is State.SENT:
            log.info("notification.sent", **facts)
        else:
            write = log.error if state is State.DEAD else log.warning
            write(f"notification.{'dead' if state is State.DEAD else 'failed'}", **facts, why=error)

    async def _drop_others(self, run: TaskRun, config: TenantConfig, channels: Collection[str]) -> None:
        """Decide on the due notifications of channels that are not configured any more."""
        for notification_id in await list_other_due(self.pool, config.tenant, list(channels)):
            await self._begin(run, config, notification_id)

    async def _add_reminders(self, run: TaskRun, config: TenantConfig) -> None:
        """Write the due reminders, except for appointments changed after the due time: these customers were just notified."""
        settings = config.notifications
        customer = settings.customer if settings else None
        if settings is None or customer is None or customer.remind_minutes_before is None:
            return
        now, zone = self.clock.now(), ZoneInfo(config.time_zone)
        before = customer.remind_minutes_before
        last = now + timedelta(minutes=before) + _QUIET_SHIFT
        rows = [
            NewNotification(
                Kind.REMINDER, f"{each.facts.id}/{each.facts.starts_at:%Y%m%dT%H%M%z}", Recipient.CUSTOMER, channel,
                run.correlation_id, each.facts.id, each.facts.starts_at,
            )
            for each in await list_appointments_between(self.pool, config.tenant, now, last)
            if not each.reminded and not each.opted_out
            and each.updated_at < reminder_due(each.facts.starts_at, before, customer.quiet_hours, zone) <= now
            for channel in customer_channels(settings, each.facts.email, each.facts.phone)
        ]  # fmt: skip
        if rows:
            await insert_notifications(self.pool, config.tenant, rows)

    async def _add_daily_list(self, before: NotificationState, run: TaskRun, config: TenantConfig) -> str | None:
        """Write the daily list when it is due, unless the day has no appointments. Return the day (ISO 8601) of the last list."""
        settings = config.notifications
        business = settings.business if settings else None
        if business is None or business.daily_list_at is None:
            return before.listed
        bounds = list_day(self.clock.now(), business.daily_list_at, ZoneInfo(config.time_zone))
        if bounds is None or before.listed == bounds[0].date().isoformat():
            return before.listed
        day = bounds[0].date().isoformat()
        if await list_appointments_between(self.pool, config.tenant, *bounds):
            rows = [
                NewNotification(
                    Kind.DAILY_LIST, day, Recipient.BUSINESS, channel, run.correlation_id, content={"day": day}
                )
                for channel in business_channels(settings)
            ]
            if rows:
                await insert_notifications(self.pool, config.tenant, rows)
        return day


@dataclass(frozen=True, slots=True)
class _Progress:
    """The progress of one channel in a run: whether more notifications may be due, and the last outcome (None: no attempt)."""

    more: bool
    outcome: SendOutcome | None


def _next_away(before: AwayChannel | None, outcome: SendOutcome | None) -> AwayChannel | None:
    """Return the last error and failures in a row of an unavailable channel; None if it works, `before` without an attempt."""
    if outcome is None:
        return before
    return AwayChannel(outcome.reason, before.failures + 1 if before else 1) if isinstance(outcome, Away) else None


def _counted(notification: StoredNotification) -> StoredNotification:
    return replace(notification, state=State.SENDING, attempts=notification.attempts + 1)


def read_notification_state(watermark: object) -> NotificationState:
    """Return the state in a watermark; an empty state if the watermark cannot be read."""
    try:
        return msgspec.convert(watermark, NotificationState)
    except msgspec.ValidationError:
        return NotificationState()
