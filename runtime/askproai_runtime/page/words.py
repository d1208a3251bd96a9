"""The words of the page, in German and English. A language without one of them is a type error."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from askproai_core.tenant_config import Language
from askproai_runtime.page import action_words, login_words
from askproai_runtime.page.action_words import ActionWords
from askproai_runtime.page.login_words import LoginWords


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language. `outcomes` has the states and outcomes of rows, and `arguments` those of functions, by their stored names; one
    that is lacking is shown as it is. `reasons` has the sentences that rows store, which are English.
    """

    language: str
    decimal_mark: str
    weekdays: tuple[str, ...]
    date: str  # with {weekday}, {day}, {month}, {year}
    short_date: str  # the same without the year
    today: str
    week: str
    calls: str
    failures: str
    messages: str
    waitlist: str
    dead: str
    figures: str
    month_of_bookings: str
    booked_share: str
    target: str
    budget: str
    chart_of: str  # with {booked} and {failed}
    most_of_a_day: str
    by_day: str
    figures_hint: str
    none_tried: str
    provider_requests: str
    average_ms: str
    longest_ms: str
    errors: str
    none_asked: str
    providers_hint: str
    numbers: str
    public_number: str
    did: str
    system: str
    log_in: str
    log_out: str
    access_key: str
    key_hint: str  # with {tenant}, the Tenant's name
    your_name: str
    wrong_key: str
    expired_form: str
    skip: str
    menu: str
    previous: str
    following: str
    to_today: str
    go: str
    day: str
    as_of: str
    nobody_booked: str
    cancelled_ones: str
    blocked: str
    whole_day: str
    closed: str
    absent: str
    off_hours: str
    person: str
    appointment: str
    appointments: str
    service: str
    start: str
    end: str
    time: str
    state: str
    customer: str
    phone: str
    no_phone: str
    email: str
    notes: str
    cancel_reason: str
    error: str
    calendar: str
    call: str
    began: str
    duration: str
    outcome: str
    branch: str
    caller: str
    timeline: str
    what: str
    body: str
    find: str
    find_label: str
    find_hint: str
    none_found: str
    several_found: str
    name: str
    detail: str
    show_personal: str
    personal_hint: str
    transcript: str
    no_transcript: str
    not_readable: str
    truncated: str
    ai_notice: str
    retell_keeps: str
    refused_at: str
    deleted_at_retell: str
    not_deleted_at_retell: str
    answer: str
    none_calls: str
    none_failures: str
    none_messages: str
    none_waiting: str
    none_dead: str
    failures_hint: str
    reason: str
    received: str
    text: str
    call_back: str
    recipient: str
    waits_for: str
    waits_until: str
    offer_with: str  # with {staff} and {until}
    offered: str
    dead_events: str
    dead_notifications: str
    dead_hint: str
    attempts: str
    type: str
    circuits: str
    provider: str
    retry_after: str
    queue: str
    priority: str
    ready: str
    running: str
    dead_jobs: str
    number: str
    oldest: str
    health: str
    version: str
    database: str
    redis: str
    more: str
    too_many: str
    not_found: str
    failed_page: str
    back: str
    hidden: str
    hours: str
    next_try: str
    act: ActionWords
    login: LoginWords
    kinds: Mapping[str, str]
    outcomes: Mapping[str, str]
    arguments: Mapping[str, str]
    reasons: Mapping[str, str]
    yes: str
    no: str


GERMAN: Final = Words(
    language="de",
    decimal_mark=",",
    weekdays=("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    date="{weekday}, {day}.{month}.{year}",
    short_date="{weekday}, {day}.{month}.",
    today="Heute", week="Woche", calls="Anrufe", failures="Fehlgeschlagen", messages="Nachrichten", waitlist="Warteliste",
    dead="Unzustellbar", figures="Zahlen", month_of_bookings="Buchungen der letzten 30 Tage", booked_share="Gebucht",
    target="Ziel", budget="Noch erlaubte Fehlschläge", chart_of="{booked} gebucht, {failed} fehlgeschlagen",
    most_of_a_day="die meisten an einem Tag", by_day="Nach Tagen",
    figures_hint="Fehlgeschlagen: Der Anrufer bekam wegen eines Fehlers, zu langer Wartezeit oder einer Ablehnung des Kalenders "
    "keine Antwort, die ihm hilft. Eine vergebene Zeit zählt nicht.",
    none_tried="In den letzten 30 Tagen wollte niemand buchen.",
    provider_requests="Anfragen an Anbieter in der letzten Stunde", average_ms="Im Mittel (ms)", longest_ms="Längste (ms)",
    errors="Fehler", none_asked="In der letzten Stunde wurde kein Anbieter gefragt.",
    providers_hint="Ohne die Abfragen freier Zeiten. Fehler: keine Antwort, ein abgelehnter Schlüssel, zu viele Anfragen, "
    "oder ein Fehler des Anbieters.",
    numbers="Rufnummern", public_number="Nummer für Anrufer", did="Nummer bei Retell",
    system="System", log_in="Anmelden", log_out="Abmelden", access_key="Zugangsschlüssel",
    key_hint="Der Schlüssel aus dem Secret {tenant}-admin, oder zum Lesen der aus {tenant}-reader.",
    your_name="Ihr Name (für das Protokoll)",
    wrong_key="Dieser Schlüssel gilt hier nicht.", expired_form="Das Formular war zu alt. Bitte noch einmal.",
    skip="Zum Inhalt", menu="Ansichten", previous="Zurück", following="Weiter",
    to_today="Heute", go="Zeigen", day="Tag", as_of="Stand", nobody_booked="Niemand ist gebucht.",
    cancelled_ones="Abgesagt", blocked="Gesperrt", whole_day="ganztägig", closed="Geschlossen", absent="Abwesend",
    off_hours="Keine Arbeitszeit", person="Person", appointment="Termin", appointments="Termine",
    service="Leistung", start="Beginn", end="Ende", time="Zeit", state="Zustand", customer="Kunde", phone="Telefon",
    no_phone="keine Nummer", email="E-Mail",
    notes="Notiz", cancel_reason="Grund der Absage", error="Fehler", calendar="Kalender", call="Anruf", began="Beginn",
    duration="Dauer", outcome="Ergebnis", branch="Filiale", caller="Anrufer", timeline="Ablauf", what="Was",
    body="Antwort mit", find="Suchen", find_label="ID: Anruf, Termin, Vorgang",
    find_hint="Hier steht, was zu einer Kennung geschah: der eines Anrufs oder Termins, auch ihr Anfang, oder einer "
    "Korrelations-ID.",
    none_found="Diese Kennung gehört zu keinem Anruf, keinem Termin und keinem Vorgang.",
    several_found="So beginnen mehrere Kennungen: bitte mehr davon eingeben.", name="Name",
    detail="Einzelheiten", show_personal="Zeigen, wer anrief und was gesagt wurde",
    personal_hint="Das steht danach im Protokoll.", transcript="Wortlaut",
    no_transcript="Kein Wortlaut: noch keiner da, oder nach der Frist gelöscht.",
    not_readable="Nicht lesbar: Der Schlüssel, mit dem es verschlüsselt wurde, ist nicht mehr da.",
    truncated="Der Wortlaut ist gekürzt.", ai_notice="Hinweis auf eine KI", retell_keeps="Retell speichert",
    refused_at="Speicherung abgelehnt", deleted_at_retell="bei Retell gelöscht",
    not_deleted_at_retell="bei Retell noch nicht gelöscht",
    answer="Antwort", none_calls="In diesen Tagen hat niemand angerufen.",
    none_failures="In den letzten 24 Stunden ist keine Buchung fehlgeschlagen.", none_messages="Keine offene Nachricht.",
    none_waiting="Niemand wartet.", none_dead="Nichts ist unzustellbar.",
    failures_hint="Buchungen der letzten 24 Stunden, die nicht zustande kamen, und warum.", reason="Grund",
    received="Eingegangen", text="Nachricht", call_back="Rückruf", recipient="Für", waits_for="Wartet auf",
    waits_until="Wartet bis", offer_with="bei {staff}, Angebot offen bis {until}",
    offered="Angeboten", dead_events="Ereignisse und Aufgaben", dead_notifications="Benachrichtigungen",
    dead_hint="Alle Versuche sind verbraucht. Ist die Ursache behoben, kann es erneut versucht werden.",
    attempts="Versuche", type="Art", circuits="Schutzschalter der Anbieter", provider="Anbieter", retry_after="Wieder in (s)",
    queue="Warteschlange", priority="Dringlichkeit", ready="bereit", running="läuft", dead_jobs="gescheitert",
    number="Anzahl", oldest="älteste (s)", health="Betrieb", version="Version", database="Datenbank", redis="Redis", more="Weitere",
    too_many="Nicht alle werden gezeigt.", not_found="Das gibt es hier nicht.",
    failed_page="Diese Seite lässt sich gerade nicht zeigen. Bitte später noch einmal.", back="Zurück zu heute",
    hidden="verborgen", hours="Uhr", next_try="nächster Versuch", act=action_words.GERMAN, login=login_words.GERMAN,
    kinds={
        "event": "Ereignis", "function": "Funktion", "job": "Aufgabe", "action": "Änderung", "appointment": "Termin",
        "message": "Nachricht", "waitlist": "Warteliste", "provider": "Anbieter", "audit": "Protokoll",
        "notification": "Benachrichtigung",
    },
    outcomes={
        "booked": "gebucht", "moved": "verschoben", "cancelled": "abgesagt", "message": "Nachricht", "waiting": "wartet",
        "ongoing": "läuft", "transferred": "verbunden", "failed": "fehlgeschlagen", "nothing": "ohne Ergebnis",
        "no_function": "nur gesprochen", "held": "wird gebucht", "confirmed": "bestätigt",
        "pending_sync": "noch nicht im Kalender", "no_show": "nicht erschienen", "offered": "angeboten",
        "answered": "beantwortet", "none_found": "nichts gefunden", "found": "gefunden", "noted": "notiert", "kept": "bleibt",
        "not_kept": "wird nicht gespeichert", "decline_recording": "Speicherung ablehnen", "heard": "gegeben, laut Wortlaut",
        "in_greeting": "gegeben, laut Begrüßung", "not_given": "nicht gegeben", "everything": "alles",
        "everything_except_pii": "alles ohne persönliche Angaben", "basic_attributes_only": "Nummern und Zeiten",
        "processed": "verarbeitet", "received": "eingegangen", "processing": "in Arbeit", "dead": "unzustellbar",
        "done": "erledigt", "open": "offen", "ready": "bereit", "running": "läuft", "sent": "gesendet",
        "dropped": "verworfen", "sending": "wird gesendet", "taken": "vergeben", "closed_day": "geschlossener Tag",
        "day_off": "arbeitet an dem Tag nicht",
        "outside_hours": "außerhalb der Zeiten", "off_grid": "kein Beginn zu dieser Minute", "past": "vorbei",
        "too_soon": "zu kurzfristig", "too_far": "zu weit voraus", "not_understood": "nicht verstanden",
        "asked_back": "nachgefragt", "unknown_service": "unbekannte Leistung", "unknown_staff": "unbekannte Person",
        "not_bookable": "nicht buchbar", "gone": "nicht mehr da", "limited": "Grenze erreicht", "refused": "abgelehnt",
        "busy": "überlastet", "too_slow": "zu langsam", "closed": "geschlossen", "half_open": "prüft",
        "ok": "in Ordnung", "degraded": "eingeschränkt", "unavailable": "nicht erreichbar", "not_used": "nicht benutzt",
        "unknown": "unbekannt", "success": "erfolgreich", "removed": "entfernt", "over": "vorbei",
        "check_availability": "Freie Zeiten suchen", "book_appointment": "Termin buchen",
        "reschedule_appointment": "Termin verschieben", "cancel_appointment": "Termin absagen",
        "find_appointments": "Termine suchen", "leave_message": "Nachricht hinterlassen",
        "join_waitlist": "Auf die Warteliste", "call_started": "Anruf begonnen", "call_ended": "Anruf beendet",
        "call_analyzed": "Anruf ausgewertet", "calendar-sync": "Abgleich mit dem Kalender",
        "book": "Buchung", "move": "Verschiebung", "cancel": "Absage", "anonymous": "unterdrückt",
        "local": "eigenes Buch", "queued": "wird abgeglichen", "business_information": "Auskunft", "not_known": "nicht bekannt",
        "already_booked": "schon gebucht", "already_moved": "schon verschoben",
        "impossible": "kein solcher Tag oder keine solche Uhrzeit", "in_flight": "wurde noch bearbeitet",
        "repeated": "wiederholt", "call_over": "Gespräch schon beendet", "call back": "Rückruf", "reminder": "Erinnerung",
        "daily_list": "Tagesliste", "text": "Mitteilung", "offer": "freigewordene Zeit", "customer": "Kunde",
        "business": "Betrieb", "Email": "E-Mail",
        "appointment.booked": "Termin eingetragen", "appointment.moved": "Termin verschoben",
        "appointment.cancelled": "Termin abgesagt", "appointment.no_show": "als nicht erschienen vermerkt",
        "appointment.attended": "als erschienen vermerkt", "block.added": "Zeit gesperrt", "block.removed": "Sperre aufgehoben",
        "message.done": "Nachricht erledigt", "waitlist.removed": "von der Warteliste genommen",
        "waitlist.declined": "freie Zeit abgelehnt", "calendar.disagrees": "Kalender hat anderes", "call.read": "Anruf gelesen",
        "list.read": "Liste gelesen",
        "notification.redriven": "erneut versucht", "event.redriven": "erneut versucht", "desk": "am Tresen", "page": "Seite",
        "ask_email": "Frage nach der E-Mail-Adresse", "ask_to_cancel": "Frage, ob abgesagt werden soll",
        "ask_which": "Frage, welcher Termin gemeint ist", "critical": "dringend", "high": "hoch", "default": "normal",
        "low": "niedrig", "maintenance": "Wartung",
    },
    arguments={
        "service": "Leistung", "staff": "bei", "branch": "Filiale", "date": "Tag", "time": "Uhrzeit",
        "part_of_day": "Tageszeit", "start": "Beginn", "appointment_id": "Termin-Kennung",
        "appointment_date": "Tag des Termins", "appointment_time": "Uhrzeit des Termins", "customer_name": "Name",
        "phone": "Telefon", "email": "E-Mail", "email_confirmed": "Adresse bestätigt", "birth_date": "Geburtsdatum",
        "notes": "Notiz", "reason": "Grund", "confirmed": "zugesagt", "another": "noch ein Termin", "message": "Nachricht",
        "recipient": "für", "call_back": "Rückruf", "topic": "Thema", "question": "Frage",
    },
    reasons={
        "a later change announces the same": "Eine spätere Änderung teilt dasselbe mit.",
        "the appointment was cancelled since, or was never accepted": "Der Termin wurde inzwischen abgesagt oder nie angenommen.",
        "the remote calendar has not confirmed the appointment yet": "Der Kalender hat den Termin noch nicht bestätigt.",
        "the appointment is at another time by now": "Der Termin ist inzwischen zu einer anderen Zeit.",
        "the appointment has begun": "Der Termin hat begonnen.",
        "the appointment is not cancelled any more": "Der Termin ist nicht mehr abgesagt.",
        "the appointment was never announced": "Der Termin war nie angekündigt worden.",
        "the appointment's time has come": "Die Zeit des Termins ist gekommen.",
        "the customer wants no reminders": "Der Kunde möchte keine Erinnerungen.",
        "this number wants no messages of its own accord; the business has the offer":
            "An diese Nummer geht nichts von selbst; der Betrieb hat das Angebot.",
        "the time is not offered to this person any more": "Die Zeit wird dieser Person nicht mehr angeboten.",
        "the offer has ended": "Das Angebot ist zu Ende.",
        "these are the tenant's quiet hours": "Es ist Ruhezeit.",
        "retention has deleted its text": "Der Text wurde nach der Frist gelöscht.",
        "its day is over": "Der Tag ist vorbei.",
        "it is two days old": "Sie ist zwei Tage alt.",
        "that time is over": "Diese Zeit ist vorbei.",
        "that is further ahead than the service can be booked": "So weit im Voraus kann die Leistung nicht gebucht werden.",
        "the branch is closed on that day": "An diesem Tag ist geschlossen.",
        "that is outside of the hours in which the person does this service":
            "In dieser Zeit macht die Person diese Leistung nicht.",
        "no appointment of this service begins at that minute": "Zu dieser Minute beginnt kein Termin dieser Leistung.",
        "the e-mail address is none, or not what the caller has said":
            "Das ist keine E-Mail-Adresse, oder nicht die, die gesagt wurde.",
        "Cal.com requires a valid telephone number for this service": "Cal.com verlangt hier eine gültige Telefonnummer.",
        "it was changed since this request was first sent": "Der Termin wurde seit der ersten Anfrage geändert.",
    },
    yes="ja", no="nein",
)  # fmt: skip

ENGLISH: Final = Words(
    language="en",
    decimal_mark=".",
    weekdays=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    date="{weekday} {day}/{month}/{year}",
    short_date="{weekday} {day}/{month}",
    today="Today", week="Week", calls="Calls", failures="Failed", messages="Messages", waitlist="Waiting list",
    dead="Dead letters", figures="Figures", month_of_bookings="Bookings of the last 30 days", booked_share="Booked",
    target="Target", budget="Failures still allowed", chart_of="{booked} booked, {failed} failed",
    most_of_a_day="the most of a day", by_day="By day",
    figures_hint="Failed: because of an error, a wait that was too long, or a refusal of the calendar the caller got no answer "
    "that helps. A time that was taken does not count.",
    none_tried="Nobody has tried to book in the last 30 days.",
    provider_requests="Requests to providers in the last hour", average_ms="Average (ms)", longest_ms="Longest (ms)",
    errors="Errors", none_asked="No provider was asked in the last hour.",
    providers_hint="Without the questions for free times. Errors: no answer, a refused key, too many requests, or an error of "
    "the provider.",
    numbers="Numbers", public_number="Number for callers", did="Number at Retell",
    system="System", log_in="Log in", log_out="Log out", access_key="Token",
    key_hint="That of Secret {tenant}-admin, or to look that of {tenant}-reader.", your_name="Your name (for the audit log)",
    wrong_key="This token is not valid here.", expired_form="The form was too old. Please try again.",
    skip="Skip to content", menu="Views", previous="Previous", following="Next",
    to_today="Today", go="Show", day="Day", as_of="As of", nobody_booked="Nobody is booked.",
    cancelled_ones="Cancelled", blocked="Blocked", whole_day="all day", closed="Closed", absent="Absent",
    off_hours="Not working", person="Person", appointment="Appointment", appointments="Appointments",
    service="Service", start="Start", end="End", time="Time", state="State", customer="Customer", phone="Phone",
    no_phone="no number", email="E-mail",
    notes="Note", cancel_reason="Why it was cancelled", error="Error", calendar="Calendar", call="Call", began="Began",
    duration="Duration", outcome="Outcome", branch="Branch", caller="Caller", timeline="Timeline", what="What",
    body="Body with", find="Search", find_label="Id: call, appointment, log line",
    find_hint="Here is what happened under an id: that of a call or an appointment, or its beginning, or a correlation id.",
    none_found="This id is of no call, no appointment and no correlation.",
    several_found="Several ids begin so: please enter more of it.", name="Name",
    detail="Details", show_personal="Show who called and what was said",
    personal_hint="The audit log will have that you did.", transcript="Transcript",
    no_transcript="No transcript: there is none yet, or its time was over.",
    not_readable="Not readable: the key with which it was encrypted is gone.", truncated="The transcript is shortened.",
    ai_notice="Notice of an AI", retell_keeps="Retell keeps", refused_at="Refused to be recorded",
    deleted_at_retell="deleted at Retell", not_deleted_at_retell="not deleted at Retell yet",
    answer="Answer", none_calls="Nobody has called in these days.",
    none_failures="No booking has failed in the last 24 hours.", none_messages="No open message.",
    none_waiting="Nobody waits.", none_dead="There is no dead letter.",
    failures_hint="Bookings of the last 24 hours that did not come about, and why.", reason="Reason",
    received="Received", text="Message", call_back="Call back", recipient="For", waits_for="Waits for",
    waits_until="Waits until", offer_with="with {staff}, offer open until {until}",
    offered="Offered", dead_events="Events and jobs", dead_notifications="Notifications",
    dead_hint="All attempts are used up. Once the cause is mended, it can be tried again.",
    attempts="Attempts", type="Type", circuits="Circuits of providers", provider="Provider", retry_after="Again in (s)",
    queue="Queue", priority="Priority", ready="ready", running="running", dead_jobs="dead",
    number="Number", oldest="oldest (s)", health="Health", version="Version", database="Database", redis="Redis", more="More",
    too_many="Not all are shown.", not_found="There is no such page or entry here.",
    failed_page="This page cannot be shown right now. Please try again later.", back="Back to today",
    hidden="hidden", hours="", next_try="next try", act=action_words.ENGLISH, login=login_words.ENGLISH,
    kinds={
        "event": "Event", "function": "Function", "job": "Job", "action": "Change", "appointment": "Appointment",
        "message": "Message", "waitlist": "Waiting list", "provider": "Provider", "audit": "Audit log",
        "notification": "Notification",
    },
    outcomes={
        "no_function": "talk only", "nothing": "no result", "held": "being booked", "pending_sync": "not in the calendar yet",
        "queued": "is being synchronised", "local": "own book", "anonymous": "withheld",
        "heard": "given, by the transcript", "in_greeting": "given, by the greeting",
        "ask_email": "question for the e-mail address", "ask_to_cancel": "question whether to cancel",
        "ask_which": "question which appointment is meant",
        "everything_except_pii": "everything but personal details", "basic_attributes_only": "numbers and times",
    },
    arguments={},
    reasons={},
    yes="yes", no="no",
)  # fmt: skip

WORDS: Final[Mapping[Language, Words]] = {Language.DE: GERMAN, Language.EN: ENGLISH}


def choose_language(accept_language: str) -> Language:
    """Return the language of the header's greatest weight that the page has; German where it names neither."""
    best, weight = Language.DE, 0.0
    for part in accept_language[:500].split(","):
        name, _, parameters = part.strip().partition(";")
        primary = name.strip().lower().partition("-")[0]
        given = parameters.strip().removeprefix("q=")
        try:
            value = float(given) if given else 1.0
        except ValueError:
            continue
        if primary in set(Language) and value > weight:
            best, weight = Language(primary), value
    return best
