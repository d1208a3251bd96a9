"""The words of the page's actions, in German and English: forms, what was done, and why something was not done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionWords:
    """One language. `notices` are by `Notice`; `obstacles` by the `reason` or `outcome` of a problem document."""

    cancel: str
    cancel_title: str
    cancel_hint: str
    cancel_reason: str
    cancel_button: str
    keep: str
    move: str
    move_title: str
    move_button: str
    no_show: str
    attended: str
    stays: str  # with {name}
    block: str
    block_title: str
    block_button: str
    everybody: str  # with {branch}
    blocks: str
    none_blocked: str
    first_day: str
    first_time: str
    last_day: str
    last_time: str
    block_hint: str
    block_reason: str
    unblock: str
    block_over: str
    in_block: str
    none_in_block: str
    pause: str
    pause_title: str
    pause_hint: str
    pause_all: str
    pause_day: str
    pause_time: str
    pause_button: str
    paused: str  # with {branches}, {since}
    paused_until: str  # the same with {until}
    resume: str
    resume_hint: str
    resume_button: str
    done: str
    done_title: str
    done_before: str  # with {name}, {at}
    note: str
    done_button: str
    redrive: str
    redrive_of: str  # with {what}, {at}
    see_dead: str
    free_then: str
    end_session: str
    end_session_of: str  # with {name}, {at}
    not_done: str
    send_again: str
    kept: str
    expired: str
    log_in_first: str
    generic: str
    notices: Mapping[str, str]
    obstacles: Mapping[str, str]


GERMAN: Final = ActionWords(
    cancel="Absagen …", cancel_title="Diesen Termin absagen?",
    cancel_hint="Die Zeit wird sofort wieder angeboten. Zurücknehmen lässt sich das nicht, nur neu buchen.",
    cancel_reason="Grund (freiwillig; führt Cal.com den Termin, sieht ihn der Kunde)", cancel_button="Ja, Termin absagen",
    keep="Nein, zurück zum Termin", move="Verschieben …", move_title="Diesen Termin verschieben", move_button="Verschieben",
    no_show="Nicht erschienen", attended="Doch erschienen",
    stays="bleibt bei {name}", block="Zeit sperren …", block_title="Eine Zeit sperren",
    everybody="Alle in {branch}", block_button="Sperren", blocks="Gesperrte Zeiten",
    none_blocked="Nichts ist gesperrt.", first_day="Erster Tag", first_time="Ab (leer: ganzer Tag)",
    last_day="Letzter Tag (leer: derselbe)", last_time="Bis (leer: Ende des Tages)",
    block_hint="Niemand kann dann bei dieser Person buchen, in keiner Filiale. Termine, die es schon gibt, bleiben.",
    block_reason="Grund (freiwillig; nur für Kollegen)", unblock="Wieder anbieten",
    block_over="Diese Sperre gilt nicht mehr.", in_block="Termine in dieser Zeit: bitte anrufen, verschieben oder absagen",
    none_in_block="In dieser Zeit ist kein Termin.", pause="Pausieren …", pause_title="Keine neuen Termine annehmen",
    pause_hint="Ab sofort bekommt kein Anrufer einen Termin angeboten, und niemand kann einen buchen. Anrufer hören das; Fragen "
    "und Nachrichten gehen weiter. Termine, die es schon gibt, bleiben und finden statt.",
    pause_all="Alle Filialen", pause_day="Letzter Tag (leer: bis Sie fortsetzen)", pause_time="Bis (leer: Ende des Tages)",
    pause_button="Ja, pausieren", paused="Es werden keine neuen Termine angenommen: {branches}, seit {since}.",
    paused_until="Es werden keine neuen Termine angenommen: {branches}, seit {since}, bis {until}.", resume="Fortsetzen …",
    resume_hint="Danach können Anrufer wieder Termine bekommen.", resume_button="Ja, wieder Termine annehmen",
    done="Erledigt …", done_title="Ist diese Nachricht erledigt?",
    done_before="Erledigt von {name}, {at}.", note="Notiz (freiwillig; für Kollegen)", done_button="Ja, erledigt",
    redrive="Erneut versuchen", redrive_of="Erneut versuchen: {what}, {at}", see_dead="Bei den Unzustellbaren ansehen",
    end_session="Beenden", end_session_of="Anmeldung beenden: {name}, seit {at}",
    free_then="Frei wäre dann:", not_done="Nicht ausgeführt", send_again="Noch einmal senden",
    kept="Ihre Angaben sind noch da. Es wird nichts doppelt ausgeführt.",
    expired="Das Formular war zu alt oder gehört zu einer anderen Anmeldung. Bitte prüfen und noch einmal senden.",
    log_in_first="Ihre Anmeldung ist abgelaufen. Bitte in einem anderen Fenster anmelden und dann noch einmal senden.",
    generic="Das ging nicht.",
    notices={
        "no_show": "Als nicht erschienen vermerkt.", "attended": "Als erschienen vermerkt.",
        "cancelled": "Der Termin ist abgesagt.", "moved": "Der Termin ist verschoben.", "blocked": "Die Zeit ist gesperrt.",
        "blocked_at_calcom": "Die Zeit ist gesperrt. Cal.com weiß davon nichts: Dort kann weiter gebucht werden.",
        "existed": "Diese Zeit war schon gesperrt; es wurde nichts geändert, auch nicht der Grund.",
        "paused": "Ab jetzt werden keine neuen Termine angenommen.",
        "paused_at_calcom": "Ab jetzt bekommen Anrufer keine Termine. Cal.com weiß davon nichts: Dort kann weiter gebucht werden.",
        "resumed": "Es werden wieder Termine angenommen.",
        "unblocked": "Die Zeit wird wieder angeboten.",
        "unblocked_partly": "Die Sperre ist aufgehoben. Ein Teil der Zeit bleibt durch eine andere gesperrt.",
        "done": "Die Nachricht ist erledigt.", "redriven": "Es wird erneut versucht.",
        "session_ended": "Die Anmeldung ist beendet.", "session_was_over": "Diese Anmeldung war schon beendet.",
    },
    obstacles={
        "past": "Diese Zeit ist vorbei.", "too_soon": "Das ist zu kurzfristig.",
        "too_far": "So weit im Voraus kann die Leistung nicht gebucht werden.",
        "closed_day": "An diesem Tag ist geschlossen.",
        "day_off": "An diesem Tag arbeitet die Person nicht.",
        "outside_hours": "In dieser Zeit macht die Person diese Leistung nicht.",
        "off_grid": "Zu dieser Minute beginnt kein Termin dieser Leistung.",
        "taken": "Die Person ist dann schon gebucht oder gesperrt.",
        "not_bookable": "Filiale, Leistung oder Person gibt es nicht mehr: bitte absagen und neu buchen.",
        "gone": "Der Termin wurde abgesagt, hat begonnen oder ist vorbei.",
        "refused": "Cal.com lehnt das ab. Der Termin bleibt, wo er ist.", "unknown_staff": "Diese Person gibt es hier nicht.",
        "unknown_name": "Diese Person gibt es hier nicht, oder niemand kann bei ihr buchen.",
        "unclear_start": "Diese Zeit gibt es an diesem Tag nicht, oder sie ist vorbei.",
        "no_time": "Bitte Tag und Zeit angeben.", "ends_first": "Das Ende liegt nicht nach dem Beginn.",
        "over": "Diese Zeit ist schon vorbei.",
        "too_long": "So lange lässt sich nicht sperren. Wer gegangen ist, wird aus der Filiale genommen.",
        "invalid": "Eine Angabe passt nicht: zu lang, oder mit Zeichen, die sich nicht drucken lassen.",
        "request_used": "Dieses Formular wurde schon mit anderen Angaben gesendet. Bitte nachsehen, was daraus wurde.",
        "block_used": "Dieses Formular wurde schon mit anderen Angaben gesendet, oder die Sperre ist wieder aufgehoben.",
        "schema_too_old": "Die Datenbank wird gerade umgestellt. Bitte gleich noch einmal.",
        "busy": "Dort wird gerade gebucht oder geändert. Bitte gleich noch einmal.",
        "too_slow": "Es hat zu lange gedauert. Bitte nachsehen und noch einmal.",
        "failed": "Dazu kam keine Bestätigung. Bitte nachsehen und noch einmal.",
        "in_flight": "Das wird gerade schon ausgeführt.", "not_found": "Das gibt es hier nicht mehr.",
        "begun": "Der Termin hat begonnen oder ist vorbei und lässt sich nicht mehr absagen.",
        "brought_back": "Er war abgesagt, und Cal.com hat ihn zurückgebracht. Noch einmal senden sagt ihn wieder ab.",
        "not_begun": "Der Termin hat noch nicht begonnen: Vermerken lässt sich das ab seinem Beginn.",
        "not_held": "Der Termin wurde abgesagt, also sollte niemand kommen.",
        "calendar_away": "Cal.com führt den Termin und ist gerade nicht zu erreichen. Bitte später noch einmal versuchen.",
        "calendar_refused": "Cal.com hat es nicht vermerkt. Bitte auf der Seite von Cal.com vermerken.",
        "not_dead": "Das ist nicht mehr unzustellbar: Jemand hat es schon erneut versucht, oder es ist erledigt.",
        "superseded": "Ein anderer Abgleich dieses Termins läuft, wartet, oder ist neuer: bitte den neuesten nehmen.",
        "body_dropped": "Der Inhalt wurde nach der Frist gelöscht. Es bleibt nichts zu tun.",
        "done_before": "Jemand war schneller: Die Nachricht war schon erledigt. Ihre Notiz wurde nicht gespeichert.",
    },
)  # fmt: skip

ENGLISH: Final = ActionWords(
    cancel="Cancel …", cancel_title="Cancel this appointment?",
    cancel_hint="Its time is offered again at once. This cannot be undone; it can only be booked anew.",
    cancel_reason="Reason (optional; where Cal.com has the appointment, the customer sees it)",
    cancel_button="Yes, cancel it", keep="No, back to the appointment", move="Move …", move_title="Move this appointment",
    move_button="Move",
    no_show="Did not come", attended="Came after all",
    stays="stays with {name}", block="Block a time …", block_title="Block a time",
    everybody="Everybody in {branch}", block_button="Block", blocks="Blocked times",
    none_blocked="Nothing is blocked.", first_day="First day", first_time="From (empty: the whole day)",
    last_day="Last day (empty: the same)", last_time="Until (empty: the end of the day)",
    block_hint="Nobody can book this person then, in no branch. Appointments that exist stay.",
    block_reason="Reason (optional; for colleagues alone)", unblock="Offer again",
    block_over="This block is not in force any more.",
    in_block="Appointments in this time: please call, move or cancel", none_in_block="There is no appointment in this time.",
    pause="Pause …", pause_title="Take no new appointments",
    pause_hint="From now on no caller is offered an appointment, and nobody can book one. Callers hear so; questions and messages "
    "go on. Appointments that exist stay and take place.",
    pause_all="All branches", pause_day="Last day (empty: until you resume)", pause_time="Until (empty: the end of the day)",
    pause_button="Yes, pause", paused="No new appointments are taken: {branches}, since {since}.",
    paused_until="No new appointments are taken: {branches}, since {since}, until {until}.", resume="Resume …",
    resume_hint="Callers can get appointments again then.", resume_button="Yes, take appointments again",
    done="Done …", done_title="Is this message dealt with?", done_before="Dealt with by {name}, {at}.",
    note="Note (optional; for colleagues)", done_button="Yes, done", redrive="Try again",
    redrive_of="Try again: {what}, {at}", see_dead="See it among the dead letters", free_then="Free then:", end_session="End",
    end_session_of="End the session: {name}, since {at}",
    not_done="Not done", send_again="Send again",
    kept="What you have entered is still there. Nothing is done twice.",
    expired="The form was too old, or is of another login. Please check it and send it again.",
    log_in_first="Your session is over. Please log in in another window, and then send this again.",
    generic="That did not work.",
    notices={
        "no_show": "Marked as not come.", "attended": "Marked as come.",
        "cancelled": "The appointment is cancelled.", "moved": "The appointment is moved.", "blocked": "The time is blocked.",
        "blocked_at_calcom": "The time is blocked. Cal.com does not know it: customers can still book there.",
        "existed": "This time was blocked already; nothing was changed, nor was the reason.",
        "paused": "No new appointments are taken from now on.",
        "paused_at_calcom": "Callers get no appointments from now on. Cal.com does not know it: customers can still book there.",
        "resumed": "Appointments are taken again.",
        "unblocked": "The time is offered again.",
        "unblocked_partly": "The block is removed. Another one still covers a part of its time.",
        "done": "The message is dealt with.", "redriven": "It is tried again.",
        "session_ended": "The session is ended.", "session_was_over": "That session was over already.",
    },
    obstacles={
        "past": "That time is over.", "too_soon": "That is too soon.",
        "too_far": "The service cannot be booked that far ahead.", "closed_day": "The branch is closed on that day.",
        "day_off": "The person does not work on that day.",
        "outside_hours": "The person does not do this service at that time.",
        "off_grid": "No appointment of this service begins at that minute.",
        "taken": "The person is booked or blocked then.",
        "not_bookable": "Its branch, service or person does not exist any more: please cancel it, and book a new one.",
        "gone": "The appointment was cancelled, has begun or is over.",
        "refused": "Cal.com refuses it. The appointment stays where it is.", "unknown_staff": "There is no such person here.",
        "unknown_name": "There is no such person here, or nobody can book them.",
        "unclear_start": "There is no such time on that day, or it is over.", "no_time": "Please enter day and time.",
        "ends_first": "The end is not after the start.", "over": "That time is over already.",
        "too_long": "That is too long for a block. Who has left is removed from the branch.",
        "invalid": "A value does not fit: too long, or with characters that cannot be printed.",
        "request_used": "This form was sent before with other values. Please look what came of it.",
        "block_used": "This form was sent before with other values, or its block was removed since.",
        "schema_too_old": "The database is being migrated. Please try again in a moment.",
        "busy": "Somebody books or changes something there right now. Please try again in a moment.",
        "too_slow": "It took too long. Please look, and try again.", "failed": "No confirmation came. Please look, and try again.",
        "in_flight": "It is being done right now.", "not_found": "It does not exist here any more.",
        "begun": "The appointment has begun or is over, and cannot be cancelled any more.",
        "brought_back": "It was cancelled, and Cal.com has brought it back. Sending again cancels it again.",
        "not_begun": "The appointment has not begun: it can be marked from its start on.",
        "not_held": "The appointment was cancelled, so nobody was to come.",
        "calendar_away": "Cal.com has the appointment, and cannot be asked now. Please try again later.",
        "calendar_refused": "Cal.com did not mark it. Please mark it on Cal.com's page.",
        "not_dead": "It is not dead any more: somebody has tried it again, or it is done.",
        "superseded": "Another sync of its appointment runs, waits, or is newer: please take the newest one.",
        "body_dropped": "Its content was deleted by age. Nothing is left to do.",
        "done_before": "Somebody was faster: the message was dealt with before. Your note was not stored.",
    },
)  # fmt: skip
