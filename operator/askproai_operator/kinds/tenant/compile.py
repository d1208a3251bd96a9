"""From the manifests of one tenant to the TenantConfig that its pods read. Pure."""

from collections.abc import Iterable, Mapping

from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Tenant
from askproai_operator.api import Hours as HoursSpec
from askproai_operator.api import Staff as StaffSpec
from askproai_operator.kinds.branch.decide import read_numbers
from askproai_operator.kinds.credentials import calcom_of
from askproai_operator.kinds.offering.decide import auto_created, linked_event_types, staff_by_branch
from askproai_runtime import config as runtime

ResourceIds = Mapping[tuple[str, str, int], int]  # (branch, staff, unit) to the row of `resources`


def wanted_resources(branches: Iterable[Branch]) -> list[tuple[str, str, int]]:
    """Give a row for each person and unit; a person has one unit until capacity above 1 is built."""
    return sorted((branch.metadata.name, person.id, 1) for branch in branches for person in branch.spec.staff)


def compile_config(
    tenant: Tenant,
    branches: Iterable[Branch],
    offerings: Iterable[ServiceOffering],
    agents: Iterable[RetellAgent],
    *,
    resource_ids: ResourceIds,
    foreign_numbers: Mapping[str, frozenset[str]],
    path_prefix: str,
    installation_id: str,
    calcom_base_url: str,
) -> runtime.TenantConfig:
    """Compile the config. `foreign_numbers` are those of each branch that an older branch elsewhere claims: they do not route."""
    spec = tenant.spec
    branches = sorted(branches, key=lambda branch: branch.metadata.name)
    return runtime.TenantConfig(
        tenant=f"{tenant.metadata.namespace}.{tenant.metadata.name}",
        display_name=spec.display_name,
        business_model=spec.business_model,
        time_zone=spec.time_zone,
        locale=spec.locale,
        path_prefix=path_prefix,
        installation_id=installation_id,
        calendar=_calendar(tenant, calcom_base_url),
        branches=tuple(_branch(b, resource_ids, foreign_numbers.get(b.metadata.name, frozenset())) for b in branches),
        services=_services(offerings, branches),
        agents=_agents(agents, branches),
        rate_limits=runtime.RateLimits(
            webhooks_per_second=spec.runtime.rate_limits.webhooks_per_second,
            functions_per_second=spec.runtime.rate_limits.functions_per_second,
        ),
        retention=runtime.Retention(
            raw_event_days=spec.retention.raw_event_days,
            transcript_days=spec.retention.transcript_days,
            call_days=spec.retention.call_days,
        ),
    )


def _calendar(tenant: Tenant, base_url: str) -> runtime.CalendarConfig:
    calcom = calcom_of(tenant)
    if calcom is None:
        return runtime.CalendarConfig(provider=runtime.CalendarProvider.LOCAL)
    return runtime.CalendarConfig(
        provider=runtime.CalendarProvider.CALCOM,
        base_url=base_url,
        api_versions=tuple(str(version) for version in calcom.api_versions),
        attendee_email_domain=calcom.attendee_email_domain,
    )


def _branch(branch: Branch, resource_ids: ResourceIds, foreign: frozenset[str]) -> runtime.Branch:
    spec, name = branch.spec, branch.metadata.name
    address = spec.address
    return runtime.Branch(
        name=name,
        display_name=spec.display_name,
        phone_numbers=tuple(
            runtime.PhoneNumber(number=n.number, did=n.did)
            for n in read_numbers(branch).numbers
            if n.did not in foreign
        ),
        address=runtime.Address(
            street=address.street or "", postal_code=address.postal_code or "", city=address.city or ""
        )
        if address
        else runtime.Address(),
        holidays=runtime.Holidays(
            country=spec.holidays.country,
            subdivision=spec.holidays.subdivision,
            closed=spec.holidays.closed,
        )
        if spec.holidays
        else None,
        opening_hours=_hours(spec.opening_hours),
        staff=tuple(_person(person, name, resource_ids) for person in spec.staff),
    )


def _hours(ranges: Iterable[HoursSpec]) -> tuple[runtime.Hours, ...]:
    return tuple(runtime.Hours(days=entry.days, opens=entry.opens, closes=entry.closes) for entry in ranges)


def _person(person: StaffSpec, branch: str, resource_ids: ResourceIds) -> runtime.Staff:
    return runtime.Staff(
        id=person.id,
        display_name=person.display_name,
        skills=tuple(person.skills),
        languages=tuple(person.languages),
        working_hours=_hours(person.working_hours) if person.working_hours is not None else None,
        absences=tuple(runtime.Absence(first=away.first, last=away.last) for away in person.absences),
        resource_ids=(resource_ids[branch, person.id, 1],),
    )


def _services(offerings: Iterable[ServiceOffering], branches: list[Branch]) -> tuple[runtime.Service, ...]:
    """Give the services; a default one that is about to go does not stand beside a hand-made one of its branch."""
    here = [o for o in offerings if o.metadata.deletion_timestamp is None and _stands(_branch_of(o), branches)]
    by_hand = {_branch_of(o) for o in here if not auto_created(o)}
    kept = [o for o in here if not auto_created(o) or not ({_branch_of(o), None} & by_hand)]
    return tuple(_service(o, branches) for o in sorted(kept, key=lambda o: o.metadata.name))


def _branch_of(model: ServiceOffering | RetellAgent) -> str | None:
    return model.spec.branch_ref.name if model.spec.branch_ref else None


def _stands(branch: str | None, branches: list[Branch]) -> bool:
    """Tell whether a reference holds: what a deleted branch left behind must not name it to the pods."""
    return branch is None or branch in {one.metadata.name for one in branches}


def _service(offering: ServiceOffering, branches: list[Branch]) -> runtime.Service:
    spec = offering.spec
    return runtime.Service(
        name=offering.metadata.name,
        display_name=spec.display_name,
        branch=_branch_of(offering),
        spoken_names=tuple(spec.spoken_names),
        duration_minutes=spec.duration_minutes,
        buffer_before_minutes=spec.buffer_before_minutes,
        buffer_after_minutes=spec.buffer_after_minutes,
        price_amount=f"{spec.price.amount:.2f}" if spec.price else "0.00",
        price_currency=spec.price.currency if spec.price else "EUR",
        slot_step_minutes=spec.slot_step_minutes,
        minimum_notice_minutes=spec.minimum_notice_minutes,
        booking_horizon_days=spec.booking_horizon_days,
        staff=staff_by_branch(offering, branches),
        event_types=tuple(
            runtime.EventType(staff=entry.staff, event_type_id=entry.event_type_id)
            for entry in linked_event_types(offering)
        ),
    )


def _agents(agents: Iterable[RetellAgent], branches: list[Branch]) -> tuple[runtime.Agent, ...]:
    return tuple(
        runtime.Agent(
            name=agent.metadata.name,
            branch=_branch_of(agent),
            agent_id=agent.status.get("agentId"),
            functions=agent.spec.functions,
        )
        for agent in sorted(agents, key=lambda agent: agent.metadata.name)
        if _stands(_branch_of(agent), branches)
    )
