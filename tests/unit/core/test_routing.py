"""N1, N2: from agent and number to the branch."""

import msgspec
import pytest

from askproai_core.phone_numbers import Routing
from askproai_core.tenant_config import Agent, PhoneNumber
from askproai_sandbox.example_tenant import compile_example

PEOPLE = (("mitte", "anna"), ("mitte", "mehmet"), ("pankow", "clara"), ("potsdam", "david"))
CHAIN = compile_example("hotline.yaml", resource_ids={(branch, one, 1): n for n, (branch, one) in enumerate(PEOPLE, 1)})
HOTLINE, OWN = "+49305550100", "+49331555"
SALONS = tuple(
    msgspec.structs.replace(one, phone_numbers=(PhoneNumber(number=OWN, did=OWN),)) if one.name == "potsdam" else one
    for one in CHAIN.branches
)
AGENTS = (
    Agent(name="hotline", agent_id="agent_hotline"),
    Agent(name="potsdam", branch="potsdam", agent_id="agent_own"),
)
ROUTING = Routing(msgspec.structs.replace(CHAIN, branches=SALONS, agents=AGENTS))


@pytest.mark.parametrize(
    ("agent_id", "number", "branch"),
    [
        ("agent_hotline", HOTLINE, None),
        ("agent_hotline", OWN, None),  # bound there by hand: the hotline asks
        ("agent_hotline", None, None),  # a web call
        ("agent_new", HOTLINE, None),
        ("agent_own", OWN, "potsdam"),
        ("agent_own", None, "potsdam"),
        ("agent_new", OWN, "potsdam"),  # its branch has an agent of its own, so its number says it
    ],
)
def test_a_number_says_the_branch_only_where_the_branch_has_an_agent_of_its_own(
    agent_id: str, number: str | None, branch: str | None
) -> None:
    route = ROUTING.route(agent_id, number)
    assert route is not None
    assert route.branch == branch


def test_without_a_hotline_every_number_says_its_branch() -> None:
    routing = Routing(msgspec.structs.replace(CHAIN, branches=SALONS, agents=AGENTS[1:]))
    route = routing.route("agent_new", HOTLINE)
    assert route is not None
    assert route.branch == "mitte"


def test_a_hotline_of_one_branch_is_that_branchs() -> None:
    routing = Routing(msgspec.structs.replace(CHAIN, branches=SALONS[:1], agents=AGENTS[:1]))
    for agent_id, number in (("agent_hotline", HOTLINE), ("agent_hotline", None), ("agent_new", HOTLINE)):
        route = routing.route(agent_id, number)
        assert route is not None
        assert route.branch == "mitte"


def test_what_is_nobodys_has_no_route() -> None:
    assert ROUTING.route("agent_strange", "+49309999999") is None
    assert ROUTING.route(None, None) is None
    assert not ROUTING.knows("+49309999999")
    assert ROUTING.knows(HOTLINE)
