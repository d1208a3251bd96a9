"""RetellAgent: the voice that answers the phone."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from askproai_core.tenant_config import Function
from askproai_operator.api import base
from askproai_operator.api.tenant import DeletionPolicy

_TEMPERATURE = r"^(0(\.[0-9]{1,2})?|1(\.0{1,2})?)$"
Temperature = Annotated[
    Decimal, base.matching(_TEMPERATURE, 4, 'not a temperature in quotes, "0" to "1", such as "0.3"')
]
CallEvent = Literal["call_started", "call_ended", "call_analyzed"]  # Retell's own default
TransferEvent = Literal["transfer_started", "transfer_bridged", "transfer_cancelled", "transfer_ended"]
WebhookEvent = Literal[CallEvent, "transcript_updated", TransferEvent]


class ManagementPolicy(StrEnum):
    FULL = "Full"
    OBSERVE_ONLY = "ObserveOnly"


class TransferMode(StrEnum):
    COLD = "Cold"
    WARM = "Warm"


class Llm(base.Part):
    model: Annotated[str, base.bounded_text(63)]
    """Retell's name of the model, such as gpt-5.1."""
    temperature: Temperature = Decimal(0)
    """Sampling temperature of the model, "0" to "1" (a decimal string)."""
    prompt: Annotated[str, base.bounded_text(32_000)]
    """The purpose and the behaviour of the agent."""
    begin_message: Annotated[str, base.bounded_text(2000)] | None = None
    """The first sentence. Absent: a greeting in the name of the business. If it does not mention AI, aiNotice adds that."""


class Adopt(base.Part):
    model_config = base.with_rules(
        base.rule(
            "self.agentId == oldSelf.agentId",
            "adopt.agentId cannot be changed; make the RetellAgent anew (deletionPolicy: Orphan keeps the agent)",
        )
    )

    agent_id: Annotated[
        str, base.matching("^[A-Za-z0-9_-]+$", 100, "not an agent's id at Retell, such as agent_3c9a51e7f0")
    ]
    """Retell's id of the agent; cannot be changed."""


class RetellAgentSpec(base.Part):
    """The declared agent."""

    model_config = base.with_rules(
        base.ONE_OWNER,
        base.SAME_OWNER,
        base.rule(
            "!has(self.functions) || !('TransferToHuman' in self.functions) || has(self.transferTo)",
            "the function TransferToHuman needs transferTo: the number that answers",
            ".transferTo",
        ),
        base.rule(
            "!self.language.startsWith('de-') || self.language == 'de-DE'",
            "Retell speaks German as de-DE only; the voice (voiceId) makes it sound Austrian or Swiss",
            ".language",
        ),
    )

    branch_ref: base.ObjectRef | None = None
    """The Branch it answers for; cannot be changed. Exactly one of branchRef and tenantRef."""
    tenant_ref: base.ObjectRef | None = None
    """The Tenant it answers for as a hotline (MultiBranchHotline or ComplexServiceMatrix); cannot be changed."""
    display_name: base.Text
    """Name of the agent at Retell; our marker is appended."""
    voice_id: Annotated[str, base.bounded_text(100)]
    """Retell's id of the voice, such as 11labs-Carola."""
    language: base.Locale = "de-DE"
    """Language that the agent hears and speaks; Retell knows no de-AT and de-CH. Our rules for the agent, the answers
    of its functions and the words for times are in this language if `Tenant.spec.notifications.language` has it, else German."""
    llm: Llm
    """The model behind the voice."""
    functions: Annotated[tuple[Function, ...], base.bounded_list(16, as_set=True)] = ()
    """The functions of the agent in a call: CheckAvailability, BookAppointment, FindAppointments, RescheduleAppointment,
    CancelAppointment, BusinessInformation, TransferToHuman, LeaveMessage, JoinWaitlist, DeclineRecording. Absent: it only
    talks. BusinessInformation: it answers questions about prices, hours, way, closed days, people, cancellation and the `knowledge`
    of Tenant and Branch. DeclineRecording: nothing said in a call is stored if its caller asks for that."""
    transfer_to: base.E164 | None = None
    """Number that callers are put through to, as E.164; needed with TransferToHuman."""
    transfer_hours: Annotated[tuple[base.Hours, ...], base.bounded_list(base.DAY_RANGES)] | None = None
    """Hours when a person answers transferTo, also on holidays; at other times callers can leave a message. Absent: the
    opening hours of the Branch except its closed days; for a hotline: any time."""
    transfer_mode: TransferMode = TransferMode.COLD
    """Cold, or Warm: Retell waits for a person to answer, says to that person alone who calls and why, and then connects both."""
    webhook_events: Annotated[tuple[WebhookEvent, ...], base.bounded_list(8, as_set=True)] = get_args(CallEvent)
    """Events that Retell sends us. Absent: call_started, call_ended and call_analyzed. With transcript_updated the transcript of a
    call can be read while it goes on; it is an event for each turn. The others are stored and have no effect."""
    caller_recognition: bool = False
    """Sets the numbers' inbound webhook, so that the agent knows a known caller's name, next appointment and usual branch;
    a call never waits for it. A caller who names nobody is offered the person whom they booked last in the branch, if that person
    is free."""
    management_policy: ManagementPolicy = ManagementPolicy.FULL
    """Full, or ObserveOnly: nothing is written at Retell, differences are shown in the condition Drifted."""
    deletion_policy: DeletionPolicy = DeletionPolicy.DELETE
    """Effect of this object's deletion at Retell: Delete agent and LLM, or Orphan (leave them)."""
    adopt: Adopt | None = None
    """Take over an agent that was made by hand. Absent: make one."""


class Pending(base.Part):
    what: base.Short
    """The object that was about to be created: agent or llm."""
    since: datetime
    """When."""


class Greeting(base.Part):
    version: base.Count
    """The published agent."""
    sha256: base.Short
    """SHA-256 of that version's first sentence; records of its calls refer to the sentence by it."""
    announces_ai: bool
    """Whether that sentence says that an AI speaks."""


class RetellAgentStatus(base.CommonStatus):
    """The state of a RetellAgent as the operator reports it."""

    agent_id: base.Short | None = None
    """Retell's id of the agent."""
    llm_id: base.Short | None = None
    """Retell's id of the LLM that answers."""
    published_version: base.Count | None = None
    """The agent's version that is published and that the numbers are pinned to."""
    phone_numbers: Annotated[tuple[base.Short, ...], base.bounded_list(2000)] | None = None
    """The numbers as bound at Retell."""
    plan: Annotated[tuple[Annotated[str, Field(max_length=2000)], ...], base.bounded_list(5000)] | None = None
    """The planned changes at Retell: filled in plan mode (annotation `askproai.de/plan: "true"`)."""
    tenant: base.Short | None = None
    """Name of the Tenant it belongs to, also after its Branch is deleted."""
    pending: Pending | None = None
    """A create whose outcome is not known yet; the operator looks for our marker before it creates again."""
    webhook_url: Annotated[str, Field(max_length=2000)] | None = None
    """Webhook URL of the published version. Its Tenant serves the former URL as long as an agent has it."""
    greeting: Greeting | None = None
    """The first sentence for callers of the published version."""
    suspended: bool | None = None
    """The published version tells callers that the Tenant is suspended, or the Branch gone; it stays until pods serve again."""


class RetellAgent(base.CustomResource):
    """The voice that answers the phone of one branch, or of all branches of a tenant."""

    model_config = base.with_rules(
        *base.name_rules("RetellAgent", base.NAME_LENGTH, "its marker at Retell carries it"),
        base.rule(
            "self.spec.managementPolicy != 'ObserveOnly' || has(self.spec.adopt) || self.?status.?agentId.hasValue()"
            " || (oldSelf.hasValue() && oldSelf.value().spec.managementPolicy == 'ObserveOnly')",
            "managementPolicy ObserveOnly needs adopt.agentId: there is no agent yet that could be observed",
            ".spec.managementPolicy",
            optionalOldSelf=True,  # else no status could report that an observed agent vanished
        ),
    )
    kind: ClassVar = "RetellAgent"
    plural: ClassVar = "retellagents"
    short_name: ClassVar = "apa"
    status_model: ClassVar = RetellAgentStatus
    reports_pause: ClassVar = True
    columns: ClassVar = (
        base.column("AgentId", ".status.agentId", wide=False),
        base.column("Branch", ".spec.branchRef.name"),
    )
    further_columns: ClassVar = (
        base.column("Tenant", ".spec.tenantRef.name"),
        base.column("Version", ".status.publishedVersion", "integer"),
        base.column("Numbers", ".status.phoneNumbers"),
        base.column("LlmId", ".status.llmId"),
    )
    selectable: ClassVar = (".spec.branchRef.name", ".spec.tenantRef.name")

    spec: RetellAgentSpec
