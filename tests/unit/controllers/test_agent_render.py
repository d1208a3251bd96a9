"""What is rendered for Retell."""

import json
from pathlib import Path
from typing import Any

import pytest

from askproai_operator.api import RetellAgent, Tenant
from askproai_operator.controllers.agent.render import Desired, Number, desired, owner_of
from askproai_runtime.calls import FunctionName
from askproai_sandbox.example_tenant import load_manifests

SNAPSHOT = Path(__file__).with_name("rendered_agent.json")
URLS = {
    "retell": "https://voice.example/webhooks/retell",
    "functions": "https://voice.example/retell/functions",
    "inbound": "https://voice.example/retell/inbound",
}


def rendered(begin: str | None, *, ai_notice: bool = True, **changes: Any) -> Desired:
    """Render the agent of `examples/salon.yaml`, with another first sentence and `changes` of its spec."""
    raw: dict[str, Any] = load_manifests()["RetellAgent"][0]
    llm = {**raw["spec"]["llm"], "prompt": "Du bist der Empfang von Salon Müller.", "beginMessage": begin}
    agent = RetellAgent.from_raw({**raw, "spec": {**raw["spec"], "llm": llm, **changes}})
    raw = load_manifests()["Tenant"][0]
    privacy = {**raw["spec"].get("privacy", {}), "aiNotice": ai_notice}
    spec = {**raw["spec"], "privacy": privacy}
    tenant = Tenant.from_raw({**raw, "spec": spec, "status": {"webhookUrls": URLS}})
    return desired(agent, tenant, (Number("+49301234567"),), "inst/salon/mitte")


def test_bodies_are_as_kept() -> None:
    """A changed body makes a new version of every agent at the next release: let a reviewer see it."""
    wanted = rendered("Salon Müller, Sie sprechen mit unserem KI-Assistenten. Was kann ich für Sie tun?")
    assert {"llm": wanted.llm, "agent": wanted.agent} == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def test_a_transfer_is_retells_own_tool_and_only_with_a_number() -> None:
    """retell.md §3.1: no request of ours, so the call ends for the agent when somebody picks up."""
    (tool,) = [tool for tool in rendered("Hallo").llm["general_tools"] if tool["type"] == "transfer_call"]
    assert tool["transfer_destination"] == {"type": "predefined", "number": "+49301234599"}
    assert tool["transfer_option"] == {"type": "cold_transfer"}
    assert "transfer_to_human" not in {tool["name"] for tool in rendered("Hallo", transferTo=None).llm["general_tools"]}


def test_every_function_asks_within_the_callers_patience() -> None:
    """Contract §4: Retell tries once, and waits 8 s."""
    functions = [tool for tool in rendered("Hallo").llm["general_tools"] if tool["type"] == "custom"]
    assert [tool["name"] for tool in functions] == list(FunctionName)
    assert {(tool["max_retry"], tool["timeout_ms"]) for tool in functions} == {(0, 8000)}


@pytest.mark.parametrize(
    ("own", "notice", "said"),
    [
        ("Hallo, hier ist die KI.", True, "Hallo, hier ist die KI."),
        ("Hallo, hier spricht Ihr KI-Assistent.", True, "Hallo, hier spricht Ihr KI-Assistent."),
        ("Hallo!", True, "Hallo! Sie sprechen mit einem KI-Assistenten."),
        ("Hallo, Kino Mitte!", True, "Hallo, Kino Mitte! Sie sprechen mit einem KI-Assistenten."),
        ("Hallo!", False, "Hallo!"),
        (None, True, "Salon Müller, guten Tag! Sie sprechen mit einem KI-Assistenten. Was kann ich für Sie tun?"),
    ],
)
def test_the_first_sentence_says_that_it_is_an_ai(own: str | None, notice: bool, said: str) -> None:
    assert rendered(own, ai_notice=notice).llm["begin_message"] == said


def test_a_marker_is_read_back_from_a_name() -> None:
    assert owner_of({"agent_name": "A · B · inst/ns/name"}) == "inst/ns/name"
    assert owner_of({"agent_name": "Salon · Mitte"}) is None
    assert owner_of({}) is None


def test_every_variable_of_a_text_has_a_value() -> None:
    """retell.md §10.9: an unset one is spoken as it is written. Retell's own are never set by us."""
    wanted = rendered("Hallo {{ caller_name }}, {{gruss}} {{user_number}} {{current_hour}} – Ihre KI.")
    assert wanted.llm["default_dynamic_variables"] == {
        "askproai_owner": "inst/salon/mitte",
        "caller_name": "unbekannt",
        "gruss": "",
    }


def test_caller_recognition_declares_what_the_runtime_may_tell() -> None:
    wanted = rendered(None, callerRecognition=True)
    defaults = wanted.llm["default_dynamic_variables"]
    assert {"caller_known", "caller_name", "caller_next_appointment", "caller_usual_branch"} < defaults.keys()
    assert defaults["caller_known"] == "false"
    assert all(f"{{{{{name}}}}}" in wanted.llm["general_prompt"] for name in defaults if name != "askproai_owner")
    assert wanted.inbound_url == URLS["inbound"]
    assert rendered(None).inbound_url is None
