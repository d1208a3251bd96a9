"""The agent at Retell knows the services and the staff of its manifests, and follows their edits."""

from typing import Any

from askproai_operator.engine import resources
from tests.worlds.agent_environment import NUMBER, AgentEnvironment, agent, branch, open_agent_environment, tenant


def service(display_name: str, **annotations: str) -> dict[str, Any]:
    metadata = {"name": "schnitt", "namespace": "salon", "uid": "u-service", "generation": 1}
    return {
        "apiVersion": "askproai.de/v1alpha1",
        "kind": "ServiceOffering",
        "metadata": {**metadata, "annotations": annotations},
        "spec": {"tenantRef": {"name": "salon"}, "displayName": display_name, "durationMinutes": 45},
    }


def answering_prompt(env: AgentEnvironment) -> str:
    llm = env.workspace["llms"][env.status["llmId"]][env.status["publishedVersion"]]
    return str(llm["general_prompt"])


async def test_an_edited_service_or_staff_publishes_a_prompt_that_names_it() -> None:
    async with open_agent_environment() as env:
        env.put(resources.OFFERINGS, service("Haarschnitt"))
        await env.settle()
        assert "- Haarschnitt (45 Minuten)" in answering_prompt(env)
        env.put(resources.OFFERINGS, service("Nassrasur"))
        staffed = branch([NUMBER])
        staffed["spec"]["staff"] = [{"id": "anna", "displayName": "Anna"}]
        env.put(resources.BRANCHES, staffed)
        await env.settle()
        assert "- Nassrasur (45 Minuten)" in answering_prompt(env)
        assert "- Salon Mitte: Anna" in answering_prompt(env)
        assert "Haarschnitt" not in answering_prompt(env)
        env.assert_one_of_each()
        at = len(env.retell_requests)
        await env.settle()
        assert env.retell_writes(at) == []


async def test_a_hotline_names_also_what_is_in_a_branch_with_an_agent_of_its_own() -> None:
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


async def test_a_service_in_plan_mode_reaches_no_caller_by_the_prompt() -> None:
    async with open_agent_environment() as env:
        env.put(resources.OFFERINGS, service("Haarschnitt"))
        await env.settle()
        env.put(resources.OFFERINGS, service("Nassrasur", **{"askproai.de/plan": "true"}))
        await env.settle()
        assert "Haarschnitt" in answering_prompt(env)


def put_tenant(env: AgentEnvironment, **spec: Any) -> None:
    manifest = tenant()
    manifest["spec"] |= spec
    env.put(resources.TENANTS, manifest)


async def test_a_changed_price_publishes_no_version_and_a_changed_rule_publishes_one() -> None:
    """What changes by the day is said by a function from the config of the pods; the prompt holds what the agent must obey."""
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
