"""From the manifests of one tenant to the TenantConfig that its pods read. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Tenant
from askproai_operator.kinds.branch.decide import read_numbers
from askproai_operator.kinds.credentials import calcom_of
from askproai_operator.kinds.offering.decide import auto_created, linked_event_types, staff_by_branch
from askproai_runtime import config as runtime

ResourceIds = Mapping[tuple[str, str, int], int]  # (branch, staff, unit) to the row of `resources`
S = TypeVar("S", bound=msgspec.Struct)


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
    return _like(
        runtime.TenantConfig,
        spec,
        tenant=f"{tenant.metadata.namespace}.{tenant.metadata.name}",
        path_prefix=path_prefix,
        installation_id=installation_id,
        calendar=_calendar(tenant, calcom_base_url),
        branches=tuple(_branch(b, resource_ids, foreign_numbers.get(b.metadata.name, frozenset())) for b in branches),
        services=_services(offerings, branches),
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


def _branch(branch: Branch, resource_ids: ResourceIds, foreign: frozenset[str]) -> runtime.Branch:
    spec, name = branch.spec, branch.metadata.name
    return _like(
        runtime.Branch,
        spec,
        name=name,
        phone_numbers=[number for number in read_numbers(branch).numbers if number.did not in foreign],
        address=_like(runtime.Address, spec.address),
        staff=[_like(runtime.Staff, one, resource_ids=(resource_ids[name, one.id, 1],)) for one in spec.staff],
    )


def _services(offerings: Iterable[ServiceOffering], branches: list[Branch]) -> tuple[runtime.Service, ...]:
    """Give the services; a default one that is about to go does not stand beside a hand-made one of its branch."""
    here = [o for o in offerings if o.metadata.deletion_timestamp is None and _stands(_branch_of(o), branches)]
    by_hand = {_branch_of(o) for o in here if not auto_created(o)}
    kept = [o for o in here if not auto_created(o) or not ({_branch_of(o), None} & by_hand)]
    return tuple(_service(o, branches) for o in sorted(kept, key=lambda o: o.metadata.name))


def _service(offering: ServiceOffering, branches: list[Branch]) -> runtime.Service:
    spec = offering.spec
    price = {"price_amount": f"{spec.price.amount:.2f}", "price_currency": spec.price.currency} if spec.price else {}
    return _like(
        runtime.Service,
        spec,
        name=offering.metadata.name,
        branch=_branch_of(offering),
        staff=staff_by_branch(offering, branches),
        event_types=linked_event_types(offering),
        **price,
    )


def _agents(agents: Iterable[RetellAgent], branches: list[Branch]) -> tuple[runtime.Agent, ...]:
    here = sorted((a for a in agents if _stands(_branch_of(a), branches)), key=lambda agent: agent.metadata.name)
    return tuple(
        _like(runtime.Agent, a.spec, name=a.metadata.name, branch=_branch_of(a), agent_id=a.status.get("agentId"))
        for a in here
    )


def _branch_of(model: ServiceOffering | RetellAgent) -> str | None:
    return model.spec.branch_ref.name if model.spec.branch_ref else None


def _stands(branch: str | None, branches: list[Branch]) -> bool:
    """Tell whether a reference holds: what a deleted branch left behind must not name it to the pods."""
    return branch is None or branch in {one.metadata.name for one in branches}
