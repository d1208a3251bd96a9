"""Calls of a dog salon, a law office, a massage studio, a garage and a beautician, each held to its last sentence."""

import pytest
from held_calls import HALF_PAST_TWO, TEN, function_of, hold

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.catalogue import read_catalogue

DOG_SALON = read_catalogue(
    "## Buchbar\n- Baden und Föhnen (60 Minuten; auch: Waschen)\n- Komplettpflege (120 Minuten)\n- Trimmen (90 Minuten)\n"
    "- Krallen schneiden (15 Minuten; auch: Krallen)\n\n## Team\n- Hundesalon: Nina, Frau Sommer\n"
)
LAW_OFFICE = read_catalogue(
    "## Buchbar\n- Erstberatung (45 Minuten; auch: Beratung)\n- Mietrecht (45 Minuten)\n\n"
    "## Team\n- Kanzlei: Frau Dr. Albers, Herr Yildiz\n"
)
MASSAGES = read_catalogue(
    "## Buchbar\n- Klassische Massage (50 Minuten; auch: Massage)\n- Fußreflexzonenmassage (40 Minuten; auch: Fußmassage)\n"
    "- Paarmassage (60 Minuten)\n\n## Team\n- Studio: Kai, Frau Lindner\n"
)
GARAGE = read_catalogue(
    "## Buchbar\n- Ölwechsel (45 Minuten)\n- Reifenwechsel (30 Minuten)\n\n## Team\n- Werkstatt: Herr Brandt, Murat, Lena Otto\n"
)
BEAUTICIAN = read_catalogue(
    "## Buchbar\n- Wimpernlifting (45 Minuten; auch: Wimpern)\n- Waxing Beine (40 Minuten; auch: Beine)\n"
    "- Waxing Achseln (20 Minuten; auch: Achseln)\n\n## Team\n- Lavendel: Nina, Ines\n"
)
LASHES = "Wimpernlifting am Donnerstag um zehn."
CLAWS = "Krallen schneiden am Donnerstag, bitte."
ADVICE = "Eine Erstberatung am Donnerstag, bitte."


@pytest.mark.parametrize(
    "said",
    [
        "Guten Tag, mein Name ist Schulz, einmal Trimmen am Donnerstag.",
        "Hallo, mein Name lautet Schulz, Trimmen am Donnerstag bitte.",
    ],
)
def test_a_greeting_before_the_name_is_no_name(said: str) -> None:
    name, args = function_of(DOG_SALON, said, "Ja, das passt.")
    assert (name, args["customer_name"]) == ("book_appointment", "Schulz")


@pytest.mark.parametrize(
    ("said", "customer"),
    [
        (("Ja bitte, auf Lehmann.",), "Lehmann"),
        (("In Ordnung. Auf Karin Busch.",), "Karin Busch"),
        (("Ja gerne, Name ist Ingrid Voß, Telefon 0170 1234567.",), "Ingrid Voß"),
        (("Ja, den um zehn, und zwar auf Eva Lang.",), "Eva Lang"),
        (("Ja.", "Bergmann mit zwei n"), "Bergmann"),
        (("Ja.", "Das buchstabiere ich: S-O-M-M-E-R."), "Sommer"),
    ],
)
def test_a_name_is_read_with_what_stands_beside_it(said: tuple[str, ...], customer: str) -> None:
    name, args = function_of(DOG_SALON, CLAWS, *said)
    assert (name, args["customer_name"]) == ("book_appointment", customer)


@pytest.mark.parametrize(
    "yes",
    [
        "Das würde gehen.", "Das geht.", "Gut, dann bitte eintragen.", "Tragen Sie mich ein.", "Klingt gut.", "Wunderbar!",
        "Top.", "Gebongt.", "Dann den.",
    ],
)  # fmt: skip
def test_an_offer_is_accepted_in_other_words(yes: str) -> None:
    assert hold(DOG_SALON, CLAWS, yes) == (phrases.ASK_NAME, None)


@pytest.mark.parametrize(
    ("said", "start"),
    [
        ("Der spätere wäre mir lieber.", HALF_PAST_TWO["start"]),
        ("Den früheren, bitte.", TEN["start"]),
        ("Ja, den zweiten.", HALF_PAST_TWO["start"]),
    ],
)
def test_one_of_two_offers_is_named_by_its_order(said: str, start: str) -> None:
    name, args = function_of(DOG_SALON, CLAWS, said, "Eva Lang", offers=(TEN, HALF_PAST_TWO))
    assert (name, args["start"]) == ("book_appointment", start)


@pytest.mark.parametrize(
    "no",
    [
        "Da hab ich leider einen Arzttermin.", "Da bin ich im Urlaub.", "Oh, da muss ich arbeiten.", "Nö.",
        "Gibt es nichts Früheres?", "Keiner von beiden.",
    ],
)  # fmt: skip
def test_who_cannot_come_then_is_asked_when(no: str) -> None:
    offers = (TEN, HALF_PAST_TWO) if "beiden" in no else (TEN,)
    assert hold(LAW_OFFICE, ADVICE, no, offers=offers)[0] == phrases.ASK_TIME


@pytest.mark.parametrize("yes", ["Da hab ich Zeit, ja.", "Ja, da bin ich dabei."])
def test_who_can_come_then_is_not_asked_when(yes: str) -> None:
    assert hold(LAW_OFFICE, ADVICE, yes)[0] != phrases.ASK_TIME


def test_another_day_is_looked_for_instead_of_the_one_that_was_said() -> None:
    name, args = function_of(LAW_OFFICE, ADVICE, "Am Donnerstag kann ich doch nicht, wie wäre es mit Freitag?")
    assert (name, args["date"]) == ("check_availability", "Freitag")


@pytest.mark.parametrize(
    ("said", "service"),
    [
        ("Ich würde gern eine Massage buchen, am Freitag.", "Klassische Massage"),
        ("Eine Paarmassage am Samstag.", "Paarmassage"),
        ("Einmal Fußmassage bitte, am Samstag.", "Fußreflexzonenmassage"),
    ],
)
def test_a_service_that_is_named_exactly_is_no_other_one(said: str, service: str) -> None:
    assert function_of(MASSAGES, said)[1]["service"] == service


@pytest.mark.parametrize(
    "said",
    [
        "Ich wollte den Termin bestätigen.", "Ich hab eine SMS bekommen wegen meinem Termin.", "Für wann ist Bello eingetragen?",
        "Wir haben am Freitag einen Termin.",
    ],
)  # fmt: skip
def test_who_speaks_of_an_appointment_hears_it(said: str) -> None:
    assert function_of(DOG_SALON, said) == ("find_appointments", {})


@pytest.mark.parametrize(
    "said",
    [
        "Bitte den Termin am Freitag löschen.", "Den Termin am Freitag brauche ich nicht mehr.",
        "Ich möchte doch nicht mehr kommen am Freitag.",
    ],
)  # fmt: skip
def test_an_appointment_that_is_not_wanted_any_more_is_cancelled_after_a_yes(said: str) -> None:
    assert function_of(MASSAGES, said) == ("cancel_appointment", {"appointment_date": "Freitag"})
    confirmed = ("cancel_appointment", {"appointment_id": "a-9", "confirmed": True})
    assert function_of(MASSAGES, said, "Ja.") == confirmed
    assert function_of(MASSAGES, said, "Ja, bitte absagen.") == confirmed


@pytest.mark.parametrize(
    ("said", "time"),
    [
        ("Mein Termin am Freitag, geht der auch um vier?", "vier"),
        ("Wir müssten am Freitag von 15 auf 16 Uhr gehen.", "16 Uhr"),
    ],
)
def test_another_time_for_an_appointment_moves_it(said: str, time: str) -> None:
    name, args = function_of(MASSAGES, said)
    assert (name, args) == ("reschedule_appointment", {"appointment_date": "Freitag", "time": time})


def test_of_a_cancellation_and_a_new_appointment_the_second_one_waits() -> None:
    (name, _), remark = hold(
        MASSAGES, "Können Sie den Termin am Freitag stornieren und mir einen neuen am Montag geben?"
    )
    assert (name, remark) == ("cancel_appointment", phrases.ONE_BY_ONE)


def test_a_message_is_what_was_said_before_the_wish_to_pass_it_on() -> None:
    bites = "Mein Hund ist bissig, ist das ein Problem?"
    assert function_of(DOG_SALON, bites)[0] == "business_information"
    assert hold(DOG_SALON, bites, "Ja, richten Sie das bitte aus.")[0] == phrases.ASK_WHO
    name, args = function_of(DOG_SALON, bites, "Ja, richten Sie das bitte aus.", "Jana Wolf")
    assert (name, args["message"]) == ("leave_message", bites)


def test_what_is_to_be_noted_is_passed_on() -> None:
    name, args = function_of(DOG_SALON, CLAWS, "Ja, Eva Lang.", "Notieren Sie bitte, dass Bello Angst hat.")
    assert (name, args["message"]) == ("leave_message", "dass Bello Angst hat")


@pytest.mark.parametrize(
    ("said", "function"),
    [
        ("Ich müsste mal mit Herrn Yildiz reden.", "transfer_to_human"),
        ("Geben Sie mir bitte die Chefin.", "transfer_to_human"),
        ("Ich wollte fragen, ob ihr auch Welpen nehmt.", "business_information"),
        ("Wie komme ich zu Ihnen?", "business_information"),
    ],
)
def test_the_function_that_is_asked_for(said: str, function: str) -> None:
    assert function_of(LAW_OFFICE, said)[0] == function


def test_who_is_to_call_back_is_asked_for_the_name() -> None:
    assert hold(MASSAGES, "Kai soll mich anrufen.")[0] == phrases.ASK_WHO


@pytest.mark.parametrize(
    ("said", "topic"),
    [("Welche Unterlagen brauche ich?", "service"), ("Und was, wenn ich doch nicht kann?", "cancellation")],
)
def test_a_question_after_a_booking_is_answered(said: str, topic: str) -> None:
    name, args = function_of(LAW_OFFICE, ADVICE, "Ja, Karin Busch.", said)
    assert (name, args["topic"]) == ("business_information", topic)


@pytest.mark.parametrize("said", ["Oh, das ist aber teuer.", "Bekomme ich noch eine Mail?"])
def test_what_no_function_knows_looks_for_nothing(said: str) -> None:
    called, remark = hold(LAW_OFFICE, ADVICE, "Ja, Karin Busch.", said)
    assert isinstance(called, str)
    assert remark == phrases.NOT_UNDERSTOOD.format(said)


@pytest.mark.parametrize(
    ("said", "staff"),
    [("Lena bitte, Ölwechsel, Montag.", "Lena Otto"), ("Nicht beim Murat bitte, Ölwechsel am Montag.", "Herr Brandt")],
)
def test_the_person_who_is_wanted_is_asked_for(said: str, staff: str) -> None:
    name, args = function_of(GARAGE, said)
    assert (name, args["staff"], args["service"]) == ("check_availability", staff, "Ölwechsel")


@pytest.mark.parametrize(
    "said",
    [
        "Ich hab um drei einen Termin und steh im Stau.",
        "Ich möchte nur Bescheid sagen, dass ich das Auto heute Abend bringe.",
        "Sagt dem Murat, der Wagen steht vor der Tür.",
        "Kann mich der Meister anrufen? Meine Nummer ist 0431 123456.",
    ],
)
def test_what_concerns_the_team_is_passed_on(said: str) -> None:
    assert hold(GARAGE, said)[0] == phrases.ASK_WHO
    name, args = function_of(GARAGE, said, "Petersen")
    assert (name, args["customer_name"]) == ("leave_message", "Petersen")


def test_who_wants_to_say_that_the_appointment_is_off_cancels_it() -> None:
    assert function_of(GARAGE, "Ich wollte sagen, dass ich morgen nicht kommen kann.")[0] == "cancel_appointment"


def test_for_whom_an_appointment_is_names_no_service() -> None:
    name, args = function_of(
        GARAGE, "Reifenwechsel am Donnerstag.", "Ja, Jens Petersen.", "Und für das Auto meiner Frau bitte auch."
    )
    assert (name, args["service"]) == ("check_availability", "Reifenwechsel")


def test_who_asks_whether_an_appointment_is_needed_wants_none_yet() -> None:
    assert function_of(GARAGE, "Brauche ich einen Termin?")[0] == "business_information"


def test_services_that_share_a_word_are_one_visit() -> None:
    _, args = function_of(BEAUTICIAN, "Waxing bitte, Beine und Achseln, morgen Nachmittag.")
    assert args["service"] == "Waxing Beine, Waxing Achseln"
    assert hold(BEAUTICIAN, "Einmal Waxing bitte.")[0] == "Möchten Sie Waxing Beine oder Waxing Achseln?"


def test_a_name_with_a_telephone_number_beside_it_is_the_name_alone() -> None:
    said = "Lale Demir, und die Nummer ist 0176 12345678."
    called, remark = hold(BEAUTICIAN, LASHES, "Ja.", said)
    assert (called[0], called[1]["customer_name"]) == ("book_appointment", "Lale Demir")
    assert remark == phrases.NO_NUMBER.format(said)


@pytest.mark.parametrize("no", ["Nein, doch nicht. Danke.", "Nein danke, ich überlege noch."])
def test_who_wants_none_of_the_offers_is_left_without_an_appointment(no: str) -> None:
    assert hold(BEAUTICIAN, LASHES, no)[0] == phrases.NOTHING


def test_another_person_is_asked_for_at_the_same_time() -> None:
    _, args = function_of(BEAUTICIAN, LASHES, "Hat Ines da auch Zeit?")
    assert args == {"service": "Wimpernlifting", "staff": "Ines", "date": "Donnerstag", "time": "zehn"}


def test_who_does_it_is_said_with_the_offer() -> None:
    assert hold(BEAUTICIAN, LASHES, "Wer macht das?") == (phrases.ASK_YES.format(TEN["spoken"]), None)


def test_an_offer_is_chosen_by_its_number() -> None:
    _, args = function_of(BEAUTICIAN, LASHES, "Nummer zwei bitte.", "Lale Demir", offers=(TEN, HALF_PAST_TWO))
    assert args["start"] == HALF_PAST_TWO["start"]


@pytest.mark.parametrize("said", ["Was habt ihr denn so im Angebot?", "Weiß ich nicht, was gibt es denn?"])
def test_who_does_not_know_what_there_is_hears_the_services(said: str) -> None:
    assert "Wimpernlifting, Waxing Beine, Waxing Achseln" in hold(BEAUTICIAN, said)[0]


def test_a_complaint_is_passed_on_with_what_is_said_of_it() -> None:
    said = ("Ich möchte eine Beschwerde loswerden.", "Ja, bitte.", "Das Waxing war eine Katastrophe.", "Lale Demir")
    assert function_of(BEAUTICIAN, *said) == (
        "leave_message",
        {"message": f"{said[0]} {said[2]}", "customer_name": "Lale Demir"},
    )


def test_a_missed_appointment_is_passed_on_and_the_boss_is_asked_for() -> None:
    assert hold(BEAUTICIAN, "Ich hab den Termin verpasst, tut mir leid.")[0] == phrases.ASK_WHO
    assert function_of(BEAUTICIAN, "Kann ich die Chefin haben?")[0] == "transfer_to_human"


def test_a_call_ends_with_a_short_goodbye() -> None:
    assert hold(BEAUTICIAN, LASHES, "Ja.", "Lale Demir", "Tschüssi")[0] == phrases.GOODBYE


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Ich hätte gern die Fransen nachschneiden und die Wimpern machen lassen, Donnerstag um zehn.", "die Fransen"),
        ("Ein Wimpernlifting und eine neue Bürste für die Brauen, bitte.", "eine neue Bürste"),
    ],
)
def test_what_is_wanted_beside_a_service_and_is_none_has_a_remark(said: str, left: str) -> None:
    (name, args), remark = hold(BEAUTICIAN, said)
    assert (name, args["service"], remark) == ("check_availability", "Wimpernlifting", phrases.LEFT_PART.format(left))


@pytest.mark.parametrize(
    "said",
    ["Ich habe einen neuen Job und brauche ein Wimpernlifting.", "Ein Wimpernlifting am Freitag und zwar bei Ines."],
)
def test_what_is_only_said_beside_a_service_has_none(said: str) -> None:
    assert hold(BEAUTICIAN, said)[1] is None
