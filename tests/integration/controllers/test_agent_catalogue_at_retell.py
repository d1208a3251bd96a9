"""The agent at Retell knows the services and the staff of its manifests, and follows their edits."""

from typing import Any

import pytest

from askproai_operator import resources
from tests.worlds.agent_catalogues import answering_prompt, service
from tests.worlds.agent_environment import NUMBER, AgentEnvironment, agent, branch, tenant

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
    await new_env.settle_quietly()


async def test_hotline_names_services_of_branches_with_agents(new_env):
    """Its functions book there, too, so a model that does not know the service would take another one."""
    new_env.edit(branchRef=None, tenantRef={"name": "salon"})
    new_env.put(resources.TENANTS, tenant("MultiBranchHotline"))
    west, own = branch([]), agent(branchRef={"name": "west"})
    west["metadata"] |= {"name": "west", "uid": "u-west"}
    west["spec"] |= {"displayName": "Salon West", "staff": [{"id": "tom", "displayName": "Tom"}]}
    own["metadata"] |= {"name": "west", "uid": "u-own"}
    shave = service("Nassrasur")
    shave["spec"]["branchRef"] = {"name": "west"}
    for ref, raw in ((resources.BRANCHES, west), (resources.AGENTS, own), (resources.OFFERINGS, shave)):
        new_env.put(ref, raw)
    await new_env.settle()
    assert "- Nassrasur (45 Minuten), nur in Salon West" in answering_prompt(new_env)
    assert "- Salon West: Tom" in answering_prompt(new_env)


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


async def test_edited_knowledge_publishes_a_version_unlike_edited_price(new_env):
    """Daily facts are said by a function from the config of the pods; the prompt holds the rules that the agent must obey."""
    known = {"question": "Kann ich mit Karte zahlen?", "answer": "Ja."}
    new_env.edit(functions=["CheckAvailability", "BusinessInformation"])
    new_env.put(resources.OFFERINGS, service("Haarschnitt"))
    put_tenant(new_env, knowledge=[known])
    await new_env.settle()
    version, at = new_env.status["publishedVersion"], len(new_env.retell_requests)
    assert "## Häufige Fragen\n- Kann ich mit Karte zahlen?" in answering_prompt(new_env)

    priced = service("Haarschnitt")
    priced["spec"] |= {"price": {"amount": "41.50"}, "preparation": "Bitte mit trockenem Haar."}
    new_env.put(resources.OFFERINGS, priced)
    place = branch([NUMBER])
    place["spec"] |= {
        "openingHours": [{"days": ["Mon"], "opens": "08:00", "closes": "12:00"}],
        "directions": "Im Hof.",
    }
    new_env.put(resources.BRANCHES, place)
    put_tenant(new_env, knowledge=[known | {"answer": "Nur bar."}], cancellationRule="Bis zum Vortag.")
    await new_env.settle()
    assert (new_env.status["publishedVersion"], new_env.retell_writes(at)) == (version, [])

    new_env.edit(llm={"model": "gpt-5.1", "prompt": "Du bist der Empfang. Duze niemanden."})
    await new_env.settle()
    assert new_env.status["publishedVersion"] == version + 1
    put_tenant(new_env, knowledge=[known, {"question": "Gibt es WLAN?", "answer": "Ja."}])
    await new_env.settle()
    assert new_env.status["publishedVersion"] == version + 2
    assert "- Gibt es WLAN?" in answering_prompt(new_env)
