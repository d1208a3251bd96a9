"""From the manifests of one tenant to the TenantConfig that its pods read. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from askproai_core import tenant_config as runtime
from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Tenant
from askproai_operator.controllers.branch.decide import read_numbers
from askproai_operator.controllers.offering.capacity import Units, plan_units
from askproai_operator.controllers.offering.decide import (
    branch_of,
    linked_event_types,
    staff_by_branch,
    standing_offerings,
)
from askproai_operator.credentials import calcom_of

ResourceIds = Mapping[tuple[str, str, int], int]  # (branch, staff, unit) to the row of `resources`
S = TypeVar("S", bound=msgspec.Struct)


def wanted_resources(branches: Sequence[Branch], offerings: Iterable[ServiceOffering]) -> list[tuple[str, str, int]]:
    """Give a row for each part of each person."""
    units = plan_units(branches, standing_offerings(offerings, branches))
    return sorted((*person, unit + 1) for person, count in units.of_person.items() for unit in range(count))


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
    standing = standing_offerings(offerings, branches)
    units = plan_units(branches, standing)
    return _like(
        runtime.TenantConfig,
        spec,
        tenant=tenant.metadata.dotted,
        path_prefix=path_prefix,
        installation_id=installation_id,
        calendar=_calendar(tenant, calcom_base_url),
        branches=tuple(
            _branch(b, units, resource_ids, foreign_numbers.get(b.metadata.name, frozenset())) for b in branches
        ),
        services=tuple(_service(one, branches, units) for one in standing),
        agents=_agents(agents, branches),
        rate_limits=spec.runtime.rate_limits,
    )


def _like(kind: type[S], part: object, **others: Any) -> S:
    """Give a value of the config: fields by the same names as in a part of a manifest, and `others`."""
    same = {name: value for name in kind.__struct_fields__ if (value := getattr(part, name, None)) is not None}
    return msgspec.convert(same | others, kind, from_attributes=True)


def _calendar(tenant: Tenant, base_url: str) -> runtime.CalendarConfig:
    calcom = calcom_of(tenant)
    if calcom is None:
        return runtime.CalendarConfig(provider=runtime.CalendarProvider.LOCAL)
    return _like(runtime.CalendarConfig, calcom, provider=runtime.CalendarProvider.CALCOM, base_url=base_url)


def _branch(branch: Branch, units: Units, resource_ids: ResourceIds, foreign: frozenset[str]) -> runtime.Branch:
    spec, name = branch.spec, branch.metadata.name
    rows: dict[str, list[int]] = defaultdict(list)
    for (where, person, _), row in sorted(resource_ids.items()):  # by unit: those in use come first
        if where == name:
            rows[person].append(row)
    return _like(
        runtime.Branch,
        spec,
        name=name,
        phone_numbers=[number for number in read_numbers(branch).numbers if number.did not in foreign],
        address=_like(runtime.Address, spec.address),
        staff=[
            _like(runtime.Staff, one, resource_ids=tuple(rows[one.id]), units=units.of_person[name, one.id])
            for one in spec.staff
        ],
    )


def _service(offering: ServiceOffering, branches: list[Branch], units: Units) -> runtime.Service:
    spec = offering.spec
    price = {"price_amount": f"{spec.price.amount:.2f}", "price_currency": spec.price.currency} if spec.price else {}
    return _like(
        runtime.Service,
        spec,
        name=offering.metadata.name,
        branch=branch_of(offering),
        capacity=units.at_once[offering.metadata.name],
        staff=staff_by_branch(offering, branches),
        event_types=linked_event_types(offering),
        **price,
    )


def _agents(agents: Iterable[RetellAgent], branches: list[Branch]) -> tuple[runtime.Agent, ...]:
    here = sorted((a for a in agents if _stands(branch_of(a), branches)), key=lambda agent: agent.metadata.name)
    return tuple(
        _like(runtime.Agent, a.spec, name=a.metadata.name, branch=branch_of(a), agent_id=a.status.get("agentId"))
        for a in here
    )


def _stands(branch: str | None, branches: list[Branch]) -> bool:
    """Tell whether a reference holds: what a deleted branch left behind must not name it to the pods."""
    return branch is None or branch in {one.metadata.name for one in branches}
