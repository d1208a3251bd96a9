"""The bodies that are rendered for Retell."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from askproai_core.tenant_config import Function
from askproai_operator.api import RetellAgent, Tenant
from askproai_operator.controllers.agent_plan.render import Desired, DesiredNumber, agent_owner, render_desired
from askproai_runtime.conversation.functions import FUNCTIONS_BY_NAME
from askproai_sandbox.example_tenant import load_manifests

SNAPSHOT = Path(__file__).with_name("rendered_agent.json")
URLS = {
    "retell": "https://voice.example/webhooks/retell",
    "functions": "https://voice.example/retell/functions",
    "inbound": "https://voice.example/retell/inbound",
}


CATALOGUE = "## Buchbar\n- Haarschnitt (45 Minuten; auch: Schneiden)\n\n## Team\n- Salon Müller Mitte: Anna, Mehmet"


def rendered(
    begin: str | None,
    *,
    ai_notice: bool = True,
    catalogue: str = CATALOGUE,
    calendar: dict[str, Any] | None = None,
    **changes: Any,
) -> Desired:
    """Render the agent of `examples/salon.yaml`, with another first sentence and `changes` to its spec."""
    raw: dict[str, Any] = load_manifests()["RetellAgent"][0]
    llm = {**raw["spec"]["llm"], "prompt": "Du bist der Empfang von Salon Müller.", "beginMessage": begin}
    agent = RetellAgent.from_raw({**raw, "spec": {**raw["spec"], "llm": llm, **changes}})
    raw = load_manifests()["Tenant"][0]
    privacy = {**raw["spec"].get("privacy", {}), "aiNotice": ai_notice}
    spec = {**raw["spec"], "privacy": privacy, **({"calendar": calendar} if calendar else {})}
    tenant = Tenant.from_raw({**raw, "spec": spec, "status": {"webhookUrls": URLS}})
    return render_desired(agent, tenant, (DesiredNumber("+49301234567"),), "inst/salon/mitte", catalogue=catalogue)


def test_rendered_agent_and_llm_match_the_snapshot() -> None:
    """A changed body publishes a new version of every agent at the next release: a reviewer must see it."""
    rendered_bodies = rendered("Salon Müller, Sie sprechen mit unserem KI-Assistenten. Was kann ich für Sie tun?")
    assert {"llm": rendered_bodies.llm, "agent": rendered_bodies.agent} == json.loads(
        SNAPSHOT.read_text(encoding="utf-8")
    )


def test_agent_without_business_information_lacks_its_tool() -> None:
    """An upgrade must not publish a version of existing agents."""
    without = rendered("Hallo", functions=["CheckAvailability"]).llm
    assert "business_information" not in json.dumps(without)
    assert "business_information" in rendered("Hallo").llm["general_prompt"]


def test_prompt_mentions_other_branches_only_if_they_exist() -> None:
    rule = "Nennt der Anrufer eine Filiale aus „Weitere Filialen“, gib sie als `branch` weiter."
    assert rule not in rendered("Hallo").llm["general_prompt"]
    elsewhere = f"{CATALOGUE}\n\n## Weitere Filialen\n- Salon Müller Pankow"
    assert rule in rendered("Hallo", catalogue=elsewhere).llm["general_prompt"]


def test_prompt_without_content_has_no_empty_section() -> None:
    prompt = rendered("Hallo", catalogue="").llm["general_prompt"]
    assert prompt.startswith("Du bist der Empfang von Salon Müller.\n\n## Regeln\n")
    assert "„Buchbar“" not in prompt


def test_transfer_is_retells_tool_and_requires_number() -> None:
    """No function of ours is called: the call ends for the agent when somebody picks up (docs/vendors/retell.md)."""
    (tool,) = [tool for tool in rendered("Hallo").llm["general_tools"] if tool["type"] == "transfer_call"]
    assert tool["transfer_destination"] == {"type": "predefined", "number": "+49301234599"}
    assert tool["transfer_option"] == {"type": "cold_transfer"}
    assert "transfer_to_human" not in {tool["name"] for tool in rendered("Hallo", transferTo=None).llm["general_tools"]}


def test_warm_transfer_announces_its_subject_to_answerer() -> None:
    (tool,) = [
        tool for tool in rendered("Hi", transferMode="Warm").llm["general_tools"] if tool["type"] == "transfer_call"
    ]
    option = tool["transfer_option"]
    assert (option["type"], option["private_handoff_option"]["type"]) == ("warm_transfer", "prompt")
    assert "wer anruft und worum es geht" in option["private_handoff_option"]["prompt"]
    assert "public_handoff_option" not in option, "the caller does not hear it"


@pytest.mark.parametrize("transfers", [True, False])
def test_caller_wanting_a_person_is_transferred(transfers: bool) -> None:
    functions = ["LeaveMessage", *(["TransferToHuman"] if transfers else [])]
    prompt = rendered("Hallo", functions=functions).llm["general_prompt"]
    assert "ist etwas gestört: biete an, etwas auszurichten" in prompt
    assert ("jemanden vom Team sprechen: biete an" in prompt) is not transfers


def test_prompt_confirms_declined_recording_only_after_success() -> None:
    for language, word in (("de-DE", "erst nach `success: true`"), ("en-GB", "only after `success: true`")):
        declared = rendered("Hallo", functions=["DeclineRecording"], language=language).llm
        assert "decline_recording" in {tool["name"] for tool in declared["general_tools"]}
        assert word in declared["general_prompt"]
    assert "decline_recording" not in rendered("Hallo", functions=["BookAppointment"]).llm["general_prompt"]


def test_function_tools_never_retry_and_wait_eight_seconds() -> None:
    declared = rendered("Hallo", functions=list(Function)).llm
    functions = [tool for tool in declared["general_tools"] if tool["type"] == "custom"]
    assert [tool["name"] for tool in functions] == list(FUNCTIONS_BY_NAME)
    assert {(tool["max_retry"], tool["timeout_ms"]) for tool in functions} == {(0, 8000)}


@pytest.mark.parametrize(
    ("own", "notice", "first_sentence"),
    [
        ("Hallo, hier ist die KI.", True, "Hallo, hier ist die KI."),
        ("Hallo, hier spricht Ihr KI-Assistent.", True, "Hallo, hier spricht Ihr KI-Assistent."),
        ("Hallo!", True, "Hallo! Sie sprechen mit einem KI-Assistenten."),
        ("Hallo, Kino Mitte!", True, "Hallo, Kino Mitte! Sie sprechen mit einem KI-Assistenten."),
        ("Hallo!", False, "Hallo!"),
        (None, True, "Salon Müller, guten Tag! Sie sprechen mit einem KI-Assistenten. Was kann ich für Sie tun?"),
    ],
)
def test_first_sentence_announces_an_ai_if_requested(own: str | None, notice: bool, first_sentence: str) -> None:
    assert rendered(own, ai_notice=notice).llm["begin_message"] == first_sentence


def test_owner_marker_is_parsed_from_an_agent_name() -> None:
    assert agent_owner({"agent_name": "A · B · inst/ns/name"}) == "inst/ns/name"
    assert agent_owner({"agent_name": "Salon · Mitte"}) is None
    assert agent_owner({}) is None


def test_every_variable_of_a_text_has_a_value() -> None:
    """Retell speaks an unset variable as it is written. Its own system variables are never set by us."""
    desired = rendered("Hallo {{ caller_name }}, {{gruss}} {{user_number}} {{current_hour}} – Ihre KI.")
    assert desired.llm["default_dynamic_variables"] == {
        "askproai_owner": "inst/salon/mitte",
        "caller_name": "unbekannt",
        "caller_number": "bekannt, wenn keine Funktion nach ihr fragt",
        "gruss": "",
    }


def test_prompt_joins_services_only_without_calcom() -> None:
    """Cal.com books one event type at a time."""
    remote, local = rendered(None), rendered(None, calendar={"provider": "Local"})
    assert "sind mehrere Termine" in remote.llm["general_prompt"]
    assert "sind ein Termin: gib alle als `service` weiter" in local.llm["general_prompt"]


def test_caller_recognition_declares_all_runtime_variables() -> None:
    desired = rendered(None, callerRecognition=True)
    defaults = desired.llm["default_dynamic_variables"]
    assert {"caller_known", "caller_name", "caller_next_appointment", "caller_usual_branch"} < defaults.keys()
    assert defaults["caller_known"] == "false"
    assert all(f"{{{{{name}}}}}" in desired.llm["general_prompt"] for name in defaults if name != "askproai_owner")
    assert desired.inbound_url == URLS["inbound"]
    assert rendered(None).inbound_url is None


def structure(value: Any) -> Any:
    """Return the parts that are not texts for people: names, types and switches."""
    if isinstance(value, dict):
        hidden = {"description", "execution_message_description", "prompt"}
        return {key: structure(each) for key, each in value.items() if key not in hidden or isinstance(each, dict)}
    return [structure(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("changes", [{}, {"transferMode": "Warm"}, {"callerRecognition": True}])
def test_english_agent_has_equal_tools_and_rules(changes: dict[str, Any]) -> None:
    german, english = rendered("Hallo", **changes).llm, rendered("Hello", language="en-GB", **changes).llm
    assert structure(english["general_tools"]) == structure(german["general_tools"])
    prompts = german["general_prompt"].partition("## Regeln")[2], english["general_prompt"].partition("## Rules")[2]
    rules = [prompt.splitlines()[1:] for prompt in prompts]
    assert len(rules[0]) == len(rules[1]) > 5
    assert not re.search(
        r"[äöüßÄÖÜ„“]|\b(?:der|die|das|und|nicht|wie|oder)\b",
        json.dumps([rules[1], english["general_tools"]], ensure_ascii=False),
    )


def test_an_english_agent_greets_in_english() -> None:
    assert rendered(None, language="en-US").llm["begin_message"] == (
        "Hello, this is Salon Müller. You are speaking with an AI assistant. How can I help you?"
    )
    assert rendered(None, language="fr-FR").llm["general_prompt"] == rendered(None).llm["general_prompt"]
