"""Branches, services and staff members by the names that people at the desk write. Errors are in English and list known names.

An exact id takes precedence over a display name, and a display name over any other name: so each id finds its own object. A
staff member is also found by a part of the name. Callers do not know ids: to them an id is a part of a name.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

from askproai_core.languages import Language
from askproai_core.tenant_config import Branch, Service, Staff, TenantConfig
from askproai_runtime.availability.slots import ServiceRules
from askproai_runtime.person_names import fold, names_person
from askproai_runtime.sentences import decline_name
from askproai_runtime.visits import MOST_SERVICES, compose_visit, has_several, list_parts

_T = TypeVar("_T")
_Names = tuple[str, str, Sequence[str]]  # id, display name and spoken names


class UnknownName(LookupError):
    """No branch, service or staff member has this name, or several have it. The message lists the existing names."""


class SeveralNamed(UnknownName):
    """Several branches, services or staff members have this name; the message lists them."""


class NameMissing(ValueError):
    """A branch or service is not named although there are several; the message lists them."""


def find_rules(config: TenantConfig, branch_name: str | None, service_name: str | None) -> ServiceRules:
    """Return the rules of a service in a branch, each found by any of its names.

    None for the service means the only service of the branch. None for the branch means the only branch in which somebody does
    the service. Raises `UnknownName` for a name that nothing or several have, and `NameMissing` if None can mean several.
    """
    branch = _find_branch(config, branch_name, service_name)
    return ServiceRules.of(ZoneInfo(config.time_zone), branch, _find_service(config, branch, service_name))


def find_staff_id(rules: ServiceRules, name: str) -> str:
    """Return the id of the only staff member of this name who does the service. Raises `UnknownName` for none or several."""
    found = list_named_staff(name, rules.staff_members, by_id=True)
    if len(found) > 1:
        raise _several(name, (member.id for member in found))
    if found:
        return found[0].id
    able = ", ".join(staff_member.id for staff_member in rules.staff_members) or "none"
    place = f"{rules.service.name} in {rules.branch.name}"
    raise UnknownName(f"There is no staff member {name!r} who does {place}; there are: {able}")


def list_named_staff(name: str, members: Iterable[Staff], *, by_id: bool = False) -> list[Staff]:
    """Return the staff members that a name may mean: those with this display name, else those with this id, first name or
    surname. With `by_id`, as at the desk, a staff member whose id is exactly `name` comes before all others.

    An id that is a surname means its staff member and all others of that surname, so that nobody is guessed. Titles count in a
    display name only: `Herr Sommer` means the person with that display name or, if there is none, `Doktor Sommer`.
    """
    among, folded = list(members), fold(name)
    return (
        [member for member in among if by_id and member.id == name]
        or [m for m in among if folded in _fold_display_name(m.display_name)]
        or [m for m in among if fold(m.id) == folded or names_person(name, m.display_name)]
    )


@lru_cache(maxsize=8192)
def _fold_display_name(name: str) -> frozenset[str]:
    """Return the folded forms in which callers say a declared name, in any language. Cached: each booking needs all names."""
    return frozenset({fold(name), fold(decline_name(name, Language.DE))})


def _find_branch(config: TenantConfig, name: str | None, service_name: str | None) -> Branch:
    if name is None:
        offering = [branch for branch in config.branches if service_name and _is_offered(config, branch, service_name)]
        if len(offering) == 1 or len(config.branches) == 1:
            return (offering or config.branches)[0]
        raise NameMissing(f"There are several branches, name one: {_list(b.name for b in offering or config.branches)}")
    found = _find(name, config.branches, lambda branch: (branch.name, branch.display_name, ()))
    if found is not None:
        return found
    raise UnknownName(f"There is no branch {name!r}; there are: {_list(b.name for b in config.branches)}")


def _is_offered(config: TenantConfig, branch: Branch, service_name: str) -> bool:
    """Return whether somebody does a service of this name in a branch."""
    try:
        return bool(_find_service(config, branch, service_name).staff.get(branch.name))
    except SeveralNamed:  # which of them it is, is asked in this branch
        return True
    except UnknownName:
        return False


def _find_service(config: TenantConfig, branch: Branch, name: str | None) -> Service:
    offered = [service for service in config.services if service.branch in {None, branch.name}]
    if name is None:
        if len(offered) == 1:
            return offered[0]
        raise NameMissing(f"Branch {branch.name} offers several services, name one: {_list(s.name for s in offered)}")
    found = _find(name, offered, lambda service: (service.name, service.display_name, service.spoken_names))
    if found is None and has_several(name):
        parts = [_find_service(config, branch, part.strip()) for part in list_parts(name)]
        if len({part.name for part in parts}) < len(parts) or len(parts) > MOST_SERVICES:
            raise UnknownName(f"A visit has up to {MOST_SERVICES} different services; {name!r} does not")
        found = compose_visit(config, parts)
    if found is not None:
        return found
    raise UnknownName(f"Branch {branch.name} offers no service {name!r}; it offers: {_list(s.name for s in offered)}")


def _find(name: str, known: Iterable[_T], names_of: Callable[[_T], _Names]) -> _T | None:
    """Return the item with this name; None if there is none. Raises `SeveralNamed` if several have it."""
    folded, named = fold(name), [(each, *names_of(each)) for each in known]
    found = (
        [each for each, entry_id, _, _ in named if entry_id == name]
        or [each for each, _, display_name, _ in named if fold(display_name) == folded]
        or [each for each, entry_id, _, spoken in named if folded in {fold(other) for other in (entry_id, *spoken)}]
    )
    if len(found) > 1:
        raise _several(name, (names_of(each)[0] for each in found))
    return found[0] if found else None


def _several(name: str, ids: Iterable[str]) -> SeveralNamed:
    return SeveralNamed(f"{name!r} is the name of several: {_list(ids)}: write one of these")


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
