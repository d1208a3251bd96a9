"""Renders the bodies of LLM and agent that a RetellAgent should have at Retell. Pure: equal inputs give equal bodies."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from typing import Any, Final

from askproai_core.ai_notice import announces_ai
from askproai_core.languages import Language
from askproai_core.providers import Json
from askproai_core.tenant_config import CallerVerification, Function
from askproai_operator.api import Branch, RetellAgent, Tenant, TransferMode
from askproai_operator.controllers.agent_plan.words import PromptWords, tools_of, words_of

MARKER_SEPARATOR: Final = " · "
OWNER_VARIABLE: Final = "askproai_owner"
_OTHER_VOICES: Final = Language.EN  # of fixed sentences, where a language has no texts of its own
_VARIABLE: Final = re.compile(r"\{\{\s*(\S+?)\s*\}\}")
# Retell sets these itself in every call (docs/vendors/retell.md).
_SYSTEM_VARIABLE: Final = re.compile(r"current_|session_|previous_|call_|chat_|(user_number|agent_number|direction)$")
_OF_APPOINTMENTS: Final = frozenset(
    {Function.FIND_APPOINTMENTS, Function.RESCHEDULE_APPOINTMENT, Function.CANCEL_APPOINTMENT}
)
_ANY_CATALOGUE: Final = "\0"  # the API server refuses it in every prompt
_STORAGE: Final = {
    "Everything": "everything",
    "EverythingExceptPii": "everything_except_pii",
    "BasicAttributesOnly": "basic_attributes_only",
}


class Notice(StrEnum):
    """The reason why callers hear only a notice and no pods answer; also the key of its sentences in `de.yaml`."""

    SUSPENDED = "suspended"  # the Tenant is
    CLOSED = "closed"  # the agent's Branch is gone


@dataclass(frozen=True, slots=True)
class DesiredNumber:
    """A number that the agent should answer at Retell, in E.164; `sip` are the fields to import it from a trunk, if it has one."""

    e164: str
    # Body of the import, with the trunk's password; None: it is not imported.
    sip: Mapping[str, Any] | None = field(default=None, repr=False)
    problem: str = ""  # why it can not be imported although a trunk is given


@dataclass(frozen=True, slots=True)
class Desired:
    """The desired state: the bodies of LLM and agent with only the fields that we manage, and the numbers.

    `agent` lacks `response_engine`: Retell takes that field when the agent is created and refuses to change it later.
    """

    marker: str  # <installation>/<namespace>/<name>: by it we know our own objects at Retell
    llm: Json
    agent: Json
    numbers: tuple[DesiredNumber, ...] | None  # None: not known yet, so leave them as they are
    inbound_url: str | None = None  # the numbers' inbound webhook; None: not requested


@dataclass(frozen=True, slots=True)
class PromptFrame:
    """The text of an agent's prompt before (`head`) and after its catalogue (`tail`), and the prompt without any (`empty`)."""

    head: str
    tail: str
    empty: str

    def fits(self, prompt: str) -> bool:
        """Return True if `prompt` is a prompt of this frame, whatever catalogue it contains; the catalogue may be missing."""
        inner = len(prompt) - len(self.head) - len(self.tail)
        return prompt == self.empty or (inner > 0 and prompt.startswith(self.head) and prompt.endswith(self.tail))


def render_frame(agent: RetellAgent, tenant: Tenant) -> PromptFrame:
    """Render the parts of the agent's prompt around its catalogue."""
    head, _, tail = _prompt(agent, tenant, _ANY_CATALOGUE).partition(_ANY_CATALOGUE)
    return PromptFrame(head, tail, _prompt(agent, tenant, ""))


def render_desired(
    agent: RetellAgent,
    tenant: Tenant,
    numbers: tuple[DesiredNumber, ...] | None,
    marker: str,
    *,
    catalogue: str = "",
    branches: Sequence[Branch] = (),
    notice: Notice | None = None,
) -> Desired:
    """Render the LLM and the agent. The Tenant's status must have its `webhookUrls`, unless there is a `notice`.

    `catalogue`: services and staff, for the prompt (`describe_catalogue`). `branches`: the tenant's branches. With one branch, no
    function has a branch argument, for which the model would invent a value. `notice`: why no pods answer. Then nothing at Retell
    may need pods: the agent speaks a sentence, and ends or transfers the call.
    """
    spec, privacy, urls = agent.spec, tenant.spec.privacy, tenant.status.get("webhookUrls") or {}
    llm: Json = {
        "start_speaker": "agent",
        "model_config": {
            "type": "cascading",
            "primary": {"model": spec.llm.model},
            "temperature": float(spec.llm.temperature),
        },
        "general_prompt": (prompt := _prompt(agent, tenant, catalogue)),
        "begin_message": (begin := _begin_message(agent, tenant)),
        "general_tools": _list_tools(agent, tenant, branches),
        "default_dynamic_variables": {
            OWNER_VARIABLE: marker,
            **_defaults(f"{prompt} {begin}", words_of(spec.language)),
        },
    }
    if notice is not None:
        llm |= _with_notice(agent, tenant, notice)
    body = {
        "agent_name": f"{spec.display_name}{MARKER_SEPARATOR}{marker}",
        "voice_id": spec.voice_id,
        "language": spec.language,
        "webhook_events": [str(event) for event in spec.webhook_events],
        "webhook_timeout_ms": 10000,
        "timezone": tenant.spec.time_zone,
        "data_storage_setting": _STORAGE[privacy.retell_storage],
        "data_storage_retention_days": privacy.retell_retention_days,
    }
    if urls:  # a Tenant that began suspended has none yet
        body["webhook_url"] = urls["retell"]
    if spec.tenant_ref is not None:
        body["allow_user_dtmf"] = True  # a key chooses the branch
    inbound_url = urls.get("inbound") if spec.caller_recognition and notice is None else None
    return Desired(marker, llm, body, numbers, inbound_url)


def _list_tools(agent: RetellAgent, tenant: Tenant, branches: Sequence[Branch]) -> list[Json]:
    """Return the tools of the LLM: the agent's functions, the transfer if it has a number, and the end of the call."""
    spec, urls, texts = agent.spec, tenant.status.get("webhookUrls") or {}, tools_of(agent.spec.language)
    functions_url = str(urls.get("functions", "")).rstrip("/")
    declared = {name: tool for name, tool in texts["functions"].items() if name in spec.functions}
    if tenant.spec.caller_verification is CallerVerification.NAME_AND_BIRTH_DATE:
        declared = {name: _verifying_tool(name, tool, texts) for name, tool in declared.items()}
    if len(branches) < 2:  # noqa: PLR2004
        declared = {name: _without_branch(tool) for name, tool in declared.items()}
    tools = [{**tool, "url": f"{functions_url}/{tool['name']}"} for tool in declared.values()]
    if Function.TRANSFER_TO_HUMAN in spec.functions and spec.transfer_to:
        tool = _transfer_tool(spec.transfer_to, spec.transfer_mode, texts)
        tools.append({**tool, "description": f"{tool['description']}{_say_transfer_hours(agent, branches)}"})
    return [*tools, texts["end_call"]]


def _verifying_tool(name: str, tool: Json, texts: Json) -> Json:
    """Return a function's tool with the arguments for the caller's second factor, if it books or finds appointments."""
    if name == Function.BOOK_APPOINTMENT:
        further = texts["verification"]["booking"]
    elif name in _OF_APPOINTMENTS:
        further = texts["verification"]["finding"]
    else:
        return tool
    parameters = tool["parameters"]
    required = [*parameters.get("required", ()), *further]
    properties = {**parameters["properties"], **further}
    return {**tool, "parameters": {**parameters, "properties": properties, "required": required}}


def _without_branch(tool: Json) -> Json:
    parameters = tool["parameters"]
    properties = {name: each for name, each in parameters["properties"].items() if name != "branch"}
    return {**tool, "parameters": {**parameters, "properties": properties}}


def _transfer_tool(number: str, mode: TransferMode, texts: Json) -> Json:
    tool = {**texts["transfer"], "transfer_destination": {"type": "predefined", "number": number}}
    return tool | {"transfer_option": texts["warm_transfer"]} if mode is TransferMode.WARM else tool


def _say_transfer_hours(agent: RetellAgent, branches: Sequence[Branch]) -> str:
    """Return the prompt's sentence about the hours when a person takes calls; "" without hours. The model knows the time."""
    own = agent.spec.branch_ref.name if agent.spec.branch_ref else None
    hours = agent.spec.transfer_hours
    if hours is None:
        hours = next((branch.spec.opening_hours for branch in branches if branch.metadata.name == own), ())
    weekdays = words_of(agent.spec.language).weekdays
    said = "; ".join(
        f"{', '.join(weekdays[day] for day in each.days)} {each.opens:%H:%M}–{_write_end(each.closes)}"
        for each in hours
    )
    return tools_of(agent.spec.language)["transfer_hours"].format(hours=said) if said else ""


def _write_end(closes: time) -> str:
    return f"{closes:%H:%M}" if closes != time() else "24:00"


def _with_notice(agent: RetellAgent, tenant: Tenant, notice: Notice) -> Json:
    """Return the fields of the LLM that differ from the usual ones while callers hear only the notice.

    The notice is the first sentence, complete, and spoken exactly as written. Then the model takes its turn when the caller
    answers or is silent; each of its tools ends the agent's part of the call.
    """
    number, tools_of_language = agent.spec.transfer_to, tools_of(agent.spec.language)
    spoken, rules_of = tools_of(agent.spec.language, _OTHER_VOICES)[notice]["spoken"], tools_of_language[notice]
    words = [spoken["greeting"].format(name=tenant.spec.display_name)]
    words += [spoken["notice"]] if tenant.spec.privacy.ai_notice else []
    words += [spoken["closed"], spoken["ask_transfer" if number else "goodbye"]]
    # A cold transfer: nobody has said yet what it is about.
    tools = [_transfer_tool(number, TransferMode.COLD, tools_of_language)] if number else []
    rules = [rules_of["rules"], *([rules_of["transfer_rule"]] if number else []), rules_of["end_rule"]]
    return {
        "general_prompt": "\n".join(rules),
        "begin_message": " ".join(words),
        "general_tools": [*tools, {**tools_of_language["end_call"], "description": rules_of["end_call"]}],
    }


def agent_owner(agent: Json) -> str | None:
    """Return the owner's marker (ours or another owner's) at the end of an agent's name; None without a marker."""
    name = str(agent.get("agent_name") or "")
    head, separator, marker = name.rpartition(MARKER_SEPARATOR)
    return marker if separator and head and marker.count("/") == 2 and " " not in marker else None  # noqa: PLR2004


def llm_owner(llm: Json) -> str | None:
    """Return the owner's marker (ours or another owner's) in an LLM's default variables; None without a marker."""
    return (llm.get("default_dynamic_variables") or {}).get(OWNER_VARIABLE)


def _defaults(text: str, words: PromptWords) -> dict[str, str]:
    """Return a default for each variable in the text, because Retell speaks a variable without a value as written, braces included.

    An empty default only declares the variable, and keeps a value that a person set at Retell (see `diff.py`).
    """
    names = {name for name in _VARIABLE.findall(text) if not _SYSTEM_VARIABLE.match(name)}
    return {name: words.caller_variables.get(name, "") for name in sorted(names)}


def _begin_message(agent: RetellAgent, tenant: Tenant) -> str:
    """Return the first sentence that the agent speaks. With `privacy.aiNotice` it says that an AI speaks (EU AI Act, art. 50)."""
    words = words_of(agent.spec.language)
    own, greeting = agent.spec.llm.begin_message or "", words.greeting.format(name=tenant.spec.display_name)
    if not tenant.spec.privacy.ai_notice:
        return own or f"{greeting} {words.offer}"
    if announces_ai(own):
        return own
    notice = words_of(agent.spec.language, _OTHER_VOICES).ai_notice
    return f"{own} {notice}" if own else f"{greeting} {notice} {words.offer}"


def _prompt(agent: RetellAgent, tenant: Tenant, catalogue: str) -> str:
    """Return the agent's whole prompt: the tenant's own text, the catalogue, and the rules that our functions rely on."""
    words = words_of(agent.spec.language)
    rules = [words.now.format(time=f"{{{{current_time_{tenant.spec.time_zone}}}}}"), *words.basic_rules]
    if catalogue:
        is_remote = tenant.spec.calendar.provider.is_remote
        rules += [*words.catalogue_rules, words.visits_apart_rule if is_remote else words.one_visit_rule]
    if agent.spec.tenant_ref is not None:
        rules += words.hotline_rules
    elif words.other_branches in catalogue.splitlines():
        rules += words.other_branch_rules
    rules += _rules_of_functions(agent.spec.functions, words)
    if tenant.spec.caller_verification is CallerVerification.NAME_AND_BIRTH_DATE:
        rules += words.verification_rules
    elif agent.spec.caller_recognition:
        rules += words.caller_rules
    if tenant.spec.privacy.ai_notice:
        rules.append(words.ai_rule)
    sections = [agent.spec.llm.prompt.rstrip(), catalogue, "\n".join([words.rules_title, *rules])]
    return "\n\n".join(section for section in sections if section)


def _rules_of_functions(functions: Collection[Function], words: PromptWords) -> list[str]:
    rules: list[str] = []
    if Function.BUSINESS_INFORMATION in functions:
        rules += words.information_rules
    if Function.LEAVE_MESSAGE in functions:
        rules += words.message_rules
        rules += [] if Function.TRANSFER_TO_HUMAN in functions else [words.no_transfer_rule]
    if Function.JOIN_WAITLIST in functions:
        rules += words.waitlist_rules
    if Function.DECLINE_RECORDING in functions:
        rules.append(words.recording_rule)
    return rules
