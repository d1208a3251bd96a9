"""RetellAgent: the voice that answers the phone."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from askproai_operator.api.base import (
    E164,
    NAME_LENGTH,
    ONE_OWNER,
    SAME_OWNER,
    Column,
    Locale,
    LongText,
    ObjectRef,
    Part,
    Resource,
    Rule,
    Text,
    listed,
    name_rules,
    rules,
    worded,
    written,
)
from askproai_operator.api.status import RetellAgentStatus
from askproai_operator.api.tenant import DeletionPolicy
from askproai_runtime.config import Function

Temperature = Annotated[
    Decimal, written(r"^(0(\.[0-9]{1,2})?|1(\.0{1,2})?)$", 4, 'not a temperature in quotes, "0" to "1", such as "0.3"')
]


class WebhookEvent(StrEnum):
    """Retell's call events; the first three are its own default."""

    CALL_STARTED = "call_started"
    CALL_ENDED = "call_ended"
    CALL_ANALYZED = "call_analyzed"
    TRANSCRIPT_UPDATED = "transcript_updated"
    TRANSFER_STARTED = "transfer_started"
    TRANSFER_BRIDGED = "transfer_bridged"
    TRANSFER_CANCELLED = "transfer_cancelled"
    TRANSFER_ENDED = "transfer_ended"


class ManagementPolicy(StrEnum):
    FULL = "Full"
    OBSERVE_ONLY = "ObserveOnly"


class Llm(Part):
    """What thinks for the voice."""

    model: Annotated[str, Field(min_length=1, max_length=63)]
    """Retell's name of the model, such as gpt-5.1."""
    temperature: Temperature = Decimal(0)
    """How freely it speaks, "0" to "1" (a decimal string)."""
    prompt: LongText
    """What it is and how it shall behave."""
    begin_message: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    """The first sentence. Absent: the model finds one."""


class Adopt(Part):
    """Take over an agent that was made by hand."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            Rule(
                "self.agentId == oldSelf.agentId",
                "adopt.agentId cannot be changed; make the RetellAgent anew (deletionPolicy: Orphan keeps the agent)",
            )
        )
    )

    agent_id: Annotated[str, worded("^[A-Za-z0-9_-]+$", 100, "not an agent's id at Retell, such as agent_3c9a51e7f0")]
    """Retell's id of the agent; cannot be changed."""


class RetellAgentSpec(Part):
    """How the agent shall be."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ONE_OWNER,
            SAME_OWNER,
            Rule(
                "!has(self.functions) || !('TransferToHuman' in self.functions) || has(self.transferTo)",
                "the function TransferToHuman needs transferTo: the number that answers",
                ".transferTo",
            ),
        )
    )

    branch_ref: ObjectRef | None = None
    """The Branch it answers for; cannot be changed. Exactly one of branchRef and tenantRef."""
    tenant_ref: ObjectRef | None = None
    """The Tenant it answers for as a hotline (MultiBranchHotline or ComplexServiceMatrix); cannot be changed."""
    display_name: Text
    """Name of the agent at Retell; our marker is appended."""
    voice_id: Annotated[str, Field(min_length=1, max_length=100)]
    """Retell's id of the voice, such as 11labs-Carola."""
    language: Locale = "de-DE"
    """Language that the agent hears and speaks; Retell knows no de-AT and de-CH."""
    llm: Llm
    """What thinks for the voice."""
    functions: Annotated[tuple[Function, ...], listed(6, as_set=True)] = ()
    """What the agent can do in a call. Absent: it only talks. Those not built yet are named in the condition Synced."""
    transfer_to: E164 | None = None
    """Number that callers are put through to, as E.164; needed with TransferToHuman."""
    webhook_events: Annotated[tuple[WebhookEvent, ...], listed(8, as_set=True)] = (
        WebhookEvent.CALL_STARTED,
        WebhookEvent.CALL_ENDED,
        WebhookEvent.CALL_ANALYZED,
    )
    """Events that Retell sends us. Absent: call_started, call_ended and call_analyzed."""
    caller_recognition: bool = False
    """Sets the number's inbound webhook, so that known callers are greeted by name; a call never waits for it."""
    management_policy: ManagementPolicy = ManagementPolicy.FULL
    """Full, or ObserveOnly: nothing is written at Retell, differences are shown in the condition Drifted."""
    deletion_policy: DeletionPolicy = DeletionPolicy.DELETE
    """What happens at Retell when this object goes: Delete agent and LLM, or Orphan (leave them)."""
    adopt: Adopt | None = None
    """Take over an agent that was made by hand. Absent: make one."""


class RetellAgent(Resource):
    """The voice that answers the phone of one branch, or of all branches of a tenant."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            *name_rules("RetellAgent", NAME_LENGTH, "its marker at Retell carries it"),
            Rule(
                "self.spec.managementPolicy != 'ObserveOnly' || has(self.spec.adopt)"
                " || (has(self.status) && has(self.status.agentId))",
                "managementPolicy ObserveOnly needs adopt.agentId: there is no agent yet that could be observed",
                ".spec.managementPolicy",
            ),
        )
    )
    kind: ClassVar = "RetellAgent"
    plural: ClassVar = "retellagents"
    short_name: ClassVar = "apa"
    status_model: ClassVar = RetellAgentStatus
    columns: ClassVar = (
        Column("AgentId", ".status.agentId"),
        Column("Branch", ".spec.branchRef.name", wide=True),
        Column("Tenant", ".spec.tenantRef.name", wide=True),
        Column("Version", ".status.publishedVersion", "integer", wide=True),
        Column("Numbers", ".status.phoneNumbers", wide=True),
        Column("LlmId", ".status.llmId", wide=True),
    )
    selectable: ClassVar = (".spec.branchRef.name", ".spec.tenantRef.name")

    spec: RetellAgentSpec
