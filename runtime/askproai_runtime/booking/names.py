"""Services and staff members by the names that people at the desk write. Errors are in English and list what there is."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import Branch, Service, TenantConfig
from askproai_runtime.booking.availability import ServiceRules
from askproai_runtime.booking.phrases import fold


class UnknownName(LookupError):
    """There is no branch, service or staff member of this name; the message lists those that exist."""


class NameMissing(ValueError):
    """A name is left out where there are several; the message lists them."""


def find_rules(config: TenantConfig, branch_name: str | None, service_name: str | None) -> ServiceRules:
    """Return the rules of a service in a branch, both by name or display name; None means the only one.

    Raises `UnknownName` and `NameMissing`.
    """
    branch = _find_branch(config, branch_name)
    return ServiceRules.of(ZoneInfo(config.time_zone), branch, _find_service(config, branch, service_name))


def find_staff_id(rules: ServiceRules, name: str) -> str:
    """Return the id of the staff member of this id or display name who does the service. Raises `UnknownName`."""
    for staff_member in rules.staff_members:
        if fold(name) in {fold(staff_member.id), fold(staff_member.display_name)}:
            return staff_member.id
    able = ", ".join(staff_member.id for staff_member in rules.staff_members) or "none"
    place = f"{rules.service.name} in {rules.branch.name}"
    raise UnknownName(f"There is no staff member {name!r} who does {place}; there are: {able}")


def _find_branch(config: TenantConfig, name: str | None) -> Branch:
    if name is None:
        if len(config.branches) == 1:
            return config.branches[0]
        raise NameMissing(f"There are several branches, name one: {_list(b.name for b in config.branches)}")
    for branch in config.branches:
        if fold(name) in {fold(branch.name), fold(branch.display_name)}:
            return branch
    raise UnknownName(f"There is no branch {name!r}; there are: {_list(b.name for b in config.branches)}")


def _find_service(config: TenantConfig, branch: Branch, name: str | None) -> Service:
    offered = [service for service in config.services if service.branch in {None, branch.name}]
    if name is None:
        if len(offered) == 1:
            return offered[0]
        raise NameMissing(f"Branch {branch.name} offers several services, name one: {_list(s.name for s in offered)}")
    for service in offered:
        if fold(name) in {fold(known) for known in (service.name, service.display_name, *service.spoken_names)}:
            return service
    raise UnknownName(f"Branch {branch.name} offers no service {name!r}; it offers: {_list(s.name for s in offered)}")


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
