"""Which branches and staff members a filter of a list names: ids or display names, and ids that only appointments still have."""

from collections.abc import Collection, Iterable, Sequence

from askproai_core.tenant_config import Branch, TenantConfig
from askproai_runtime.language.names import UnknownName, list_named_staff
from askproai_runtime.person_names import fold


def find_branches(config: TenantConfig, name: str, of_appointments: Iterable[str]) -> Sequence[str]:
    """Return the names of the branches of this name or display name. Raises `UnknownName`, which lists those that there are."""
    named = {branch.name for branch in config.branches if fold(name) in {fold(branch.name), fold(branch.display_name)}}
    return _require(name, "branch", named, {branch.name for branch in config.branches}, of_appointments)


def find_staff(
    config: TenantConfig, name: str, branches: Collection[str] | None, of_appointments: Iterable[str]
) -> Sequence[str]:
    """Return the ids of people with this name, in all branches of the person. Raises `UnknownName`.

    Several people of one name are all returned. `branches`: the only ones that count, None for all.
    """
    places: list[Branch] = [place for place in config.branches if branches is None or place.name in branches]
    members = [member for place in places for member in place.staff]
    named = list_named_staff(name, members, by_id=True)
    people = {member.resource_ids[0] for member in named if member.resource_ids}
    same = {member.id for member in members if member.resource_ids and member.resource_ids[0] in people}
    ids = {member.id for member in named} | same
    return _require(name, "staff member", ids, {member.id for member in members}, of_appointments)


def _require(
    name: str, what: str, named: Collection[str], declared: Collection[str], of_appointments: Iterable[str]
) -> Sequence[str]:
    former = set(of_appointments)
    found = {*named, *(each for each in former if fold(each) == fold(name))}
    if not found:
        known = ", ".join(sorted(former.union(declared)))
        raise UnknownName(f"There is no {what} {name!r}; there are: {known or 'none'}")
    return sorted(found)
