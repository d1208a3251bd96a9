"""What a Retell LLM and its tools may say (reference §3, §3.1), and what the server says where they do not."""

import re
from typing import Any

from askproai_sandbox.retell.agent_fields import FINDING
from askproai_sandbox.retell.checks import (
    Check,
    anything,
    clearable,
    either,
    flag,
    integer,
    list_of,
    number,
    one_of,
    record,
    strings,
    tagged,
    text,
    url,
)  # fmt: skip


def _tool_name(value: Any) -> str | None:
    good = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value)
    return None if good else "must match pattern [A-Za-z0-9_-]{1,64}"


_schema = record(
    {"type": one_of("object"), "properties": anything, "required": list_of(text), "additionalProperties": flag},
    {"type", "properties"},
)
_common: dict[str, Check] = {
    "type": text, "name": _tool_name, "description": text, "speak_during_execution": flag,
    "execution_message_description": text, "execution_message_type": one_of("prompt", "static_text"),
    "speak_after_execution": flag, "enable_typing_sound": flag,
}  # fmt: skip
_destination = tagged("type", {
    "predefined": record({"type": text, "number": text, "extension": text}, {"number"}),
    "inferred": record({"type": text, "prompt": text}, {"prompt"}),
})  # fmt: skip
_handoff = tagged("type", {
    "prompt": record({"type": text, "prompt": text}), "static_message": record({"type": text, "message": text}),
})  # fmt: skip
_transfer = tagged("type", {
    "cold_transfer": record({
        "type": text, "cold_transfer_mode": one_of("sip_refer", "sip_invite"), "show_transferee_as_caller": flag,
        "transfer_ring_duration_ms": integer(0)}),
    "warm_transfer": record({
        "type": text, "agent_detection_timeout_ms": integer(0), "opt_out_human_detection": flag,
        "on_hold_music": one_of("none", "relaxing_sound", "uplifting_beats", "ringtone", "custom"),
        "private_handoff_option": _handoff, "public_handoff_option": _handoff, "ivr_option": anything}),
    "agentic_warm_transfer": record({"type": text, "agentic_transfer_config": anything}, {"agentic_transfer_config"}),
})  # fmt: skip


def _tool(required: set[str], **own: Check) -> Check:
    return record({**_common, **own}, {"type", "name", *required})


TOOL = tagged("type", {  # §3.1: the *_cal tools are gone from the union
    "custom": _tool({"url"}, url=url, method=one_of("GET", "POST", "PUT", "PATCH", "DELETE"), headers=strings,
                    query_params=strings, parameters=_schema, parameter_type=one_of("json", "form"),
                    args_at_root=flag, response_variables=strings, timeout_ms=integer(1000, 600_000),
                    max_retry=integer(0, 5)),
    "end_call": _tool(set(), custom_sip_headers=strings),
    "press_digit": _tool(set(), delay_ms=integer(0, 5000)),
    "transfer_call": _tool({"transfer_destination", "transfer_option"}, transfer_destination=_destination,
                           transfer_option=_transfer, custom_sip_headers=strings, ignore_e164_validation=flag),
    "agent_swap": _tool({"agent_id", "post_call_analysis_setting"}, agent_id=text,
                        agent_version=either(integer(0), text), keep_current_voice=flag, keep_current_language=flag,
                        post_call_analysis_setting=one_of("both_agents", "only_destination_agent"),
                        webhook_setting=one_of("both_agents", "only_destination_agent", "only_source_agent")),
    "extract_dynamic_variable": _tool({"description", "variables"}, variables=list_of(tagged("type", FINDING))),
    "code": _tool({"code"}, code=text, timeout_ms=integer(0), response_variables=strings),
    "send_sms": _tool({"sms_content"}, sms_content=anything),
    "mcp": _tool({"description"}, mcp_id=text, input_schema=anything, response_variables=strings),
    "bridge_transfer": _tool(set()), "cancel_transfer": _tool(set()),
})  # fmt: skip
_TOOL_DEFAULTS: dict[str, dict[str, Any]] = {
    "custom": {"method": "POST", "args_at_root": False, "timeout_ms": 120_000, "max_retry": 0,
               "execution_message_type": "prompt", "parameter_type": "json"},
    "press_digit": {"delay_ms": 1000},
    "code": {"timeout_ms": 30_000},
}  # fmt: skip

_tier: Check = one_of("standard", "fast", "ultrafast")
_MODEL_CONFIG = tagged("type", {
    "cascading": record({
        "type": text, "primary": record({"model": text, "tier": _tier}, {"model"}), "temperature": number(0, 1),
        "backup": clearable(record({"model": text, "tier": _tier, "kick_in_timeout_ms": integer(0)}, {"model"}))}),
    "s2s": record({"type": text, "primary": record({"model": text}, {"model"}), "temperature": number(0, 1)}),
})  # fmt: skip
_edge = record(
    {"destination_state_name": text, "description": text, "parameters": _schema},
    {"destination_state_name", "description"},
)
LLM_FIELDS: dict[str, Check] = {
    "start_speaker": one_of("user", "agent"),
    "model_config": _MODEL_CONFIG, "model": clearable(text), "s2s_model": clearable(text),
    "model_temperature": number(0, 1), "model_high_priority": flag, "model_ultrafast": flag,
    "general_prompt": clearable(text), "begin_message": clearable(text),
    "begin_after_user_silence_ms": clearable(integer(0)),
    "general_tools": clearable(list_of(TOOL)),
    "states": clearable(list_of(record(
        {"name": _tool_name, "state_prompt": text, "tools": list_of(TOOL), "edges": list_of(_edge)}, {"name"}))),
    "starting_state": clearable(text),
    "default_dynamic_variables": clearable(strings),  # §3.3: all values are strings
    "knowledge_base_ids": clearable(list_of(text)),
    "kb_config": clearable(record({"top_k": integer(1), "filter_score": number(0, 1)})),
    "mcps": clearable(list_of(record(
        {"name": text, "url": url, "headers": strings, "query_params": strings, "timeout_ms": integer(0)},
        {"name", "url"}))),
    "tool_call_strict_mode": clearable(flag),
}  # fmt: skip
CREATE_LLM = record({**LLM_FIELDS, "is_transfer_llm": flag}, {"start_speaker"})
UPDATE_LLM = record(LLM_FIELDS)
_OLD_MODEL_FIELDS = ("model", "s2s_model", "model_temperature", "model_high_priority", "model_ultrafast")


def wrong_with(fields: dict[str, Any]) -> str | None:
    """Check what no single field shows: names of tools are unique over general tools, states' tools and edges."""
    states = fields.get("states") or []
    tools = [*(fields.get("general_tools") or []), *(tool for state in states for tool in state.get("tools", []))]
    names = [tool["name"] for tool in tools]
    names += [edge["destination_state_name"] for state in states for edge in state.get("edges", [])]
    if len(names) != len(set(names)):
        return "/general_tools names must be unique across tools and edges"
    if states and not fields.get("starting_state"):
        return "must have required property 'starting_state' when states are given"
    return None


def merged(fields: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Apply a PATCH: `model_config` merges by top-level key, null clears, and old model fields are lost beside it."""
    result = {**fields, **changes}
    if "model_config" in changes:
        config = {**fields.get("model_config", {}), **changes["model_config"]}
        result["model_config"] = {name: value for name, value in config.items() if value is not None}
    if "model_config" in result:  # §10.12: ignored without a word, an endless diff for who writes them
        result = {name: value for name, value in result.items() if name not in _OLD_MODEL_FIELDS or name in fields}
        result |= {name: fields[name] for name in _OLD_MODEL_FIELDS if name in fields}
    return {name: value for name, value in result.items() if value is not None}


def with_defaults(fields: dict[str, Any]) -> dict[str, Any]:
    """Give the fields as a GET shows them."""
    config = fields.get("model_config") or {
        "type": "cascading",
        "primary": {"model": fields.get("model", "gpt-4.1")},
        "temperature": fields.get("model_temperature", 0),
    }
    config = {"temperature": 0, **config}
    if "backup" in config:
        config["backup"] = {"kick_in_timeout_ms": 1500, **config["backup"]}
    result = {"start_speaker": "agent", "tool_call_strict_mode": False, **fields, "model_config": config}
    if "general_tools" in fields:
        result["general_tools"] = [{**_TOOL_DEFAULTS.get(t["type"], {}), **t} for t in fields["general_tools"]]
    return result
