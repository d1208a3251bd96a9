"""A person's appointments in other branches block all of the person's units, also during travel before and after. Pure.

docs/decisions/0108-the-matrix.md explains why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.availability.slots import ServiceRules


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Resources of persons who also work in branches other than `branch`, each with the travel time between the branches."""

    branch: str
    travel: Mapping[int, timedelta]

    @property
    def longest(self) -> timedelta:
        return max(self.travel.values())


def find_elsewhere(config: TenantConfig, rules: ServiceRules) -> Elsewhere | None:
    """Return the resources of the rules' staff members who also work in other branches; None if nobody does."""
    others = {
        resource_id
        for branch in config.branches
        if branch.name != rules.branch.name
        for staff_member in branch.staff
        for resource_id in staff_member.resource_ids
    }
    travel = {
        resource_id: timedelta(minutes=staff_member.travel_minutes)
        for staff_member in rules.everybody
        if not others.isdisjoint(staff_member.resource_ids)
        for resource_id in staff_member.resource_ids
    }
    return Elsewhere(rules.branch.name, travel) if travel else None
