"""The German sentences about a booking or move by the desk, equal to the sentences that a caller would hear."""

from zoneinfo import ZoneInfo

from askproai_runtime.book.appointments import Status
from askproai_runtime.book.bookables import find_rules, is_requested
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.outcomes import Booked, Moved
from askproai_runtime.conversation import reschedule
from askproai_runtime.conversation.answers import describe_appointment, end_sentence, preparation_of
from askproai_runtime.sentences import decline_name, format_spoken_today, say


def say_booked(ctx: BookingContext, booked: Booked) -> str:
    """Return the sentence that confirms a booking, with the preparation that the service needs."""
    (appointment,) = booked.appointments
    config, rules = ctx.config(), find_rules(ctx.config(), appointment.branch, appointment.service)
    if rules is None:  # it is not declared any more
        return say().booked.format(when=describe_appointment(config, appointment, ctx.clock.now()))
    when = say().appointment.format(
        when=format_spoken_today(appointment.starts_at, ZoneInfo(config.time_zone), ctx.clock.now()),
        service=rules.service.display_name, staff=decline_name(rules.display_name(appointment.staff)), place="",
    )  # fmt: skip
    if is_requested(config, appointment):
        sentence = say().booking_requested.format(when=when)
    else:
        sentence = (say().already_booked if booked.again else say().booked).format(when=when)
        sentence += end_sentence(config, appointment)
        sentence += say().calendar_has_to_confirm if appointment.status == Status.PENDING_SYNC else ""
    preparation = "" if booked.again else preparation_of(rules)
    return f"{sentence} {preparation}".rstrip()


def say_moved(ctx: BookingContext, moved: Moved) -> str:
    """Return the sentence that confirms a move."""
    when = describe_appointment(ctx.config(), moved.appointment, ctx.clock.now())
    return reschedule.say_moved(ctx.config(), moved.appointment, when, again=moved.again)
