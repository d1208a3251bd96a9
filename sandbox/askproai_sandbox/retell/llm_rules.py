"""What a Retell LLM does with its fields that no table of fields can say (reference §3, §10.12)."""

from typing import Any

from askproai_sandbox.retell.fields import TABLES

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
    if "model_config" in result:  # ignored without a word: an endless diff for who writes them
        for name in _OLD_MODEL_FIELDS:
            result[name] = fields.get(name)
    return {name: value for name, value in result.items() if value is not None}


def with_defaults(fields: dict[str, Any]) -> dict[str, Any]:
    """Give the fields as a GET shows them."""
    primary = {"model": fields.get("model", "gpt-4.1")}
    unset = {"type": "cascading", "primary": primary, "temperature": fields.get("model_temperature", 0)}
    config = {"temperature": 0, **fields.get("model_config", unset)}
    if "backup" in config:
        config["backup"] = {"kick_in_timeout_ms": 1500, **config["backup"]}
    result = {**TABLES["llm_defaults"], **fields, "model_config": config}
    if "general_tools" in fields:
        defaults = TABLES["tool_defaults"]
        result["general_tools"] = [{**defaults.get(tool["type"], {}), **tool} for tool in fields["general_tools"]]
    return result
