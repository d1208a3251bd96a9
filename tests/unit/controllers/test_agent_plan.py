"""The steps that are planned from a state: one row for each case, with the sentence that explains it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from askproai_operator.api.conditions import Reason
from askproai_operator.controllers.agent_plan.inputs import NumberProblem, PlanInputs
from askproai_operator.controllers.agent_plan.observe import Observation, PendingCreate, RecordedState
from askproai_operator.controllers.agent_plan.plan import GRACE, PUBLISH, Action, Plan, Step, entries_without, make_plan
from askproai_operator.controllers.agent_plan.render import Desired, DesiredNumber
from tests.worlds.rows import each_row

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
NUMBER = "+49301234567"
THIRD = DesiredNumber("+49302222222")
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
    of_version = {"agent_id": "agent_1", "version": version, "is_published": published, "response_engine": engine}
    return of_version | DESIRED.agent | fields


def bound(version: Any = 0, agent_id: str = "agent_1") -> dict[str, dict[str, Any]]:
    return {NUMBER: {"inbound_agents": [{"agent_id": agent_id, "weight": 1, "agent_version": version}]}}


RECORDED = RecordedState("agent_1", "llm_1", 0, (NUMBER,))
SETTLED = Observation(NOW, agent(), llm(), agent(), llm(), bound())
EMPTY = Observation(NOW, numbers={NUMBER: {}})
PENDING_LLM = RecordedState(pending=PendingCreate("llm", NOW - timedelta(seconds=1)))
CREATE_LLM, CREATE_AGENT, BIND = Step(Action.CREATE_LLM), Step(Action.CREATE_AGENT), Step(Action.BIND, (NUMBER,))
CREATE = (CREATE_LLM, CREATE_AGENT, PUBLISH, BIND)
FORK, PATCH_PROMPT = Step(Action.FORK, ("0",)), Step(Action.PATCH_LLM, ("general_prompt",))
REPLACE_LLM = (*CREATE, Step(Action.DELETE_LLM, ("llm_1",)))
ONLY_LLM, UNUSED_LLM = RecordedState(llm_id="llm_1"), replace(EMPTY, llm=llm(published=False))
OTHER_DRAFT = replace(SETTLED, agent=agent(1, published=False, voice_id="x"), llm=llm(1, published=False))

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
        UNUSED_LLM,
        PENDING_LLM,
        (CREATE_AGENT, PUBLISH, BIND),
        "the begun LLM was found by our marker, and no agent was begun: go on",
    ),
    (
        UNUSED_LLM,
        RecordedState(llm_id="llm_1", pending=PendingCreate("agent", NOW)),
        (),
        "the LLM is there, but an agent was begun: it may yet appear",
    ),
    (
        replace(EMPTY, llm=llm(3)),
        ONLY_LLM,
        REPLACE_LLM,
        "a used LLM can not serve a new agent: its version must be the agent's, 0",
    ),
    (
        replace(EMPTY, llm=llm(1, published=False)),
        ONLY_LLM,
        REPLACE_LLM,
        "a draft of a later version is not the agent's first, either",
    ),
    (replace(EMPTY, llm=llm(0)), ONLY_LLM, REPLACE_LLM, "a published first version can not be changed any more"),
    (
        replace(EMPTY, llm=llm(2, default_dynamic_variables={})),
        ONLY_LLM,
        CREATE,
        "an LLM without our marker is a person's by now: it is not deleted",
    ),
    (EMPTY, RecordedState("agent_1"), (), "the agent that our status names is gone: one 404 is not believed"),
    (EMPTY, ONLY_LLM, (), "the LLM that our status names is gone: one 404 is not believed"),
    (
        replace(SETTLED, published_llm=None, agent=agent(), llm=llm()),
        RECORDED,
        (FORK, PUBLISH, BIND),
        "a published version whose LLM cannot be read is replaced",
    ),
    (
        replace(EMPTY, llm=llm(published=False, general_prompt="alt")),
        ONLY_LLM,
        (PATCH_PROMPT, CREATE_AGENT, PUBLISH, BIND),
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
        (FORK, PATCH_PROMPT, PUBLISH, BIND),
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
        replace(OTHER_DRAFT, published_agent=agent(voice_id="y")),
        RECORDED,
        (Step(Action.PATCH_AGENT, ("voice_id",)), PUBLISH, BIND),
        "an open draft is used instead of forking another one",
    ),
    (OTHER_DRAFT, RECORDED, (), "a person's draft answers no calls: it is left alone"),
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


@each_row(("observation", "recorded", "steps", "reason"), CASES)
def test_observation_leads_to_the_planned_steps(observation, recorded, steps, reason):
    plan = plan_for(observation, recorded)
    assert plan.refused is None, plan.refused
    assert plan.steps == steps, reason


def test_number_with_a_trunk_is_imported_and_bound() -> None:
    number = DesiredNumber(NUMBER, {"phone_number": NUMBER, "termination_uri": "sip.example"})
    plan = plan_for(replace(SETTLED, numbers={NUMBER: None}), desired=replace(DESIRED, numbers=(number,)))
    assert plan.steps == (Step(Action.IMPORT, (NUMBER,), number), BIND)


def test_unbinding_a_number_rescales_the_remaining_weights() -> None:
    other = {"agent_id": "agent_x", "weight": 0.5}
    numbers = {NUMBER: {"inbound_agents": [{"agent_id": "agent_1", "weight": 0.5, "agent_version": 0}, other]}}
    plan = plan_for(replace(SETTLED, numbers=numbers), desired=replace(DESIRED, numbers=()))
    assert plan.steps == (Step(Action.UNBIND, (NUMBER,), remaining=({"agent_id": "agent_x", "weight": 1.0},)),)


def test_plan_leaves_numbers_of_unread_branches_bound() -> None:
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
def test_agent_object_of_another_owner_is_refused(observation: Observation) -> None:
    plan = plan_for(observation)
    assert plan.refused is not None
    assert plan.steps == ()


def test_agent_to_adopt_must_exist() -> None:
    plan = plan_for(EMPTY, RecordedState(), adopt="agent_9")
    assert "agent_9" in plan.refused.message


def test_recent_create_request_is_awaited_before_another_one() -> None:
    plan = plan_for(EMPTY, PENDING_LLM)
    assert (plan.wait, plan.recorded_missing) == (GRACE - timedelta(seconds=1), False)
    assert plan.lines() == [f"not before {(GRACE.total_seconds() - 1):.0f} s have passed"]


@pytest.mark.parametrize("recorded", [RECORDED, RecordedState("agent_1"), RecordedState(llm_id="llm_1")])
def test_recorded_object_missing_at_retell_is_awaited(recorded: RecordedState) -> None:
    plan = plan_for(EMPTY, recorded)
    assert (plan.wait, plan.recorded_missing) == (GRACE, True)


def test_plan_lists_its_steps_and_peoples_tasks() -> None:
    edited = {"general_prompt": "alt", "begin_message": "x"}
    desired = replace(DESIRED, llm={**DESIRED.llm, "begin_message": "Hallo"}, numbers=(*DESIRED.numbers, THIRD))
    numbers = {**bound(), THIRD.e164: None}
    observation = replace(SETTLED, llm=llm(**edited), published_llm=llm(**edited), numbers=numbers)
    assert plan_for(observation, desired=desired).lines() == [
        "open a draft from version 0",
        "change the LLM: general_prompt, begin_message",
        "publish that version",
        f"bind {NUMBER} to the published version",
        f"{THIRD.e164} is not at Retell: import it there, or give spec.phoneNumbers[].sip of its Branch",
    ]
    simulated = plan_for(replace(observation, is_simulated=True), desired=desired).lines()
    assert simulated[-1].endswith(f'(the simulated Retell: askproai sandbox number "{THIRD.e164}" --key KEY)')
    assert plan_for(SETTLED).lines() == ["nothing to do"]


def test_unbindable_number_does_not_delay_other_numbers() -> None:
    trunk = replace(THIRD, e164="+49303333333", problem="Secret trunk has no key password: add it")
    strange = {"inbound_agents": [{"agent_id": "agent_y"}, {"agent_id": "agent_x"}]}
    desired = replace(DESIRED, numbers=(trunk, THIRD, DesiredNumber(NUMBER)))
    for observation, recorded in ((SETTLED, RECORDED), (EMPTY, RecordedState())):
        numbers = {trunk.e164: None, THIRD.e164: strange, NUMBER: {}}
        plan = plan_for(replace(observation, numbers=numbers), recorded, desired=desired)
        assert plan.steps[-1] == BIND
        assert plan.bound == (NUMBER,)
        missing, strangers = plan.number_problems
        text = f"{trunk.e164} is not at Retell: Secret trunk has no key password: add it"
        assert missing == NumberProblem(Reason.NUMBER_NOT_AT_RETELL, text, trunk.e164)
        text = f"{THIRD.e164} is bound to agent agent_x, agent_y, which is not ours: unbind it at Retell"
        assert strangers == NumberProblem(Reason.NUMBER_BOUND_ELSEWHERE, text, THIRD.e164)


def test_plan_waits_until_a_sibling_releases_the_number() -> None:
    """The Branch of a hotline gets an agent of its own."""
    bound = {"inbound_agents": [{"agent_id": "agent_hotline"}]}
    observation = replace(SETTLED, numbers={THIRD.e164: bound})
    inputs = PlanInputs(
        RECORDED, replace(DESIRED, numbers=(THIRD,)), observation, siblings=frozenset({"agent_hotline"})
    )
    (problem,) = make_plan(inputs).number_problems
    assert problem.reason is Reason.NUMBER_BOUND_ELSEWHERE
    assert (
        problem.message == f"{THIRD.e164} is bound to another agent of this Tenant, agent_hotline, until that frees it"
    )


def test_numbers_stay_bound_while_agent_is_recreated() -> None:
    recorded = replace(PENDING_LLM, pending=PendingCreate("llm", NOW - GRACE), numbers=(NUMBER,))
    plan = plan_for(EMPTY, recorded, desired=replace(DESIRED, numbers=None))
    assert plan.bound == (NUMBER,)


# Changes of a person at Retell


def test_foreign_draft_is_listed_with_its_changes() -> None:
    draft = replace(SETTLED, agent=agent(1, published=False, voice_id="x"), llm=llm(1, general_prompt="y"))
    plan = plan_for(draft)
    assert (plan.foreign_draft, plan.drift, plan.published_elsewhere) == (
        ('general_prompt: "Hallo" → "y"', 'voice_id: "v1" → "x"'),
        (),
        False,
    )
    assert plan_for(SETTLED).foreign_draft == ()


def test_own_unpublished_draft_is_not_a_foreign_draft() -> None:
    plan = plan_for(
        replace(SETTLED, agent=agent(1, published=False, voice_id="x"), published_agent=agent(voice_id="y"))
    )
    assert plan.foreign_draft == ()
    assert plan.drift == ('voice_id: "v1" → "y"',)


@pytest.mark.parametrize(
    ("published", "recorded", "elsewhere"),
    [
        (agent(1, voice_id="x"), 0, True),
        (agent(0, voice_id="x"), 0, False),  # the manifest was changed, not the agent
        (agent(1, voice_id="x"), None, False),  # adopted: we have published nothing yet
        (agent(1), 0, False),  # a crash before the status was written
    ],
)
def test_version_published_by_a_person_is_detected(published, recorded, elsewhere):
    observation = replace(SETTLED, agent=published, published_agent=published)
    plan = plan_for(observation, replace(RECORDED, published_version=recorded))
    assert plan.published_elsewhere is elsewhere


# The inbound webhook

URL = "https://calls.example/salon/retell/inbound"
OLD_URL = "https://old.example/salon/retell/inbound"
OWN_URL = "https://crm.example/hook"
SET, REMOVE, UNBIND = (Step(action, (NUMBER,)) for action in (Action.WEBHOOK, Action.NO_WEBHOOK, Action.UNBIND))


@pytest.mark.parametrize(
    ("live", "desired", "steps"),
    [
        (None, URL, (SET,)),
        (OLD_URL, URL, (SET,)),
        (OWN_URL, URL, (SET,)),
        (URL, URL, ()),
        (URL, None, (REMOVE,)),
        (OWN_URL, None, ()),
        (None, None, ()),
    ],
)
def test_inbound_webhook_of_a_person_is_not_removed(live, desired, steps):
    numbers = {NUMBER: {**bound()[NUMBER], "inbound_webhook_url": live}}
    plan = plan_for(replace(SETTLED, numbers=numbers), desired=replace(DESIRED, inbound_url=desired))
    assert plan.steps == steps


def test_imported_number_gets_webhook_after_its_binding() -> None:
    number = DesiredNumber(NUMBER, {"phone_number": NUMBER})
    desired = replace(DESIRED, numbers=(DesiredNumber(THIRD.e164), number), inbound_url=URL)
    observation = replace(SETTLED, numbers={NUMBER: None, THIRD.e164: {}})
    bind, webhook = (Step(action, (THIRD.e164,)) for action in (Action.BIND, Action.WEBHOOK))
    imported = Step(Action.IMPORT, (NUMBER,), number)
    assert plan_for(observation, desired=desired).steps == (bind, webhook, imported, BIND, SET)


@pytest.mark.parametrize(
    ("entries", "steps"),
    [
        (bound()[NUMBER]["inbound_agents"], (REMOVE, UNBIND)),
        ([], (REMOVE,)),  # after a crash between the two steps
        ([{"agent_id": "agent_x"}], ()),  # number and webhook are another agent's by now
    ],
)
def test_inbound_webhook_is_removed_before_unbinding_its_number(entries, steps):
    numbers = {NUMBER: {"inbound_agents": entries, "inbound_webhook_url": URL}, THIRD.e164: {}}
    desired = replace(DESIRED, numbers=(THIRD,), inbound_url=None)
    plan = plan_for(replace(SETTLED, numbers=numbers), desired=desired)
    assert plan.steps == (Step(Action.BIND, (THIRD.e164,)), *steps)


def test_unweighted_agents_share_a_released_number_equally() -> None:
    others = [{"agent_id": "agent_x"}, {"agent_id": "agent_y", "weight": 3.0}]
    assert entries_without([{"agent_id": "agent_1"}, *others], {"agent_1"}) == (
        {"agent_id": "agent_x", "weight": 0.25},
        {"agent_id": "agent_y", "weight": 0.75},
    )
