"""The branch of a desk booking that names none: the only one in which somebody does the service."""

import pytest
from msgspec.structs import replace

from askproai_core.tenant_config import Branch, Service, Staff, TenantConfig
from askproai_runtime.language.names import NameMissing, UnknownName, find_rules


def branch(name: str) -> Branch:
    return Branch(
        name=name,
        display_name=name.title(),
        opening_hours=(),
        staff=(Staff(id=f"anna-{name}", display_name="Anna", resource_ids=(1,)),),
    )


def service(name: str, *branches: str, only: str | None = None) -> Service:
    able = {place: (f"anna-{place}",) for place in branches}
    return Service(name=name, display_name=name.title(), duration_minutes=30, branch=only, staff=able)


CHAIN = TenantConfig(
    tenant="a.b",
    display_name="Optik",
    branches=(branch("mitte"), branch("nord")),
    services=(
        service("sehtest", "nord"),
        service("beratung", "mitte", "nord"),
        service("linsen", "mitte", only="mitte"),
        service("reparatur"),
    ),
)


@pytest.mark.parametrize(("name", "place"), [("sehtest", "nord"), ("Linsen", "mitte")])
def test_service_of_only_one_branch_selects_that_branch(name: str, place: str) -> None:
    rules = find_rules(CHAIN, None, name)
    assert (rules.branch.name, rules.service.name) == (place, name.casefold())
    assert find_rules(CHAIN, place, name) == rules


@pytest.mark.parametrize("name", ["beratung", "reparatur", "dauerwelle", None])
def test_service_of_several_branches_needs_a_named_branch(name: str | None) -> None:
    with pytest.raises(NameMissing, match="There are several branches, name one: mitte, nord"):
        find_rules(CHAIN, None, name)


def test_shared_service_name_does_not_change_the_branch() -> None:
    """Mitte has two of this name, Nord one: both branches offer it, so neither is assumed."""
    both = [replace(service(name, "mitte", only="mitte"), spoken_names=("brille",)) for name in ("fern", "nah")]
    north = replace(service("gleitsicht", "nord", only="nord"), spoken_names=("brille",))
    config = replace(CHAIN, services=(*both, north))
    with pytest.raises(NameMissing, match="name one: mitte, nord"):
        find_rules(config, None, "Brille")
    with pytest.raises(UnknownName, match="fern, nah: write one of these"):
        find_rules(config, "mitte", "Brille")


def test_a_branch_that_is_named_is_not_replaced() -> None:
    with pytest.raises(UnknownName, match="offers no service 'linsen'"):
        find_rules(CHAIN, "nord", "linsen")
