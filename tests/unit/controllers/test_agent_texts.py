"""The texts that a voice model reads: the rules of its prompt, and the arguments of its functions."""

import json
from typing import Any

import pytest

from askproai_core.tenant_config import Function
from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Tenant
from askproai_operator.controllers.agent_plan.catalogue import describe_catalogue, known_questions
from askproai_operator.controllers.agent_plan.render import render_desired
from askproai_operator.services import active_offerings
from askproai_sandbox.example_tenant import load_manifests

URLS = {each: f"https://voice.example/{each}" for each in ("retell", "functions", "inbound")}
LANGUAGES = ("de-DE", "en-GB")
VERIFIES = {"callerVerification": "NameAndBirthDate"}


def render(
    example: str, spec: dict[str, Any] | None = None, tenant_spec: dict[str, Any] | None = None, branches: int = 0
) -> dict[str, Any]:
    """Return the LLM of an example's agent, with changed fields of agent and Tenant; `branches` limits the branches."""
    objects = load_manifests(example)
    (raw, *_), (raw_tenant, *_) = objects["RetellAgent"], objects["Tenant"]
    agent = RetellAgent.from_raw({**raw, "spec": {**raw["spec"], **(spec or {})}})
    tenant = Tenant.from_raw(
        {**raw_tenant, "spec": {**raw_tenant["spec"], **(tenant_spec or {})}, "status": {"webhookUrls": URLS}}
    )
    places = [Branch.from_raw(each) for each in objects["Branch"]]
    offerings = active_offerings(map(ServiceOffering.from_raw, objects["ServiceOffering"]), places)
    catalogue = describe_catalogue(places, offerings, known_questions(agent, tenant, places), agent.spec.language)
    return render_desired(
        agent, tenant, (), "inst/ns/agent", catalogue=catalogue, branches=places * branches or places
    ).llm


def arguments(llm: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the description of each argument, by function."""
    return {
        tool["name"]: {
            name: each.get("description", "") for name, each in tool.get("parameters", {}).get("properties", {}).items()
        }
        for tool in llm["general_tools"]
    }


def everything(language: str, **changes: Any) -> dict[str, Any]:
    return render("salon.yaml", {"functions": list(Function), "language": language}, **changes)


@pytest.mark.parametrize(
    ("example", "prompt", "tools"),
    [
        ("salon.yaml", 2412, 13694),
        ("practice.yaml", 2997, 15249),
        ("english.yaml", 2232, 11252),
        ("hotline.yaml", 2631, 6963),
    ],
)
def test_prompt_and_schemas_do_not_grow(example: str, prompt: int, tools: int) -> None:
    """Each character is read in every turn of every call: an addition replaces something."""
    llm = render(example)
    assert len(llm["general_prompt"]) <= prompt
    assert len(json.dumps(llm["general_tools"], ensure_ascii=False)) <= tools


@pytest.mark.parametrize(
    ("language", "rule"), [("de-DE", "leer: nicht genannt; nie ergänzen"), ("en-GB", "empty: not named; never add")]
)
def test_model_is_asked_to_leave_unmentioned_values_empty(language: str, rule: str) -> None:
    declared = arguments(everything(language))
    for function in ("check_availability", "join_waitlist"):
        for argument in ("service", "date", "time", "part_of_day"):
            assert rule in declared[function][argument], (function, argument)


@pytest.mark.parametrize("language", LANGUAGES)
def test_model_passes_times_as_spoken(language: str) -> None:
    """A model that writes "next Tuesday, half two" as digits hides from the function that it has two meanings."""
    for function, named in arguments(everything(language, tenant_spec=VERIFIES)).items():
        for argument, described in named.items():
            assert "HH:MM" not in described, (function, argument)
            assert argument == "date" or not any(form in described for form in ("JJJJ-MM-TT", "YYYY-MM-DD"))
    prompt = everything(language)["general_prompt"]
    assert ("rechne" if language == "de-DE" else "calculate") in prompt


@pytest.mark.parametrize(("language", "without"), [("de-DE", "nur ohne `start`"), ("en-GB", "only without `start`")])
def test_booking_function_needs_no_day_beside_start(language: str, without: str) -> None:
    booking = arguments(everything(language))["book_appointment"]
    assert without in booking["date"]
    assert without in booking["time"]
    assert "Mittwoch" not in booking["date"]
    assert "Wednesday" not in booking["date"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_branch_argument_exists_only_with_several_branches(language: str) -> None:
    alone, several = everything(language), everything(language, branches=2)
    assert not any("branch" in named for named in arguments(alone).values())
    asking = {name for name, named in arguments(several).items() if "branch" in named}
    assert asking == {"check_availability", "book_appointment", "join_waitlist", "business_information"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_functions_require_the_second_factor(language: str) -> None:
    """Without a second factor the agent does not change, so that an upgrade publishes no version."""
    llm, without = everything(language, tenant_spec=VERIFIES), everything(language)
    assert "birth_date" not in str(without["general_tools"])
    required = {tool["name"]: tool.get("parameters", {}).get("required", []) for tool in llm["general_tools"]}
    for function, named in arguments(llm).items():
        asks = function in {"book_appointment", "find_appointments", "reschedule_appointment", "cancel_appointment"}
        assert ("birth_date" in named) is asks, function
        if asks:
            assert {"customer_name", "birth_date"} <= set(required[function]), function
            assert ("zweistellig" if language == "de-DE" else "two digits") in named["birth_date"]
            assert ("leer: nicht bekannt" if language == "de-DE" else "empty: not known") in named["birth_date"]
    factor = "Geburtsdatum" if language == "de-DE" else "date of birth"
    assert [factor in each["general_prompt"] for each in (llm, without)] == [True, False]
    recognised = render("salon.yaml", {"callerRecognition": True}, VERIFIES)["general_prompt"]
    assert "caller_name" not in recognised, "the number names nobody"


RULES = [
    ("emergency", "112", "112"),
    ("who hangs up in an emergency", "aufzulegen und die 112", "hang up and dial 112"),
    ("end of an emergency", "`end_call` erst nach der Antwort", "`end_call` only after a reply"),
    ("first question", "Wann passt es Ihnen?", "When would suit you?"),
    ("no choice", "die erste", "the first"),
    ("spoken as written", "Sage `message` wörtlich", "Say `message` word for word"),
    ("another time", "Nach einer Buchung ist eine andere Zeit", "After a booking another time"),
    ("similar names", "nur so klingt", "only sounds like it"),
    ("number", "{{caller_number}}", "{{caller_number}}"),
    ("way out", "etwas Nötiges nicht", "does not know something"),
]


@pytest.mark.parametrize(("german", "english"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_agent_prompt_contains_each_rule_in_its_language(german: str, english: str) -> None:
    assert german in everything("de-DE")["general_prompt"]
    assert english in everything("en-GB")["general_prompt"]


@pytest.mark.parametrize(
    ("language", "first", "end"),
    [
        ("de-DE", "Immer zuerst", "nie gleich nach dem Hinweis auf die 112"),
        ("en-GB", "Always call it first", "never right after naming 112"),
    ],
)
def test_emergency_notice_precedes_every_function(language: str, first: str, end: str) -> None:
    llm = everything(language)
    tools = {tool["name"]: tool for tool in llm["general_tools"]}
    assert first not in tools["check_availability"]["description"]
    assert end in tools["end_call"]["description"], "the caller hears the number to its end"
    rules = llm["general_prompt"].partition("## R")[2]
    assert rules.index("112") < rules.index("`message`")


@pytest.mark.parametrize("language", LANGUAGES)
def test_rescheduling_tool_mentions_the_confirmed_argument(language: str) -> None:
    tools = {tool["name"]: tool for tool in everything(language)["general_tools"]}
    assert "`confirmed: true`" in tools["reschedule_appointment"]["description"]


@pytest.mark.parametrize(
    ("language", "caller", "question"), [("de-DE", "nur anruft", "frage"), ("en-GB", "only calls", "question")]
)
def test_caller_without_an_appointment_is_no_companion(language: str, caller: str, question: str) -> None:
    declared = arguments(everything(language))
    assert caller in declared["check_availability"]["companions"]
    tools = {tool["name"]: tool for tool in everything(language)["general_tools"]}
    assert tools["business_information"]["parameters"]["required"] == ["topic", "question"]
    assert question in declared["business_information"]["question"].casefold()


@pytest.mark.parametrize(
    ("spec", "hours"),
    [
        ({}, "Nur Di, Mi, Do, Fr 09:00–18:00; Sa 09:00–14:00, sonst ist niemand da."),
        ({"transferHours": [{"days": ["Mon"], "opens": "08:00", "closes": "24:00"}]}, "Nur Mo 08:00–24:00,"),
        ({"language": "en-GB"}, "Only Tue, Wed, Thu, Fri 09:00–18:00; Sat 09:00–14:00, else nobody is there."),
    ],
)
def test_prompt_states_the_hours_for_transfers(spec: dict[str, Any], hours: str) -> None:
    (tool,) = [each for each in render("salon.yaml", spec)["general_tools"] if each["type"] == "transfer_call"]
    assert hours in tool["description"]


def test_a_hotline_transfers_at_any_time() -> None:
    spec = {"branchRef": None, "tenantRef": {"name": "salon-mueller"}}
    (tool,) = [each for each in render("salon.yaml", spec)["general_tools"] if each["type"] == "transfer_call"]
    assert tool["description"].endswith("weiterkommst.")
