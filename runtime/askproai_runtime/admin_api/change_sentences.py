"""The German sentences about a booking and a move of the desk: those that a caller would hear."""

from zoneinfo import ZoneInfo

from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.bookables import find_rules, is_requested
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.outcomes import Booked, Moved
from askproai_runtime.conversation.answers import describe_appointment, end_sentence, preparation_of
from askproai_runtime.sentences import decline_name, format_spoken_today, say


def say_booked(ctx: BookingContext, booked: Booked) -> str:
    """Return what is booked, for the customer who has come in or is on the telephone."""
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
        sentence = _say_certain(ctx, appointment, say().stands_already if booked.again else say().booked, when)
    preparation = "" if booked.again else preparation_of(rules)
    return f"{sentence} {preparation}".rstrip()


def say_moved(ctx: BookingContext, moved: Moved) -> str:
    """Return where an appointment is now."""
    appointment = moved.appointment
    when = describe_appointment(ctx.config(), appointment, ctx.clock.now())
    if is_requested(ctx.config(), appointment):
        return say().move_requested.format(when=when)
    return _say_certain(ctx, appointment, say().stands_already if moved.again else say().moved, when)


def _say_certain(ctx: BookingContext, appointment: Appointment, sentence: str, when: str) -> str:
    pending = say().calendar_has_to_confirm if appointment.status == Status.PENDING_SYNC else ""
    return f"{sentence.format(when=when)}{end_sentence(ctx.config(), appointment)}{pending}"
