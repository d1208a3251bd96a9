"""Which steps are planned from which states: one row for each case, with the sentence that explains it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from askproai_operator.controllers.agent.inputs import PlanInputs
from askproai_operator.controllers.agent.observe import Observation, PendingCreate, RecordedState
from askproai_operator.controllers.agent.plan import GRACE, PUBLISH, Action, Plan, Step, make_plan
from askproai_operator.controllers.agent.render import Desired, DesiredNumber

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
NUMBER = "+49301234567"
MARKER = "inst/ns/mitte"
DESIRED = Desired(
    MARKER,
    llm={"general_prompt": "Hallo", "default_dynamic_variables": {"askproai_owner": MARKER}},
    agent={"agent_name": f"Mitte · {MARKER}", "voice_id": "v1"},
    numbers=(DesiredNumber(NUMBER),),
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


RECORDED = RecordedState("agent_1", "llm_1", 0, (NUMBER,))
SETTLED = Observation(NOW, agent(), llm(), agent(), llm(), bound())
EMPTY = Observation(NOW, numbers={NUMBER: {}})
PENDING_LLM = RecordedState(pending=PendingCreate("llm", NOW - timedelta(seconds=1)))
CREATE_LLM, CREATE_AGENT, BIND = Step(Action.CREATE_LLM), Step(Action.CREATE_AGENT), Step(Action.BIND, (NUMBER,))
CREATE = (CREATE_LLM, CREATE_AGENT, PUBLISH, BIND)

CASES = [
    (SETTLED, RECORDED, (), "everything is as declared: no diff, no write"),
    (EMPTY, RecordedState(), CREATE, "nothing exists and nothing was begun"),
    (EMPTY, PENDING_LLM, (), "a create was begun a second ago: it may yet appear"),
    (
        EMPTY,
        replace(PENDING_LLM, pending=PendingCreate("llm", NOW - GRACE)),
        CREATE,
        "it did not appear within the grace period",
    ),
    (EMPTY, RECORDED, (), "what our status names is gone: one 404 is not believed"),
    (
        replace(EMPTY, llm=llm(published=False)),
        PENDING_LLM,
        (CREATE_AGENT, PUBLISH, BIND),
        "the begun LLM was found by our marker, and no agent was begun: go on",
    ),
    (
        replace(EMPTY, llm=llm(published=False)),
        RecordedState(llm_id="llm_1", pending=PendingCreate("agent", NOW)),
        (),
        "the LLM is there, but an agent was begun: it may yet appear",
    ),
    (
        replace(EMPTY, llm=llm(3)),
        RecordedState(llm_id="llm_1"),
        (*CREATE, Step(Action.DELETE_LLM, ("llm_1",))),
        "a used LLM can not serve a new agent: its version must be the agent's, 0",
    ),
    (
        replace(EMPTY, llm=llm(published=False, general_prompt="alt")),
        RecordedState(llm_id="llm_1"),
        (Step(Action.PATCH_LLM, ("general_prompt",)), CREATE_AGENT, PUBLISH, BIND),
        "the prompt was edited between the two creates",
    ),
    (
        Observation(NOW, agent(published=False), llm(published=False), None, None, {NUMBER: {}}),
        RecordedState("agent_1", "llm_1"),
        (PUBLISH, BIND),
        "a crash before the first publish",
    ),
    (
        replace(SETTLED, llm=llm(general_prompt="alt"), published_llm=llm(general_prompt="alt")),
        RECORDED,
        (Step(Action.FORK, ("0",)), Step(Action.PATCH_LLM, ("general_prompt",)), PUBLISH, BIND),
        "published versions are immutable: fork, change, publish, pin",
    ),
    (
        replace(
            SETTLED,
            agent=agent(1, published=False),
            llm=llm(1, published=False),
            published_llm=llm(general_prompt="alt"),
        ),
        RECORDED,
        (PUBLISH, BIND),
        "a crash after the patch: the draft is right, so it is only published",
    ),
    (
        replace(
            SETTLED,
            agent=agent(1, published=False, voice_id="x"),
            llm=llm(1, published=False),
            published_agent=agent(voice_id="y"),
        ),
        RECORDED,
        (Step(Action.PATCH_AGENT, ("voice_id",)), PUBLISH, BIND),
        "an open draft is used instead of forking another one",
    ),
    (
        replace(SETTLED, agent=agent(1, published=False, voice_id="x"), llm=llm(1, published=False)),
        RECORDED,
        (),
        "a person's draft answers no calls: it is left alone",
    ),
    (
        replace(SETTLED, agent=agent(1), llm=llm(1), published_agent=agent(1), published_llm=llm(1)),
        RECORDED,
        (BIND,),
        "a crash after the publish: only the number is behind",
    ),
    (replace(SETTLED, numbers=bound("latest")), RECORDED, (BIND,), "`latest` follows drafts: pin the version"),
    (replace(SETTLED, numbers=bound(None)), RECORDED, (BIND,), "an unpinned number follows drafts, too"),
    (replace(SETTLED, numbers=bound(0, "agent_x")), RECORDED, (), "bound to a stranger: never taken"),
    (
        replace(SETTLED, numbers=bound(0, "agent_x"), deleted_agents=frozenset({"agent_x"})),
        RECORDED,
        (BIND,),
        "the agent it names does not exist any more: nobody loses it",
    ),
    (
        replace(SETTLED, numbers={NUMBER: None}),
        RECORDED,
        (),
        "not at Retell, and no trunk to import it by: a finding, no step",
    ),
    (
        replace(SETTLED, duplicates=("agent_2",), unused_llms=("llm_2",)),
        RECORDED,
        (Step(Action.DELETE_AGENT, ("agent_2",)), Step(Action.DELETE_LLM, ("llm_2",))),
        "duplicates that carry our marker and are bound to nothing go",
    ),
    (replace(SETTLED, bound_duplicates=("agent_2",)), RECORDED, (), "a bound duplicate is only reported"),
]


def plan_for(
    observation: Observation,
    recorded: RecordedState = RECORDED,
    *,
    desired: Desired = DESIRED,
    adopt: str | None = None,
) -> Plan:
    return make_plan(PlanInputs(recorded, desired, observation, adopt))


@pytest.mark.parametrize(("observation", "recorded", "steps", "reason"), CASES, ids=[case[3] for case in CASES])
def test_steps(observation: Observation, recorded: RecordedState, steps: tuple[Any, ...], reason: str) -> None:
    plan = plan_for(observation, recorded)
    assert plan.refused is None, plan.refused
    assert plan.steps == steps, reason


def test_a_number_with_a_trunk_is_imported_and_bound() -> None:
    number = DesiredNumber(NUMBER, {"phone_number": NUMBER, "termination_uri": "sip.example"})
    plan = plan_for(replace(SETTLED, numbers={NUMBER: None}), desired=replace(DESIRED, numbers=(number,)))
    assert plan.steps == (Step(Action.IMPORT, (NUMBER,), number), BIND)


def test_a_number_that_the_branch_gave_up_is_freed_and_others_keep_their_share() -> None:
    other = {"agent_id": "agent_x", "weight": 0.5}
    numbers = {NUMBER: {"inbound_agents": [{"agent_id": "agent_1", "weight": 0.5, "agent_version": 0}, other]}}
    plan = plan_for(replace(SETTLED, numbers=numbers), desired=replace(DESIRED, numbers=()))
    assert plan.steps == (Step(Action.UNBIND, (NUMBER,), remaining=({"agent_id": "agent_x", "weight": 1.0},)),)


def test_numbers_that_are_not_known_yet_are_left_alone() -> None:
    plan = plan_for(replace(SETTLED, numbers=bound("latest")), desired=replace(DESIRED, numbers=None))
    assert (plan.steps, plan.bound) == ((), (NUMBER,))


@pytest.mark.parametrize(
    "observation",
    [
        replace(SETTLED, agent=agent(agent_name="Fremd · inst/ns/other")),
        replace(
            SETTLED, agent=agent(agent_name="Hand"), llm=llm(default_dynamic_variables={"askproai_owner": "a/b/c"})
        ),
        replace(SETTLED, llm=None),
    ],
    ids=["another owner's name", "another owner's LLM", "no LLM that we could manage"],
)
def test_what_is_not_ours_is_refused(observation: Observation) -> None:
    plan = plan_for(observation)
    assert plan.refused is not None
    assert plan.steps == ()


def test_an_agent_to_adopt_that_does_not_exist_is_refused() -> None:
    plan = plan_for(EMPTY, RecordedState(), adopt="agent_9")
    assert plan.refused is not None
    assert "agent_9" in plan.refused.message
