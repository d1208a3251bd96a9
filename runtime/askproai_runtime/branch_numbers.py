"""The phone numbers of a tenant's branches, and the countries whose national numbers are meant there."""

from collections.abc import Iterable, Iterator

from askproai_core.phone_numbers import home_region
from askproai_core.tenant_config import Branch, TenantConfig


def region_of(config: TenantConfig, branch: str | None = None) -> str:
    """Return the country (ISO 3166) of phone numbers without a country code: the branch's, else the tenant's."""
    here = config.find_branch(branch)
    branches = (here,) if here else config.branches
    countries = (each.holidays.country for each in branches if each.holidays)
    return home_region(list_numbers(branches), next(countries, None), config.time_zone)


def regions_of(config: TenantConfig) -> tuple[str, ...]:
    """Return the possible countries of phone numbers without a country code: the tenant's first, then its branches'."""
    return tuple(dict.fromkeys((region_of(config), *(region_of(config, branch.name) for branch in config.branches))))


def own_numbers(config: TenantConfig) -> frozenset[str]:
    """Return the tenant's numbers in E.164: the public ones, those under which Retell has them, and those of its people who take
    transferred calls: who forwards callers to the agent shows the own number for all of them.
    """
    return frozenset(
        [*list_numbers(config.branches), *(each.transfer_to for each in config.agents if each.transfer_to)]
    )


def list_numbers(branches: Iterable[Branch]) -> Iterator[str]:
    return (number for branch in branches for phone in branch.phone_numbers for number in (phone.number, phone.did))
