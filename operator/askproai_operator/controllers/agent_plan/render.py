"""Renders the bodies that a RetellAgent should have at Retell. Pure: equal objects have equal bodies."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import yaml

from askproai_core.tenant_config import CallerVerification, Function
from askproai_operator.api import RetellAgent, Tenant, TransferMode
from askproai_operator.providers import Json

MARKER_SEPARATOR: Final = " · "
OWNER_VARIABLE: Final = "askproai_owner"
# The parser in C takes 1 ms, the one in Python 40, for which `askproai plan` would wait. A PyYAML that was built without libyaml
# lacks it. Files of others are not read by it, since deep nesting ends the process there.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TOOLS: Final = yaml.load(Path(__file__).with_name("tools.yaml").read_text(encoding="utf-8"), _LOADER)  # noqa: S506  safe
_VARIABLE: Final = re.compile(r"\{\{\s*(\S+?)\s*\}\}")
# Retell sets these itself in every call (docs/vendors/retell.md).
_SYSTEM_VARIABLE: Final = re.compile(r"current_|session_|previous_|call_|chat_|(user_number|agent_number|direction)$")
# The variables that the runtime's inbound webhook may send, with their values for a caller that it does not know.
_CALLER_VARIABLES: Final = {
    "caller_known": "false",
    "caller_name": "unbekannt",
    "caller_next_appointment": "keiner bekannt",
    "caller_usual_branch": "unbekannt",
}
_HOTLINE_RULES: Final = (
    "- Nennt der Anrufer eine Filiale, gib sie wörtlich als `branch` weiter: Name, Ort, Postleitzahl, Zahl, Taste, „wie immer“.",
    "- Fragt eine Funktion nach der Filiale, stelle genau ihre Frage. Wähle nie selbst eine Filiale aus.",
)
_CATALOGUE_RULES: Final = (
    "- Meint der Anrufer eine Leistung aus „Buchbar“ oder jemanden aus „Team“, gib den Namen von dort weiter, sonst seine Worte.",
    "- Ob und wann etwas frei ist, sagen nur die Funktionen.",
)
_INFORMATION_RULES: Final = (
    "- Preise, Öffnungszeiten, Adresse, geschlossene Tage, Absageregeln und Ähnliches sagst du nur aus `business_information`.",
    "- Steht die Frage des Anrufers sinngemäß unter „Häufige Fragen“, gib sie von dort wörtlich als `question` weiter.",
)
_MESSAGE_RULES: Final = (
    "- Kannst du nicht buchen oder helfen, oder ist etwas gestört: biete an, etwas auszurichten.",
    "- Versprich selbst weder Ausrichten noch Rückruf: notiert ist nur, was `leave_message` mit `success: true` gemeldet hat.",
)
_NO_TRANSFER_RULE: Final = "- Möchte der Anrufer jemanden vom Team sprechen: biete an, etwas auszurichten."
_WAITLIST_RULES: Final = (
    "- Passt keine freie Zeit, biete die Warteliste an (`join_waitlist`). Sage nie, dass damit etwas gebucht oder reserviert ist.",
)
_CALLER_RULES: Final = (
    "- Anrufer bekannt: {{caller_known}}; vermutlich {{caller_name}}, zuletzt in {{caller_usual_branch}}.",
    "- Bei „true“ frage einmal, ob du mit dieser Person sprichst: eine Nummer kann mehreren gehören.",
    "- Nächster Termin: {{caller_next_appointment}}. Nenne ihn nur, wenn der Anrufer fragt und seinen Namen bestätigt hat.",
)
_VERIFICATION_RULES: Final = (
    "- Frage bei jeder Buchung nach dem Geburtsdatum der Person, auf die der Termin läuft, mit Tag, Monat und Jahr.",
    "- Vor jeder Auskunft, Änderung oder Absage frage nach Name und Geburtsdatum; nenne oder bestätige selbst keines von beiden.",
)
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
    """Why callers hear one sentence only: the key of its words in `tools.yaml`."""

    SUSPENDED = "suspended"  # the Tenant is
    CLOSED = "closed"  # the agent's Branch is gone


@dataclass(frozen=True, slots=True)
class DesiredNumber:
    """A number that the agent should answer, as Retell sees it."""

    e164: str
    # Body of the import, with the trunk's password; None: it is not imported.
    sip: Mapping[str, Any] | None = field(default=None, repr=False)
    problem: str = ""  # why it can not be imported although a trunk is given


@dataclass(frozen=True, slots=True)
class Desired:
    """The desired state: the bodies of LLM and agent with only the fields that we manage, and the numbers.

    `agent` lacks `response_engine`: Retell takes it when the agent is created and refuses to change it later.
    """

    marker: str  # <installation>/<namespace>/<name>: by it we know our own objects at Retell
    llm: Json
    agent: Json
    numbers: tuple[DesiredNumber, ...] | None  # None: not known yet, so leave them as they are
    inbound_url: str | None = None  # the numbers' inbound webhook; None: not requested


@dataclass(frozen=True, slots=True)
class PromptFrame:
    """An agent's prompt around its catalogue, and without one."""

    head: str
    tail: str
    empty: str

    def fits(self, prompt: str) -> bool:
        """Return whether a prompt is this one with whatever catalogue."""
        inner = len(prompt) - len(self.head) - len(self.tail)
        return prompt == self.empty or (inner > 0 and prompt.startswith(self.head) and prompt.endswith(self.tail))


def render_frame(agent: RetellAgent, tenant: Tenant) -> PromptFrame:
    """Render the prompt around any catalogue."""
    head, _, tail = _prompt(agent, tenant, _ANY_CATALOGUE).partition(_ANY_CATALOGUE)
    return PromptFrame(head, tail, _prompt(agent, tenant, ""))


def render_desired(
    agent: RetellAgent,
    tenant: Tenant,
    numbers: tuple[DesiredNumber, ...] | None,
    marker: str,
    *,
    catalogue: str = "",
    notice: Notice | None = None,
) -> Desired:
    """Render the LLM and the agent. The Tenant's status must have its `webhookUrls`, unless there is a `notice`.

    `catalogue`: services and staff, for the prompt (`describe_catalogue`).
    `notice`: no pods answer. Nothing at Retell may need one then: the agent only speaks a sentence, and ends or transfers the call.
    """
    spec, privacy, urls = agent.spec, tenant.spec.privacy, tenant.status.get("webhookUrls") or {}
    functions_url = str(urls.get("functions", "")).rstrip("/")
    verifies = tenant.spec.caller_verification is CallerVerification.NAME_AND_BIRTH_DATE
    tools = [
        {**(_verifying_tool(name, tool) if verifies else tool), "url": f"{functions_url}/{tool['name']}"}
        for name, tool in _TOOLS["functions"].items()
        if name in spec.functions
    ]
    if Function.TRANSFER_TO_HUMAN in spec.functions and spec.transfer_to:
        tools.append(_transfer_tool(spec.transfer_to, spec.transfer_mode))
    llm: Json = {
        "start_speaker": "agent",
        "model_config": {
            "type": "cascading",
            "primary": {"model": spec.llm.model},
            "temperature": float(spec.llm.temperature),
        },
        "general_prompt": (prompt := _prompt(agent, tenant, catalogue)),
        "begin_message": (begin := _begin_message(agent, tenant)),
        "general_tools": [*tools, _TOOLS["end_call"]],
        "default_dynamic_variables": {OWNER_VARIABLE: marker, **_defaults(f"{prompt} {begin}")},
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


def _verifying_tool(name: str, tool: Json) -> Json:
    """Return the tool of a function with the arguments of a second factor, if it books, or finds what is booked."""
    parameters = tool["parameters"]
    if name == Function.BOOK_APPOINTMENT:
        further, required = _TOOLS["verification"]["booking"], {"required": [*parameters["required"], "birth_date"]}
    elif name in _OF_APPOINTMENTS:
        further, required = _TOOLS["verification"]["finding"], {}
    else:
        return tool
    return {**tool, "parameters": {**parameters, "properties": {**parameters["properties"], **further}, **required}}


def _transfer_tool(number: str, mode: TransferMode) -> Json:
    tool = {**_TOOLS["transfer"], "transfer_destination": {"type": "predefined", "number": number}}
    return tool | {"transfer_option": _TOOLS["warm_transfer"]} if mode is TransferMode.WARM else tool


def _with_notice(agent: RetellAgent, tenant: Tenant, notice: Notice) -> Json:
    """Return the fields of the LLM that differ while callers hear a notice only.

    The first sentence is complete: it is spoken as it is written, whatever the model makes of the prompt. The model has its
    turn when the caller answers or is silent, and every tool that it has then ends the agent's part of the call.
    """
    number, is_german = agent.spec.transfer_to, agent.spec.language.startswith("de")
    words_of = _TOOLS[notice]
    texts = words_of["german" if is_german else "english"]
    words = [texts["greeting"].format(name=tenant.spec.display_name)]
    words += [texts["notice"]] if tenant.spec.privacy.ai_notice else []
    words += [texts["closed"], texts["ask_transfer" if number else "goodbye"]]
    tools = [_transfer_tool(number, TransferMode.COLD)] if number else []  # nobody has said yet what it is about
    rules = [words_of["rules"], *([words_of["transfer_rule"]] if number else []), words_of["end_rule"]]
    return {
        "general_prompt": "\n".join(rules),
        "begin_message": " ".join(words),
        "general_tools": [*tools, {**_TOOLS["end_call"], "description": words_of["end_call"]}],
    }


def agent_owner(agent: Json) -> str | None:
    """Return the marker at the end of an agent's name, be it ours or another owner's; None without one."""
    name = str(agent.get("agent_name") or "")
    head, separator, marker = name.rpartition(MARKER_SEPARATOR)
    return marker if separator and head and marker.count("/") == 2 and " " not in marker else None  # noqa: PLR2004


def llm_owner(llm: Json) -> str | None:
    """Return the marker among an LLM's default variables, be it ours or another owner's; None without one."""
    return (llm.get("default_dynamic_variables") or {}).get(OWNER_VARIABLE)


def _defaults(text: str) -> dict[str, str]:
    """Return a value for each variable of the text: Retell speaks an unset one as it is written, braces and all.

    An empty value only declares the variable: the value that a person set at Retell stays (see `diff.py`).
    """
    names = {name for name in _VARIABLE.findall(text) if not _SYSTEM_VARIABLE.match(name)}
    return {name: _CALLER_VARIABLES.get(name, "") for name in sorted(names)}


def _begin_message(agent: RetellAgent, tenant: Tenant) -> str:
    """Return the first sentence. It says that an AI speaks (EU AI Act, art. 50), unless the tenant's own one already does."""
    own, greeting = agent.spec.llm.begin_message or "", f"{tenant.spec.display_name}, guten Tag!"
    if not tenant.spec.privacy.ai_notice:
        return own or f"{greeting} Was kann ich für Sie tun?"
    words = {word.strip(".,!?;:()„“\"'").split("-")[0].casefold() for word in own.split()}
    if words & {"ki", "ai"} or "künstliche" in own.casefold() or "artificial intelligence" in own.casefold():
        return own
    is_german = agent.spec.language.startswith("de")
    notice = "Sie sprechen mit einem KI-Assistenten." if is_german else "You are speaking with an AI assistant."
    return f"{own} {notice}" if own else f"{greeting} {notice} Was kann ich für Sie tun?"


def _prompt(agent: RetellAgent, tenant: Tenant, catalogue: str) -> str:
    """Return the tenant's prompt, what can be booked, and the rules without which our functions can not keep their promises."""
    rules = [
        f"- Jetzt ist {{{{current_time_{tenant.spec.time_zone}}}}}.",
        "- Gib Zeitangaben des Anrufers wörtlich an die Funktionen weiter; rechne nicht selbst.",
        "- Sage, was `message` enthält. Nenne nur Zeiten aus `slots` oder `alternatives`, mit vollem Datum.",
        "- Buche erst, wenn der Anrufer einer Zeit zugestimmt und seinen Namen genannt hat; gib deren `start` unverändert weiter.",
        "- Vor dem Absagen fragt die Funktion, ob sie genau diesen Termin absagen soll: warte die Antwort des Anrufers ab.",
        "- Ein Termin steht erst fest, ist erst verschoben oder abgesagt, wenn die Funktion mit `success: true` geantwortet hat.",
    ]
    if catalogue:
        rules += _CATALOGUE_RULES
    if agent.spec.tenant_ref is not None:
        rules += _HOTLINE_RULES
    if Function.BUSINESS_INFORMATION in agent.spec.functions:
        rules += _INFORMATION_RULES
    if Function.LEAVE_MESSAGE in agent.spec.functions:
        rules += _MESSAGE_RULES
        rules += [] if Function.TRANSFER_TO_HUMAN in agent.spec.functions else [_NO_TRANSFER_RULE]
    if Function.JOIN_WAITLIST in agent.spec.functions:
        rules += _WAITLIST_RULES
    if tenant.spec.caller_verification is CallerVerification.NAME_AND_BIRTH_DATE:
        rules += _VERIFICATION_RULES
    elif agent.spec.caller_recognition:
        rules += _CALLER_RULES
    if tenant.spec.privacy.ai_notice:
        rules.append("- Wer fragt, erfährt, dass du eine KI bist.")
    sections = [agent.spec.llm.prompt.rstrip(), catalogue, "\n".join(["## Regeln", *rules])]
    return "\n\n".join(section for section in sections if section)
