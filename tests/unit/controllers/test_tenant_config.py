"""The TenantConfig as it is compiled from the manifests: every field has a source, and both sides agree on the defaults."""

import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
import yaml

from askproai_core import database, tenant_config
from askproai_core.tenant_config import TenantConfig
from askproai_core.tenant_config.vocabulary import ConfigStruct
from askproai_operator.api import Branch, RetellAgent, SecretKeyRef, ServiceOffering, Tenant, base, notifications
from askproai_operator.api.agent import RetellAgentSpec
from askproai_operator.api.branch import Absence, Address, BranchSpec, Holidays, Staff
from askproai_operator.api.offering import EventType, Price, ServiceOfferingSpec
from askproai_operator.api.runtime import BookingLimits, RateLimits
from askproai_operator.api.tenant import Calcom, Retention, TenantSpec
from askproai_operator.credentials import own_key_file
from tests.worlds.compiled_contexts import CONTEXT, compile_config
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row
from tests.worlds.salon_models import agent, branch, offering, raw, tenant

STRUCTS = {
    kind
    for module in vars(tenant_config).values()
    if isinstance(module, ModuleType)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, ConfigStruct) and kind is not ConfigStruct
}


# Every field has a source

TENANT, BRANCH, OFFERING, AGENT = yaml.safe_load(
    Path(__file__).with_name("every_field.yaml").read_text("utf-8")
).values()
IDS = (1001, 2002, 3003)
CONFIRMED = [{"eventTypeId": number} for number in IDS]
FOUND = {
    "variableLengths": [{"eventTypeId": number, "defaultMinutes": 30} for number in IDS],
    "needsConfirmation": CONFIRMED,
    "bookedByHost": CONFIRMED,
    "bookingFields": [{"eventTypeId": number, "slug": "wunsch", "type": "text"} for number in IDS],
}


def published_agent() -> RetellAgent:
    greeting = {"version": 4, "sha256": "abc", "announcesAi": True}
    return RetellAgent.from_raw(raw("RetellAgent", **AGENT) | {"status": {"agentId": "agent_1", "greeting": greeting}})


def structs_in(value: Any) -> Iterator[msgspec.Struct]:
    """Yield all structs that a value contains, itself among them."""
    if isinstance(value, msgspec.Struct):
        yield value
        for name in value.__struct_fields__:
            yield from structs_in(getattr(value, name))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from structs_in(item)


def test_compile_step_fills_every_field_of_the_config():
    """Fields are copied by name, so a misspelt one would silently keep its default. Here no source has a default value."""
    config = compile_config(
        tenant(**TENANT),
        [branch(**BRANCH)],
        [
            ServiceOffering.from_raw(raw("ServiceOffering", **OFFERING) | {"status": FOUND}),
            ServiceOffering.from_raw(raw("ServiceOffering", **OFFERING | {"price": {"amount": "0"}})),
        ],
        [published_agent(), agent("agent_of_a_closed_branch", branchRef={"name": "gone"})],
        resource_ids={("mitte", "anna", 1): 7},
        foreign_numbers={},
        path_prefix="/voice",
        former_path_prefix="/former",
        installation_id="inst-1",
        calendar_base_url="https://cal.example",
        retell_base_url="https://retell.example",
        linked_own_event_types=[2002],
        notification_channels=list(tenant_config.NotificationChannel),
        public_url="https://salon.example",
        logs_in_at_issuer=True,
        page_is_published=True,
        withheld={"haarschnitt": dict.fromkeys(IDS, tenant_config.Withheld.NOT_FOUND)},
        withheld_event_types=[999],
        encrypt_bodies=True,
        shadow=True,
    )
    filled: dict[type, set[str]] = defaultdict(set)
    for struct in structs_in(config):
        for field in msgspec.structs.fields(struct):
            if getattr(struct, field.name) != default_of(field):
                filled[type(struct)].add(field.name)
    assert {kind: unfilled for kind in STRUCTS if (unfilled := set(kind.__struct_fields__) - filled[kind])} == {}


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


# Both sides agree on the defaults

# A local calendar makes up no addresses; for Cal.com the manifest's default is always compiled in.
ONE_SIDED = {(tenant_config.config.CalendarConfig, "attendee_email_domain")}
PAIRS: list[tuple[type[base.Part], type[msgspec.Struct]]] = [
    (TenantSpec, TenantConfig),
    (RateLimits, tenant_config.config.RateLimits),
    (BookingLimits, tenant_config.config.BookingLimits),
    (Retention, tenant_config.config.Retention),
    (Calcom, tenant_config.config.CalendarConfig),
    (BranchSpec, tenant_config.Branch),
    (base.Knowledge, tenant_config.branches.Knowledge),
    (Staff, tenant_config.Staff),
    (Address, tenant_config.branches.Address),
    (Holidays, tenant_config.branches.Holidays),
    (Absence, tenant_config.branches.Absence),
    (base.Hours, tenant_config.branches.Hours),
    (ServiceOfferingSpec, tenant_config.Service),
    (EventType, tenant_config.services.EventType),
    (RetellAgentSpec, tenant_config.Agent),
    (notifications.Notifications, tenant_config.notifications.Notifications),
    (notifications.EmailServer, tenant_config.notifications.EmailSettings),
    (notifications.ForCustomers, tenant_config.notifications.CustomerNotifications),
    (notifications.ForBusiness, tenant_config.notifications.BusinessNotifications),
    (notifications.CustomerTexts, tenant_config.notifications.NotificationTexts),
]


@each_row(("part", "struct"), PAIRS)
def test_defaults_of_manifest_and_config_are_equal(part, struct):
    """A field with its default value may be left out of the config: the pods then use the config's default.

    A field that is None in the manifest is not copied, so that the config's default counts.
    """
    differing = {}
    for field in msgspec.structs.fields(struct):
        source = part.model_fields.get(field.name)
        if source is None or source.is_required() or source.default is None or (struct, field.name) in ONE_SIDED:
            continue
        compiled = msgspec.convert(source.default, field.type, from_attributes=True)
        if compiled != default_of(field):
            differing[field.name] = (compiled, default_of(field))
    assert differing == {}


def test_price_without_currency_uses_the_configs_currency():
    assert Price.model_fields["currency"].default == tenant_config.Service(name="", display_name="").price_currency


def test_retention_defaults_match_in_manifest_config_and_database():
    """The columns' defaults hold for tenants whose row is older than the columns."""
    folder = Path(database.__file__).parent / "migrations"
    sql = "\n".join(file.read_text("utf-8") for file in sorted(folder.glob("*.up.sql")))
    columns = {name: int(days) for name, days in re.findall(r"(\w+_days)\s+integer NOT NULL DEFAULT (\d+)", sql)}
    unwritten = {
        "appointment_days",
        "customer_days",
    }  # nothing ages before the operator has written the manifest's days
    assert columns.keys() & unwritten == set()
    declared = Retention().model_dump()
    assert declared == msgspec.structs.asdict(tenant_config.config.Retention())
    assert columns == {name: days for name, days in declared.items() if name not in unwritten}


# Compiled fields


def test_config_has_the_declared_booking_target():
    config = compile_config(tenant(slo={"bookingSuccessPercent": "99.5"}), [], [], [], **CONTEXT)
    assert config.booking_target_percent == Decimal("99.5")


def test_config_names_bookable_staff_and_holds_no_secret():
    config = salon_config()
    assert config.services[0].staff == {"mitte": ("anna", "mehmet")}
    assert config.branches[0].phone_numbers[0].did == "+49301234567"
    assert [person.resource_ids for person in config.branches[0].staff] == [(1,), (2,)]


def test_config_lists_current_resource_ids_before_former_ids():
    ids = {("mitte", "anna", 1): 7, ("mitte", "anna", 2): 3, ("mitte", "mehmet", 1): 8, ("mitte", "mehmet", 2): 9}
    yoga = offering(capacity=2, requiredSkills=["farbe"])
    config = compile_config(tenant(), [branch()], [yoga], [], **CONTEXT | {"resource_ids": ids})
    assert [(person.resource_ids, person.units) for person in config.branches[0].staff] == [((7, 3), 2), ((8, 9), 1)]
    assert config.services[0].capacity == 2


@pytest.mark.parametrize(
    ("price", "labels", "compiled"),
    [
        ({"amount": "39"}, {}, ("39.00", False)),
        ({"amount": "0"}, {}, ("0.00", True)),
        ({"amount": "0.00"}, {"askproai.de/auto-created": "true"}, ("0.00", False)),
        (None, {}, ("0.00", False)),
    ],
)
def test_zero_price_of_the_default_service_is_unknown(price, labels, compiled):
    manifest = raw("ServiceOffering")
    manifest["metadata"]["labels"] = labels
    manifest["spec"].pop("price", None)
    manifest["spec"] |= {"price": price} if price else {}
    offerings = [ServiceOffering.from_raw(manifest)]
    (service,) = compile_config(tenant(), [branch()], offerings, [], **CONTEXT).services
    assert (service.price_amount, service.free_of_charge) == compiled


def test_number_granted_to_another_branch_does_not_route():
    foreign = {"mitte": frozenset({"+49301234567"})}
    assert compile_config(tenant(), [branch()], [], [], **CONTEXT).branches[0].phone_numbers
    config = compile_config(tenant(), [branch()], [], [], **CONTEXT | {"foreign_numbers": foreign})
    assert config.branches[0].phone_numbers == ()


def test_pods_learn_nothing_of_deleted_branches_services():
    config = compile_config(tenant(), [], [offering()], [agent()], **CONTEXT)
    assert (config.branches, config.services, config.agents) == ((), (), ())


def test_deleted_branchs_agent_is_known_by_id_alone():
    """Its callers hear that the branch is closed; their calls are recorded, and no function is answered."""
    context = CONTEXT | {"retell_base_url": "https://retell.example"}
    closed = compile_config(tenant(), [], [offering()], [agent("agent_1")], **context)
    assert (closed.agents, closed.closed_agents) == ((), ("agent_1",))
    assert closed.retell.base_url == "https://retell.example"
    again = compile_config(tenant(), [branch()], [offering()], [agent("agent_1")], **context)
    assert (again.agents[0].agent_id, again.closed_agents) == ("agent_1", ())


def test_a_local_calendar_names_no_account():
    local = raw("Tenant")["spec"]["calendar"] | {"provider": "Local"}
    config = compile_config(
        tenant(calendar=local), [], [], [], **CONTEXT | {"calendar_base_url": "https://cal.example"}
    )
    assert config.calendar == tenant_config.config.CalendarConfig()


def test_only_tenants_with_agents_poll_calls_from_retell():
    context = CONTEXT | {"retell_base_url": "https://retell.example"}
    assert compile_config(tenant(), [branch()], [], [], **context).retell.base_url == ""
    assert compile_config(tenant(), [branch()], [], [agent()], **context).retell.base_url == "https://retell.example"


OWN = {"staff": "mehmet", "eventTypeId": 2002, "apiKeySecretRef": {"name": "mehmets", "key": "k"}}


def test_event_type_with_key_uses_no_tenant_key():
    """Pods book the event types in `event_types` with the tenant's key."""
    both = offering(calcom={"eventTypes": [{"staff": "anna", "eventTypeId": 1001}, OWN]})
    config = compile_config(tenant(), [branch()], [both], [], **CONTEXT | {"linked_own_event_types": [2002]})
    (service,) = config.services
    assert [link.event_type_id for link in service.event_types] == [1001]
    assert [link.event_type_id for link in service.own_event_types] == [2002]
    assert config.own_credential(2002) == own_key_file(SecretKeyRef(name="mehmets", key="k"))
    assert config.own_credential(1001) is None
    assert "mehmets" not in tenant_config.encode(config)


def test_functions_unknown_to_older_pods_are_omitted():
    """Pods refuse a whole config for one function that they do not know."""
    newest = agent(functions=["BookAppointment", "BusinessInformation", "TransferToHuman"], transferTo="+49301234599")
    (compiled,) = compile_config(tenant(), [branch()], [], [newest], **CONTEXT).agents
    assert [str(each) for each in compiled.functions] == ["BookAppointment", "TransferToHuman"]


def test_undeclared_fields_are_absent_from_the_config():
    """Otherwise an upgrade would send a new config to every pod of every tenant."""
    bare, place = raw("Tenant"), raw("Branch")
    for name in ("knowledge", "cancellationRule"):
        bare["spec"].pop(name, None)
    place["spec"].pop("directions", None)
    agents = [agent(functions=["BookAppointment"])]
    config = compile_config(Tenant.from_raw(bare), [Branch.from_raw(place)], [offering()], agents, **CONTEXT)
    new = {
        "knowledge",
        "cancellation_rule",
        "directions",
        "preparation",
        "segments",
        "staff_overrides",
        "travel_minutes",
    }
    assert {name for name in new if name in tenant_config.encode(config)} == set()


def test_round_robin_event_type_belongs_to_the_team():
    """The person whom Cal.com chooses is known after the booking only."""
    team = [{"staff": name, "eventTypeId": 3001, "userId": user} for name, user in (("anna", 17), ("mehmet", 18))]
    config = compile_config(tenant(), [branch()], [offering(calcom={"eventTypes": team})], [], **CONTEXT)
    (service,) = config.services
    assert service.event_types == ()
    assert [(link.staff, link.host_id) for link in service.team_event_types] == [("anna", 17), ("mehmet", 18)]
    assert (config.host_id(3001, "mehmet"), config.host_id(3001, "ben")) == (18, None)


def test_seated_event_types_are_omitted_for_single_units():
    """Pods would book a service with capacity 1 at Cal.com, although its event types are not looked up."""
    crowded = [
        ServiceOffering.from_raw(
            raw("ServiceOffering", capacity=number) | {"metadata": {**raw("ServiceOffering")["metadata"], "name": name}}
        )
        for name, number in zip("ab", (7, 5), strict=True)
    ]
    config = compile_config(tenant(), [branch()], crowded, [], **CONTEXT)
    lowered = {each.name: each.event_types for each in config.services if each.capacity == 1}
    assert lowered
    assert set(lowered.values()) == {()}


def test_event_type_is_hidden_until_pods_have_keys():
    service = compile_config(tenant(), [branch()], [offering(calcom={"eventTypes": [OWN]})], [], **CONTEXT).services[0]
    assert service.linked_event_types == ()


@pytest.mark.parametrize("annotation", ["askproai.de/paused", "askproai.de/plan"])
def test_pods_keep_the_agent_whose_edits_are_withheld(annotation):
    """Except for its id: pods without the id would refuse the agent's calls."""
    held = raw("RetellAgent", functions=["CheckAvailability"]) | {"status": {"agentId": "agent_1"}}
    held["metadata"]["annotations"] = {annotation: "true"}
    before = tenant_config.Agent(name="mitte", branch="mitte", functions=(tenant_config.Function.BOOK_APPOINTMENT,))
    agents = [RetellAgent.from_raw(held)]
    (kept,) = compile_config(tenant(), [branch()], [], agents, **CONTEXT, applied_agents=[before]).agents
    assert kept == msgspec.structs.replace(before, agent_id="agent_1")
    (first,) = compile_config(tenant(), [branch()], [], agents, **CONTEXT).agents
    assert first.functions == (tenant_config.Function.CHECK_AVAILABILITY,), "somebody broke the config before"


def test_compiled_agent_functions_are_known_to_pods():
    """Pods refuse a config with a value that their enum lacks."""
    (compiled,) = compile_config(
        tenant(), [branch()], [], [agent(**AGENT | {"functions": ["LeaveMessage", "BookAppointment"]})], **CONTEXT
    ).agents
    assert compiled.functions == (tenant_config.Function.BOOK_APPOINTMENT,)
    assert compiled.leaves_messages
    (without,) = compile_config(tenant(), [branch()], [], [agent(**AGENT | {"functions": []})], **CONTEXT).agents
    assert not without.leaves_messages


def test_pods_learn_when_somebody_answers_a_transfer():
    for declared, known in ((None, None), ([], ())):
        declaring = agent(**AGENT | {"transferHours": declared})
        (compiled,) = compile_config(tenant(), [branch()], [], [declaring], **CONTEXT).agents
        assert compiled.transfer_hours == known
    (compiled,) = compile_config(tenant(), [branch()], [], [agent(**AGENT)], **CONTEXT).agents
    assert [(each.opens.hour, each.closes.hour) for each in compiled.transfer_hours or ()] == [(8, 0)]
