"""The Retell simulator follows the odd rules of docs/vendors/retell.md."""

from typing import Any

import pytest
from sandbox_clients import Api

from askproai_sandbox.retell import signature

pytestmark = pytest.mark.nightly

VECTORS = [  # computed with Retell's SDK
    (
        "key_test_0123456789abcdef",
        1760000000000,
        '{"event":"call_started","call":{"call_id":"call_test_0001"}}',
        "a55b59a98826cca72b5d5116aa99ee3f83349b4e2aa06bf167682c3e178b9261",
    ),
    (
        "key_test_0123456789abcdef",
        1760000123456,
        (
            '{"event":"call_analyzed","call":{"call_id":"call_test_0002","call_analysis":'
            '{"call_summary":"Frau Müller möchte Strähnchen – 89 €"}}}'
        ),
        "99fb7691711393eb15f0aaf59fd20bed02a38b6a4a7825e7d89b03618e5b906c",
    ),
    ("key_ANOTHER-key", 1, "", "883b4661d032b056a770544d704483d3a94d62effc90ed5e431e8fb6c1ce9e04"),
]


@pytest.mark.parametrize(("key", "now_ms", "body", "digest"), VECTORS)
def test_simulator_signs_like_retell(key: str, now_ms: int, body: str, digest: str) -> None:
    assert signature(key, body.encode(), now_ms) == f"v={now_ms},d={digest}"


async def make_llm(retell: Api, **fields: Any) -> dict[str, Any]:
    return await retell("POST", "/create-retell-llm", {"start_speaker": "agent", **fields}, expect=201)


async def make_agent(retell: Api, **fields: Any) -> dict[str, Any]:
    llm = await make_llm(retell)
    body = {"response_engine": {"type": "retell-llm", "llm_id": llm["llm_id"]}, "voice_id": "11labs-Carola", **fields}
    return await retell("POST", "/create-agent", body, expect=201)


async def publish(retell: Api, agent_id: str, version: int, expect: int = 200) -> Any:
    return await retell("POST", f"/publish-agent-version/{agent_id}", {"version": version}, expect=expect)


async def test_unknown_key_is_401_and_foreign_agent_404(retell: Api) -> None:
    """The error body is `{"status": "error", "message"}`."""
    agent = await make_agent(retell)
    await retell("GET", f"/get-agent/{agent['agent_id']}", key="key_other", expect=404)
    refused = await retell("GET", "/v2/list-retell-llms", key="sk_wrong", expect=401)
    assert refused["status"] == "error"
    assert refused["message"]


async def test_creating_twice_makes_two_agents(retell: Api) -> None:
    """No create endpoint is idempotent, and names are not unique."""
    first, second = await make_agent(retell, agent_name="Salon"), await make_agent(retell, agent_name="Salon")
    assert first["agent_id"] != second["agent_id"]


async def test_new_agent_is_an_unpublished_default_version_0(retell: Api) -> None:
    """Answers have the server's defaults, such as en-US and Los Angeles."""
    agent = await make_agent(retell)
    assert (agent["version"], agent["is_published"]) == (0, False)
    assert (agent["language"], agent["timezone"], agent["voice_speed"]) == ("en-US", "America/Los_Angeles", 1)
    assert agent["contact_memory_config"]["enable_read"] is True
    assert agent["response_engine"]["version"] == 0


async def test_publishing_makes_agent_and_llm_immutable(retell: Api) -> None:
    """Changes are refused with Retell's status codes and messages."""
    agent = await make_agent(retell)
    assert await publish(retell, agent["agent_id"], 0) is None, "the answer is empty"
    refused = await retell("PATCH", f"/update-agent/{agent['agent_id']}", {"agent_name": "x"}, expect=422)
    assert refused["message"] == "Cannot update published agent other than version title"
    await retell("PATCH", f"/update-agent/{agent['agent_id']}", {"version_title": "first"})
    llm_id = agent["response_engine"]["llm_id"]
    refused = await retell("PATCH", f"/update-retell-llm/{llm_id}", {"general_prompt": "x"}, expect=400)
    assert refused["message"] == "Cannot update published LLM"


async def test_publishing_twice_is_refused_and_opens_no_draft(retell: Api) -> None:
    agent = await make_agent(retell)
    await publish(retell, agent["agent_id"], 0)
    await publish(retell, agent["agent_id"], 0, expect=400)
    versions = await retell("GET", f"/list-agent-versions/{agent['agent_id']}")
    assert [v["version"] for v in versions["items"]] == [0]
    assert versions["has_more"] is False


async def test_new_version_forks_the_llm_under_its_id(retell: Api) -> None:
    """The version is one higher, and response_engine.version equals it."""
    agent = await make_agent(retell)
    await publish(retell, agent["agent_id"], 0)
    draft = await retell("POST", f"/create-agent-version/{agent['agent_id']}", {"base_version": 0}, expect=201)
    assert (draft["version"], draft["is_published"], draft["base_version"]) == (1, False, 0)
    assert draft["response_engine"] == {**agent["response_engine"], "version": 1}
    llm_id = agent["response_engine"]["llm_id"]
    await retell("PATCH", f"/update-retell-llm/{llm_id}", {"general_prompt": "new"}, version_=1)
    old = await retell("GET", f"/get-retell-llm/{llm_id}", version_=0)
    assert ("general_prompt" in old, old["is_published"]) == (False, True)
    refused = await retell(
        "PATCH", f"/update-agent/{agent['agent_id']}", {"response_engine": agent["response_engine"]}, expect=400
    )
    assert refused["message"] == "Cannot update response engine after agent versions have been created"


async def test_latest_version_includes_drafts(retell: Api) -> None:
    agent_id = (await make_agent(retell))["agent_id"]
    await retell("GET", f"/get-agent/{agent_id}", version_="latest_published", expect=404)
    await publish(retell, agent_id, 0)
    await retell("POST", f"/create-agent-version/{agent_id}", {"base_version": 0}, expect=201)
    seen = {
        ref: (await retell("GET", f"/get-agent/{agent_id}", version_=ref))["version"]
        for ref in ("latest", "latest_published", "0")
    }
    assert seen == {"latest": 1, "latest_published": 0, "0": 0}
    assert (await retell("GET", f"/get-agent/{agent_id}"))["version"] == 1
    await retell("GET", f"/get-agent/{agent_id}", version_="nonsense", expect=404)


async def test_an_llm_is_paired_with_one_agents_versions(retell: Api) -> None:
    """The engine's version must equal the agent's, so two agents cannot both create versions of one LLM."""
    first = await make_agent(retell)
    engine = {"type": "retell-llm", "llm_id": first["response_engine"]["llm_id"]}
    second = await retell("POST", "/create-agent", {"response_engine": engine, "voice_id": "11labs-Carola"}, expect=201)
    await publish(retell, first["agent_id"], 0)
    fork = {"base_version": 0}
    await retell("POST", f"/create-agent-version/{first['agent_id']}", fork, expect=201)
    mispaired = "Response engine version must equal the agent version"
    refused = await retell("POST", f"/create-agent-version/{second['agent_id']}", fork, expect=400)
    assert refused["message"] == mispaired
    for reference in ({}, {"version": 1}):  # without a version it is the latest, which is a draft of another agent
        body = {"response_engine": {**engine, **reference}, "voice_id": "11labs-Carola"}
        assert (await retell("POST", "/create-agent", body, expect=400))["message"] == mispaired


async def test_lists_return_pages_of_summaries(retell: Api) -> None:
    """Summaries lack webhook_url and response_engine. The query is a part of the name or id."""
    for n in range(3):
        await make_agent(retell, agent_name=f"Salon {n}", webhook_url="https://example.com")
    first = await retell("POST", "/v2/list-agents", {"filter_criteria": {"query": "SALON"}}, limit=2)
    assert first["has_more"] is True
    rest = await retell("POST", "/v2/list-agents", {}, limit=2, pagination_key=first["pagination_key"])
    assert [a["agent_name"] for a in first["items"] + rest["items"]] == ["Salon 2", "Salon 1", "Salon 0"]
    assert not {"webhook_url", "response_engine"} & first["items"][0].keys()
    assert "pagination_key" not in rest
    await retell("POST", "/v2/list-agents", {"filter_criteria": {"name": "Salon"}}, expect=422)


@pytest.mark.parametrize("fields", [
    {"webhook_events": ["call_started", "call_exploded"]}, {"voice_id": "11labs-Nobody"}, {"language": "de-AT"},
    {"voice_temperature": 3}, {"made_up": 1}, {"agent_name": 7}, {"voice_speed": None},
    {"data_storage_retention_days": 731}, {"response_engine": {"type": "retell-llm", "llm_id": "x", "extra": 1}},
    {"post_call_analysis_data": [{"type": "enum", "name": "a", "description": "b"}]},
])  # fmt: skip
async def test_agent_field_values_are_checked(retell: Api, fields: dict[str, Any]) -> None:
    agent = await make_agent(retell)
    assert (await retell("PATCH", f"/update-agent/{agent['agent_id']}", fields, expect=422))["status"] == "error"


def _custom(**fields: Any) -> dict[str, Any]:
    return {"type": "custom", "name": "book", "url": "https://example.com/book", **fields}


@pytest.mark.parametrize("fields", [
    {"general_tools": [_custom(name="büchen")]}, {"general_tools": [_custom(), _custom()]},
    {"general_tools": [{"type": "custom", "name": "book"}]}, {"general_tools": [_custom(timeout_ms=999)]},
    {"general_tools": [_custom(timeout_ms=600_001)]}, {"general_tools": [_custom(max_retry=6)]},
    {"general_tools": [_custom(parameters={"type": "array", "properties": {}})]},
    {"general_tools": [{"type": "check_availability_cal", "name": "a", "cal_api_key": "b", "event_type_id": 1}]},
    {"default_dynamic_variables": {"count": 3}}, {"start_speaker": "nobody"}, {"model_config": {"type": "magic"}},
    {"model_config": {"type": "cascading", "primary": {"model": "gpt-5.1"}, "temperature": 1.5}}, {"surprise": True},
    {"model_config": {"type": "cascading"}}, {"model_temperature": 0.9}, {"model": "gpt-5.1"},
])  # fmt: skip
async def test_llm_field_values_are_checked(retell: Api, fields: dict[str, Any]) -> None:
    """Dynamic variables are texts. Fields that Retell would ignore beside model_config are refused, too."""
    await retell("POST", "/create-retell-llm", {"start_speaker": "agent", **fields}, expect=422)


async def test_model_config_is_merged_by_top_level_keys(retell: Api) -> None:
    """A null clears a key."""
    config = {"type": "cascading", "primary": {"model": "gpt-5.1"}, "backup": {"model": "gpt-4.1"}}
    llm = await make_llm(retell, model_config=config)
    assert llm["model_config"]["backup"]["kick_in_timeout_ms"] == 1500
    changes = {"model_config": {"type": "cascading", "temperature": 0.4, "backup": None}}
    changed = await retell("PATCH", f"/update-retell-llm/{llm['llm_id']}", changes)
    assert changed["model_config"] == {"type": "cascading", "primary": {"model": "gpt-5.1"}, "temperature": 0.4}


async def test_tool_defaults_appear_in_answers(retell: Api) -> None:
    tool = (await make_llm(retell, general_tools=[_custom()]))["general_tools"][0]
    assert (tool["method"], tool["timeout_ms"], tool["max_retry"], tool["args_at_root"]) == ("POST", 120_000, 0, False)


async def test_null_clears_a_field(retell: Api) -> None:
    agent = await make_agent(retell, webhook_url="https://example.com/hook")
    cleared = await retell("PATCH", f"/update-agent/{agent['agent_id']}", {"webhook_url": None})
    assert "webhook_url" not in cleared
    llm_path = f"/update-retell-llm/{agent['response_engine']['llm_id']}"
    assert "begin_message" in await retell("PATCH", llm_path, {"begin_message": "Hallo"})
    assert "begin_message" not in await retell("PATCH", llm_path, {"begin_message": None})


async def test_an_llm_in_use_is_not_deleted(retell: Api) -> None:
    """The answer is 400 while any agent uses the LLM."""
    agent = await make_agent(retell)
    path = f"/delete-retell-llm/{agent['response_engine']['llm_id']}"
    await retell("DELETE", path, expect=400)
    await retell("DELETE", path, force_delete="true", expect=400)  # stricter than Retell; it must never be sent
    await retell("DELETE", f"/delete-agent/{agent['agent_id']}", expect=204)
    await retell("DELETE", path, expect=204)
    await retell("DELETE", path, expect=404)


async def test_numbers_are_keyed_by_e164_with_agent_lists(retell: Api) -> None:
    agent = await make_agent(retell)
    number = {"phone_number": "+49301234567", "termination_uri": "sip.example", "sip_trunk_auth_password": "hidden"}
    created = await retell("POST", "/import-phone-number", number, expect=201)
    assert "hidden" not in str(created)
    assert "hidden" not in str(await retell.journal())
    await retell("POST", "/import-phone-number", number, expect=400)
    path = "/update-phone-number/%2B49301234567"
    await retell("PATCH", path, {"inbound_agent_id": agent["agent_id"]}, expect=422)
    await retell("PATCH", path, {"inbound_agents": [{"agent_id": agent["agent_id"], "weight": 0.5}]}, expect=400)
    await retell("PATCH", path, {"inbound_agents": []}, expect=400)
    await retell("PATCH", path, {"inbound_agents": [{"agent_id": "agent_nobody", "weight": 1}]}, expect=404)
    for version in (1, "prod", "latest_published"):
        bound = [{"agent_id": agent["agent_id"], "weight": 1, "agent_version": version}]
        await retell("PATCH", path, {"inbound_agents": bound}, expect=404)
    await retell("PATCH", path, {"sip_trunk_auth_password": "x"}, expect=422)
    bound = await retell(
        "PATCH",
        path,
        {"inbound_agents": [{"agent_id": agent["agent_id"], "weight": 1, "agent_version": 0}], "auth_password": "y"},
    )
    assert bound["inbound_agents"][0]["agent_version"] == 0
    assert "inbound_agents" not in await retell("PATCH", path, {"inbound_agents": None})
    assert len((await retell("GET", "/v2/list-phone-numbers"))["items"]) == 1
    await retell("GET", "/get-phone-number/%2B49301234568", expect=404)


async def test_a_deleted_number_is_gone(retell: Api) -> None:
    await retell(
        "POST", "/import-phone-number", {"phone_number": "+49301234567", "termination_uri": "s.example"}, expect=201
    )
    await retell("DELETE", "/delete-phone-number/%2B49301234567", expect=204)
    await retell("GET", "/get-phone-number/%2B49301234567", expect=404)
    await retell("DELETE", "/delete-phone-number/%2B49301234567", expect=404)
