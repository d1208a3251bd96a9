"""A declared fact is never called unknown: prices, referrals and declared questions in the words of callers."""

import pytest
from msgspec.structs import replace

from askproai_core.languages import Language
from askproai_core.tenant_config import TenantConfig
from askproai_core.tenant_config.branches import Knowledge
from askproai_runtime.conversation.business_information.answers import answer_question
from askproai_runtime.conversation.types import FunctionOutcome
from askproai_runtime.sentences import say, speaking
from tests.worlds.business_questions import SALON, ask, question
from tests.worlds.compiled_salon import compile_example
from tests.worlds.rows import each_row

DOCTORS = [("praxis", name, 1) for name in ("dr-kaya", "dr-brandt", "dr-osei", "labor")] + [("praxis", "labor", 2)]
PRACTICE = compile_example("practice.yaml", resource_ids={each: at for at, each in enumerate(DOCTORS, 1)})
PHYSIO = compile_example("english.yaml", resource_ids={("canal", "grace", 1): 1, ("canal", "tomas", 1): 2})
SILENT = replace(SALON, knowledge=(), branches=(replace(SALON.branches[0], directions=""),))
FULL = replace(
    PRACTICE,
    knowledge=(
        *PRACTICE.knowledge,
        Knowledge("Wie bekomme ich eine Überweisung?", "Überweisungen liegen am Empfang."),
        Knowledge("Wie lange gilt ein Rezept?", "Ein Rezept gilt vier Wochen."),
        Knowledge("Darf ich meinen Hund mitbringen?", "Nein, nur Blindenhunde."),
        Knowledge("Gibt es Parkplätze?", "Ja, hinter dem Haus."),
        Knowledge("Kann ich mit Karte zahlen?", "Ja, ab zehn Euro."),
        Knowledge("Wann ist Doktor Brandt da?", "Doktor Brandt ist montags und dienstags da."),
        Knowledge("Machen Sie Hausbesuche?", "Ja, nach Absprache."),
        Knowledge("Haben Sie WLAN?", "Nein, leider nicht."),
    ),
)
MORE = "Mehr weiß ich dazu leider nicht."
PAYMENT = "Wie Sie bezahlen können, weiß ich nicht."
RULE = "Absagen kostet bis vierundzwanzig Stunden vorher nichts."
CUT = "Haarschnitt kostet neununddreißig Euro."
CARDS = "Ja, mit allen üblichen Karten und auch bar."
BY_CARD = f"Kann ich mit Karte zahlen? {CARDS}"
VOUCHERS = "Ja, im Salon, über jeden Betrag."
OF_VOUCHERS = f"Verkaufen Sie Gutscheine? {VOUCHERS}"
PATIENTS = "Ja, auch gesetzlich Versicherte. Bringen Sie bitte Ihre Versichertenkarte mit."
OF_PATIENTS = f"Nehmen Sie neue Patienten auf? {PATIENTS}"
RECIPE = "Folgerezepte bestellen Sie bitte am Empfang oder auf unserer Internetseite."
EMERGENCY = "Rufen Sie bitte sofort die 112 an."
INSURANCE_CARD = "Bringen Sie bitte Ihre Versichertenkarte mit."
NO_SCAN_PRICE = "Den Preis für Ultraschall kann ich Ihnen leider nicht sagen."
REFERRALS = "Überweisungen liegen am Empfang."
PRESCRIPTION = "No. If you have one, please bring it along."
OF_PRESCRIPTION = f"Do I need a prescription? {PRESCRIPTION}"
ENGLISH_MORE = "I am sorry, I cannot tell you more about that."
ENGLISH_PAYMENT = "I do not know how you can pay."


def nothing_about(*words: str) -> str:
    return f"Zum Thema {' und '.join(words)} weiß ich nichts."


AMOUNTS = [
    (SALON, "prices", "Was zahle ich für einen Haarschnitt?", CUT),
    (SALON, "prices", "Was zahl ich denn für einen Haarschnitt?", CUT),
    (SALON, "other", "Was bezahle ich für einen Haarschnitt?", CUT),
    (SALON, "prices", "Wie viel bezahlt man bei Ihnen für einen Haarschnitt?", CUT),
    (SALON, "other", "Was würde ich für einen Haarschnitt bezahlen?", CUT),
    (SALON, "prices", "Können Sie mir sagen, was ich für einen Haarschnitt zahle?", CUT),
    (SALON, "prices", "Ich wollte wissen, was man für einen Haarschnitt so zahlt.", CUT),
    (SALON, "prices", "Was habe ich für einen Haarschnitt zu zahlen?", CUT),
    (SALON, "prices", "Was zahle ich fürs Schneiden?", CUT),
    (SALON, "prices", "Wie viel Geld zahle ich für den Haarschnitt?", CUT),
    (SALON, "prices", "was zahlt man denn so für einen herrenschnitt", CUT),
    (SALON, "prices", "Was muss ich bei Anna für einen Haarschnitt bezahlen?", CUT),
    (SALON, "prices", "Was zahlen Kinder für einen Haarschnitt?", f"{CUT} {nothing_about('Kinder')}"),
    (SALON, "prices", "Was zahlt mein Sohn für einen Haarschnitt?", f"{CUT} {MORE}"),
    (SALON, "prices", "Was zahlen wir zu zweit?", f"{CUT} {MORE}"),
    (SALON, "prices", "Wie viel Trinkgeld zahlt man?", nothing_about("Trinkgeld")),
    (SALON, "prices", "Was zahle ich, wenn ich mit Karte bezahle?", f"{BY_CARD} {CUT}"),
    (SALON, "prices", "Was kostet ein Haarschnitt, wenn ich bar zahle?", f"{BY_CARD} {CUT}"),
    (SALON, "prices", "Was zahle ich für einen Haarschnitt, und geht das mit Karte?", f"{BY_CARD} {CUT}"),
    (SALON, "prices", "Was kostet das und wie kann ich zahlen?", f"{BY_CARD} {CUT}"),
    (SILENT, "prices", "Was zahle ich für einen Haarschnitt?", CUT),
    (SILENT, "prices", "Was zahle ich für einen Haarschnitt, und geht das mit Karte?", f"{CUT} {PAYMENT}"),
    (SALON, "other", "Womit kann ich zahlen?", BY_CARD),
    (SALON, "other", "Mit was kann ich zahlen?", BY_CARD),
    (SALON, "other", "Wie zahle ich bei Ihnen?", BY_CARD),
    (SALON, "other", "Was für Karten nehmen Sie?", BY_CARD),
    (SALON, "prices", "Muss ich gleich bezahlen?", f"{BY_CARD} {MORE}"),
    (SALON, "other", "Muss ich zahlen?", BY_CARD),
    (SALON, "prices", "Muss ich eine Anzahlung leisten?", nothing_about("Anzahlung")),
    (
        SALON,
        "cancellation",
        "Muss ich etwas zahlen, wenn ich nicht komme?",
        "Absagen kostet bis vierundzwanzig Stunden vorher nichts.",
    ),
    (SALON, "other", "Muss ich zahlen, wenn ich absage?", RULE),
    (SALON, "prices", "Wenn ich absage, muss ich dann etwas bezahlen?", f"{RULE} {MORE}"),
    (SALON, "cancellation", "Zahle ich beim Stornieren etwas?", f"{RULE} {MORE}"),
    (SALON, "other", "Do I have to pay if I cancel?", RULE),
    (SALON, "other", "Kann ich mit Karte zahlen, wenn ich absage?", f"{CARDS} {RULE}"),
    (SALON, "prices", "What do I have to pay for a Haarschnitt?", CUT),
    (SALON, "other", "How much would we pay for a Haarschnitt?", CUT),
    (SALON, "other", "What am I paying for a Haarschnitt?", CUT),
    (SALON, "other", "What can I pay with?", BY_CARD),
    (PRACTICE, "prices", "Was zahle ich für den Ultraschall?", NO_SCAN_PRICE),
    (
        PRACTICE,
        "prices",
        "Was zahle ich ohne Versicherung für den Ultraschall?",
        f"{NO_SCAN_PRICE} {nothing_about('Versicherung')}",
    ),
    (
        PRACTICE,
        "prices",
        "Zahlt die Krankenkasse den Ultraschall?",
        f"{NO_SCAN_PRICE} {nothing_about('Krankenkasse')}",
    ),
    (PRACTICE, "other", "Wie hoch ist die Zuzahlung?", nothing_about("Zuzahlung")),
    (PHYSIO, "prices", "How much do I pay for the initial assessment?", "initial assessment costs 85 euros."),
    (PHYSIO, "other", "What will I pay for a treatment?", "treatment costs 45 euros."),
    (
        PHYSIO,
        "prices",
        "What would my son pay for a treatment?",
        f"treatment costs 45 euros. {ENGLISH_MORE}",
    ),
    (PHYSIO, "other", "How can I pay?", ENGLISH_PAYMENT),
    (
        PHYSIO,
        "other",
        "Does my insurance pay for the treatment?",
        "I have no information about insurance.",
    ),
]
REFERRED = [
    (PRACTICE, "other", "Ich brauche eine Überweisung.", nothing_about("Überweisung")),
    (PRACTICE, "other", "ich brauche eine überweisung", nothing_about("überweisung")),
    (PRACTICE, "other", "Kann ich eine Überweisung bekommen?", nothing_about("Überweisung")),
    (PRACTICE, "other", "Stellen Sie Überweisungen aus?", nothing_about("Überweisungen")),
    (PRACTICE, "other", "Brauche ich eine Überweisung für den Ultraschall?", nothing_about("Überweisung")),
    (PRACTICE, "other", "Kann ich nur mit Überweisung kommen?", nothing_about("Überweisung")),
    (
        PRACTICE,
        "other",
        "Ich brauche eine Überweisung zum Kardiologen.",
        nothing_about("Überweisung", "Kardiologen"),
    ),
    (PRACTICE, "other", "Kann ich per Überweisung bezahlen?", PAYMENT),
    (PRACTICE, "other", "Kann ich mit Überweisung bezahlen?", PAYMENT),
    (PRACTICE, "other", "Kann ich die Rechnung überweisen?", PAYMENT),
    (PRACTICE, "other", "Geht auch auf Rechnung?", PAYMENT),
    (PRACTICE, "other", "Nehmen Sie Karte?", PAYMENT),
    (PRACTICE, "other", "Haben Sie eine Rechnung für mich?", nothing_about("Rechnung")),
    (PRACTICE, "other", "Ich habe eine Frage zu meiner Rechnung.", nothing_about("Rechnung")),
    (PRACTICE, "other", "Brauche ich meine Karte?", INSURANCE_CARD),
    (PRACTICE, "other", "Muss ich meine Versichertenkarte mitbringen?", INSURANCE_CARD),
    (PRACTICE, "other", "Ich habe meine Karte vergessen.", INSURANCE_CARD),
    (FULL, "other", "Ich brauche eine Überweisung.", REFERRALS),
    (FULL, "other", "Kann ich die Überweisung abholen?", REFERRALS),
    (FULL, "other", "Kann ich einen Überweisungsschein bekommen?", REFERRALS),
    (FULL, "other", "Können Sie mich überweisen?", REFERRALS),
    (FULL, "other", "Do I need a referral?", REFERRALS),
    (FULL, "other", "Kann ich per Überweisung zahlen?", f"Kann ich mit Karte zahlen? Ja, ab zehn Euro. {MORE}"),
    (
        FULL,
        "other",
        "Kann ich meine Rechnung mit Karte zahlen?",
        f"Kann ich mit Karte zahlen? Ja, ab zehn Euro. {MORE}",
    ),
    (FULL, "other", "Ich habe meine Karte vergessen.", INSURANCE_CARD),
    (SALON, "other", "Kann ich auf Rechnung zahlen?", f"{BY_CARD} {MORE}"),
    (SALON, "other", "Ich brauche eine Rechnung.", nothing_about("Rechnung")),
    (SALON, "other", "Haben Sie eine Bonuskarte?", nothing_about("Bonuskarte")),
    (SALON, "other", "Kann ich eine Kundenkarte bekommen?", nothing_about("Kundenkarte")),
    (PHYSIO, "other", "Do I need a referral?", "I have no information about referral."),
    (PHYSIO, "other", "I need an invoice.", "I have no information about invoice."),
    (PHYSIO, "other", "I forgot my card.", "I have no information about card."),
    (PHYSIO, "other", "Do you take cards?", ENGLISH_PAYMENT),
    (PHYSIO, "other", "Can I pay by bank transfer?", ENGLISH_PAYMENT),
    (PHYSIO, "other", "Do you have a card reader?", ENGLISH_PAYMENT),
]
DECLARED = [
    (PRACTICE, "other", "Was mache ich im Notfall?", EMERGENCY),
    (PRACTICE, "other", "Es ist ein Notfall!", EMERGENCY),
    (PRACTICE, "other", "Notfall!", EMERGENCY),
    (PRACTICE, "other", "Haben Sie eine Notfallnummer?", f"{EMERGENCY} {MORE}"),
    (PRACTICE, "other", "Was tue ich bei einem Notfall am Wochenende?", EMERGENCY),
    (PRACTICE, "other", "Mein Mann hat Brustschmerzen, was soll ich tun?", EMERGENCY),
    (PRACTICE, "other", "What do I do in an emergency?", EMERGENCY),
    (PRACTICE, "other", "Haben Sie eine Notfallsprechstunde?", f"{EMERGENCY} {MORE}"),
    (PRACTICE, "other", "Wann ist die Notfallsprechstunde?", f"{EMERGENCY} {MORE}"),
    (PRACTICE, "other", "Behandeln Sie auch Notfälle ohne Termin?", f"{EMERGENCY} {MORE}"),
    (PRACTICE, "other", "Ich habe einen Notfall.", EMERGENCY),
    (PRACTICE, "other", "Do you treat emergencies?", f"{EMERGENCY} {MORE}"),
    (PRACTICE, "other", "Ist mein Rezept schon fertig?", f"{RECIPE} {MORE}"),
    (PRACTICE, "other", "Was kostet das Rezept?", f"{RECIPE} Die Preise kann ich Ihnen leider nicht sagen."),
    (PRACTICE, "other", "Wann ist das Rezept fertig?", f"{RECIPE} {MORE}"),
    (PRACTICE, "other", "Wo bekomme ich ein Folgerezept?", RECIPE),
    (PRACTICE, "other", "Kann ich ein Rezept bestellen?", RECIPE),
    (PRACTICE, "other", "Nehmen Sie neue Patienten?", PATIENTS),
    (PRACTICE, "other", "Nehmen Sie noch Patienten auf?", PATIENTS),
    (PRACTICE, "other", "Sind Sie offen für neue Patienten?", PATIENTS),
    (PRACTICE, "other", "Werden noch neue Patienten aufgenommen?", PATIENTS),
    (PRACTICE, "other", "Nehmen Sie auch Neupatienten?", PATIENTS),
    (PRACTICE, "other", "Are you accepting new patients?", PATIENTS),
    (PRACTICE, "insurance", "Nehmen Sie Kassenpatienten?", OF_PATIENTS),
    (PRACTICE, "other", "Nehmen Sie keine neuen Patienten?", OF_PATIENTS),
    (PRACTICE, "other", "Wie viele Patienten sind heute da?", f"{OF_PATIENTS} {MORE}"),
    (PRACTICE, "other", "Haben Sie meine Patientenakte?", nothing_about("Patientenakte")),
    (PRACTICE, "other", "Ich bräuchte ein Rezept", RECIPE),
    (PRACTICE, "other", "Wie komme ich an mein Rezept?", RECIPE),
    (PRACTICE, "other", "Can I get a prescription?", RECIPE),
    (
        PRACTICE,
        "other",
        "Muss ich zur Blutabnahme nüchtern sein?",
        "Blutabnahme dauert zehn Minuten. Bitte essen Sie acht Stunden vorher nichts.",
    ),
    (
        PRACTICE,
        "other",
        "Darf ich vor dem Ultraschall frühstücken?",
        "Ultraschall dauert dreißig Minuten. Bitte kommen Sie nüchtern.",
    ),
    (
        PRACTICE,
        "other",
        "Sind Sie barrierefrei?",
        "Der Eingang ist im Hof, mit dem Aufzug in den zweiten Stock.",
    ),
    (PRACTICE, "other", "Wo kann ich parken?", "Zum Parken weiß ich nichts."),
    (PRACTICE, "other", "Darf ich meinen Hund mitbringen?", nothing_about("Hund")),
    (FULL, "other", "Wie lange ist mein Rezept gültig?", "Ein Rezept gilt vier Wochen."),
    (FULL, "other", "Sind Hunde bei Ihnen erlaubt?", "Nein, nur Blindenhunde."),
    (FULL, "other", "Can I bring my dog?", "Nein, nur Blindenhunde."),
    (FULL, "other", "Haben Sie einen Hundesalon?", nothing_about("Hundesalon")),
    (FULL, "other", "Kann ich meine Katze mitbringen?", nothing_about("Katze")),
    (FULL, "other", "Wo kann ich parken?", "Gibt es Parkplätze? Ja, hinter dem Haus."),
    (FULL, "address", "Gibt es einen Parkplatz?", "Ja, hinter dem Haus."),
    (FULL, "other", "Can I park there?", "Ja, hinter dem Haus."),
    (FULL, "other", "Ist Doktor Brandt am Mittwoch da?", "Doktor Brandt ist montags und dienstags da."),
    (FULL, "staff", "Wann ist Doktor Osei da?", "Wer an welchem Tag arbeitet, weiß ich nicht."),
    (FULL, "other", "Machen Sie einen Hausbesuch?", "Ja, nach Absprache."),
    (FULL, "other", "Habt ihr Wi-Fi?", "Nein, leider nicht."),
    (SALON, "other", "Kann man mit Karte bezahlen?", CARDS),
    (SALON, "other", "Nehmen Sie Karte?", CARDS),
    (SALON, "other", "Kann ich bei Ihnen mit EC-Karte zahlen?", CARDS),
    (SALON, "prices", "Do you take cards?", CARDS),
    (SALON, "other", "Geht EC?", BY_CARD),
    (SALON, "other", "Kann ich auch bar zahlen?", BY_CARD),
    (SALON, "other", "Kann ich mit dem Handy bezahlen?", f"{BY_CARD} {nothing_about('Handy')}"),
    (SALON, "other", "Kann ich mit PayPal zahlen?", f"{BY_CARD} {MORE}"),
    (SALON, "other", "Gibt es bei Ihnen Gutscheine?", VOUCHERS),
    (SALON, "other", "Do you sell vouchers?", VOUCHERS),
    (SALON, "other", "Nehmen Sie Gutscheine?", OF_VOUCHERS),
    (SALON, "other", "Brauche ich einen Gutschein?", OF_VOUCHERS),
    (SALON, "prices", "Was kostet ein Gutschein?", f"{OF_VOUCHERS} {MORE}"),
    (SALON, "other", "Wie lange gilt ein Gutschein?", f"{OF_VOUCHERS} {MORE}"),
    (SALON, "other", "Verkaufen Sie Shampoo?", nothing_about("Shampoo")),
    (SALON, "other", "Darf man rauchen?", "Das kann ich Ihnen leider nicht sagen."),
    (SILENT, "other", "Verkaufen Sie Gutscheine?", nothing_about("Gutscheine")),
    (SILENT, "other", "Gibt es Parkplätze?", "Zum Parken weiß ich nichts."),
    (SILENT, "staff", "Ist Anna am Freitag da?", "Wer an welchem Tag arbeitet, weiß ich nicht."),
    (PHYSIO, "other", "Is a prescription necessary?", PRESCRIPTION),
    (PHYSIO, "other", "Are prescriptions necessary?", PRESCRIPTION),
    (PHYSIO, "other", "Do I have to bring a prescription?", PRESCRIPTION),
    (PHYSIO, "other", "Can I get a prescription?", OF_PRESCRIPTION),
    (PHYSIO, "other", "I need a prescription.", OF_PRESCRIPTION),
    (PHYSIO, "other", "How long is a prescription valid?", f"{OF_PRESCRIPTION} {ENGLISH_MORE}"),
    (PHYSIO, "other", "Are you wheelchair accessible?", "The entrance is in the courtyard, and there is a lift."),
    (PHYSIO, "other", "Do you have parking?", "I have no information about parking."),
    (PHYSIO, "other", "Do you take new patients?", "I have no information about patients."),
]


@each_row(("tenant", "topic", "words", "message"), [*AMOUNTS, *REFERRED, *DECLARED])
def test_declared_fact_is_never_called_unknown(tenant: TenantConfig, topic: str, words: str, message: str) -> None:
    with speaking(Language.EN if tenant is PHYSIO else Language.DE):
        answer = answer_question(tenant, tenant.branches[0], question(topic, question=words))
    assert answer.message == message


@each_row(
    ("tenant", "words", "asked"),
    [
        (FULL, "Ich brauche ein Rezept.", '"Wie bekomme ich ein Rezept" oder "Wie lange gilt ein Rezept"'),
        (FULL, "Können Sie mich zum Orthopäden überweisen?", '"Wie bekomme ich eine Überweisung"'),
        (PRACTICE, "Nehmen Sie gesetzlich Versicherte?", '"Nehmen Sie neue Patienten auf"'),
        (SALON, "Ich habe meine Karte vergessen.", '"Kann ich mit Karte zahlen"'),
    ],
)
def test_ambiguous_business_question_suggests_declared_questions(tenant: TenantConfig, words: str, asked: str) -> None:
    answer = answer_question(tenant, tenant.branches[0], question("other", question=words))
    assert (answer.outcome, answer.message) == (FunctionOutcome.ASKED_BACK, f"Meinen Sie {asked}?")
    first = answer.fields["questions"][0]
    assert answer_question(tenant, tenant.branches[0], question("other", question=first)).success


@pytest.mark.parametrize(
    ("topic", "changes", "own", "words"),
    [
        ("cancellation", {"cancellation_rule": ""}, "Wie kann ich absagen?", "Was ist, wenn ich absage?"),
        ("prices", {}, "Was kostet Färben?", "Was zahle ich fürs Färben?"),
    ],
)
def test_declared_answer_replaces_a_missing_topic(topic: str, changes: dict[str, str], own: str, words: str) -> None:
    tenant = replace(SILENT, **changes, knowledge=(Knowledge(own, "Bitte fragen Sie im Salon."),))
    assert ask(tenant, topic, question=words).message.startswith("Bitte fragen Sie im Salon.")


@pytest.mark.parametrize(
    "said",
    [
        "Haben Sie morgen noch was frei?", "Gibt es am Freitag noch freie Termine?",
        "Ist am Samstag etwas für einen Haarschnitt frei?",
        "Is there anything free tomorrow afternoon for a haircut?", "Any availability on Friday?",
    ],
)  # fmt: skip
def test_free_times_are_offered_for_search(said: str) -> None:
    """A model asks the business information for free times: nobody hears that they are unknown."""
    answer = ask(SALON, "other", question=said)
    assert (answer.outcome, answer.message) == (FunctionOutcome.ASKED_BACK, say().search_free_times)
