"""Questions about a business, and the config that answers them."""

from datetime import UTC, datetime
from typing import Any

from askproai_core.tenant_config import (
    TenantConfig,
)
from askproai_runtime.conversation.business_information.answers import answer_question
from askproai_runtime.conversation.business_information.questions import Question
from askproai_runtime.conversation.types import Answer
from tests.worlds.compiled_salon import compile_example

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)

PEOPLE = (("mitte", "anna"), ("mitte", "mehmet"), ("pankow", "clara"), ("potsdam", "david"))

IDS = {(branch, person, 1): number for number, (branch, person) in enumerate(PEOPLE, 1)}

SALON = compile_example("salon.yaml", resource_ids=IDS)

CHAIN = compile_example("hotline.yaml", resource_ids=IDS)


def question(topic: str, **args: Any) -> Question:
    return Question.of({"topic": topic, **args}, asked_at=NOW, now=NOW)


def ask(config: TenantConfig, topic: str, branch: str = "mitte", **args: Any) -> Answer:
    (place,) = [each for each in config.branches if each.name == branch]
    return answer_question(config, place, question(topic, **args))
