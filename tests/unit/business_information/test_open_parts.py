"""An answer says which part of a question it leaves open, and succeeds only for the rest."""

import pytest
from msgspec.structs import replace

from askproai_core.languages import Language
from askproai_core.tenant_config import Function, TenantConfig
from askproai_core.tenant_config.branches import Knowledge
from askproai_runtime.conversation.business_information.answers import same_everywhere
from askproai_runtime.conversation.instead import AgentFunctions, offer_instead
from askproai_runtime.conversation.types import FunctionOutcome
from askproai_runtime.sentences import say, speaking
from tests.worlds.business_questions import BARE, CHAIN, SALON, TOLD, ask, question
from tests.worlds.rows import each_row

PRICE = "Haarschnitt kostet neununddreißig Euro."


def test_unanswered_part_offers_a_message() -> None:
    answer = ask(BARE, "prices", question="Was kostet ein Haarschnitt und kann ich bei Ihnen parken?")
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
            ("Haarschnitt kostet", "Kann ich mit Karte zahlen? Ja, mit allen üblichen Karten"),
        ),
        ("other", "Gibt es Parkplätze? Verkaufen Sie Gutscheine?", ("Parkplätze", "Verkaufen Sie Gutscheine? Ja")),
    ],
)
def test_each_topic_of_a_question_is_answered(topic: str, words: str, beginnings: tuple[str, ...]) -> None:
    answer = ask(SALON, topic, question=words)
    assert answer.success
    assert "not_answered" not in answer.fields, answer.message
    assert all(each in answer.message for each in beginnings), answer.message
    assert sorted(beginnings, key=answer.message.find) == [*beginnings], answer.message


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


@pytest.mark.parametrize("words", ["do you speak english at all", "Do you have somebody who speaks English?"])
def test_english_do_is_no_thursday(words: str) -> None:
    answer = ask(SALON, "staff", question=words)
    assert answer.message.endswith("Anna spricht Deutsch und Englisch."), answer.message


@pytest.mark.parametrize("words", ["Wer arbeitet am Do?", "Wer arbeitet am Donnerstag?", "Wer ist von Mo bis Mi da?"])
def test_an_abbreviated_weekday_is_a_day(words: str) -> None:
    assert "Mehmet arbeitet in der Regel Donnerstag und Freitag" in ask(SALON, "staff", question=words).message


def test_a_missing_topic_is_named_beside_an_answer() -> None:
    silent = replace(SALON, cancellation_rule="")
    answer = ask(silent, "prices", question="Was kostet ein Haarschnitt, und bis wann kann ich absagen?")
    assert (answer.success, answer.message) == (True, f"{PRICE} Zu den Absageregeln weiß ich nichts.")
    assert answer.fields["not_answered"] == ["cancellation"]


@pytest.mark.parametrize(
    ("config", "words", "message"),
    [
        (CHAIN, "Wie kann ich meinen Termin absagen?", "Absagen kann ich hier nicht."),
        (CHAIN, "Termin absagen am 16. um 12 Uhr", "Absagen kann ich hier nicht."),
        (CHAIN, "Bis wann kann ich absagen?", "Zu den Absageregeln weiß ich nichts."),
        (
            SALON,
            "Wie kann ich absagen?",
            "Absagen können Sie gleich hier: Sagen Sie mir, welcher Termin es ist. Absagen kostet",
        ),
    ],
)
def test_the_agents_way_to_cancel_is_said(config: TenantConfig, words: str, message: str) -> None:
    assert ask(config, "cancellation", question=words).message.startswith(message)


def test_a_question_back_follows_the_answer() -> None:
    answer = ask(CHAIN, "prices", question="Wo sind Sie, und was kosten Massage und Parken?", service="Massage")
    assert (answer.success, answer.fields["not_answered"]) == (False, ["parken"])
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
        "Wat kostet n der Haarschnitt bei euch?", "Was kosten zwei Haarschnitte zusammen?",
        "Was kosten beide zusammen?",
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
    "cancellation": [
        "was kostet das eigentlich wenn ich ganz absagen muss", "Wie kann ich absagen?",
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
        "How long is a Haarschnitt altogether?",
    ],
    "address": [
        "Where are you exactly?", "What is your address?", "How do I get to you?", "Where is the salon?",
    ],
    "staff": [
        "Who works at your salon?", "Does anybody speak English?", "I don't mind who as long as they speak English; does Anna?",
    ],
    "cancellation": [
        "Can I cancel for free?", "What happens if I cancel at short notice?",
    ],
}  # fmt: skip
OPEN_GERMAN = {
    "opening_hours": [
        "Ist das Wasser bei Ihnen warm?", "Haben Sie morgen auf, und ist es da klimatisiert?", "Wer macht heute auf?",
        "Haben Sie am Samstag noch was frei?", "Ist am Samstag jemand für Bärte da?",
        "Wann ist bei Ihnen am wenigsten los?", "Seit wann haben Sie geöffnet?", "Wann wird es draußen dunkel?",
    ],
    "prices": [
        "Was kostet ein Haarschnitt für Schüler?", "Was kostet der Haarschnitt, wenn ich nass komme?",
        "Warum ist der Haarschnitt so teuer?", "Was kostet der Haarschnitt, wenn ich zu zweit komme?",
        "Was kostet ein Haarschnitt, und kann man handeln?", "Was kostet ein Haarschnitt für beide?",
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
        "Kann ich jemand anderen schicken?", "Nehmen Sie Bitcoin, und was kostet die Absage?",
        "Wie sage ich online ab?",
    ],
    "other": [
        "Gehört der Salon noch der Familie?",
    ],
}  # fmt: skip
OPEN_ENGLISH = {
    "opening_hours": [
        "Are you open, and is it warm inside?", "How full are you on Saturday?",
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
