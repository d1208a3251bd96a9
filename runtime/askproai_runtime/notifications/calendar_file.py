"""The iCalendar file of an appointment (RFC 5545, RFC 5546), for the customer's own calendar.

The UID is the appointment's for good, and SEQUENCE rises with each of its changes: a calendar replaces what it has, and a file that
comes twice or late changes nothing. Times are UTC, so that no rule of a time zone has to be sent.
"""

from datetime import UTC, datetime

from icalendar import Calendar, Event, vCalAddress, vText

from askproai_core.tenant_config import EmailSettings, TenantConfig
from askproai_runtime.notifications.render import branch_address, one_line, service_name, staff_name
from askproai_runtime.notifications.types import AppointmentFacts, CalendarFile
from askproai_runtime.notifications.words import WORDS


def calendar_file(
    appointment: AppointmentFacts, config: TenantConfig, email: EmailSettings, attendee: str, now: datetime
) -> CalendarFile:
    """Return the file that enters, moves or (for a cancelled appointment) removes the appointment."""
    settings = config.notifications
    assert settings is not None
    method = "REQUEST" if appointment.live else "CANCEL"
    business = one_line(config.display_name)
    calendar, event = Calendar(), Event()
    calendar.add("prodid", "-//AskProAI//Appointments//DE")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    event.add("uid", f"{appointment.id}@askproai.de")
    event.add("sequence", appointment.version - 1)
    event.add("dtstamp", now.astimezone(UTC))
    event.add("dtstart", appointment.starts_at.astimezone(UTC))
    event.add("dtend", appointment.ends_at.astimezone(UTC))
    event.add("status", "CONFIRMED" if appointment.live else "CANCELLED")
    words = WORDS[settings.language]
    service = one_line(service_name(config, appointment)) or words.appointment
    event.add("summary", words.calendar_event.format(service=service, business=business))
    if staff := one_line(staff_name(config, appointment)):
        event.add("description", staff)
    if place := branch_address(config.find_branch(appointment.branch)):
        event.add("location", one_line(place))
    event.add("organizer", _person(email.sender, business))
    invited = _person(attendee, one_line(appointment.customer_name))
    # Nobody has to answer: it was agreed already.
    invited.params |= {"PARTSTAT": vText("ACCEPTED"), "RSVP": vText("FALSE"), "ROLE": vText("REQ-PARTICIPANT")}
    event.add("attendee", invited)
    calendar.add_component(event)
    return CalendarFile(method, calendar.to_ical())


def _person(address: str, name: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{address}")
    if name:
        person.params["CN"] = vText(name.replace('"', "'"))
    return person
