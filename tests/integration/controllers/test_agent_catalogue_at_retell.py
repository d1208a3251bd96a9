"""The agent at Retell knows the services and the staff of its manifests: one apply of many publishes one version."""

from datetime import timedelta
from typing import Any

import pytest

from askproai_operator import resources
from tests.worlds.agent_environment import NUMBER, AgentEnvironment, agent, branch, tenant

pytestmark = pytest.mark.nightly


def service(display_name: str, **annotations: str) -> dict[str, Any]:
    metadata = {"name": "schnitt", "namespace": "salon", "uid": "u-service", "generation": 1}
    return {
        "apiVersion": "askproai.de/v1alpha1",
        "kind": "ServiceOffering",
        "metadata": {**metadata, "annotations": annotations},
        "spec": {"tenantRef": {"name": "salon"}, "displayName": display_name, "durationMinutes": 45},
    }


def answering_prompt(env: AgentEnvironment) -> str:
    return str(env.answering_llm["general_prompt"])


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
    """The hotline's functions book there, too, and a model that does not know a service would choose another one."""
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
    place["spec"] |= {"openingHours": [{"days": ["Mon"], "opens": "08:00", "closes": "12:00"}], "directions": "Im Hof."}
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


def put_service(env: AgentEnvironment, name: str) -> None:
    manifest = service(f"Service {name}")
    manifest["metadata"] |= {"name": name, "uid": f"u-{name}"}
    env.put(resources.OFFERINGS, manifest)


async def open_with_a_service(env: AgentEnvironment) -> int:
    """Publish an agent that names one service; return its version."""
    put_service(env, "first")
    await env.settle()
    assert "Service first" in answering_prompt(env), "the first version is not delayed"
    return env.status["publishedVersion"]


async def test_services_arriving_consecutively_are_published_together(new_env):
    version = await open_with_a_service(new_env)
    writes = len(new_env.retell_requests)
    for number in range(10):
        put_service(new_env, f"s{number}")
        result = await new_env.reconcile()
        assert result.requeue_after == timedelta(seconds=5)
        new_env.clock.advance(timedelta(seconds=1))
    assert new_env.retell_writes(writes) == []
    await new_env.settle()
    assert new_env.status["publishedVersion"] == version + 1
    assert all(f"Service s{number}" in answering_prompt(new_env) for number in range(10))
    assert (await new_env.reconcile()).requeue_after is None


async def test_constantly_changing_services_are_published_after_30_seconds(new_env):
    version = await open_with_a_service(new_env)
    for number in range(11):
        put_service(new_env, f"s{number}")
        await new_env.reconcile()
        if number < 10:
            assert new_env.status["publishedVersion"] == version
        new_env.clock.advance(timedelta(seconds=3))
    assert new_env.status["publishedVersion"] == version + 1


async def test_agents_edit_publishes_waiting_services_at_once(new_env):
    version = await open_with_a_service(new_env)
    put_service(new_env, "second")
    await new_env.reconcile()
    assert new_env.status["publishedVersion"] == version
    new_env.edit(llm={"model": "gpt-4.1", "prompt": "Du bist neu."})
    await new_env.reconcile()
    assert new_env.status["publishedVersion"] == version + 1
    assert "Du bist neu." in answering_prompt(new_env)
    assert "Service second" in answering_prompt(new_env)


async def test_published_agents_first_service_waits_for_others(env):
    """One apply can create the agent before any service."""
    version = env.status["publishedVersion"]
    for number in range(3):
        put_service(env, f"s{number}")
        await env.reconcile()
    assert env.status["publishedVersion"] == version
    await env.settle()
    assert env.status["publishedVersion"] == version + 1


@pytest.mark.parametrize("interruption", ["plan", "not-available"])
async def test_new_change_after_a_pause_waits_five_seconds(new_env, interruption):
    """A pause or a failed check ends the delay of a waiting change; the delay of the next one begins anew."""
    version = await open_with_a_service(new_env)
    put_service(new_env, "second")
    await new_env.reconcile()
    if interruption == "plan":
        new_env.annotate(**{"askproai.de/plan": "true"})
    else:
        new_env.set_tenant_condition("CredentialsValid", False)
    await new_env.reconcile()
    new_env.clock.advance(timedelta(hours=1))
    new_env.annotate()
    new_env.set_tenant_condition("CredentialsValid", True)
    put_service(new_env, "third")
    assert (await new_env.reconcile()).requeue_after == timedelta(seconds=5)
    assert new_env.status["publishedVersion"] == version
    await new_env.settle()
    assert new_env.status["publishedVersion"] == version + 1


async def test_change_delayed_by_retell_does_not_wait_anew(new_env):
    version = await open_with_a_service(new_env)
    put_service(new_env, "second")
    await new_env.reconcile()
    new_env.clock.advance(timedelta(seconds=5))
    await new_env.inject_fault("*", "rate-limited", count=1)
    assert (await new_env.reconcile()).requeue_after != timedelta(seconds=5)
    new_env.clock.advance(timedelta(minutes=1))
    await new_env.reconcile()
    assert new_env.status["publishedVersion"] == version + 1


async def test_deleted_agent_leaves_no_memory_of_waiting_changes(new_env):
    await open_with_a_service(new_env)
    put_service(new_env, "second")
    await new_env.reconcile()
    new_env.remove(resources.AGENTS, "mitte")
    await new_env.reconcile()
    assert new_env.context.memory.catalogues == {}


async def test_a_number_is_bound_again_while_services_wait(new_env):
    version = await open_with_a_service(new_env)
    put_service(new_env, "second")
    await new_env.bind_by_hand(NUMBER, None)
    await new_env.reconcile()
    bound = new_env.workspace["numbers"][NUMBER]["inbound_agents"]
    assert [each["agent_version"] for each in bound] == [version]


async def test_warm_transfer_is_published_with_its_handoff_message(new_env):
    """Retell's simulator refuses a field or a kind of transfer that Retell does not know."""
    new_env.edit(functions=["TransferToHuman"], transferTo="+49301234599", transferMode="Warm")
    await new_env.settle()
    (tool,) = [tool for tool in new_env.answering_llm["general_tools"] if tool["type"] == "transfer_call"]
    assert tool["transfer_option"]["type"] == "warm_transfer"
    assert "wer anruft und worum es geht" in tool["transfer_option"]["private_handoff_option"]["prompt"]
