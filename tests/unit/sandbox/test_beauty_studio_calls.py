"""Calls of a beauty studio: services in one another's names, prices and preparation in everyday words, times not known."""

import pytest
from beauty_studio import ASKS_SATURDAY, DEPOSIT, ON_SATURDAY, PREGNANT, hold_call, studio, studio_function

from askproai_sandbox.caller import phrases

ADVICE, MAKE_UP = "Beratung zum Permanent-Make-up", "Permanent-Make-up"
WISH = "Ich möchte ein Wimpernlifting am Samstag um zehn."
BOOKED = (WISH, "Ja, bitte. Lara Petersen.")


@pytest.mark.parametrize(
    ("said", "service"),
    [
        ("Eine Beratung für Permanent-Make-up am Donnerstag um zehn, bitte.", ADVICE),
        ("Permanent-Make-up-Beratung am nächsten Donnerstag um elf, bitte.", ADVICE),
        ("Eine Beratung, es geht um Permanent-Make-up.", ADVICE),
        ("Eine Beratung zum PMU am Donnerstag.", ADVICE),
        ("Permanent-Make-up am Donnerstag um zehn.", MAKE_UP),
        ("Beratung und Maniküre am Donnerstag.", f"{ADVICE}, Maniküre"),
    ],
)
def test_a_service_is_not_taken_for_the_one_that_is_a_part_of_its_name(said: str, service: str) -> None:
    assert studio_function(said)[1]["service"] == service


@pytest.mark.parametrize("said", ["Permanent-Make-up und eine Beratung.", "Permanent-Make-up, erst nur die Beratung."])
def test_where_one_or_two_services_may_be_meant_it_asks_which(said: str) -> None:
    assert studio(said)[0] == f"Möchten Sie {MAKE_UP} oder {ADVICE}?"


@pytest.mark.parametrize(
    ("says", "topic", "service"),
    [
        (("Ich interessiere mich für Permanent-Make-up, was muss man denn dafür hinlegen?",), "prices", MAKE_UP),
        (("Was nehmen Sie fürs Achselwaxing?",), "prices", "Achselwaxing"),
        (("Was verlangen Sie für eine Maniküre?",), "prices", "Maniküre"),
        (("Ein Wimpernlifting, bitte.", "Und wie lange sitze ich da?"), "service", "Wimpernlifting"),
        ((*BOOKED, "Was muss ich denn davor beachten?"), "service", "Wimpernlifting"),
        ((*BOOKED, "Danke, und worauf muss ich vorher achten?"), "service", "Wimpernlifting"),
        (("Muss ich beim Wimpernlifting etwas beachten?",), "service", "Wimpernlifting"),
    ],
)
def test_prices_and_preparation_are_asked_for_in_everyday_words(
    says: tuple[str, ...], topic: str, service: str
) -> None:
    name, args = studio_function(*says)
    assert (name, args["topic"], args["service"]) == ("business_information", topic, service)


@pytest.mark.parametrize("when", ["eine halbe Stunde vor Feierabend"])
def test_a_time_that_the_pods_do_not_know_is_asked_for_and_not_left_out(when: str) -> None:
    asked, remark = studio(WISH, f"Dann Donnerstag {when}.")
    assert not isinstance(asked, tuple)
    assert when in str(remark)


def test_a_part_of_the_day_beside_a_clock_time_is_no_other_time() -> None:
    called = studio_function(WISH, "Dann Donnerstag um drei, gleich nach dem Training.")
    assert called[1] == {"service": "Wimpernlifting", "date": "Donnerstag", "time": "drei"}


def test_the_day_on_which_a_caller_is_busy_is_no_choice_and_the_same_time_is_that_of_the_offer() -> None:
    says = (WISH, "Moment, ich sehe gerade, Samstag habe ich Besuch. Geht auch Donnerstag um die gleiche Zeit?")
    name, args = studio_function(*says)
    assert (name, args["date"], args["time"]) == ("check_availability", "Donnerstag", "10:00 Uhr")


@pytest.mark.parametrize("said", ["Samstag habe ich Besuch.", "Am Samstag hab ich Spätschicht."])
def test_who_is_busy_on_the_offered_day_is_asked_for_another_one(said: str) -> None:
    assert studio(WISH, said)[0] == phrases.ASK_TIME


GIVEN_UP = "Hallo, Petersen noch mal, mein Wimpernlifting am Samstag klappt doch nicht, da habe ich Besuch."
OWN = {
    "appointment_id": "a-9",
    "start": "2026-11-28T10:00:00+01:00",
    "spoken": "Samstag, Wimpernlifting bei Frau Wolff",
}


@pytest.mark.parametrize(
    ("said", "called"),
    [
        ("Absagen, bitte.", ("cancel_appointment", {"appointment_id": "a-9"})),
        (
            "Verschieben, auf Donnerstag um zehn.",
            ("reschedule_appointment", {"appointment_id": "a-9", "date": "Donnerstag", "time": "zehn"}),
        ),
        (
            "Geht auch Donnerstag um die gleiche Zeit?",
            ("reschedule_appointment", {"appointment_id": "a-9", "date": "Donnerstag", "time": "um die gleiche Zeit"}),
        ),
    ],
)
def test_who_cannot_come_is_asked_whether_to_cancel_or_to_move(said: str, called: tuple[str, dict[str, str]]) -> None:
    assert studio(GIVEN_UP)[0] == phrases.CANCEL_OR_MOVE
    assert (
        studio_function(GIVEN_UP, said, answers={"find_appointments": {"success": True, "appointments": [OWN]}})
        == called
    )


MOVED = "Ich habe einen Termin am Donnerstag, den müsste ich gern eine Stunde nach hinten schieben."


def test_what_is_corrected_after_a_move_moves_the_same_appointment_again() -> None:
    moved = {"appointment_id": "a-8", "date": "Freitag", "time": "gleiche Uhrzeit"}
    says = (MOVED, "Ja, das passt.", "Nein, warten Sie, lieber doch auf Freitag, gleiche Uhrzeit.")
    assert studio(*says) == (("reschedule_appointment", moved), None)
    assert studio_function(MOVED, "Ich brauche noch einen Termin am Freitag.")[0] == "check_availability"


@pytest.mark.parametrize(
    "says",
    [
        (MOVED, "War das jetzt der Freitag?"),
        ("Guten Tag, Baum, ist am Freitag irgendwas mit unserem Termin?",),
        ("Welche Termine haben wir denn am Freitag?",),
        ("Reich hier. Ich habe zwei Termine, glaube ich, welche sind das?",),
        ("Sandra Hartung, was hatte ich noch mal bei Ihnen für Termine?",),
        ("Was habe ich jetzt?",),
        (*BOOKED, "Welchen Termin habe ich zuerst?"),
    ],
)
def test_a_question_about_the_own_appointment_looks_it_up(says: tuple[str, ...]) -> None:
    assert studio(*says) == (("find_appointments", {}), None)


def test_a_treatment_that_is_for_two_is_looked_for_once() -> None:
    called = studio_function("Wir wollen zu zweit am Samstag um elf die Pärchenbehandlung machen.")
    assert called == ("check_availability", {"service": "Paarbehandlung", "date": "Samstag", "time": "elf"})
    assert studio_function("Wir wollen zu zweit am Samstag um elf eine Maniküre.")[1]["companions"] == [{}]


@pytest.mark.parametrize(
    ("says", "function"),
    [
        (("Mit einem Automaten rede ich nicht, geben Sie mir jemand Echten.",), "transfer_to_human"),
        (("Ich will, dass mich die Chefin zurückruft.", "Britta Schönfeld."), "leave_message"),
        (
            (
                WISH,
                "Dann setzen Sie mich bitte für Samstag um elf auf die Liste, falls jemand abspringt.",
                "Rolf Zander.",
            ),
            "join_waitlist",
        ),
        (("Wird das Gespräch hier aufgenommen? Das möchte ich nicht.",), "decline_recording"),
        (("Graf am Apparat, kann der Termin von meinem Mann einen Tag früher sein?",), "reschedule_appointment"),
        (("Der am zehnten um zwölf, kann der zwei Tage später sein?",), "reschedule_appointment"),
        (("Kann man bei Ihnen auch einfach so vorbeikommen ohne Termin?",), "business_information"),
        (("Wie wird denn morgen das Wetter in Erfurt?",), "business_information"),
        (("Können Sie mir ein Taxi rufen?",), "business_information"),
        (("Meine Tochter ist fünfzehn, darf die schon zum Waxing kommen?",), "business_information"),
    ],
)
def test_a_wish_in_everyday_words_calls_the_function_that_serves_it(says: tuple[str, ...], function: str) -> None:
    assert studio_function(*says)[0] == function


def test_the_own_knowledge_is_found_behind_what_leads_to_it_unless_that_is_a_wish() -> None:
    asked = {"topic": "other", "question": PREGNANT}
    assert studio_function("Und ich bin schwanger, kann ich in der Schwangerschaft kommen?")[1] == asked
    wish = f"Eine Maniküre am Freitag, und dann noch: {PREGNANT}"
    assert studio_function(wish)[0] == "check_availability"


def test_what_is_wanted_instead_of_one_service_of_a_visit_leaves_the_other_in_it() -> None:
    says = ("Brazilian und Achseln am Samstag.", "Ach nein, doch die Beine statt der Achseln.")
    assert studio_function(*says)[1]["service"] == "Brazilian Waxing, Beinwaxing"


def test_by_means_that_are_no_service_a_word_names_no_other_one() -> None:
    assert studio_function("Ich möchte die Augenbrauen per Laser machen lassen.")[1]["service"] == "Laser"


def test_a_noun_behind_a_hyphen_that_is_in_no_name_makes_it_another_service() -> None:
    said = "Ich brauche eine Permanent-Make-up-Auffrischung, am 19. Dezember um zehn."
    assert studio_function(said)[1]["service"] == "Permanent-Make-up-Auffrischung"
    assert studio_function("Einen Maniküre-Termin am Freitag")[1]["service"] == "Maniküre"


@pytest.mark.parametrize(
    ("said", "following"),
    [
        ("Ja, Paul Bock. Außerdem noch eine Maniküre am Samstag um drei.", "check_availability"),
        (
            "Ja, gern, Paul Bock. Und dann bräuchte ich noch eine Maniküre am elften Dezember um elf.",
            "check_availability",
        ),
        ("Ja, bitte eintragen, Paul Bock, und gleich noch die Beine am Mittwoch um neun dazu.", "check_availability"),
        ("Ja, Paul Bock, und mein Freund kommt mit und möchte eine Gesichtsbehandlung.", "check_availability"),
        ("Ja, Paul Bock. Und kann mein Mann zur gleichen Zeit zur Maniküre?", "check_availability"),
        ("Ja, passt, Paul Bock, und ich möchte meinen Termin am Montag absagen.", "cancel_appointment"),
    ],
)
def test_the_accepted_offer_is_booked_before_what_else_is_asked_for_in_one_breath(said: str, following: str) -> None:
    calls, _, remark = hold_call(WISH, said)
    assert [each.name for each in calls] == ["check_availability", "book_appointment", following]
    assert (calls[1].args["customer_name"], remark) == ("Paul Bock", None)


def test_a_further_wish_waits_for_the_name_that_the_booking_needs() -> None:
    assert studio(WISH, "Ja, und noch einen Termin am Freitag.")[0] == phrases.ASK_NAME
    calls, *_ = hold_call(WISH, "Ja, und noch einen Termin am Freitag.", "Paul Bock.")
    assert [each.name for each in calls[1:]] == ["book_appointment", "check_availability"]


def test_a_person_whom_the_caller_did_not_get_is_not_asked_for_again() -> None:
    offer = {**ON_SATURDAY, "spoken": "Freitag, den 27. November, um 11 Uhr bei Aylin", "staff": "aylin"}
    says = ("Wimpernlifting am Freitag um elf bei Frau Wolff.", "Ja, Ida Graf.", "Und für meinen Mann direkt danach.")
    assert "staff" not in studio_function(*says, offers=(offer,))[1]


def test_thanks_at_the_end_end_the_call_though_an_offer_is_open() -> None:
    assert studio(WISH, "Alles klar, vielen Dank, das war es schon.") == (phrases.GOODBYE, None)


@pytest.mark.parametrize(
    ("said", "topic", "question"),
    [
        ("Wo stelle ich am besten mein Auto ab?", "address", "Wo kann ich parken?"),
        ("Kommt man bei Ihnen mit dem Rollstuhl rein?", "other", "Ist der Eingang barrierefrei?"),
        ("Welche Haltestelle ist das noch mal?", "address", "Welche Haltestelle ist das noch mal?"),
    ],
)
def test_the_way_to_the_business_is_asked_for_in_many_words_also_beside_an_offer(
    said: str, topic: str, question: str
) -> None:
    asked = {"topic": topic, "question": question}
    assert studio(WISH, said) == (("business_information", asked), None)
    answers = {"business_information": {"success": True}}
    assert studio_function(WISH, said, "Ja, Rolf Zander.", answers=answers)[0] == "book_appointment"


def test_the_name_of_who_comes_along_is_taken_from_a_sentence() -> None:
    asks = {"success": False, "message": "Auf welchen Namen darf ich den anderen Termin eintragen?"}
    says = ("Eine Maniküre für meine Freundin und mich am Samstag.", "Ja, gern. Paula Roth.")
    name, args = studio_function(*says, "Meine Freundin heißt Ines Vogt.", answers={"book_appointment": asks})
    assert (name, args["companions"]) == ("book_appointment", [{"customer_name": "Ines Vogt"}])


def test_a_word_that_only_stops_is_no_service() -> None:
    called = studio_function(WISH, "Stopp, ich meinte nächste Woche Freitag.")
    assert called[1] == {"service": "Wimpernlifting", "date": "nächste Woche Freitag", "time": "zehn"}


def test_a_sentence_is_no_answer_to_the_question_for_a_service() -> None:
    asks = {"success": False, "message": "Was möchten Sie buchen?", "services": ["Maniküre"]}
    says = ("Einen Termin morgen.", "Und das Geld will ich auch zurück!")
    assert studio(*says, answers={"check_availability": asks})[0] == phrases.OFFER_MESSAGE


def test_a_move_into_another_branch_is_offered_to_be_passed_on() -> None:
    said = "Ich bin die Jutta Herbst, ich will in die Krämpfervorstadt wechseln mit meinem Termin."
    assert studio(said)[0] == phrases.NO_BRANCH_MOVE


def test_who_is_on_the_way_ends_the_call() -> None:
    assert studio("Danke, ich bin in fünf Minuten da.") == (phrases.GOODBYE, None)


def test_a_word_that_only_refers_back_is_no_condition() -> None:
    assert studio_function(WISH, "Ja gern, wieder auf Oelsner.")[1]["customer_name"] == "Oelsner"
    assert studio(WISH, "Den ersten davon.") == (phrases.ASK_NAME, None)


@pytest.mark.parametrize(
    ("says", "answer"),
    [
        ((*BOOKED, "Und wann bin ich fertig?"), "Der Termin geht bis 11 Uhr."),
        ((*BOOKED, "Bis wann geht das denn?"), "Der Termin geht bis 11 Uhr."),
    ],
)
def test_after_a_booking_its_end_is_said(says: tuple[str, ...], answer: str) -> None:
    assert studio(*says) == (answer, None)


def test_the_own_knowledge_is_found_by_another_form_of_its_noun_also_beside_an_offer() -> None:
    asked = {"topic": "other", "question": DEPOSIT}
    assert studio(WISH, "Muss ich vorher etwas anzahlen?") == (("business_information", asked), None)
    assert studio(WISH, "Muss ich vorher etwas unterschreiben?")[0] == ASKS_SATURDAY


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Eine Maniküre mit Shellac am Freitag.", "“Shellac”"),
        ("Eine Maniküre, und die Kollegin muss Englisch können.", "“die Kollegin muss Englisch können”"),
        ("Eine Maniküre am Freitag mit Frau Wolff.", ""),
        ("Eine Maniküre am Freitag mit meiner Freundin.", ""),
    ],
)
def test_what_is_wanted_beside_a_service_and_is_none_has_a_remark(said: str, left: str) -> None:
    called, remark = studio(said)
    assert called[0] == "check_availability"
    assert left in str(remark)
    assert (remark is None) == (not left)


def test_a_day_beside_another_one_is_still_a_question_for_the_hours() -> None:
    name, args = studio_function("Haben Sie auch am Sonntag offen, oder am Feiertag?")
    assert (name, args["topic"]) == ("business_information", "opening_hours")
