"""What the team has to change in its calendar by hand, as a message (docs/decisions/0140-corrected-bookings.md)."""

from askproai_core.database import Connection
from askproai_core.tenant_config import Language, TenantConfig
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.context import BookingContext
from askproai_runtime.conversation.answers import describe_appointment
from askproai_runtime.conversation.messages import make_message, store_message
from askproai_runtime.conversation.types import CallContext
from askproai_runtime.language.phrases import join_list
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
    identity = f"{before.updated_at}|{text}"
    message = make_message(call, identity, after.branch, text, name=after.customer_name, phone=after.phone)
    return await store_message(conn, ctx, message) is not None


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
