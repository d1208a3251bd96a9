"""Compile the manifests of one tenant into the TenantConfig that its pods read."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from askproai_core import tenant_config as config
from askproai_core.tenant_config import services
from askproai_core.tenant_config.branches import Absence, Address
from askproai_core.tenant_config.config import CalendarConfig, RetellConfig
from askproai_core.tenant_config.notifications import EmailSettings, Notifications, WebhookSettings
from askproai_core.tenant_config.page import OidcSettings, PageRoles, PageSettings
from askproai_core.tenant_config.services import BookingField, OwnEventType, StaffOverride, TeamEventType
from askproai_core.tenant_config.vocabulary import FURTHER_FUNCTIONS
from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Staff, Tenant
from askproai_operator.api.offering import EventType, Price, StaffPrice
from askproai_operator.applied_spec import is_paused, is_planned
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.branch import read_phone_numbers
from askproai_operator.controllers.offering import UnitPlan, identity_of, plan_units
from askproai_operator.controllers.tenant.own_keys import linked_event_types
from askproai_operator.controllers.tenant.run import ResourceIds, Run
from askproai_operator.controllers.tenant.shadow import is_copied
from askproai_operator.controllers.tenant.withheld import find_former, find_withheld
from askproai_operator.credentials import calendar_account, own_key_file
from askproai_operator.providers import compile_field
from askproai_operator.services import active_offerings, branch_name_of, is_auto_created, staff_by_branch

WithheldEventTypes = Mapping[str, Mapping[int, config.Withheld]]
S = TypeVar("S", bound=msgspec.Struct)


def required_resources(branches: Sequence[Branch], offerings: Iterable[ServiceOffering]) -> list[tuple[str, str, int]]:
    """Return the rows of `resources` that the tenant needs, as (branch, staff, unit): a row for each unit of a person."""
    units = plan_units(branches, active_offerings(offerings, branches))
    return sorted((*person, unit + 1) for person, count in units.per_person.items() for unit in range(count))


def persons_of(branches: Iterable[Branch]) -> dict[tuple[str, str], str]:
    """Return the person of each staff member who names one, by branch and staff id."""
    staff = ((branch.metadata.name, member) for branch in branches for member in branch.spec.staff)
    return {(branch, member.id): member.person for branch, member in staff if member.person}


def is_held_back(agent: RetellAgent) -> bool:
    """Return True if edits of an agent must not reach the pods, because the agent is in plan mode or paused."""
    return is_planned(agent) or is_paused(agent)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigInputs:
    """The inputs from which a tenant's config is compiled."""

    tenant: Tenant
    branches: Iterable[Branch]
    offerings: Iterable[ServiceOffering]
    agents: Iterable[RetellAgent]
    resource_ids: ResourceIds
    foreign_numbers: Mapping[str, frozenset[str]]  # by branch: DIDs of another branch, which do not route here
    path_prefix: str
    former_path_prefix: str = ""
    installation_id: str
    calendar_base_url: str
    retell_base_url: str
    applied_agents: Iterable[config.Agent] = ()  # present config of agents whose edits are held back
    linked_own_event_types: Collection[int] = ()  # other event types with a key of their own are booked locally
    notification_channels: Collection[config.NotificationChannel] = ()  # the others send nothing
    public_url: str = ""  # the URL of senders; empty until it is proven
    logs_in_at_issuer: bool = False  # the pods may connect to the issuer of `page.oidc`
    page_is_published: bool = False  # the page's host is granted to the tenant
    withheld: WithheldEventTypes = field(default_factory=dict)  # not to be used, by offering and id
    withheld_event_types: Collection[int] = ()  # withheld event types that no offering names
    encrypt_bodies: bool = False  # all pods can decrypt
    shadow: bool = False  # requests of call functions are copied for a shadow


async def render_config(run: Run, context: ReconcileContext) -> None:
    """Compile the pods' config, and store its text in the run for their ConfigMap."""
    inputs, page, exposure = run.inputs, run.inputs.page, run.inputs.exposure
    tenant, offerings, applied, accounts = run.tenant, inputs.offerings, inputs.applied, inputs.accounts
    calendar_base_url = inputs.credentials.calendar_base_url
    linked = linked_event_types(offerings, applied, run.own_accounts.registered, run.deployed)
    sources = ConfigInputs(
        tenant=tenant,
        branches=inputs.branches,
        offerings=offerings,
        agents=inputs.agents,
        resource_ids=run.resource_ids,
        foreign_numbers=inputs.foreign_numbers,
        path_prefix=exposure.requested.path_prefix,
        former_path_prefix=exposure.former_path_prefix,
        installation_id=context.installation_id,
        calendar_base_url=calendar_base_url,
        retell_base_url=inputs.credentials.retell_base_url,
        applied_agents=applied.agents if applied else (),
        linked_own_event_types=linked,
        notification_channels=inputs.notifications.channels,
        public_url=exposure.in_use.base_url if exposure.in_use else "",
        logs_in_at_issuer=page.may_log_in,
        page_is_published=page.url is not None,
        withheld=find_withheld(tenant, offerings, applied, calendar_base_url, accounts),
        withheld_event_types=find_former(tenant, offerings, accounts),
        encrypt_bodies=run.encryption.is_on,
        shadow=is_copied(tenant, context.cache),
    )
    run.config = config.encode(compile_config(sources))


def compile_config(inputs: ConfigInputs) -> config.TenantConfig:
    """Return the pods' config from these inputs. Pure."""
    tenant, spec = inputs.tenant, inputs.tenant.spec
    branches = sorted(inputs.branches, key=lambda branch: branch.metadata.name)
    active = active_offerings(inputs.offerings, branches)
    units = plan_units(branches, active)
    active_agents, closed_agents = _split_agents(inputs.agents, branches)
    compiled_agents = _compile_agents(active_agents, {agent.name: agent for agent in inputs.applied_agents})
    closed_ids = tuple(sorted(filter(None, (agent.status.get("agentId") for agent in closed_agents))))
    return _copy_fields(
        config.TenantConfig,
        spec,
        tenant=tenant.metadata.dotted,
        path_prefix=inputs.path_prefix,
        former_path_prefix=inputs.former_path_prefix,
        installation_id=inputs.installation_id,
        calendar=_calendar(tenant, inputs.calendar_base_url),
        branches=tuple(_branch(branch, branches, units, inputs) for branch in branches),
        services=tuple(_service(offering, branches, units, inputs) for offering in active),
        retell=RetellConfig(base_url=inputs.retell_base_url if compiled_agents or closed_ids else ""),
        agents=compiled_agents,
        closed_agents=closed_ids,
        rate_limits=spec.runtime.rate_limits,
        booking_limits=spec.runtime.booking_limits,
        booking_target_percent=spec.slo.booking_success_percent,
        withheld_event_types=inputs.withheld_event_types,
        encrypt_bodies=inputs.encrypt_bodies,
        shadow=inputs.shadow,
        notifications=_notifications(tenant, inputs.notification_channels, inputs.public_url),
        page=_page(tenant, published=inputs.page_is_published) if inputs.logs_in_at_issuer else None,
    )


def _copy_fields(struct: type[S], part: object, **others: Any) -> S:
    """Return a config struct with `others` and the fields that `part` of a manifest has under the same name.

    A field in neither keeps its default; tests/unit/controllers/test_tenant_config.py makes sure that none is missed.
    """
    same = {name: value for name in struct.__struct_fields__ if (value := getattr(part, name, None)) is not None}
    return msgspec.convert(same | others, struct, from_attributes=True)


def _calendar(tenant: Tenant, base_url: str) -> CalendarConfig:
    account = calendar_account(tenant)
    if account is None:
        return CalendarConfig()
    return _copy_fields(CalendarConfig, account, provider=tenant.spec.calendar.provider, base_url=base_url)


def _page(tenant: Tenant, *, published: bool) -> PageSettings | None:
    page = tenant.spec.page
    if page is None or page.oidc is None:
        return None
    oidc = _copy_fields(
        OidcSettings,
        page.oidc,
        roles=_copy_fields(PageRoles, page.oidc.roles),
        private_ca=page.oidc.ca_secret_ref is not None,
    )
    return PageSettings(oidc, (page.host or "") if published else "")


def _notifications(
    tenant: Tenant, channels: Collection[config.NotificationChannel], public_url: str
) -> Notifications | None:
    spec = tenant.spec.notifications
    if spec is None:
        return None
    email = spec.email if config.NotificationChannel.EMAIL in channels else None
    webhook = spec.webhook if config.NotificationChannel.WEBHOOK in channels else None
    secrets = {
        "needs_login": email is not None and email.password_secret_ref is not None,
        "private_ca": email is not None and email.ca_secret_ref is not None,
    }
    return _copy_fields(
        Notifications,
        spec,
        email=_copy_fields(EmailSettings, email, **secrets) if email else None,
        webhook=_copy_fields(WebhookSettings, webhook) if webhook else None,
        public_url=public_url if spec.customer and spec.customer.remind_minutes_before is not None else "",
    )


def _branch(branch: Branch, branches: list[Branch], units: UnitPlan, inputs: ConfigInputs) -> config.Branch:
    spec, name = branch.spec, branch.metadata.name
    foreign = inputs.foreign_numbers.get(name, frozenset())
    rows: dict[str, list[int]] = defaultdict(list)
    for (branch_name, staff, _), row in sorted(inputs.resource_ids.items()):  # by unit: those in use come first
        if branch_name == name:
            rows[staff].append(row)
    return _copy_fields(
        config.Branch,
        spec,
        name=name,
        phone_numbers=[number for number in read_phone_numbers(branch).usable if number.did not in foreign],
        address=_copy_fields(Address, spec.address),
        staff=[
            _copy_fields(
                config.Staff,
                member,
                absences=absences_of(branch, member, branches),
                travel_minutes=_travel_minutes(branch, member, branches),
                resource_ids=tuple(rows[member.id]),
                units=units.per_person[identity_of(branch, member)],
            )
            for member in spec.staff
        ],
    )


def absences_of(branch: Branch, member: Staff, branches: Iterable[Branch]) -> tuple[Absence, ...]:
    """Return the absences of a staff member, of all branches: a person of several branches is unavailable in all of them."""
    identity = identity_of(branch, member)
    same = (other for each in branches for other in each.spec.staff if identity_of(each, other) == identity)
    days = {(absence.first, absence.last) for other in same for absence in other.absences}
    return tuple(Absence(first=first, last=last) for first, last in sorted(days))


def _travel_minutes(branch: Branch, member: Staff, branches: Iterable[Branch]) -> int:
    """Return the longest travel time in minutes that the entries of the staff member's person declare; 0 without any."""
    identity = identity_of(branch, member)
    same = (other for each in branches for other in each.spec.staff if identity_of(each, other) == identity)
    return max(other.travel_minutes or 0 for other in same)


def _service(
    offering: ServiceOffering, branches: list[Branch], units: UnitPlan, inputs: ConfigInputs
) -> config.Service:
    withheld = inputs.withheld.get(offering.metadata.name, {})
    currency = offering.spec.price.currency if offering.spec.price else "EUR"
    spec, capacity = offering.spec, units.effective_capacity[offering.metadata.name]
    # A service with seats whose capacity had to be lowered to 1 does not use its event types, which are not looked up.
    account = calendar_account(inputs.tenant)
    named = account.event_types_of(offering) if account and (spec.capacity == 1 or capacity > 1) else ()
    fields = {each.staff: _event_type_fields(offering, each, withheld) for each in named}
    return _copy_fields(
        config.Service,
        spec,
        name=offering.metadata.name,
        branch=branch_name_of(offering),
        capacity=capacity,
        staff=staff_by_branch(offering, branches),
        event_types=[
            services.EventType(**fields[each.staff])
            for each in named
            if each.api_key_secret_ref is None and each.user_id is None
        ],
        team_event_types=[
            TeamEventType(
                **fields[each.staff],
                host_id=each.user_id,
                by_host={"eventTypeId": each.event_type_id} in (offering.status.get("bookedByHost") or ()),
            )
            for each in named
            if each.user_id is not None
        ],
        own_event_types=[
            OwnEventType(**fields[each.staff], credential=own_key_file(each.api_key_secret_ref))
            for each in named
            if each.api_key_secret_ref is not None and each.event_type_id in inputs.linked_own_event_types
        ],
        staff_overrides=[
            StaffOverride(
                staff=each.staff, duration_minutes=each.duration_minutes, **_price_fields(each.price, currency)
            )
            for each in spec.staff_overrides
        ],
        **_price(offering),
    )


def _price(offering: ServiceOffering) -> dict[str, Any]:
    """Return the config fields of a declared price; {} without a price, or for the price 0 of a default service."""
    price = offering.spec.price
    if price is None or (not price.amount and is_auto_created(offering)):
        return {}
    return _price_fields(price, price.currency)


def _price_fields(price: Price | StaffPrice | None, currency: str) -> dict[str, Any]:
    if price is None:
        return {}
    free = {"free_of_charge": True} if not price.amount else {}
    return {"price_amount": f"{price.amount:.2f}", "price_currency": currency, **free}


def _event_type_fields(
    offering: ServiceOffering, each: EventType, withheld: Mapping[int, config.Withheld]
) -> dict[str, Any]:
    """Return the config fields that each event type has, with or without a key or host of its own."""
    return {
        "staff": each.staff,
        "event_type_id": each.event_type_id,
        "default_minutes": _default_minutes(offering).get(each.event_type_id),
        "needs_confirmation": {"eventTypeId": each.event_type_id} in (offering.status.get("needsConfirmation") or ()),
        "booking_fields": _booking_fields(offering, each.event_type_id),
        "withheld": withheld.get(each.event_type_id),
    }


def _default_minutes(offering: ServiceOffering) -> dict[int, int]:
    """Return the length in minutes that a booking there has by default, by event type id, for event types with several lengths."""
    return {each["eventTypeId"]: each["defaultMinutes"] for each in offering.status.get("variableLengths") or ()}


def _booking_fields(offering: ServiceOffering, event_type_id: int) -> tuple[BookingField, ...]:
    """Return the booking fields of this event type that the offering's reconcile has found, each with its answer."""
    declared = {each.slug: each for each in offering.spec.calcom.booking_fields} if offering.spec.calcom else {}
    found = (each for each in offering.status.get("bookingFields") or () if each["eventTypeId"] == event_type_id)
    compiled = (
        compile_field(each["slug"], each["type"], declared.get(each["slug"]), optional=each.get("optional") is True)
        for each in found
    )
    return tuple(field for field in compiled if field is not None)


def _split_agents(agents: Iterable[RetellAgent], branches: list[Branch]) -> tuple[list[RetellAgent], list[RetellAgent]]:
    """Return the agents of the tenant or of an existing branch, and the agents whose branch was deleted; each list by name.

    The pods must not get a deleted branch. Callers of its agent hear that it is closed, and their calls count for the tenant.
    """
    known = {None, *(branch.metadata.name for branch in branches)}
    active, closed = list[RetellAgent](), list[RetellAgent]()
    for agent in sorted(agents, key=lambda agent: agent.key.name):
        (active if branch_name_of(agent) in known else closed).append(agent)
    return active, closed


def _compile_agents(agents: Iterable[RetellAgent], applied: Mapping[str, config.Agent]) -> tuple[config.Agent, ...]:
    return tuple(
        msgspec.structs.replace(applied[agent.metadata.name], **_published(agent))
        if is_held_back(agent) and agent.metadata.name in applied
        else _copy_fields(
            config.Agent,
            agent.spec,
            **_functions(agent.spec.functions),
            name=agent.metadata.name,
            branch=branch_name_of(agent),
            **_published(agent),
        )
        for agent in agents
    )


def _published(agent: RetellAgent) -> dict[str, Any]:
    """Return the config fields about the agent's version that is published at Retell, from the agent's status."""
    greeting = agent.status.get("greeting") or {}
    return {
        "agent_id": agent.status.get("agentId"),
        "version": greeting.get("version"),
        "greeting": greeting.get("sha256", ""),
        "announces_ai": greeting.get("announcesAi", False),
    }


def _functions(declared: Iterable[config.Function]) -> dict[str, Any]:
    """Return the config fields about the functions that an agent declares."""
    further = FURTHER_FUNCTIONS
    return {
        "functions": tuple(function for function in declared if function not in further),
        **{field: True for function, field in further.items() if field and function in declared},
    }
