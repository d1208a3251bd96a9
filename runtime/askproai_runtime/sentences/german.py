"""The German sentences for callers."""

from typing import Final

from askproai_runtime.sentences.catalogue import Sentences

# Patterns of folded questions. A child is one with an age, or may be too young.
_UP_TO_TWELVE = r"zwei|drei|vier|fuenf|sechs|sieben|acht|neun|elf|zwoelf"
_A_CHILD = (
    r"\bauch (?:an |bei |fuer )?kindern?\b|\b(?:tochter|sohn|kind|maedchen|junge|enkel\w*) (?:ist|wird) "
    rf"(?:(?:erst|schon|gerade|jetzt) )?(?:\d{{1,2}}|{_UP_TO_TWELVE}|\w*zehn)\b"
)
_OWN_NUMBER = (
    r"\b(?:haben|habt|kennen|kennt|sehen|seht)(?: \w+){1,2} meine \w*nummer\b"
    r"|\w*nummer (?:haben|habt) (?:sie|ihr) (?:\w+ )?von mir\b"
)

GERMAN: Final = Sentences(
    # words between others
    or_word="oder",
    and_word="und",
    # days and times
    spoken_time="{day}, um {clock}",
    spoken_time_today="heute, {when}",
    day="{weekday}, den {number}. {month}{year}",
    day_as_subject="{weekday}, der {number}. {month}{year}",
    written_day="{weekday}, {number}. {month} {year}",
    written_time="{day}, {at} Uhr",
    written_range="{day}, {opens} bis {closes} Uhr",
    about_time=", gegen {at} Uhr",
    at_time=", um {at} Uhr",
    from_to_time=", {opens} bis {closes} Uhr",
    from_time=", ab {at} Uhr",
    later_than_time=", später als {at} Uhr",
    until_time=", bis {at} Uhr",
    from_to_days="{first} bis {last}",
    from_day="ab {first}",
    soon="so bald wie möglich",
    only_days=", {days}",
    except_days=", außer {days}",
    # call functions as a whole
    busy="Das dauert gerade länger als sonst. Einen Moment bitte, ich versuche es gleich noch einmal.",
    call_over="Dieses Gespräch ist schon beendet. Bitte rufen Sie noch einmal an.",
    out_of_order="Ich komme gerade nicht an den Kalender. Bitte versuchen Sie es in ein paar Minuten noch einmal.",
    no_information="Das kann ich Ihnen gerade leider nicht sagen. Kann ich sonst etwas für Sie tun?",
    not_noted="Das konnte ich gerade leider nicht notieren. Bitte rufen Sie in ein paar Minuten noch einmal an.",
    still_working=(
        "Das dauert gerade länger als sonst, und ich weiß noch nicht, ob es geklappt hat. Einen Moment bitte, ich sehe gleich nach."
    ),
    change_unknown=(
        "Ob das geklappt hat, kann ich gerade nicht sehen: Es kann schon erledigt sein. Bitte buchen Sie jetzt nichts doppelt,"
        " sondern fragen Sie in ein paar Minuten nach."
    ),
    note_unknown=(
        "Ob das notiert ist, kann ich gerade nicht sehen. Meldet sich niemand bei Ihnen, rufen Sie bitte später wieder an."
    ),
    unknown="Ob das geklappt hat, kann ich gerade nicht sehen.",
    or_instead="Oder {question}",
    offer_message="soll ich dem Team etwas ausrichten?",
    offer_waitlist="soll ich Sie auf die Warteliste setzen?",
    transfer_to_team="soll ich Sie mit dem Team verbinden?",
    transfer_or_message="soll ich Sie mit dem Team verbinden oder ihm etwas ausrichten?",
    cannot_be_settled="Das kann ich hier leider nicht klären, es bleibt alles, wie es ist.",
    anything_else="kann ich sonst etwas für Sie tun?",
    requested=", angefragt und noch nicht bestätigt",
    to_be_confirmed=", was der Kalender noch bestätigen muss",
    # slots and readings
    slot="{when} bei {staff}",
    later="um {clock}",
    service_with="{service} bei {staff}",
    nothing_free="In den zwei Wochen, die ich durchgesehen habe, ist{staff} leider nichts frei. Soll ich später suchen?",
    bookings_paused="Zurzeit nehmen wir keine neuen Termine an.",
    bookings_paused_until="Bis {day}, nehmen wir keine neuen Termine an.",
    shall_i_book="Soll ich das eintragen?",
    shall_i_move="Soll ich Ihren Termin dorthin verschieben?",
    move_where="Auf welche Zeit soll ich Ihren Termin verschieben?",
    which_suits="Was passt Ihnen?",
    which_do_you_mean="Welchen Termin meinen Sie?",
    nothing_free_before="In den letzten zwei Wochen davor und in den nächsten zwei Wochen ist{staff} leider nichts frei.",
    confirmed_when_booked="Ob das so klappt, bestätige ich Ihnen beim Eintragen. {question}",
    visit_length=" Das dauert insgesamt {length}{waiting}.",
    services_length=" {services} dauern zusammen {length}{waiting}.",
    length_and_end=" Er dauert insgesamt {length}, bis {clock}.",
    one_hour="eine Stunde",
    several_hours="{count} Stunden",
    one_minute="eine Minute",
    several_minutes="{count} Minuten",
    offered="Frei ist {slots}.",
    offered_by_others="Nicht bei {staff}, aber frei ist {slots}.",
    example="Frei ist zum Beispiel {slots}.",
    do_you_mean="Meinen Sie {choices}?",
    part_or_visit="Nur {service}, oder {visit}?",
    # why a time is not free; `when` is a full date and time, or a longer span
    past_time="Dieser Zeitpunkt ist schon vorbei. Welchen Tag und welche Uhrzeit meinen Sie?",
    past_date="{day} ist schon vorbei, heute ist {today}. Welchen Tag und welche Uhrzeit meinen Sie?",
    impossible_time="Diesen Tag oder diese Uhrzeit gibt es nicht. Welchen Tag und welche Uhrzeit meinen Sie?",
    time_not_understood="Das habe ich nicht verstanden. An welchem Tag und um wie viel Uhr möchten Sie kommen?",
    is_time_of_branch="Meinen Sie {time} bei uns vor Ort?",
    day_not_understood="Den Tag habe ich nicht verstanden. An welchem Tag möchten Sie kommen?",
    or_another_day="Oder an welchem anderen Tag möchten Sie kommen?",
    hour_not_understood="Die Uhrzeit habe ich nicht verstanden.",
    one_at_a_time="Das waren mehrere Anliegen auf einmal. Bitte eines nach dem anderen: Womit soll ich anfangen?",
    who_comes_along="Wer noch mitkommt, habe ich nicht ganz verstanden. Wer kommt außer Ihnen, und mit welchem Wunsch?",
    which_name="Ich habe zwei verschiedene Namen verstanden. Welcher Name gilt?",
    which_phone="Die Telefonnummer habe ich nicht eindeutig verstanden. Welche Nummer gilt?",
    which_branch_unclear="Die Filiale habe ich nicht eindeutig verstanden. Welche Filiale meinen Sie?",
    too_soon="{when} ist leider zu kurzfristig.",
    too_far="So weit im Voraus vergeben wir keine Termine, nur bis {last_day}.",
    closed_day="{day}: Da ist nicht geöffnet{holiday}.",
    person_off="{day}: Da arbeitet {staff}{here} nicht.",
    nothing_free_then="{day}: Da ist{staff} nichts frei.",
    nobody_works="{day}: Da arbeitet{here} niemand, der das macht.",
    here=" hier",
    outside_hours="{when} liegt außerhalb der Zeiten, zu denen das{staff} möglich ist.",
    off_grid="{when} beginnt bei uns kein Termin.",
    taken="{when} ist{staff} leider nichts mehr frei.",
    among_staff=" mit {staff}",
    taken_for_group="{when} ist{staff} leider nicht für alle {people} Personen zugleich frei.",
    other_hours="Auch in den zwei Wochen danach finde ich zu dieser Tageszeit nichts Passendes.",
    with_staff=" bei {staff}",
    holiday=", es ist {holiday}",
    # a request to book
    appointment="{when}, {service} bei {staff}{place}",
    in_branch=" in {branch}",
    for_customer=" für {name}",
    another_beside=(
        "Für diese Zeit habe ich in diesem Gespräch schon {booked} eingetragen. Soll ich den Namen in {name} ändern, oder ist"
        " das ein zweiter Termin für {name}?"
    ),
    rename_or_another=(
        "Dieser Termin ist für {booked} eingetragen. Soll ich den Namen in {name} ändern, oder ist das ein zweiter Termin für"
        " {name}?"
    ),
    change_or_another=(
        "Soll ich das beim Termin am {appointment}, ändern? Für einen weiteren Termin nennen Sie mir bitte Namen, Tag und Uhrzeit."
    ),
    one_of_beside=(
        "Für diese Zeit habe ich in diesem Gespräch schon Termine für {booked} eingetragen. Welchen davon soll ich ändern, oder"
        " ist das ein weiterer Termin für {name}?"
    ),
    instead_of_part=(
        "Zu dieser Zeit habe ich in diesem Gespräch schon einen Teil davon eingetragen. Soll ich diesen Termin absagen und"
        " stattdessen {service} eintragen, oder ist das für jemand anderen?"
    ),
    beside_or_replaced=(
        "Um diese Zeit ist schon ein Termin eingetragen: {appointment}. Soll das ein weiterer sein, oder soll ich diesen"
        " absagen und stattdessen {service} eintragen?"
    ),
    beside_or_moved=(
        "Um diese Zeit ist schon ein Termin eingetragen: {appointment}. Soll das ein weiterer sein, oder soll ich diesen"
        " verschieben?"
    ),
    moved_beside=(
        "Um diese Zeit ist schon ein Termin eingetragen: {appointment}. Soll ich trotzdem dorthin verschieben?"
    ),
    beside_or_none="Dieser Termin ist schon eingetragen: {appointment}. Soll das ein weiterer sein?",
    further_or_instead=(
        "In diesem Gespräch habe ich schon einen Termin eingetragen: {appointment}. Soll das ein weiterer sein, oder soll"
        " ich diesen verschieben?"
    ),
    group_further_or_instead=(
        "In diesem Gespräch habe ich schon Termine eingetragen: {appointments}. Sollen das weitere sein, oder soll ich diese"
        " verschieben?"
    ),
    group_further_or_cancel=(
        "In diesem Gespräch habe ich schon Termine eingetragen: {appointments}. Sollen das weitere sein, oder soll ich diese"
        " absagen?"
    ),
    further_or_cancel=(
        "In diesem Gespräch habe ich schon einen Termin eingetragen: {appointment}. Soll das ein weiterer sein, oder soll"
        " ich diesen absagen?"
    ),
    nobody_does="{service} kann ich hier gerade niemandem zuordnen. Wünschen Sie etwas anderes?",
    not_in_one_visit=(
        "{services} kann ich nicht als einen Termin eintragen, nur jede Leistung einzeln. Womit soll ich anfangen?"
    ),
    one_person_at_a_time=(
        "Dieselbe Leistung für mehrere Personen trage ich als einzelne Termine ein. Für wen soll ich den ersten suchen?"
    ),
    which_for_whom="{services}: Für wen ist welche Leistung?",
    too_many_services="In einem Termin sind höchstens {count} Leistungen möglich. Welche sollen es sein?",
    too_many_people="Zusammen trage ich höchstens {count} Personen ein. Für wie viele soll ich suchen?",
    only_one_by_one=(
        "Unser Kalender nimmt mehrere Termine nicht zusammen an, nur jeden für sich, auch zur selben Zeit, wenn bei mehreren"
        " frei ist."
    ),
    one_by_one_first="Zuerst für eine Person:",
    one_by_one_whom="Für wen soll ich den ersten eintragen?",
    own_birth_date_each=(
        "Ich brauche von jeder Person das Geburtsdatum und trage deshalb jeden Termin für sich ein. Für wen soll ich den ersten"
        " suchen?"
    ),
    services_of_companions="Wer bekommt welche Leistung?",
    several_of_one_name="Soll ich {count} Termine für {name} eintragen, oder nur einen?",
    group_offer_gone="So, wie ich es angeboten hatte, geht es leider nicht mehr.",
    name_of_companion="Auf welchen Namen darf ich den anderen Termin eintragen?",
    names_of_companions="Auf welche Namen darf ich die anderen Termine eintragen?",
    group_partly=(
        "Für {booked} habe ich zu dieser Zeit schon einen Termin eingetragen. Soll ich den für {missing} einzeln eintragen?"
    ),
    when_to_book="Für welchen Tag und welche Uhrzeit soll ich den Termin eintragen?",
    whose_name="Auf welchen Namen darf ich den Termin eintragen?",
    what_time_exactly="{reading}: Um wie viel Uhr genau?",
    no_appointments_here="Hier sind noch keine Termine eingerichtet.",
    nothing_bookable="Hier kann ich gerade keine Termine vergeben.",
    what_to_book="Was möchten Sie buchen: {services}?",
    what_to_book_of_many="Was möchten Sie buchen, zum Beispiel {services}?",
    that_service="Das",
    service_not_found="Unter {requested} finde ich nichts.",
    no_service_found="Dazu finde ich nichts.",
    no_appointment="{requested} kann ich nicht als Termin eintragen.",
    can_book="Eintragen kann ich {services}.",
    can_book_some="Eintragen kann ich zum Beispiel {services}.",
    want_that="Möchten Sie das?",
    want_which="Was davon möchten Sie?",
    nobody_of_name="Unter dem Namen {name} arbeitet hier niemand.",
    not_by_person="Bei {staff} gibt es das nicht.",
    person_elsewhere="{staff} arbeitet nicht hier, sondern in {branches}.",
    person_not_known="Wer das ist, weiß ich leider nicht.",
    person_not_understood="Zu wem Sie möchten, habe ich nicht verstanden.",
    service_by="{service} gibt es bei {names}.",
    whom_to_see="Zu wem möchten Sie?",
    only_time_moved="Geändert ist nur die Zeit, die Leistung und die Person sind dieselben wie vorher.",
    rest_noted="Das Übrige steht als Notiz dabei.",
    rest_noted_of_one="Das ist ein einzelner Termin, das Übrige steht als Notiz dabei.",
    not_all_noted="Einiges davon konnte ich nicht notieren.",
    nothing_else_noted="Mehr habe ich dazu nicht notiert.",
    phone_needed="Für diesen Termin brauchen wir eine Telefonnummer. Unter welcher Nummer sind Sie zu erreichen?",
    phone_missing=(
        "Ihre Rufnummer sehe ich bei diesem Anruf nicht. Unter welcher Nummer sind Sie zu erreichen? Ich kann den Termin auch"
        " ohne Nummer eintragen."
    ),
    phone_unclear=(
        "Die Telefonnummer habe ich nicht richtig verstanden. Unter welcher Nummer sind Sie zu erreichen? Sagen Sie sie bitte"
        " noch einmal, Ziffer für Ziffer und mit Vorwahl."
    ),
    phone_half=(
        "Als Telefonnummer habe ich {phone} verstanden, das ist aber keine vollständige Nummer. Sagen Sie sie bitte noch einmal,"
        " Ziffer für Ziffer und mit Vorwahl."
    ),
    booked_name=" Er ist auf den Namen {name}.",
    which_full_name=" Wie ist bitte der volle Name, mit Vor- und Nachname?",
    phone_noted=" Als Telefonnummer habe ich notiert: {phone}.",
    phone_not_noted=" Eine Telefonnummer habe ich dazu nicht notiert: Die genannte war nicht vollständig.",
    phone_was_half=" Die genannte Telefonnummer war nicht vollständig.",
    phone_as_heard="Telefon, wie verstanden: {said}",
    is_email_right="Die E-Mail-Adresse habe ich so verstanden: {spelled}. Ist das richtig?",
    which_email=(
        "Die E-Mail-Adresse habe ich nicht richtig verstanden. Buchstabieren Sie sie bitte noch einmal, oder soll ich den"
        " Termin ohne Adresse eintragen?"
    ),
    spelled_email="{local}, at {domain}",
    # what became of a booking or a move
    booking_in_flight="Ich bin noch dabei, genau diesen Termin einzutragen. Einen Augenblick bitte.",
    booking_refused=(
        "Es tut mir leid, ich kann den Termin gerade nicht eintragen, er ist also nicht gebucht. Darum muss sich jemand"
        " aus dem Team kümmern. Sie können später auch noch einmal anrufen."
    ),
    just_cancelled="Der Termin {when} wurde gerade abgesagt. Möchten Sie einen anderen?",
    booking_requested="Der Termin ist angefragt: {when}. Er ist noch nicht fest, das Team muss ihn erst bestätigen.",
    booked="Der Termin ist eingetragen: {when}.",
    stands_already="Der Termin steht schon: {when}.",
    move_further=" Soll ich ihn noch weiter verschieben, sagen Sie mir bitte den Tag und die Uhrzeit.",
    name_changed=" Den Namen habe ich geändert: {name}.",
    phone_changed=" Die Telefonnummer habe ich geändert: {phone}.",
    email_changed=" Die E-Mail-Adresse habe ich geändert.",
    note_added=" Ihren Hinweis habe ich notiert.",
    birth_date_changed=" Das Geburtsdatum habe ich geändert.",
    birth_date_unchanged=" Das Geburtsdatum kann ich hier nicht mehr ändern, das kann nur das Team.",
    not_corrected=" Die Änderung konnte ich gerade nicht eintragen. Soll ich es noch einmal versuchen?",
    instead_with="Soll ich ihn absagen und bei {staff} einen neuen suchen?",
    team_changes_calendar=" Im Kalender ändert das Team es noch, ich habe es ihm ausgerichtet.",
    calendar_unchanged=" Im Kalender steht noch der bisherige Stand.",
    change_in_calendar="Bitte im Kalender ändern, {when}: {details}.",
    changed_detail="{detail}: {now} (bisher {before})",
    written_name="Name",
    written_phone="Telefon",
    written_email="E-Mail",
    written_note="Hinweis",
    group_booked="Die Termine sind eingetragen: {first}.",
    group_stands_already="Die Termine stehen schon: {first}.",
    group_besides=" Und {appointment}.",
    calendar_has_to_confirm=" Der Kalender muss ihn noch bestätigen.",
    other_stays=" Der andere Termin am {when}, bleibt bestehen.",
    others_stay=" Die anderen {count} Termine dafür bleiben bestehen.",
    which_to_move="Welchen Termin soll ich verschieben",
    when_to_move="Auf welchen Tag und welche Uhrzeit soll ich den Termin verschieben?",
    when_to_move_there="Ihr Termin ist am {when}, und bleibt dort. Auf welchen Tag und welche Uhrzeit soll ich ihn verschieben?",
    not_offered_any_more=(
        "Ihr Termin am {when}, lässt sich leider nicht verschieben: Das bieten wir so nicht mehr an. Soll ich ihn"
        " absagen und einen neuen suchen?"
    ),
    say_cancel="Verschieben lässt er sich leider nicht. Wenn ich ihn absagen soll, sagen Sie bitte: Termin absagen.",
    move_in_flight="Ich bin noch dabei, genau diesen Termin zu verschieben. Einen Augenblick bitte.",
    changed_meanwhile="Der Termin wurde inzwischen geändert. Es bleibt bei {when}.",
    cancelled_or_over="Der Termin {when} wurde abgesagt oder liegt schon zurück. Soll ich einen neuen suchen?",
    move_refused="Der Kalender lässt das Verschieben nicht zu. Es bleibt bei {when}.",
    move_requested="Die Verschiebung ist angefragt: {when}. Sie ist noch nicht fest, das Team muss sie erst bestätigen.",
    moved="Der Termin ist verschoben: {when}.",
    # limits
    limit_of_call="In einem Gespräch kann ich nicht mehr als {limit} eintragen, diesen habe ich also nicht gebucht.",
    one_appointment="einen Termin",
    several_appointments="{count} Termine",
    limit_of_call_for_group="In einem Gespräch kann ich nicht mehr als {limit} eintragen, gebucht habe ich also keinen davon.",
    limit_of_caller_for_group=(
        "So viele Termine kann ich heute für Ihre Rufnummer nicht mehr eintragen, gebucht habe ich also keinen davon."
    ),
    limit_of_anonymous_for_group=(
        "Ihre Rufnummer sehe ich bei diesem Anruf nicht, und ohne sie kann ich im Moment nicht so viele Termine eintragen, gebucht"
        " habe ich also keinen davon. Wenn Sie sie unterdrücken, rufen Sie bitte mit sichtbarer Rufnummer noch einmal an."
    ),
    limit_of_caller="Für Ihre Rufnummer kann ich heute keine weiteren Termine eintragen, diesen habe ich also nicht gebucht.",
    limit_of_anonymous=(
        "Ihre Rufnummer sehe ich bei diesem Anruf nicht, und ohne sie kann ich im Moment keine Termine mehr eintragen, diesen"
        " habe ich also nicht gebucht. Wenn Sie sie unterdrücken, rufen Sie bitte mit sichtbarer Rufnummer noch einmal an."
    ),
    # a caller's own appointments
    past_named="Dieser Zeitpunkt ist schon vorbei.",
    impossible_named="Diesen Tag oder diese Uhrzeit gibt es nicht.",
    named_not_understood="Den Tag oder die Uhrzeit habe ich nicht verstanden.",
    already_cancelled="Ein Termin ist schon abgesagt.",
    none_of_number=(
        "Unter Ihrer Nummer finde ich keinen kommenden Termin. Ist er unter einer anderen Nummer gebucht, rufen Sie bitte"
        " mit dieser an. Möchten Sie sonst einen neuen Termin?"
    ),
    none_left="Ich finde keinen kommenden Termin mehr. Möchten Sie einen neuen?",
    number_not_shown=(
        "Ihre Rufnummer sehe ich bei diesem Anruf nicht, deshalb kann ich Ihre Termine nicht nachsehen. Wenn Sie sie"
        " unterdrücken, rufen Sie bitte noch einmal mit sichtbarer Nummer an."
    ),
    not_found="Diesen Termin finde ich nicht.",
    none_then="{when}: Da finde ich keinen Termin von Ihnen.",
    is_it_the_one="Meinen Sie den am {appointment}?",
    is_it_of_another="Eingetragen ist der Termin am {appointment}, nicht für {name}. Meinen Sie diesen?",
    which_of_many="Sie haben {count} Termine. {question}? Die nächsten sind {appointments}.",
    which_of="{question}: {appointments}?",
    one_found="Sie haben einen Termin: {when}.",
    several_found="Sie haben {count} Termine: {appointments}{rest}.",
    and_more=", und {count} weitere",
    which_to_cancel="Welchen Termin soll ich absagen",
    cannot_cancel="Der Termin am {when}, lässt sich nicht mehr absagen.",
    cancelled="Der Termin ist abgesagt: {when}.",
    say_what_for_a_new_one=" Für einen neuen sagen Sie mir bitte, wofür und wann.",
    can_move_too="Sagen Sie es, wenn Sie lieber verschieben.",
    stays="Gut. Ihr Termin am {when}, bleibt bestehen.",
    shall_i_cancel="Soll ich Ihren Termin am {when}, absagen?",
    yes_or_no="Ein Ja oder Nein genügt.",
    # verification of callers
    ask_name_and_birth_date="Damit ich nachsehen darf: Auf welchen Namen läuft der Termin, und wie ist das Geburtsdatum?",
    ask_name="Auf welchen Namen läuft der Termin?",
    ask_birth_date="Wie ist das Geburtsdatum? Bitte mit Tag, Monat und Jahr.",
    no_match="Mit diesen Angaben kann ich keinen Termin nennen.",
    too_many_attempts="Das kann ich am Telefon jetzt nicht weiter prüfen.",
    # messages
    when_to_call_back="Wann sollen wir Sie zurückrufen? Bitte sagen Sie es in wenigen Worten.",
    whom_for="Für wen ist die Nachricht? Bitte sagen Sie nur den Namen.",
    no_call_back="Doch kein Rückruf.",
    call_back_withdrawn="Die Nachricht bleibt notiert, mit dem Zusatz: Doch kein Rückruf.",
    only_call_back="Bittet um Rückruf.",
    message_too_long="Das war etwas viel auf einmal. Was ist das Wichtigste, das ich ausrichten soll?",
    too_many_messages=(
        "Ich habe schon mehrere Nachrichten notiert und kann gerade keine weitere aufnehmen. Diese habe ich also nicht"
        " notiert."
    ),
    message_changed_too_often=(
        "Diese Nachricht habe ich schon mehrmals geändert. Notiert ist sie so, wie Sie sie zuvor gesagt haben."
    ),
    noted="Ich habe es{whom} notiert und richte es aus.",
    not_kept="Was Sie in diesem Gespräch sagen, wird nicht gespeichert. Was Sie buchen oder ausrichten lassen, bleibt notiert.",
    call_back_noted="Ich habe es{whom} notiert. Zum Rückruf ist notiert: {when}.{number}",
    call_back_in_words="Ich habe es{whom} notiert, auch Ihre Worte zum Rückruf.{number}",
    call_back_wanted="Ich habe es{whom} notiert und gebe Ihren Wunsch nach einem Rückruf weiter.{number}",
    message_for=" für {recipient}",
    message_now=" Die Nachricht lautet jetzt: {text}",
    in_one_message=" Alles steht in einer Nachricht.",
    reached_at_callers_number=" Notiert ist dazu die Nummer, von der Sie anrufen.",
    no_number_noted=" Eine Telefonnummer ist dazu nicht notiert.",
    reached_at_number=" Notiert ist dazu die Nummer {phone}.",
    reached_at_named_number=" Notiert ist dazu die Nummer, die Sie genannt haben.",
    caller_numbers={
        "identified": "bekannt",
        "withheld": "nicht bekannt (unterdrückt); notiert wird nur eine, die der Anrufer nennt",
        "own_number": "nicht bekannt (der Anruf ist weitergeleitet); notiert wird nur eine, die der Anrufer nennt",
        "made_up": "nicht bekannt (der Netzbetreiber zeigt einen Platzhalter); notiert wird nur eine, die der Anrufer nennt",
    },
    what_message="Was darf ich ausrichten?",
    whose_message="Von wem darf ich das ausrichten?",
    number_to_call_back="Unter welcher Nummer erreichen wir Sie für den Rückruf?",
    # the waiting list
    wait_for_when="Für welchen Tag oder welche Zeit soll ich Sie auf die Warteliste setzen?",
    wait_for_whom="Auf welchen Namen darf ich Sie auf die Warteliste setzen?",
    wait_at_number="Unter welcher Nummer erreichen wir Sie, wenn etwas frei wird?",
    no_need_to_wait="Da brauchen Sie keine Warteliste.",
    wait_for_which_time="Wenn nichts davon passt, sagen Sie mir die Uhrzeit, für die Sie warten möchten.",
    next_possible_day="Möglich ist das als Nächstes {day}. Für welchen Tag soll ich Sie auf die Warteliste setzen?",
    wait_for_another_day="Für welchen anderen Tag soll ich Sie auf die Warteliste setzen?",
    waitlist_full="Auf die Warteliste kann ich Sie im Moment leider nicht mehr setzen.",
    waiting=(
        "Sie stehen auf der Warteliste für {service}{staff}: {requested}. {news} Ein Termin ist das noch nicht."
    ),
    one_person_waits=(
        " Notiert habe ich damit eine Person, {name}. Wer noch mitkommt, braucht einen eigenen Eintrag: auf welchen Namen?"
    ),
    they_wait="Auf der Warteliste: {names}.",
    rename_or_another_waits=(
        "Auf der Warteliste steht {waiting}. Soll ich den Namen in {name} ändern, oder ist das ein zweiter Eintrag für {name}?"
    ),
    freed_by_team="Wird etwas frei, bietet das Team es den Wartenden der Reihe nach an.",
    freed_by_message="Wird etwas frei und sind Sie an der Reihe, bekommen Sie eine Nachricht an Ihre Nummer.",
    # branches
    wanted_appointment="den Termin",
    wanted_information="das wissen",
    not_there_but="Das gibt es nicht in {branch}, aber in {others}. Möchten Sie dort einen Termin?",
    unknown_branch="Diese Filiale kenne ich nicht. Möchten Sie {wanted} in {branch}?",
    otherwise_name_place="{first}Sonst nennen Sie mir bitte den Ort oder die Postleitzahl der Filiale, in die Sie möchten.",
    name_place="Wir haben mehrere Filialen: nennen Sie mir bitte den Ort oder die Postleitzahl der Filiale, in die Sie möchten.",
    for_which_branch="Für welche Filiale möchten Sie {wanted}? ",
    digit_for="{digit} für {branch}",
    otherwise_press="Sonst sagen oder drücken Sie {choices}.",
    press="Sagen oder drücken Sie {choices}.",
    otherwise_there_are="Sonst gibt es {branches}.",
    there_are="Es gibt {branches}.",
    again_there="Möchten Sie wieder zu {branch}?",
    nearest="Am nächsten liegt wohl {branch}. Passt das?",
    # business information
    which_day="Welchen Tag meinen Sie?",
    not_known="Das kann ich Ihnen leider nicht sagen.",
    nothing_about="Zum Thema {words} weiß ich nichts.",
    more_not_known="Mehr weiß ich dazu leider nicht.",
    subjects={
        "parking": (
            r"\bpark(?!ett)\w*|parkplaetz|parkplatz|parkhaus|stellpl|tiefgarage|\bgarage", "Zum Parken weiß ich nichts.",
        ),
        "age": (
            rf"\b(?:mindest|hoechst)?alters?\b|altersgrenze|wie alt|\bjahre alt|wie viele?n? jahre|\bu1[68]\b|{_A_CHILD}",
            "Für welches Alter das gilt, weiß ich nicht.",
        ),
        "payment": (
            r"\b(?:be)?zahl\w*|zahlung|\bbar\b|bargeld|\b(?:giro|bank|geld|debit)?karten?\b|kredit|paypal|rechnung|ueberweis",
            "Wie Sie bezahlen können, weiß ich nicht.",
        ),
        "access": (
            r"barriere|rollstuhl|rollator|aufzug|fahrstuhl|\blift\b|stufen|treppe", "Zur Barrierefreiheit weiß ich nichts.",
        ),
        "own_number": (
            _OWN_NUMBER, "Ihre Nummer kann ich Ihnen hier nicht vorlesen.",
        ),
        "working_days": (r"(?!)", "Wer an welchem Tag arbeitet, weiß ich nicht."),
        "reductions": (r"rabatt|ermaessig|nachlass|studentenpreis", "Zu Ermäßigungen weiß ich nichts."),
    },
    topics_not_known={
        "opening_hours": "Zu den Öffnungszeiten weiß ich nichts.",
        "closed_days": "Zu geschlossenen Tagen weiß ich nichts.",
        "address": "Zur Adresse weiß ich nichts.",
        "staff": "Zum Team weiß ich nichts.",
        "cancellation": "Zu den Absageregeln weiß ich nichts.",
    },
    address="Die Adresse{of_branch} ist {place}{code}.",
    of_branch=" von {branch}",
    street_in_city="{street} in {city}",
    postal_code=", Postleitzahl {digits}",
    and_others=" und weitere",
    team_of_several="Zum Team gehören {names}.",
    team_of_one="Für Sie da ist {names}.",
    speaks="{name} spricht {languages}.",
    not_on_list="{requested} finde ich nicht auf meiner Liste. ",
    named_as_subject="{name}: das",
    costs="{service} kostet {price}",
    is_free="{service} ist kostenlos",
    are_free="{service} sind kostenlos",
    services_cost="{service} kosten zusammen {price}",
    prices_not_known="Die Preise kann ich Ihnen leider nicht sagen.",
    not_offered_now="{service} bieten wir zurzeit nicht an.",
    offered_elsewhere="{service} gibt es nicht in {branch}, aber in {others}.",
    price_not_known="Den Preis für {service} kann ich Ihnen leider nicht sagen.",
    these_prices_not_known="Was {service} kosten, kann ich Ihnen leider nicht sagen.",
    takes="{service} dauert {length}{price}.",
    services_take="{service} dauern zusammen {length}{price}.",
    takes_with="Bei {staff} dauert es {length}{price}.",
    costs_with="Bei {staff} kostet es {price}.",
    is_free_with="Bei {staff} ist es kostenlos.",
    price_with=", bei {staff} {price}",
    free="kostenlos",
    preparing=r"\b(?:was|etwas)\b.*mit(?:zu)?bring|vorbereit|beacht|nuechtern",
    preparation_not_known="Ob Sie dafür etwas mitbringen oder beachten müssen, kann ich Ihnen leider nicht sagen.",
    of_it_waiting=", davon {length} Wartezeit",
    and_costs=" und kostet {price}",
    and_free=" und ist kostenlos",
    and_are_free=" und sind kostenlos",
    and_cost=" und kosten {price}",
    which_service="Welche Leistung meinen Sie{names}?",
    # opening hours
    open_as_usual="In den nächsten acht Wochen ist zu den üblichen Zeiten geöffnet.",
    closed_beside="In den nächsten acht Wochen ist außer der Reihe geschlossen {days}.",
    open_week="Geöffnet ist {hours}.",
    closed_week="{days} ist geschlossen.",
    also_closed="Außer der Reihe ist geschlossen {days}.",
    every_day="täglich",
    days_to="{first} bis {last}",
    today="Heute, {day},",
    tomorrow="Morgen, {day},",
    on_day="Am {day},",
    on_every="{day}",
    day_closed="{day} ist geschlossen{holiday}.",
    day_over="{day} war bis {until} geöffnet, jetzt ist geschlossen.",
    day_open="{day} ist {hours} geöffnet.",
    next_opening="Wieder geöffnet ist am {day}, {hours}.",
    open_now="Jetzt ist geöffnet, bis {until}.",
    closed_now="Jetzt ist geschlossen.",
    still_open_today="Heute ist noch {hours} geöffnet.",
    no_appointments_that_day="Termine sind an diesem Tag aber nicht möglich.",
    no_appointments_at="{times} sind aber keine Termine möglich.",
    and_further_days="{days} und an weiteren Tagen",
    closed_from_to="von {first}, bis {last}",
    closed_on="am {day}{holiday}",
    hours_from_to="von {opens} bis {closes}",
    all_day="rund um die Uhr",
    # names
    weekdays=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    habitual_weekdays=("montags", "dienstags", "mittwochs", "donnerstags", "freitags", "samstags", "sonntags"),
    months=(
        "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember",
    ),
    digits=("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"),
    parts_of_day={
        "frueh": "früh", "vormittag": "Vormittag", "mittag": "Mittag", "nachmittag": "Nachmittag", "abend": "Abend",
        "nacht": "Nacht", "morning": "Vormittag",
    },
    languages={
        "ar": "Arabisch", "bg": "Bulgarisch", "cs": "Tschechisch", "da": "Dänisch", "de": "Deutsch", "el": "Griechisch",
        "en": "Englisch", "es": "Spanisch", "fa": "Persisch", "fi": "Finnisch", "fr": "Französisch", "hr": "Kroatisch",
        "hu": "Ungarisch", "it": "Italienisch", "ja": "Japanisch", "ko": "Koreanisch", "ku": "Kurdisch", "nl": "Niederländisch",
        "no": "Norwegisch", "pl": "Polnisch", "pt": "Portugiesisch", "ro": "Rumänisch", "ru": "Russisch", "sk": "Slowakisch",
        "sl": "Slowenisch", "sq": "Albanisch", "sr": "Serbisch", "sv": "Schwedisch", "th": "Thailändisch", "tr": "Türkisch",
        "uk": "Ukrainisch", "vi": "Vietnamesisch", "zh": "Chinesisch",
    },
    email_signs={".": "Punkt", "_": "Unterstrich", "-": "Bindestrich", "+": "Plus", "'": "Apostroph"},
)  # fmt: skip
