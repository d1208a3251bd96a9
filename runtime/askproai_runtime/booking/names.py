"""Services and staff members by the names that people at the desk write. Errors are in English and list what there is.

An id as it is written comes before a display name, and that before any other name: so each id finds itself, whatever others are
called.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import Branch, Service, TenantConfig
from askproai_runtime.booking.availability import ServiceRules
from askproai_runtime.booking.phrases import fold

_T = TypeVar("_T")
_Names = tuple[str, str, Sequence[str]]  # id, display name and spoken names


class UnknownName(LookupError):
    """There is no branch, service or staff member of this name, or several have it; the message lists those that exist."""


class NameMissing(ValueError):
    """A name is left out where there are several; the message lists them."""


def find_rules(config: TenantConfig, branch_name: str | None, service_name: str | None) -> ServiceRules:
    """Return the rules of a service in a branch, both by any of their names; None means the only one.

    Raises `UnknownName` and `NameMissing`.
    """
    branch = _find_branch(config, branch_name)
    return ServiceRules.of(ZoneInfo(config.time_zone), branch, _find_service(config, branch, service_name))


def find_staff_id(rules: ServiceRules, name: str) -> str:
    """Return the id of the staff member of this id or display name who does the service. Raises `UnknownName`."""
    found = _find(name, rules.staff_members, lambda member: (member.id, member.display_name, ()))
    if found is not None:
        return found.id
    able = ", ".join(staff_member.id for staff_member in rules.staff_members) or "none"
    place = f"{rules.service.name} in {rules.branch.name}"
    raise UnknownName(f"There is no staff member {name!r} who does {place}; there are: {able}")


def _find_branch(config: TenantConfig, name: str | None) -> Branch:
    if name is None:
        if len(config.branches) == 1:
            return config.branches[0]
        raise NameMissing(f"There are several branches, name one: {_list(b.name for b in config.branches)}")
    found = _find(name, config.branches, lambda branch: (branch.name, branch.display_name, ()))
    if found is not None:
        return found
    raise UnknownName(f"There is no branch {name!r}; there are: {_list(b.name for b in config.branches)}")


def _find_service(config: TenantConfig, branch: Branch, name: str | None) -> Service:
    offered = [service for service in config.services if service.branch in {None, branch.name}]
    if name is None:
        if len(offered) == 1:
            return offered[0]
        raise NameMissing(f"Branch {branch.name} offers several services, name one: {_list(s.name for s in offered)}")
    found = _find(name, offered, lambda service: (service.name, service.display_name, service.spoken_names))
    if found is not None:
        return found
    raise UnknownName(f"Branch {branch.name} offers no service {name!r}; it offers: {_list(s.name for s in offered)}")


def _find(name: str, known: Iterable[_T], names_of: Callable[[_T], _Names]) -> _T | None:
    """Return what has a name; None if nothing has it. Raises `UnknownName` if several have it."""
    folded, named = fold(name), [(each, *names_of(each)) for each in known]
    found = (
        [each for each, entry_id, _, _ in named if entry_id == name]
        or [each for each, _, display_name, _ in named if fold(display_name) == folded]
        or [each for each, entry_id, _, spoken in named if folded in {fold(other) for other in (entry_id, *spoken)}]
    )
    if len(found) > 1:
        ids = _list(names_of(each)[0] for each in found)
        raise UnknownName(f"{name!r} is the name of several: {ids}: write one of these")
    return found[0] if found else None


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
