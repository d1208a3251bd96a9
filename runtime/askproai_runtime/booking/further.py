"""A call books one appointment of a service for one person, unless it asks for another one
(docs/decisions/0100-a-second-time-for-one-person-is-asked-for.md).
"""

from collections.abc import Sequence

from askproai_runtime.booking.answers import describe_with_state
from askproai_runtime.booking.phrases import same_name
from askproai_runtime.booking.request import BookingRequest
from askproai_runtime.booking.store.appointments import Appointment
from askproai_runtime.booking.types import BookingContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.sentences import say
from askproai_runtime.visits import same_services


def require_only_one(ctx: BookingContext, request: BookingRequest, appointments: Sequence[Appointment]) -> None:
    """Raise `ClarificationNeeded` if `another` is not set, and one of the call's `appointments` is of the same service for the same
    person, at whatever time and in whatever branch: who corrects a time wants one.

    The last of several is asked about. One that is in flight is not booked yet: the request has to come again.
    """
    if request.another:
        return
    for booked in reversed(appointments):
        is_same = same_services(booked.service, request.rules.service.name)
        if not (booked.live and is_same and same_name(request.name, booked.customer_name)):
            continue
        if not booked.settled and request.key not in booked.actions:  # else this request is what is in flight
            raise ClarificationNeeded(say().booking_in_flight, outcome=FunctionOutcome.IN_FLIGHT)
        is_movable = booked.branch == request.rules.branch.name  # an appointment is moved within its branch
        question = say().further_or_instead if is_movable else say().further_or_cancel
        what = describe_with_state(ctx.config(), booked, ctx.clock.now())
        raise ClarificationNeeded(question.format(appointment=what), appointment_id=str(booked.id))
