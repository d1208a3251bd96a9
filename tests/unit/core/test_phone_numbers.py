"""German spellings of phone numbers in E.164, and the route of a call from its agent or its number to the branch."""

import msgspec
import pytest

from askproai_core.phone_numbers import InvalidNumber, e164_or_none, to_e164
from askproai_core.tenant_config import Agent
from askproai_core.tenant_config.branches import PhoneNumber
from askproai_runtime.call_routes import Route, Routing
from askproai_sandbox.example_tenant import AGENT_ID, NUMBER
from tests.worlds.compiled_salon import compile_example, salon_config

PEOPLE = (("mitte", "anna"), ("mitte", "mehmet"), ("pankow", "clara"), ("potsdam", "david"))
CHAIN = compile_example(
    "hotline.yaml", resource_ids={(branch, staff, 1): n for n, (branch, staff) in enumerate(PEOPLE, 1)}
)
HOTLINE, OWN = "+49305550100", "+49331555"
SALONS = tuple(
    msgspec.structs.replace(branch, phone_numbers=(PhoneNumber(number=OWN, did=OWN),))
    if branch.name == "potsdam"
    else branch
    for branch in CHAIN.branches
)
AGENTS = (
    Agent(name="hotline", agent_id="agent_hotline"),
    Agent(name="potsdam", branch="potsdam", agent_id="agent_own"),
)
ROUTING = Routing(msgspec.structs.replace(CHAIN, branches=SALONS, agents=AGENTS))


@pytest.mark.parametrize(
    "text", ["030 1234567", "0049 30 1234567", "+49 (0)30 1234567", "030/123 45 67", "(030) 1234567", "+49301234567"]
)
def test_every_german_spelling_is_the_same_number(text):
    assert to_e164(text, "DE") == "+49301234567"


@pytest.mark.parametrize("text", ["110", "112", "0900 1234567", "anonymous", "", "030 12345678901234567"])
def test_impossible_customer_number_is_refused_with_the_reason(text):
    with pytest.raises(InvalidNumber, match=r"number|digits"):
        to_e164(text, "DE")


def test_network_number_of_two_readings_is_international() -> None:
    assert e164_or_none("4317654321", "DE") == "+4317654321"
    with pytest.raises(InvalidNumber, match=r"\+494317654321 or \+4317654321"):
        to_e164("4317654321", "DE")


@pytest.mark.parametrize("withheld", ["anonymous", "", None, "unknown"])
def test_withheld_phone_number_becomes_none(withheld):
    assert e164_or_none(withheld, "DE") is None


@pytest.mark.parametrize(
    ("agent_id", "number", "branch"),
    [
        ("agent_hotline", HOTLINE, None),
        ("agent_hotline", OWN, None),  # a person bound the number to the hotline, which asks for the branch
        ("agent_hotline", None, None),  # a web call
        ("agent_new", HOTLINE, None),
        ("agent_own", OWN, "potsdam"),
        ("agent_own", None, "potsdam"),
        ("agent_new", OWN, "potsdam"),  # the branch has its own agent, so the number decides
    ],
)
def test_number_selects_a_branch_with_own_agent_only(agent_id: str, number: str | None, branch: str | None) -> None:
    route = ROUTING.route(agent_id, number)
    assert route is not None
    assert route.branch == branch


def test_branch_number_without_hotline_leads_to_its_branch() -> None:
    routing = Routing(msgspec.structs.replace(CHAIN, branches=SALONS, agents=AGENTS[1:]))
    route = routing.route("agent_new", HOTLINE)
    assert route is not None
    assert route.branch == "mitte"


def test_hotline_of_one_branch_leads_to_that_branch() -> None:
    routing = Routing(msgspec.structs.replace(CHAIN, branches=SALONS[:1], agents=AGENTS[:1]))
    for agent_id, number in (("agent_hotline", HOTLINE), ("agent_hotline", None), ("agent_new", HOTLINE)):
        route = routing.route(agent_id, number)
        assert route is not None
        assert route.branch == "mitte"


def test_call_to_unknown_numbers_has_no_route() -> None:
    assert ROUTING.route("agent_strange", "+49309999999") is None
    assert ROUTING.route(None, None) is None
    assert ROUTING.find_number("+49309999999") is None
    assert ROUTING.find_number(HOTLINE.removeprefix("+")) == HOTLINE


@pytest.mark.parametrize(
    ("agent", "number", "branch"),
    [
        (AGENT_ID, None, "mitte"),
        (AGENT_ID, "+49309999999", "mitte"),
        ("agent_strange", NUMBER, "mitte"),
        (None, NUMBER, "mitte"),
        ("agent_strange", "+49309999999", None),
        (None, None, None),
        ("", "", None),
    ],
)
def test_call_is_routed_by_agent_and_then_number(agent: str | None, number: str | None, branch: str | None) -> None:
    """Never to the first branch by default: the call would reach strangers."""
    route = Routing(salon_config()).route(agent, number)
    assert (route.branch if isinstance(route, Route) else None) == branch
