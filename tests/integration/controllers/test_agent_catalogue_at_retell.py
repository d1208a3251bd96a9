"""The agent at Retell knows the services and the staff of its manifests, and follows their edits."""

from typing import Any

import pytest

from askproai_operator import resources
from tests.worlds.agent_catalogues import answering_prompt, service
from tests.worlds.agent_environment import NUMBER, AgentEnvironment, agent, branch, open_agent_environment, tenant

pytestmark = pytest.mark.nightly


async def test_edited_service_or_staff_publishes_a_new_prompt(new_env):
    new_env.put(resources.OFFERINGS, service("Haarschnitt"))
    await new_env.settle()
    assert "- Haarschnitt (45 Minuten)" in answering_prompt(new_env)
    new_env.put(resources.OFFERINGS, service("Nassrasur"))
    staffed = branch([NUMBER])
    staffed["spec"]["staff"] = [{"id": "anna", "displayName": "Anna"}]
    new_env.put(resources.BRANCHES, staffed)
    await new_env.settle()
    assert "- Nassrasur (45 Minuten)" in answering_prompt(new_env)
    assert "- Salon Mitte: Anna" in answering_prompt(new_env)
    assert "Haarschnitt" not in answering_prompt(new_env)
    new_env.assert_one_of_each()
    at = len(new_env.retell_requests)
    await new_env.settle()
    assert new_env.retell_writes(at) == []


async def test_hotline_names_services_of_branches_with_agents():
    """Its functions book there, too, so a model that does not know the service would take another one."""
    async with open_agent_environment(branchRef=None, tenantRef={"name": "salon"}) as env:
        env.put(resources.TENANTS, tenant("MultiBranchHotline"))
        west, own = branch([]), agent(branchRef={"name": "west"})
        west["metadata"] |= {"name": "west", "uid": "u-west"}
        west["spec"] |= {"displayName": "Salon West", "staff": [{"id": "tom", "displayName": "Tom"}]}
        own["metadata"] |= {"name": "west", "uid": "u-own"}
        shave = service("Nassrasur")
        shave["spec"]["branchRef"] = {"name": "west"}
        for ref, raw in ((resources.BRANCHES, west), (resources.AGENTS, own), (resources.OFFERINGS, shave)):
            env.put(ref, raw)
        await env.settle()
        assert "- Nassrasur (45 Minuten), nur in Salon West" in answering_prompt(env)
        assert "- Salon West: Tom" in answering_prompt(env)


async def test_service_in_plan_mode_reaches_no_prompt(new_env):
    new_env.put(resources.OFFERINGS, service("Haarschnitt"))
    await new_env.settle()
    new_env.put(resources.OFFERINGS, service("Nassrasur", **{"askproai.de/plan": "true"}))
    await new_env.settle()
    assert "Haarschnitt" in answering_prompt(new_env)


def put_tenant(env: AgentEnvironment, **spec: Any) -> None:
    manifest = tenant()
    manifest["spec"] |= spec
    env.put(resources.TENANTS, manifest)


async def test_edited_knowledge_publishes_a_version_unlike_edited_price():
    """Daily facts are said by a function from the config of the pods; the prompt holds the rules that the agent must obey."""
    known = {"question": "Kann ich mit Karte zahlen?", "answer": "Ja."}
    async with open_agent_environment(functions=["CheckAvailability", "BusinessInformation"]) as env:
        env.put(resources.OFFERINGS, service("Haarschnitt"))
        put_tenant(env, knowledge=[known])
        await env.settle()
        version, at = env.status["publishedVersion"], len(env.retell_requests)
        assert "## Häufige Fragen\n- Kann ich mit Karte zahlen?" in answering_prompt(env)

        priced = service("Haarschnitt")
        priced["spec"] |= {"price": {"amount": "41.50"}, "preparation": "Bitte mit trockenem Haar."}
        env.put(resources.OFFERINGS, priced)
        place = branch([NUMBER])
        place["spec"] |= {
            "openingHours": [{"days": ["Mon"], "opens": "08:00", "closes": "12:00"}],
            "directions": "Im Hof.",
        }
        env.put(resources.BRANCHES, place)
        put_tenant(env, knowledge=[known | {"answer": "Nur bar."}], cancellationRule="Bis zum Vortag.")
        await env.settle()
        assert (env.status["publishedVersion"], env.retell_writes(at)) == (version, [])

        env.edit(llm={"model": "gpt-5.1", "prompt": "Du bist der Empfang. Duze niemanden."})
        await env.settle()
        assert env.status["publishedVersion"] == version + 1
        put_tenant(env, knowledge=[known, {"question": "Gibt es WLAN?", "answer": "Ja."}])
        await env.settle()
        assert env.status["publishedVersion"] == version + 2
        assert "- Gibt es WLAN?" in answering_prompt(env)


async def test_tenants_rules_precede_ours_in_the_prompt():
    """A tenant extends the prompt by `llm.prompt` and `knowledge`; the rules on which our functions rely stay, and come last."""
    own = "Du bist der Empfang. Duze Stammkunden."
    known = [{"question": "Gibt es WLAN?", "answer": "Ja."}]
    llm = {"model": "gpt-5.1", "prompt": own}
    async with open_agent_environment(llm=llm, functions=["CheckAvailability", "BusinessInformation"]) as env:
        env.put(resources.OFFERINGS, service("Haarschnitt"))
        put_tenant(env, knowledge=known)
        await env.settle()
        prompt = answering_prompt(env)
        parts = [own, "- Haarschnitt (45 Minuten)", "- Gibt es WLAN?", "## Regeln"]
        assert prompt.startswith(own)
        assert sorted(parts, key=prompt.index) == parts


async def test_warm_transfer_is_published_with_its_handoff_message():
    """Retell's simulator refuses a field or a kind of transfer that Retell does not know."""
    functions = ["CheckAvailability", "TransferToHuman"]
    async with open_agent_environment(functions=functions, transferTo="+49301234599") as env:
        await env.settle()
        assert published_transfer(env)["transfer_option"]["type"] == "cold_transfer"
        env.edit(transferMode="Warm")
        await env.settle()
        tool = published_transfer(env)
        assert tool["transfer_destination"] == {"type": "predefined", "number": "+49301234599"}
        assert tool["transfer_option"]["type"] == "warm_transfer"
        handoff = tool["transfer_option"]["private_handoff_option"]
        assert handoff["type"] == "prompt"
        assert "wer anruft und worum es geht" in handoff["prompt"]
        at = len(env.retell_requests)
        await env.settle()
        assert env.retell_writes(at) == []


def published_transfer(env: AgentEnvironment) -> dict[str, Any]:
    """Return the tool that transfers calls in the version that answers."""
    (tool,) = [tool for tool in env.answering_llm["general_tools"] if tool["type"] == "transfer_call"]
    return dict(tool)
