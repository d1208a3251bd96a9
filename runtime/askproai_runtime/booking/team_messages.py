"""What the team has to change in its calendar by hand, as a message (docs/decisions/0140-corrected-bookings.md)."""

import hashlib

from askproai_core.database import Connection
from askproai_core.tenant_config import Language, TenantConfig
from askproai_runtime.booking.answers import describe_appointment
from askproai_runtime.booking.messages import MESSAGES_PER_CALL, MESSAGES_PER_HOUR
from askproai_runtime.booking.phrases import join_list
from askproai_runtime.booking.store.appointments import Appointment
from askproai_runtime.booking.store.messages import NewMessage, insert_message
from askproai_runtime.booking.types import BookingContext, CallContext
from askproai_runtime.notifications.news import enqueue_message
from askproai_runtime.sentences import say, speaking

_LONGEST = 500  # of a stored text


async def tell_team(
    conn: Connection, ctx: BookingContext, call: CallContext, before: Appointment, after: Appointment
) -> bool:
    """Leave a message for the team with the changes for its calendar. Returns False if there are too many messages, or this one
    is too long to be stored.

    Each change is a message of its own, also one that takes an earlier one back: the last one has the state to reach.
    """
    config = ctx.config()
    with speaking(_language_of_team(config)):
        was = describe_appointment(config, before, ctx.clock.now())
        text = say().change_in_calendar.format(
            when=was, details=join_list(_list_changes(before, after), say().and_word)
        )
    if len(text) > _LONGEST:
        return False
    message = NewMessage(
        call_id=call.call_id,
        key=hashlib.sha256(f"{before.updated_at}|{text}".encode()).hexdigest(),
        branch=after.branch,
        caller=call.caller,
        name=after.customer_name,
        phone=after.phone,
        recipient=None,
        text=text,
        call_back=None,
        call_back_from=None,
        call_back_until=None,
        correlation_id=call.correlation_id,
    )
    stored = await insert_message(conn, ctx.tenant, message, MESSAGES_PER_CALL, MESSAGES_PER_HOUR)
    if stored is None:
        return False
    await enqueue_message(
        conn, config, stored.id, text=stored.text, name=stored.name, branch=stored.branch,
        phone=stored.phone or stored.caller, recipient=None, call_back=None, correlation_id=call.correlation_id,
    )  # fmt: skip
    return True


def _language_of_team(config: TenantConfig) -> Language:
    return Language.EN if config.locale.partition("-")[0] == Language.EN else Language.DE


def _list_changes(before: Appointment, after: Appointment) -> list[str]:
    details = (
        (say().written_name, before.customer_name, after.customer_name),
        (say().written_phone, before.phone, after.phone),
        (say().written_email, before.attendee_email, after.attendee_email),
        (say().written_note, before.notes, after.notes),
    )
    return [
        say().changed_detail.format(detail=detail, now=now, before=was or "-")
        for detail, was, now in details
        if was != now
    ]
