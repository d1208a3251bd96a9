"""What is decided from which state: one row for each case, with the sentence that explains it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from askproai_operator.controllers.agent.decide import PUBLISH, Act, Step, decide
from askproai_operator.controllers.agent.observe import Known, Observed, Pending
from askproai_operator.controllers.agent.render import Desired, Number

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
GRACE = timedelta(seconds=20)
NUMBER = "+49301234567"
MARKER = "inst/ns/mitte"
DESIRED = Desired(
    MARKER,
    llm={"general_prompt": "Hallo", "default_dynamic_variables": {"askproai_owner": MARKER}},
    agent={"agent_name": f"Mitte · {MARKER}", "voice_id": "v1"},
    numbers=(Number(NUMBER),),
)


def llm(version: int = 0, *, published: bool = True, **fields: Any) -> dict[str, Any]:
    return {"llm_id": "llm_1", "version": version, "is_published": published, "kb_config": {}, **DESIRED.llm, **fields}


def agent(version: int = 0, *, published: bool = True, **fields: Any) -> dict[str, Any]:
    engine = {"type": "retell-llm", "llm_id": "llm_1", "version": version}
    return {
        "agent_id": "agent_1",
        "version": version,
        "is_published": published,
        "response_engine": engine,
        **DESIRED.agent,
        **fields,
    }


def bound(version: Any = 0, agent_id: str = "agent_1") -> dict[str, dict[str, Any]]:
    return {NUMBER: {"inbound_agents": [{"agent_id": agent_id, "weight": 1, "agent_version": version}]}}


KNOWN = Known("agent_1", "llm_1", 0, (NUMBER,))
TRUE = Observed(NOW, agent(), llm(), agent(), llm(), bound())
EMPTY = Observed(NOW, numbers={NUMBER: {}})
PENDING_LLM = Known(pending=Pending("llm", NOW - timedelta(seconds=1)))
CREATE_LLM, CREATE_AGENT, BIND = Step(Act.CREATE_LLM), Step(Act.CREATE_AGENT), Step(Act.BIND, (NUMBER,))
CREATE = (CREATE_LLM, CREATE_AGENT, PUBLISH, BIND)

CASES = [
    (TRUE, KNOWN, (), "everything is as declared: no diff, no write"),
    (EMPTY, Known(), CREATE, "nothing exists and nothing was begun"),
    (EMPTY, PENDING_LLM, (), "a create was begun a second ago: it may yet appear"),
    (
        EMPTY,
        replace(PENDING_LLM, pending=Pending("llm", NOW - GRACE)),
        CREATE,
        "it did not appear within the grace period",
    ),
    (EMPTY, KNOWN, (), "what our status names is gone: one 404 is not believed"),
    (
        replace(EMPTY, llm=llm(published=False)),
        PENDING_LLM,
        (CREATE_AGENT, PUBLISH, BIND),
        "the begun LLM was found by our marker, and no agent was begun: go on",
    ),
    (
        replace(EMPTY, llm=llm(published=False)),
        Known(llm_id="llm_1", pending=Pending("agent", NOW)),
        (),
        "the LLM is there, but an agent was begun: it may yet appear",
    ),
    (
        replace(EMPTY, llm=llm(3)),
        Known(llm_id="llm_1"),
        (*CREATE, Step(Act.DELETE_LLM, ("llm_1",))),
        "a used LLM can not serve a new agent: its version must be the agent's, 0",
    ),
    (
        replace(EMPTY, llm=llm(published=False, general_prompt="alt")),
        Known(llm_id="llm_1"),
        (Step(Act.PATCH_LLM, ("general_prompt",)), CREATE_AGENT, PUBLISH, BIND),
        "the prompt was edited between the two creates",
    ),
    (
        Observed(NOW, agent(published=False), llm(published=False), None, None, {NUMBER: {}}),
        Known("agent_1", "llm_1"),
        (PUBLISH, BIND),
        "a crash before the first publish",
    ),
    (
        replace(TRUE, llm=llm(general_prompt="alt"), live_llm=llm(general_prompt="alt")),
        KNOWN,
        (Step(Act.FORK, ("0",)), Step(Act.PATCH_LLM, ("general_prompt",)), PUBLISH, BIND),
        "published versions are immutable: fork, change, publish, pin",
    ),
    (
        replace(TRUE, agent=agent(1, published=False), llm=llm(1, published=False), live_llm=llm(general_prompt="alt")),
        KNOWN,
        (PUBLISH, BIND),
        "a crash after the patch: the draft is right, so it is only published",
    ),
    (
        replace(
            TRUE,
            agent=agent(1, published=False, voice_id="x"),
            llm=llm(1, published=False),
            live_agent=agent(voice_id="y"),
        ),
        KNOWN,
        (Step(Act.PATCH_AGENT, ("voice_id",)), PUBLISH, BIND),
        "an open draft is used instead of forking another one",
    ),
    (
        replace(TRUE, agent=agent(1, published=False, voice_id="x"), llm=llm(1, published=False)),
        KNOWN,
        (),
        "a person's draft answers no calls: it is left alone",
    ),
    (
        replace(TRUE, agent=agent(1), llm=llm(1), live_agent=agent(1), live_llm=llm(1)),
        KNOWN,
        (BIND,),
        "a crash after the publish: only the number is behind",
    ),
    (replace(TRUE, numbers=bound("latest")), KNOWN, (BIND,), "`latest` follows drafts: pin the version"),
    (replace(TRUE, numbers=bound(None)), KNOWN, (BIND,), "an unpinned number follows drafts, too"),
    (replace(TRUE, numbers=bound(0, "agent_x")), KNOWN, (), "bound to a stranger: never taken"),
    (
        replace(TRUE, numbers=bound(0, "agent_x"), ownerless=frozenset({"agent_x"})),
        KNOWN,
        (BIND,),
        "the agent it names does not exist any more: nobody loses it",
    ),
    (replace(TRUE, numbers={NUMBER: None}), KNOWN, (), "not at Retell, and no trunk to import it by: told, not done"),
    (
        replace(TRUE, twins=("agent_2",), spare_llms=("llm_2",)),
        KNOWN,
        (Step(Act.DELETE_AGENT, ("agent_2",)), Step(Act.DELETE_LLM, ("llm_2",))),
        "duplicates that carry our marker and are bound to nothing go",
    ),
    (replace(TRUE, bound_twins=("agent_2",)), KNOWN, (), "a bound duplicate is only told"),
]


@pytest.mark.parametrize(("observed", "known", "steps", "reason"), CASES, ids=[case[3] for case in CASES])
def test_steps(observed: Observed, known: Known, steps: tuple[Any, ...], reason: str) -> None:
    plan = decide(observed, DESIRED, known, GRACE)
    assert plan.refused is None, plan.refused
    assert plan.steps == steps, reason


def test_a_number_with_a_trunk_is_imported_and_bound() -> None:
    number = Number(NUMBER, {"phone_number": NUMBER, "termination_uri": "sip.example"})
    plan = decide(replace(TRUE, numbers={NUMBER: None}), replace(DESIRED, numbers=(number,)), KNOWN, GRACE)
    assert plan.steps == (Step(Act.IMPORT, (NUMBER,), number), BIND)


def test_a_number_that_the_branch_gave_up_is_freed_and_others_keep_their_share() -> None:
    other = {"agent_id": "agent_x", "weight": 0.5}
    seen = {NUMBER: {"inbound_agents": [{"agent_id": "agent_1", "weight": 0.5, "agent_version": 0}, other]}}
    plan = decide(replace(TRUE, numbers=seen), replace(DESIRED, numbers=()), KNOWN, GRACE)
    assert plan.steps == (Step(Act.UNBIND, (NUMBER,), others=({"agent_id": "agent_x", "weight": 1.0},)),)


def test_numbers_that_are_not_known_yet_are_left_alone() -> None:
    plan = decide(replace(TRUE, numbers=bound("latest")), replace(DESIRED, numbers=None), KNOWN, GRACE)
    assert (plan.steps, plan.bound) == ((), (NUMBER,))


@pytest.mark.parametrize(
    "observed",
    [
        replace(TRUE, agent=agent(agent_name="Fremd · inst/ns/other")),
        replace(TRUE, agent=agent(agent_name="Hand"), llm=llm(default_dynamic_variables={"askproai_owner": "a/b/c"})),
        replace(TRUE, llm=None),
    ],
    ids=["another owner's name", "another owner's LLM", "no LLM that we could manage"],
)
def test_what_is_not_ours_is_refused(observed: Observed) -> None:
    plan = decide(observed, DESIRED, KNOWN, GRACE)
    assert plan.refused is not None
    assert plan.steps == ()


def test_an_agent_to_adopt_that_is_not_there_is_told() -> None:
    plan = decide(EMPTY, DESIRED, Known(), GRACE, adopt="agent_9")
    assert plan.refused is not None
    assert "agent_9" in plan.refused.message
