"""An answer says which part of a question it leaves open, and succeeds only for the rest."""

import pytest
from msgspec.structs import replace

from askproai_core.languages import Language
from askproai_core.tenant_config import Function
from askproai_core.tenant_config.branches import Knowledge
from askproai_runtime.conversation.business_information.answers import same_everywhere
from askproai_runtime.conversation.instead import AgentFunctions, offer_instead
from askproai_runtime.conversation.types import FunctionOutcome
from askproai_runtime.sentences import say, speaking
from tests.worlds.business_questions import CHAIN, SALON, ask, question
from tests.worlds.rows import each_row

BARE = replace(SALON, branches=(replace(SALON.branches[0], directions=""),))
UNTOLD = replace(BARE, knowledge=())
PRICE = "Haarschnitt kostet neununddreißig Euro."
SATURDAYS = "Samstags ist von neun bis vierzehn Uhr geöffnet."
TODAY = "Heute, Freitag, den 20. November, ist von neun bis achtzehn Uhr geöffnet."
WORKING_DAYS = "Wer an welchem Tag arbeitet, weiß ich nicht."
ONLINE = "Zu E-Mail- und Internetadressen weiß ich nichts."


@each_row(
    ("topic", "words", "sentence"),
    [
        ("address", "Kann ich bei Ihnen parken?", "Zum Parken weiß ich nichts."),
        ("other", "Gibt es Parkplätze?", "Zum Parken weiß ich nichts."),
        ("service", "Bis zu welchem Alter gilt der Haarschnitt?", "Für welches Alter das gilt, weiß ich nicht."),
        ("prices", "Ab wie viel Jahren ist der Herrenschnitt?", "Für welches Alter das gilt, weiß ich nicht."),
        (
            "service",
            "Nehmen Sie auch Kinder, meine Tochter ist zwölf",
            "Für welches Alter das gilt, weiß ich nicht.",
        ),
        ("service", "Mein Sohn ist erst 3. Geht das?", "Für welches Alter das gilt, weiß ich nicht."),
        ("other", "Haben Sie meine Nummer?", "Ihre Nummer kann ich Ihnen hier nicht vorlesen."),
        ("other", "Welche Telefonnummer haben Sie von mir?", "Ihre Nummer kann ich Ihnen hier nicht vorlesen."),
        ("address", "Welche U-Bahn hält bei Ihnen?", "Zum Thema U-Bahn weiß ich nichts."),
        ("other", "Kann ich Frau Schmidt sprechen?", "Das kann ich Ihnen leider nicht sagen."),
        ("other", "Kann ich mit PayPal zahlen?", "Wie Sie bezahlen können, weiß ich nicht."),
        ("address", "Sind Sie barrierefrei?", "Zur Barrierefreiheit weiß ich nichts."),
        ("address", "Wo finde ich einen Parkplatz?", "Zum Parken weiß ich nichts."),
        ("prices", "Was kostet Parken?", "Zum Parken weiß ich nichts."),
        ("prices", "Was kostet eine Massage?", "Zum Thema Massage weiß ich nichts."),
        ("staff", "Ist Anna am Freitag da?", WORKING_DAYS),
        ("opening_hours", "Ist Mehmet am Mittwoch da?", WORKING_DAYS),
        ("opening_hours", "Arbeitet Anna samstags?", WORKING_DAYS),
        ("opening_hours", "Wann hat Frau Schmidt frei?", WORKING_DAYS),
        ("opening_hours", "Welche Arbeitszeiten hat Mehmet?", WORKING_DAYS),
        ("closed_days", "Hat Anna im Dezember Urlaub?", WORKING_DAYS),
        ("staff", "Hat Anna im Dezember Urlaub?", WORKING_DAYS),
        ("other", "Ist Anna morgen im Salon?", WORKING_DAYS),
        ("other", "Wie ist Ihre E-Mail-Adresse?", ONLINE),
        ("address", "wie ist ihre email adresse", ONLINE),
        ("address", "Wie lautet die Mailadresse vom Salon?", ONLINE),
        ("other", "Haben Sie eine Webadresse?", ONLINE),
        ("address", "Wie ist die Adresse Ihrer Homepage?", ONLINE),
        ("other", "Haben Sie WLAN?", "Zum Thema WLAN weiß ich nichts."),
        ("other", "Darf mein Hund mitkommen?", "Zum Thema Hund weiß ich nichts."),
        ("staff", "Gibt es bei Ihnen einen Meister?", "Zum Thema Meister weiß ich nichts."),
        ("address", "Haben Sie eine Kundentoilette?", "Zum Thema Kundentoilette weiß ich nichts."),
    ],
)
def test_unanswerable_question_fails(topic: str, words: str, sentence: str) -> None:
    answer = ask(UNTOLD, topic, question=words)
    assert (answer.success, answer.outcome) == (False, FunctionOutcome.NOT_KNOWN)
    assert answer.message == sentence


@pytest.mark.parametrize(
    ("topic", "words", "answered", "open_part"),
    [
        ("prices", "Was kostet ein Haarschnitt und kann ich bei Ihnen parken?", PRICE, "Zum Parken weiß ich nichts."),
        ("prices", "Was kostet der Haarschnitt für Kinder?", PRICE, "Zum Thema Kinder weiß ich nichts."),
        ("prices", "Was kosten Waschen und Schneiden?", PRICE, "Zum Thema Waschen weiß ich nichts."),
        (
            "prices",
            "Was kostet ein Haarschnitt und bis zu welchem Alter gilt das?",
            PRICE,
            "Für welches Alter das gilt, weiß ich nicht.",
        ),
        ("other", "Wie lange haben Sie heute offen und ist Mehmet da?", TODAY, WORKING_DAYS),
        ("opening_hours", "Ist Mehmet da, und wie lange haben Sie heute offen?", TODAY, WORKING_DAYS),
        ("prices", "Welche Tage ist Mehmet da und was kostet ein Haarschnitt?", PRICE, WORKING_DAYS),
        ("other", "Was kostet ein Haarschnitt bei Mehmet, und arbeitet er am Montag?", PRICE, WORKING_DAYS),
        (
            "staff",
            "Wer arbeitet bei Ihnen, und spricht jemand Türkisch?",
            "Zum Team gehören Anna und Mehmet. Anna spricht Deutsch und Englisch.",
            "Zum Thema Türkisch weiß ich nichts.",
        ),
    ],
)
def test_unanswered_part_of_a_question_is_named(topic: str, words: str, answered: str, open_part: str) -> None:
    answer = ask(BARE, topic, question=words)
    assert (answer.success, answer.message) == (True, f"{answered} {open_part}")
    assert answer.fields["not_answered"]
    offered = offer_instead(answer, Function.BUSINESS_INFORMATION, AgentFunctions(leaves_messages=True))
    assert offered.message == f"{answer.message} Soll ich dem Team etwas ausrichten?"


@pytest.mark.parametrize(
    ("topic", "words", "beginnings"),
    [
        (
            "prices",
            "Was kostet ein Haarschnitt und haben Sie samstags auf?",
            ("Haarschnitt kostet", "Samstags ist von"),
        ),
        (
            "opening_hours",
            "Wann haben Sie auf und wo sind Sie?",
            ("Geöffnet ist Dienstag", "Die Adresse ist Torstraße"),
        ),
        ("prices", "Was kostet ein Haarschnitt und wie lange dauert er?", ("Haarschnitt dauert", "und kostet neun")),
        ("other", "Was kostet ein Haarschnitt?", ("Haarschnitt kostet",)),
        ("address", "Wo kann ich parken?", ("Parkplätze gibt es im Hof.",)),
        (
            "other",
            "Wie lange dauert Schneiden, und was ist, wenn ich absage?",
            ("Haarschnitt dauert", "Absagen kostet"),
        ),
        (
            "prices",
            "Was kostet Schneiden? Kann ich mit Karte zahlen?",
            ("Haarschnitt kostet", "Ja, mit allen üblichen Karten"),
        ),
    ],
)
def test_each_topic_of_a_question_is_answered(topic: str, words: str, beginnings: tuple[str, ...]) -> None:
    answer = ask(SALON, topic, question=words)
    assert answer.success
    assert "not_answered" not in answer.fields, answer.message
    assert all(each in answer.message for each in beginnings), answer.message


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("prices", "Was kostet bei Ihnen ein Haarschnitt?"),
        ("prices", "Guten Tag, hier ist Müller, was kostet denn ein Herrenschnitt bei Anna?"),
        ("opening_hours", "Wann haben Sie am Samstag, den 12. Dezember, geöffnet?"),
        ("opening_hours", "Machen Sie eine Mittagspause?"),
        ("opening_hours", "Hier ist Anna Müller, sind Sie am Samstag da?"),
        ("opening_hours", "Ich habe am Freitag einen Termin bei Anna, wann haben Sie auf?"),
        ("staff", "Spricht Anna Englisch?"),
        ("address", "Wie ist die Adresse von Ihrem Salon?"),
        ("opening_hours", "Bis wie viel Uhr kann ich heute kommen?"),
        ("closed_days", "Haben Sie zwischen den Jahren Urlaub?"),
        ("address", "Wie komme ich vom Rosenthaler Platz zu Ihnen?"),
        ("address", "Wo ist denn Ihr Salon?"),
        ("staff", "Welche Sprachen sprechen Sie?"),
        ("cancellation", "Was passiert, wenn ich meinen Termin vergesse?"),
        ("cancellation", "Kostet es etwas, wenn ich nicht komme?"),
        ("service", "Wie lange brauche ich für einen Haarschnitt?"),
    ],
)
def test_fully_answered_question_names_no_unanswered_part(topic: str, words: str) -> None:
    answer = ask(SALON, topic, question=words)
    assert answer.success
    assert "weiß ich nicht" not in answer.message
    assert "not_answered" not in answer.fields


@pytest.mark.parametrize(
    ("topic", "words", "sentence", "success"),
    [
        ("address", "Is there parking?", "I have no information about parking.", False),
        ("opening_hours", "Does Anna work on Saturdays?", "I do not know who works on which day.", False),
        ("other", "Is Mehmet there on Wednesday?", "I do not know who works on which day.", False),
        ("address", "What is your e-mail address?", "I have no information about e-mail and web addresses.", False),
        ("other", "Do you have wifi?", "I have no information about wifi.", False),
        ("other", "Do you take credit cards?", "I do not know how you can pay.", False),
        (
            "staff",
            "Does anybody speak Turkish?",
            "The team are Anna and Mehmet. Anna speaks German and English. I have no information about Turkish.",
            True,
        ),
        ("service", "Do you cut children too, my daughter is twelve", "I do not know for which ages that is.", False),
        (
            "other",
            "Have you got my number there? Which one is it?",
            "I cannot read your number out to you here.",
            False,
        ),
        ("service", "Up to what age is the Haarschnitt?", "I do not know for which ages that is.", False),
        (
            "prices",
            "How much is a Haarschnitt and can I bring my dog?",
            "Haarschnitt costs 39 euros. I have no information about dog.",
            True,
        ),
        ("other", "What's the owner's surname?", "I have no information about owner's surname.", False),
        ("other", "Can I talk to the owner's?", "I have no information about owner.", False),
        ("other", "Do you sell the best shampoo?", "I have no information about shampoo.", False),
        ("other", "Do you know the nearest bakery?", "I have no information about bakery.", False),
        ("prices", "What does a Haarschnitt cost?", "Haarschnitt costs 39 euros.", True),
        ("cancellation", "What happens if I forget my appointment?", SALON.cancellation_rule, True),
    ],
)
def test_open_parts_are_named_in_english(topic: str, words: str, sentence: str, *, success: bool) -> None:
    with speaking(Language.EN):
        answer = ask(BARE, topic, question=words)
    assert (answer.success, answer.message) == (success, sentence)


@pytest.mark.parametrize("words", ["do you speak english at all", "Do you have somebody who speaks English?"])
def test_english_do_is_no_thursday(words: str) -> None:
    answer = ask(SALON, "staff", question=words)
    assert answer.message.endswith("Anna spricht Deutsch und Englisch."), answer.message


@pytest.mark.parametrize("words", ["Wer arbeitet am Do?", "Wer arbeitet am Donnerstag?", "Wer ist von Mo bis Mi da?"])
def test_an_abbreviated_weekday_is_a_day(words: str) -> None:
    assert "Wer an welchem Tag arbeitet, weiß ich nicht." in ask(SALON, "staff", question=words).message


@pytest.mark.parametrize(
    ("topic", "words", "sentence"),
    [
        ("opening_hours", "haben sie samstags offen und gibt es kaffee", "Zum Thema kaffee weiß ich nichts."),
        ("prices", "was kostet ein haarschnitt und kann ich meinen hund mitbringen", "Zum Thema hund weiß ich nichts."),
        ("prices", "Was kostet ein haarschnitt und habt ihr wlan?", "Zum Thema wlan weiß ich nichts."),
        ("prices", "was kostet ein haarschnitt und haben sie eine toilette", "Zum Thema toilette weiß ich nichts."),
    ],
)
def test_lowercase_noun_is_named_as_unknown(topic: str, words: str, sentence: str) -> None:
    answer = ask(BARE, topic, question=words)
    assert (answer.success, answer.message.endswith(sentence)) == (True, True), answer.message


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("opening_hours", "haben sie samstags offen"),
        ("opening_hours", "habt ihr morgen auf"),
        ("opening_hours", "haben sie am samstag einen neuen termin oder geschlossen"),
        ("prices", "was kostet ein haarschnitt bei ihnen"),
        ("prices", "was kostet mein neuer haarschnitt"),
        ("service", "wie lange dauert ein normaler haarschnitt"),
        ("address", "wie komme ich zu ihnen, haben sie eine adresse"),
        ("staff", "gibt es jemanden der englisch spricht"),
        ("cancellation", "was kostet es einen termin abzusagen"),
    ],
)
def test_lowercase_topic_words_are_not_named_as_unknown(topic: str, words: str) -> None:
    assert "Zum Thema" not in ask(BARE, topic, question=words).message


def test_a_missing_topic_is_named_beside_an_answer() -> None:
    silent = replace(SALON, cancellation_rule="")
    answer = ask(silent, "prices", question="Was kostet ein Haarschnitt, und bis wann kann ich absagen?")
    assert (answer.success, answer.message) == (True, f"{PRICE} Zu den Absageregeln weiß ich nichts.")
    assert answer.fields["not_answered"] == ["cancellation"]


def test_a_question_back_follows_the_answer() -> None:
    answer = ask(CHAIN, "prices", question="Wo sind Sie, und was kostet Massage?", service="Massage")
    assert not answer.success
    assert answer.outcome is FunctionOutcome.ASKED_BACK
    assert answer.message.startswith("Die Adresse von Haarwerk Mitte")
    assert answer.message.endswith("?")


def test_known_questions_are_passed_to_the_model() -> None:
    own = Knowledge("Kann ich bei Ihnen parken?", "Ja, im Hof.")
    config = replace(BARE, knowledge=(own,))
    answer = ask(config, "address", question="Gibt es Kaffee?")
    assert (answer.success, answer.fields["questions"]) == (False, [own.question])


def test_unanswered_part_is_equal_in_all_branches() -> None:
    answer = same_everywhere(CHAIN, question("other", question="Haben Sie WLAN?"), None)
    assert answer is not None
    assert (answer.success, answer.message) == (False, "Zum Thema WLAN weiß ich nichts.")


@pytest.mark.parametrize("words", ["Darf ich meinen Hund mitbringen?", "Hunde erlaubt?", "Bringt mir das etwas?"])
def test_word_with_another_meaning_matches_no_declared_question(words: str) -> None:
    answer = ask(SALON, "other", question=words)
    assert (answer.success, answer.outcome) == (False, FunctionOutcome.NOT_KNOWN)
    assert ("Hund" in answer.message) is ("Hund" in words)


TOLD = replace(
    SALON,
    cancellation_rule="Absagen sind bis 24 Stunden vorher kostenlos. Danach berechnen wir die Hälfte auf Rechnung.",
    knowledge=(
        Knowledge("Ist WLAN da?", "Ja, WLAN ist kostenlos."),
        Knowledge("Wie zahle ich?", "Sie zahlen bar oder mit EC-Karte."),
    ),
    services=tuple(
        replace(each, preparation="Bitte kommen Sie mit trockenem Haar. Ein Foto hilft uns.") if at == 0 else each
        for at, each in enumerate(SALON.services)
    ),
    branches=(
        replace(
            SALON.branches[0],
            directions="Der Bus 142 hält vor der Tür. Kundenparkplätze gibt es im Hof. Der Eingang liegt neben dem Hundesalon.",
        ),
    ),
)


@pytest.mark.parametrize(
    ("topic", "words", "message"),
    [
        ("other", "Habt ihr Parkplätze?", "Kundenparkplätze gibt es im Hof."),
        ("other", "Kann ich bei Ihnen parken?", "Kundenparkplätze gibt es im Hof."),
        ("other", "Welcher Bus fährt zu Ihnen?", "Der Bus 142 hält vor der Tür."),
        ("other", "Kann ich mit Karte zahlen?", "Sie zahlen bar oder mit EC-Karte."),
        ("other", "Soll ich ein Foto mitschicken?", f"{SALON.services[0].display_name}: Ein Foto hilft uns."),
        ("prices", "Was kostet ein Haarschnitt und habt ihr Parkplätze?", f"Kundenparkplätze gibt es im Hof. {PRICE}"),
    ],
)
def test_declared_sentence_answers_part_of_a_question(topic: str, words: str, message: str) -> None:
    answer = ask(TOLD, topic, question=words)
    assert (answer.success, answer.message) == (True, message)


def test_unrelated_declared_sentence_answers_nothing() -> None:
    assert "Hundesalon" not in ask(TOLD, "other", question="Darf mein Hund mitkommen?").message


def test_yes_answer_to_another_question_repeats_the_question() -> None:
    message = ask(TOLD, "other", question="Ist WLAN kostenpflichtig?").message
    assert message == "Ist WLAN da? Ja, WLAN ist kostenlos."


@pytest.mark.parametrize(
    ("language", "words", "declared", "found"),
    [
        (Language.DE, "Kann ich mit Karte zahlen?", "Bringen Sie Ihre Versichertenkarte mit.", ""),
        (Language.DE, "Nehmen Sie Karten?", "Wir führen Gutscheinkarten.", ""),
        (Language.DE, "Kann ich mit Karte zahlen?", "Girokarten nehmen wir gern.", "Girokarten nehmen wir gern."),
        (Language.EN, "Can I pay by card?", "Please bring your insurance card.", ""),
        (Language.EN, "Do you take cards?", "We take debit cards.", "We take debit cards."),
    ],
)
def test_words_for_other_cards_answer_no_payment_question(
    language: Language, words: str, declared: str, found: str
) -> None:
    told = replace(BARE, knowledge=(Knowledge("?", declared),))
    with speaking(language):
        answer, unknown = ask(told, "other", question=words), say().subjects_not_known["payment"]
    assert (answer.success, answer.message) == (bool(found), found or unknown)


def test_a_declared_sentence_answers_in_english() -> None:
    told = replace(
        TOLD, branches=(replace(TOLD.branches[0], directions="Come in by the yard. There is parking in the yard."),)
    )
    with speaking(Language.EN):
        answer = ask(told, "other", question="Do you have parking?")
    assert (answer.success, answer.message) == (True, "There is parking in the yard.")


PLAIN_GERMAN = {
    "opening_hours": [
        "Wann haben Sie morgen auf?", "Haben Sie heute offen?", "Bis wann haben Sie am Freitag geöffnet?",
        "Wie lange haben Sie denn samstags auf?", "Sind Sie am Montag da?", "Haben Sie auch sonntags geöffnet?",
        "Ab wann machen Sie morgens auf?", "Wann schließen Sie heute Abend?",
        "Guten Tag, ich wollte nur mal fragen, wann Sie heute offen haben.",
        "Können Sie mir bitte Ihre Öffnungszeiten sagen?", "Habt ihr am Donnerstag noch bis achtzehn Uhr auf?",
        "Ist der Salon gerade offen?", "Sind Sie jetzt noch da?",
    ],
    "closed_days": [
        "Haben Sie an Heiligabend geöffnet?", "Haben Sie zwischen Weihnachten und Neujahr zu?",
        "Machen Sie im Dezember Betriebsferien?",
    ],
    "prices": [
        "Was kostet ein Haarschnitt?", "Wie teuer ist ein Herrenschnitt bei Ihnen?",
        "Was kostet denn einmal Schneiden?", "Wie viel kostet der Haarschnitt ungefähr?",
        "Können Sie mir sagen, was ein Damenschnitt kostet?", "Was muss ich für einen Haarschnitt bezahlen?",
    ],
    "service": [
        "Wie lange dauert ein Haarschnitt?", "Wie viel Zeit muss ich für den Haarschnitt einplanen?",
    ],
    "address": [
        "Wo sind Sie denn genau?", "Wie ist Ihre Adresse?", "Wie komme ich am besten zu Ihnen?", "Wo kann ich parken?",
    ],
    "staff": [
        "Wer arbeitet bei Ihnen?", "Spricht jemand von Ihnen Englisch?",
    ],
}  # fmt: skip
PLAIN_ENGLISH = {
    "opening_hours": [
        "What time do you open tomorrow?", "Are you open today?", "When do you close on Friday?",
        "How long are you open on Saturdays?", "Are you open on Sundays too?", "What are your opening hours, please?",
        "Could you tell me your hours for Thursday?", "Hi, I just wanted to ask when you are open today.",
        "Are you still open now?", "What time do you close tonight?", "Are you open this Saturday?",
        "How late are you open on Fridays?", "Do you open before ten?",
    ],
    "closed_days": [
        "Are you closed on Christmas Eve?", "When are your holidays?",
    ],
    "prices": [
        "How much is a Haarschnitt?", "What does a Herrenschnitt cost?", "Can you tell me the price of a Haarschnitt?",
        "How much do you charge for a Haarschnitt?", "What would I pay for a Damenschnitt?",
    ],
    "service": [
        "How long does a Haarschnitt take?", "How much time do I need for a Haarschnitt?",
    ],
    "address": [
        "Where are you exactly?", "What is your address?", "How do I get to you?", "Where is the salon?",
    ],
    "staff": [
        "Who works at your salon?", "Does anybody speak English?",
    ],
    "cancellation": [
        "Can I cancel for free?", "What happens if I cancel at short notice?",
    ],
}  # fmt: skip
OPEN_GERMAN = {
    "opening_hours": [
        "Ist das Wasser bei Ihnen warm?", "Haben Sie morgen auf, und ist es da klimatisiert?", "Wer macht heute auf?",
        "Haben Sie am Samstag noch was frei?", "Wer arbeitet heute?", "Ist am Samstag jemand für Bärte da?",
        "Wann ist bei Ihnen am wenigsten los?", "Seit wann haben Sie geöffnet?", "Wann wird es draußen dunkel?",
    ],
    "prices": [
        "Was kostet ein Haarschnitt für Schüler?", "Was kostet der Haarschnitt, wenn ich nass komme?",
        "Warum ist der Haarschnitt so teuer?", "Was kostet der Haarschnitt, wenn ich zu zweit komme?",
        "Was kostet ein Haarschnitt, und kann man handeln?",
    ],
    "service": [
        "Darf ich beim Haarschnitt telefonieren?", "Wird beim Haarschnitt auch gewaschen?",
    ],
    "address": [
        "Wie weit ist es von Spandau?", "Unter welcher Adresse finde ich Sie online?", "Sind Sie umgezogen?",
        "Wo kommen Ihre Produkte her?",
    ],
    "staff": [
        "Wer ist die Älteste?", "Sind alle ausgebildet?", "Kann Mehmet auch färben?",
        "Wer von Ihnen schneidet am besten?", "Wie viele arbeiten bei Ihnen samstags?",
    ],
    "cancellation": [
        "Kann ich jemand anderen schicken?", "Wie kann ich absagen?", "Nehmen Sie Bitcoin, und was kostet die Absage?",
        "Wie sage ich online ab?",
    ],
    "other": [
        "Gehört der Salon noch der Familie?",
    ],
}  # fmt: skip
OPEN_ENGLISH = {
    "opening_hours": [
        "Are you open, and is it warm inside?", "How full are you on Saturday?", "Who is working today?",
        "Are both in on Friday?", "Is the boss in on Monday?", "Is Mehmet ill?", "What is Anna doing?",
        "Are you open on Saturday, and can I just walk in?", "When is it least busy?", "How crowded are you today?",
        "Since when have you been open?", "Will you reopen after the renovation?", "When will it get dark?",
    ],
    "prices": [
        "How much is a Haarschnitt if I come wet?", "How much is a Haarschnitt, and with whom?",
        "Why is the Haarschnitt so expensive?", "Is the Haarschnitt cheaper on weekdays?",
        "How much is a Haarschnitt, and can I haggle?", "What does it cost to straighten hair?",
        "Does the Haarschnitt cost more on Saturdays?",
    ],
    "address": [
        "Is it easy to find?", "Where can I find you online?", "Where are you, and what's your website?",
        "What is your address and email?", "Have you moved?",
    ],
    "staff": [
        "How long has Anna worked there?", "Can Mehmet dye hair?",
    ],
    "service": [
        "Does a Haarschnitt hurt?", "How long does a Haarschnitt last?", "How often should I come for a Haarschnitt?",
    ],
}  # fmt: skip


def each_question(questions: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(topic, words) for topic, each in questions.items() for words in each]


@each_row(
    ("language", "topic", "words"),
    [
        *((Language.DE, *each) for each in each_question(PLAIN_GERMAN)),
        *((Language.EN, *each) for each in each_question(PLAIN_ENGLISH)),
    ],
)
def test_plain_question_is_fully_answered(language: Language, topic: str, words: str) -> None:
    with speaking(language):
        answer = ask(SALON, topic, question=words)
    assert (answer.success, "not_answered" in answer.fields) == (True, False), answer.message


@each_row(
    ("language", "topic", "words"),
    [
        *((Language.DE, *each) for each in each_question(OPEN_GERMAN)),
        *((Language.EN, *each) for each in each_question(OPEN_ENGLISH)),
    ],
)
def test_unknown_word_leaves_part_of_the_question_unanswered(language: Language, topic: str, words: str) -> None:
    with speaking(language):
        answer, unknown = ask(SALON, topic, question=words), say()
        open_parts = (
            unknown.more_not_known,
            *unknown.subjects_not_known.values(),
            *unknown.nothing_about.split("{words}"),
        )
    if answer.success:
        assert answer.fields["not_answered"]
        assert any(each in answer.message for each in open_parts if len(each) > 1), answer.message
    else:
        assert answer.outcome is FunctionOutcome.NOT_KNOWN


@each_row(
    ("topic", "words", "message"),
    [
        ("other", "Haben Sie samstags auf, und darf man rauchen?", f"{SATURDAYS} Mehr weiß ich dazu leider nicht."),
        ("opening_hours", "Ist Mehmet krank?", "Mehr weiß ich dazu leider nicht."),
        ("service", "Bringt mir das etwas?", "Mehr weiß ich dazu leider nicht."),
        ("prices", "Was kostet ein Haarschnitt, und bei wem?", f"{PRICE} Mehr weiß ich dazu leider nicht."),
    ],
)
def test_unusual_words_of_a_question_are_not_repeated(topic: str, words: str, message: str) -> None:
    assert ask(BARE, topic, question=words).message.endswith(message)
