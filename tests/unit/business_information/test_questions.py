"""Every question of `questions.txt` gets its stated answer: a declared fact is never called unknown, and an open part is named."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from askproai_core.languages import Language
from askproai_core.tenant_config import TenantConfig
from askproai_core.tenant_config.branches import Knowledge
from askproai_runtime.conversation.business_information.answers import answer_question
from askproai_runtime.conversation.types import FunctionOutcome
from askproai_runtime.sentences import say, speaking
from tests.worlds.business_questions import BARBER, BARE, CHAIN, SALON, TOLD, ask, question
from tests.worlds.compiled_salon import compile_example
from tests.worlds.rows import each_row

DOCTORS = [("praxis", name, 1) for name in ("dr-kaya", "dr-brandt", "dr-osei", "labor")] + [("praxis", "labor", 2)]
PRACTICE = compile_example("practice.yaml", resource_ids={each: at for at, each in enumerate(DOCTORS, 1)})
PHYSIO = compile_example("english.yaml", resource_ids={("canal", "grace", 1): 1, ("canal", "tomas", 1): 2})
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
        Knowledge("Stellen Sie Atteste aus?", "Ja, für fünf Euro."),
    ),
)
TENANTS = {
    "salon": SALON, "practice": PRACTICE, "physio": PHYSIO, "full": FULL, "bare": BARE, "bare, in English": BARE, "told": TOLD,
    "silent": replace(BARE, knowledge=()), "chain": CHAIN, "barber": BARBER,
    "pankow": replace(CHAIN, branches=CHAIN.branches[1:] + CHAIN.branches[:1]),
}  # fmt: skip


def read_rows() -> Iterator[tuple[str, str, str, str]]:
    """Yield the tenant, the kind of the answer, the question and the answer of each row."""
    tenant = ""
    for line in Path(__file__).with_name("questions.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            tenant = line.strip("[]")
        elif line and not line.startswith("#"):
            kind, _, row = line.partition(": ")
            yield tenant, kind, *row.split(" = ")


@each_row(("tenant", "kind", "words", "message"), read_rows())
def test_question_gets_its_stated_answer(tenant: str, kind: str, words: str, message: str) -> None:
    topic, _, known = kind.partition(" ")
    with speaking(Language.EN if tenant in {"physio", "bare, in English"} else Language.DE):
        config = TENANTS[tenant]
        answer = answer_question(config, config.branches[0], question(topic, question=words))
    assert (answer.message, answer.success) == (message, known in {"", "partly"})
    assert ("not_answered" in answer.fields) is (known == "partly") or not answer.success
    assert (answer.outcome is FunctionOutcome.NOT_KNOWN) is (known == "unknown")


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
    tenant = replace(BARE, **changes, knowledge=(Knowledge(own, "Bitte fragen Sie im Salon."),))
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
