"""What a phone number may say (reference §4)."""

import re
from typing import Any

from askproai_sandbox.retell.checks import (
    Check,
    clearable,
    either,
    flag,
    integer,
    list_of,
    number,
    one_of,
    record,
    text,
    url,
)  # fmt: skip
from askproai_sandbox.retell.workspace import Workspace
from askproai_sandbox.simulator import Refusal

_AGENT_LISTS = ("inbound_agents", "outbound_agents", "inbound_sms_agents", "outbound_sms_agents")
_agents = clearable(list_of(record(
    {"agent_id": text, "weight": number(0, 1), "agent_version": either(text, integer(0))}, {"agent_id", "weight"},
)))  # fmt: skip


def _e164(value: Any) -> str | None:
    return None if isinstance(value, str) and re.fullmatch(r"\+[1-9]\d{6,14}", value) else "must be E.164"


_SHARED: dict[str, Check] = {
    "inbound_agents": _agents, "outbound_agents": _agents, "inbound_webhook_url": clearable(url),
    "nickname": clearable(text), "allowed_inbound_country_list": clearable(list_of(text)),
    "allowed_outbound_country_list": clearable(list_of(text)), "termination_uri": text,
    "transport": one_of("TLS", "TCP", "UDP"), "codecs": list_of(text), "ignore_e164_validation": flag,
}  # fmt: skip
# The single fields inbound_agent_id, outbound_agent_id and inbound_agent_version are gone, so they are refused here.
IMPORT_NUMBER = record(
    {**_SHARED, "phone_number": _e164, "sip_trunk_auth_username": text, "sip_trunk_auth_password": text},
    {"phone_number", "termination_uri"},
)
UPDATE_NUMBER = record({  # the trunk's credentials have other names here than at import
    **_SHARED, "auth_username": text, "auth_password": text, "fallback_number": clearable(text),
    "inbound_sms_agents": _agents, "outbound_sms_agents": _agents, "inbound_sms_webhook_url": clearable(url),
})  # fmt: skip


def check_agents(workspace: Workspace, fields: dict[str, Any]) -> None:
    """Check that weights sum to 1 and that the agents and their versions exist."""
    for name in _AGENT_LISTS:
        bound = fields.get(name)
        if not bound:
            continue
        if abs(sum(item["weight"] for item in bound) - 1) > 1e-6:
            raise Refusal(400, f"/{name} weights must sum to 1")
        for item in bound:
            workspace.agent(item["agent_id"]).version(item.get("agent_version"))
