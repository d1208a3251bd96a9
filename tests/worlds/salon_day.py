"""Today at a salon, as the pictures of the docs show its page: calls, appointments, and a failed booking with its results.

Everybody is invented. `at` is a time of day of the salon, today.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from tests.worlds.page_rows import Book

# Customer, start, minutes, staff member, state.
_APPOINTMENTS: Final = (
    ("Jonas Krüger", "09:00", 45, "anna", "confirmed"),
    ("Nora Weiß", "09:15", 45, "mehmet", "confirmed"),
    ("Klaus-Dieter von Hohenberg", "10:00", 45, "anna", "no_show"),
    ("Tim Albrecht", "10:30", 45, "mehmet", "confirmed"),
    ("Marlene Vogt", "11:00", 45, "anna", "confirmed"),
    ("Frank Sommer", "11:30", 45, "mehmet", "confirmed"),
    ("Lina Roth", "13:00", 45, "anna", "confirmed"),
    ("Oğuz Demir", "14:00", 45, "mehmet", "confirmed"),
    ("Ayşe Yılmaz", "14:15", 45, "anna", "pending_sync"),
    ("Petra Müller", "15:30", 45, "anna", "confirmed"),
    ("Emil Hansen", "16:00", 45, "mehmet", "cancelled"),
    ("Greta Lindner", "16:45", 45, "mehmet", "confirmed"),
)
# When calls began, their seconds, and what each asked for with which outcome.
_CALLS: Final = (
    ("08:41", 96, ("check_availability", "offered"), ("book_appointment", "booked")),
    ("09:12", 41, ("business_information", "answered")),
    ("09:38", 118, ("check_availability", "offered"), ("book_appointment", "booked")),
    ("10:04", 75, ("find_appointments", "found"), ("cancel_appointment", "cancelled")),
    ("10:21", 22),
)
_TRANSCRIPT: Final = """Agent: Salon Müller, guten Tag! Hier spricht ein KI-Assistent. Was kann ich für Sie tun?
User: Guten Tag, ich hätte gern einen Haarschnitt bei Anna, am Freitag um drei.
Agent: Haarschnitt. Frei ist Freitag, der 27. November, um 15 Uhr bei Anna. Passt das?
User: Ja, gern. Auf den Namen Petra Müller.
Agent: Einen Augenblick, bitte."""


async def fill_day(book: Book, at: Callable[[str], datetime]) -> dict[str, str]:
    """Write the day. Return the ids of the failed call (`failed`), of its appointment and of the ongoing call (`ongoing`)."""
    tenant, db = book.store.tenant, book.db
    ids = [await _appointment(book, *row, at=at) for row in _APPOINTMENTS]
    for begins, lasts, *asked in _CALLS:
        await _call(book, f"call_{uuid4().hex}", at(begins), lasts, asked)
    ongoing, failed = (f"call_{uuid4().hex}" for _ in range(2))
    await _call(book, ongoing, at("10:33"), None, [("check_availability", "offered")], _TRANSCRIPT)
    await _failed_booking(book, failed, at("09:52"))
    await db.execute(
        """INSERT INTO messages (tenant, call_id, key, branch, caller, name, text, call_back, call_back_from,
                                 correlation_id, created_at)
           VALUES ($1, $2, 'k', 'mitte', '+4915155500031', 'Frau Sommer', 'Die Farbe vom letzten Mal ist schon wieder heraus.',
                   'heute nach 16 Uhr', $3, $2, $4)""",
        tenant, ongoing, at("16:00"), at("10:05"),
    )  # fmt: skip
    await db.execute(
        """INSERT INTO waitlist (tenant, call_id, key, branch, service, staff, spans, requested, since, until, name, phone,
                                 correlation_id)
           VALUES ($1, $2, $2, 'mitte', 'haarschnitt', 'anna', '[]', 'Samstagvormittag', $3, $4,
                   'Herr Albrecht', '+4915155500032', $2)""",
        tenant, ongoing, at("09:00"), at("12:00") + timedelta(days=4),
    )  # fmt: skip
    await db.execute(
        """INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until, reason, block_id)
           SELECT $1, $2, $3, $4, 'infinity', 'Zahnarzt', gen_random_uuid()""",
        tenant, book.store.resources["mitte", "mehmet", 1], at("12:30"), at("13:45"),
    )  # fmt: skip
    await _month(book, at)
    return {"ongoing": ongoing, "failed": failed, "appointments": ids[-1]}


async def _appointment(
    book: Book, name: str, begins: str, minutes: int, staff: str, status: str, *, at: Callable[[str], datetime]
) -> str:
    start = at(begins)
    return str(
        await book.db.fetchval(
            """INSERT INTO appointments (tenant, branch, service, staff, customer_name, starts_at, ends_at, status, call_id, caller,
                                         correlation_id, created_at, updated_at)
               VALUES ($1, 'mitte', 'haarschnitt', $2, $3, $4, $5, $6, $7, '+4915155500030', $7, $8, $8) RETURNING id::text""",
            book.store.tenant, staff, name, start, start + timedelta(minutes=minutes), status, f"call_{uuid4().hex}",
            start - timedelta(days=3),
        )
    )  # fmt: skip


async def _call(
    book: Book, call_id: str, began: datetime, lasts: int | None, asked: list[tuple[str, str]], said: str = ""
) -> None:
    ended = None if lasts is None else began + timedelta(seconds=lasts)
    await book.db.execute(
        """INSERT INTO calls (tenant, call_id, branch, direction, from_number, to_number, status, started_at, ended_at, transcript,
                              disconnection_reason, correlation_id)
           VALUES ($1, $2, 'mitte', 'inbound', '+4915155500030', '+49301234567', $3, $4, $5, $6, $7, $2)""",
        book.store.tenant, call_id, "ongoing" if ended is None else "ended", began, ended, said or None, ended and "user_hangup",
    )  # fmt: skip
    for number, (function, outcome) in enumerate(asked):
        await _function(book, call_id, began + timedelta(seconds=20 + 15 * number), function, outcome, {})


async def _function(
    book: Book, call_id: str, at: datetime, function: str, outcome: str, arguments: dict[str, Any], *,
    cause: str | None = None, answer: str | None = None, duration_ms: int = 34,
) -> None:  # fmt: skip
    await book.db.execute(
        """INSERT INTO function_requests (tenant, call_id, at, function, arguments, outcome, cause, answer, duration_ms,
                                          correlation_id)
           VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, $2)""",
        book.store.tenant, call_id, at, function, json.dumps(arguments), outcome, cause, answer, duration_ms,
    )  # fmt: skip


async def _failed_booking(book: Book, call_id: str, began: datetime) -> None:
    """Write a booking that Cal.com refused, and the dead letter that would repeat it."""
    tenant, db = book.store.tenant, book.db
    await _call(book, call_id, began, 131, [])
    at = {seconds: began + timedelta(seconds=seconds) for seconds in (0, 1, 25, 58, 60, 131)}
    for kind, when in (("call_started", at[1]), ("call_ended", at[131])):
        await db.execute(
            """INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, status, attempts, correlation_id,
                                           received_at, processed_at)
               VALUES ($1, 'retell', $2 || ':' || $3, $3, '', 'processed', 1, $2, $4::timestamptz,
                       $4 + interval '18 ms')""",
            tenant, call_id, kind, when,
        )  # fmt: skip
    start = began.replace(hour=15, minute=0) + timedelta(days=2)
    wish = {"service": "Haarschnitt", "staff": "anna"}
    await _function(book, call_id, at[25], "check_availability", "offered", wish | {"date": "übermorgen"})
    await _function(
        book, call_id, at[60], "book_appointment", "failed", wish | {"start": start.isoformat()},
        cause="TimeoutError in book", duration_ms=942,
    )  # fmt: skip
    appointment = await db.fetchval(
        """INSERT INTO appointments (tenant, branch, service, staff, customer_name, starts_at, ends_at, status, call_id, caller,
                                     correlation_id, created_at, updated_at, error)
           VALUES ($1, 'mitte', 'haarschnitt', 'anna', 'Paul Brandt', $2, $3, 'failed', $4, '+4915155500033', $4, $5, $6,
                   'Bad gateway') RETURNING id""",
        tenant, start, start + timedelta(minutes=45), call_id, at[60], at[131],
    )  # fmt: skip
    for outcome, status, why in (("unknown", None, "ReadTimeout"), ("unavailable", 502, "Bad gateway")):
        await db.execute(
            """INSERT INTO provider_calls (tenant, at, provider, operation, method, endpoint, status, outcome, duration_ms,
                                           correlation_id, error, body_shape)
               VALUES ($1, $2, 'calcom', 'book', 'POST', '/v2/bookings', $3, $4, 900, $5, $6, $7)""",
            tenant, at[60], status, outcome, call_id, why, "text" if status else None,
        )  # fmt: skip
    await db.execute(
        """INSERT INTO jobs (tenant, kind, priority, state, attempts, last_error, correlation_id, appointment_id,
                                 created_at, finished_at)
           VALUES ($1, 'calendar-sync', 'default', 'dead', 8,
                   'calcom POST /v2/bookings: unavailable 502 Bad gateway', $2, $3, $4, $5)""",
        tenant, call_id, appointment, at[60], at[131],
    )  # fmt: skip


async def _month(book: Book, at: Callable[[str], datetime]) -> None:
    """Write bookings of thirty days, a few of them failed, and the provider requests of the last hour."""
    for days in range(1, 30):
        day = at("11:00") - timedelta(days=days)
        for number in range(0 if day.weekday() in {6, 0} else 5 + days * 7 % 8):
            outcome = "failed" if (days, number) in {(6, 1), (17, 0), (17, 3)} else "booked"
            await _function(
                book, f"call_{days}_{number}", day + timedelta(minutes=20 * number), "book_appointment", outcome, {}
            )
    await book.db.execute(
        """INSERT INTO provider_calls (tenant, at, provider, operation, method, endpoint, status, outcome, duration_ms,
                                       correlation_id)
           SELECT $1, now() - n * interval '1 min', CASE n % 3 WHEN 0 THEN 'retell' ELSE 'calcom' END, 'read', 'GET', '/v2/slots',
                  200, 'ok', 80 + n * 13 % 160, 'corr-' || n FROM generate_series(1, 50) n""",
        book.store.tenant,
    )  # fmt: skip
