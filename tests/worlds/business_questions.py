"""Questions about a business, and the config that answers them."""

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from askproai_core.tenant_config import TenantConfig
from askproai_core.tenant_config.branches import Knowledge
from askproai_runtime.conversation.business_information.answers import answer_question
from askproai_runtime.conversation.business_information.questions import Question
from askproai_runtime.conversation.types import Answer
from tests.worlds.compiled_salon import compile_example

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)

PEOPLE = (("mitte", "anna"), ("mitte", "mehmet"), ("pankow", "clara"), ("potsdam", "david"))

IDS = {(branch, person, 1): number for number, (branch, person) in enumerate(PEOPLE, 1)}

SALON = compile_example("salon.yaml", resource_ids=IDS)

CHAIN = compile_example("hotline.yaml", resource_ids=IDS)

# A branch without directions, and one with answers to many questions.
BARE = replace(SALON, branches=(replace(SALON.branches[0], directions=""),))
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
BARBER = replace(
    SALON,
    services=tuple(
        replace(SALON.services[0], name=name, display_name=display, spoken_names=spoken, price_amount=price)
        for name, display, spoken, price in (
            ("cut", "Haarschnitt", ("Schneiden",), "35.00"),
            ("beard", "Bart", ("Bartschnitt",), "15.00"),
            ("color", "Färben", (), "70.00"),
        )
    ),
)


def question(topic: str, **args: Any) -> Question:
    return Question.of({"topic": topic, **args}, asked_at=NOW, now=NOW)


def ask(config: TenantConfig, topic: str, branch: str = "mitte", **args: Any) -> Answer:
    (place,) = [each for each in config.branches if each.name == branch]
    return answer_question(config, place, question(topic, **args))
