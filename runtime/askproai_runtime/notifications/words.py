"""The sentences of notifications in German and English. Pure; whatever is put in comes from `render`, as plain text."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from askproai_core.tenant_config import Language
from askproai_runtime.notifications.types import Kind
from askproai_runtime.sentences import format_written_day


@dataclass(frozen=True, slots=True)
class Sentences:
    """The title and the first sentence of one kind, for one recipient. `{when}`, `{business}` and `{customer}` are put in."""

    title: str
    opening: str


@dataclass(frozen=True, slots=True)
class StopPage:
    """The page's words for how reminders are stopped."""

    question: str
    button: str
    done: str
    unknown: str
    later: str


@dataclass(frozen=True, slots=True)
class Words:
    """All that one language says."""

    customer: dict[Kind, Sentences]
    business: dict[Kind, Sentences]
    hello: str
    hello_nobody: str
    labels: dict[str, str]
    stop: str
    stop_by_link: str  # `{url}`
    stop_page: StopPage
    daily_none: str
    calendar_event: str
    appointment: str  # in place of the service's name, where it has none any more
    former_service: str
    former_staff: str
    message: str  # the title
    corrected_message: str  # the title of one that was amended
    freed: Sentences  # `{until}`: as long as the offer is open
    offer: Sentences  # the same for waiting callers
    offer_call: str  # `{number}`


WORDS: Final = {
    Language.DE: Words(
        customer={
            Kind.BOOKED: Sentences("Ihr Termin am {when}", "Ihr Termin bei {business} ist eingetragen: {when}."),
            Kind.MOVED: Sentences("Neuer Termin: {when}", "Ihr Termin bei {business} ist verschoben. Er ist jetzt am {when}."),
            Kind.CANCELLED: Sentences("Abgesagt: Termin am {when}", "Ihr Termin bei {business} am {when} ist abgesagt."),
            Kind.REMINDER: Sentences("Erinnerung: Termin am {when}", "wir erinnern Sie an Ihren Termin bei {business}: {when}."),
        },
        business={
            Kind.BOOKED: Sentences("Neuer Termin: {when}, {customer}", "Ein neuer Termin ist eingetragen: {when}."),
            Kind.MOVED: Sentences("Verschoben: {when}, {customer}", "Ein Termin ist verschoben. Er ist jetzt am {when}."),
            Kind.CANCELLED: Sentences("Abgesagt: {when}, {customer}", "Ein Termin ist abgesagt: {when}."),
            Kind.DAILY_LIST: Sentences("Termine am {when}", "Die Termine am {when}:"),
        },
        hello="Guten Tag {customer},",
        hello_nobody="Guten Tag,",
        labels={
            "service": "Leistung", "staff": "Bei", "customer": "Kunde", "phone": "Telefon", "branch": "Filiale",
            "address": "Adresse", "notes": "Notiz", "call": "Ändern oder absagen", "recipient": "Für", "call_back": "Rückruf",
            "called_at": "Anruf", "preparation": "Bitte beachten",
        },
        stop="Sie möchten keine Erinnerungen? Antworten Sie mit STOPP, oder sagen Sie es uns am Telefon.",
        stop_by_link="Sie möchten keine Erinnerungen? Hier stellen Sie sie ab: {url}\n"
        "Oder antworten Sie mit STOPP, oder sagen Sie es uns am Telefon.",
        stop_page=StopPage(
            question="Möchten Sie an diese E-Mail-Adresse keine Erinnerungen mehr bekommen? Bestätigungen und Absagen kommen"
            " weiterhin.",
            button="Keine Erinnerungen mehr",
            done="Sie bekommen an diese E-Mail-Adresse keine Erinnerungen mehr. Bestätigungen und Absagen kommen weiterhin. Wenn"
            " Sie wieder Erinnerungen möchten, sagen Sie es uns am Telefon.",
            unknown="Dieser Link gilt nicht mehr. Antworten Sie auf unsere E-Mail mit STOPP, oder sagen Sie es uns am Telefon.",
            later="Das hat gerade nicht geklappt. Bitte versuchen Sie es in einer Minute noch einmal.",
        ),
        daily_none="Es sind keine Termine eingetragen.",
        calendar_event="{service} bei {business}",
        appointment="Termin",
        former_service="nicht mehr im Angebot",
        former_staff="nicht mehr im Team",
        message="Nachricht von {customer}",
        corrected_message="Berichtigte Nachricht von {customer}",
        freed=Sentences(
            "Frei geworden: {when}, für {customer}",
            "Ein Termin ist frei geworden: {when}. {customer} wartet darauf. Bitte rufen Sie bis {until} an;"
            " danach ist der Nächste an der Reihe. Eingetragen ist noch nichts.",
        ),
        offer=Sentences(
            "Frei geworden: {when}",
            "{business}: Ein Termin ist frei geworden, {when}, {service} bei {staff}. Möchten Sie ihn? Dann rufen Sie bitte bis"
            " {until} an{call}. Eingetragen ist noch nichts.",
        ),
        offer_call=" unter {number}",
    ),
    Language.EN: Words(
        customer={
            Kind.BOOKED: Sentences("Your appointment on {when}", "Your appointment at {business} is booked: {when}."),
            Kind.MOVED: Sentences("New time: {when}", "Your appointment at {business} was moved. It is now on {when}."),
            Kind.CANCELLED: Sentences("Cancelled: appointment on {when}", "Your appointment at {business} on {when} is cancelled."),
            Kind.REMINDER: Sentences("Reminder: appointment on {when}", "we remind you of your appointment at {business}: {when}."),
        },
        business={
            Kind.BOOKED: Sentences("New appointment: {when}, {customer}", "A new appointment was booked: {when}."),
            Kind.MOVED: Sentences("Moved: {when}, {customer}", "An appointment was moved. It is now on {when}."),
            Kind.CANCELLED: Sentences("Cancelled: {when}, {customer}", "An appointment was cancelled: {when}."),
            Kind.DAILY_LIST: Sentences("Appointments on {when}", "The appointments on {when}:"),
        },
        hello="Hello {customer},",
        hello_nobody="Hello,",
        labels={
            "service": "Service", "staff": "With", "customer": "Customer", "phone": "Phone", "branch": "Branch",
            "address": "Address", "notes": "Note", "call": "To change or cancel", "recipient": "For", "call_back": "Call back",
            "called_at": "Called", "preparation": "Please note",
        },
        stop="No more reminders? Reply with STOP, or ask us by telephone.",
        stop_by_link="No more reminders? Stop them here: {url}\nOr reply with STOP, or ask us by telephone.",
        stop_page=StopPage(
            question="Do you want no more reminders at this e-mail address? You still get confirmations and cancellations.",
            button="No more reminders",
            done="You get no more reminders at this e-mail address. You still get confirmations and cancellations. If you want"
            " reminders again, please tell us by telephone.",
            unknown="This link is no longer valid. Reply to our e-mail with STOP, or ask us by telephone.",
            later="That did not work just now. Please try again in a minute.",
        ),
        daily_none="No appointments are booked.",
        calendar_event="{service} at {business}",
        appointment="Appointment",
        former_service="no longer offered",
        former_staff="no longer in the team",
        message="Message from {customer}",
        corrected_message="Corrected message from {customer}",
        freed=Sentences(
            "Free again: {when}, for {customer}",
            "A time is free again: {when}. {customer} waits for it. Please call by {until}; then the next one gets"
            " the offer. Nothing is booked yet.",
        ),
        offer=Sentences(
            "Free again: {when}",
            "{business}: A time is free again, {when}, {service} with {staff}. Would you like it? Then please call by"
            " {until}{call}. Nothing is booked yet.",
        ),
        offer_call=": {number}",
    ),
}  # fmt: skip


def format_day(day: datetime, language: Language) -> str:
    """Return a day, such as "Freitag, 27. November 2026"."""
    return format_written_day(day, language)


def format_moment(local: datetime, language: Language) -> str:
    """Return a local time with its day, such as "Freitag, 27. November 2026, 14:30 Uhr"."""
    clock = f"{local:%H:%M}"
    return f"{format_day(local, language)}, {clock}{' Uhr' if language is Language.DE else ''}"
