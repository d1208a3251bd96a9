"""A move keeps its branch. If another branch was named or offered, the caller is asked about cancelling and rebooking."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from askproai_core.tenant_config import Function
from askproai_core.tenant_config.config import RateLimits
from tests.worlds.compiled_salon import compile_example
from tests.worlds.databases import Database
from tests.worlds.spoken_calls import CUT, SpokenCall, empty_book, friday_at
from tests.worlds.tenant_pod import TenantPod, open_pod, running_web

BOOK, MOVE, SEARCH = "book_appointment", "reschedule_appointment", "check_availability"
HOTLINE = "+49305550100"
PEOPLE = (("mitte", "anna", 1), ("mitte", "mehmet", 1), ("pankow", "clara", 1), ("potsdam", "david", 1))
FUNCTIONS = tuple(each for each in Function if each is not Function.TRANSFER_TO_HUMAN)
IN_MITTE, IN_PANKOW = [("haarschnitt", "14:00", "anna")], [("haarschnitt", "16:00", "clara")]
TIME = {"time": "16:00"}


@pytest.fixture(scope="module")
async def chain(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TenantPod]:
    async with open_pod(module_database, tmp_path_factory.mktemp("chain"), "haarwerk", PEOPLE) as pod:
        config = compile_example("hotline.yaml", resource_ids=pod.store.resources, tenant=pod.store.tenant)
        agents = tuple(replace(each, functions=FUNCTIONS) for each in config.agents)
        limits = RateLimits(webhooks_per_second=0, functions_per_second=0)
        pod.write_config(replace(config, agents=agents, rate_limits=limits))
        async with running_web(pod, worker_port=9):
            yield pod


@pytest.fixture
async def call(chain: TenantPod) -> SpokenCall:
    """Petra Lange has a haircut with Anna in Mitte at 14:00, from an earlier call of this number."""
    await empty_book(chain)
    call = SpokenCall(chain, to_number=HOTLINE)
    assert (await call.ask(BOOK, friday_at(chain, branch="Mitte", staff="Anna")))["success"]
    return SpokenCall(chain, call.number, to_number=HOTLINE)


async def live(call: SpokenCall) -> list[tuple[str, ...]]:
    return [each[:3] for each in await call.live(of_number=True)]


async def offer(call: SpokenCall, branch: str) -> str:
    wanted = {"service": CUT, "date": friday_at(call.pod)["date"], **TIME, "branch": branch}
    return str((await call.ask(SEARCH, wanted))["slots"][0]["start"])


def require_asked(answer: dict[str, Any], branch: str = "Haarwerk Pankow") -> None:
    assert (answer["success"], answer["unclear"], answer["needs_answer"]) == (False, "branch", True), answer
    assert "innerhalb der Filiale" in answer["message"]
    assert all(each in answer["message"] for each in ("Haarwerk Mitte", branch)), answer


@pytest.mark.parametrize(
    "named",
    [
        {"branch": "Pankow"}, {"new_branch": "Haarwerk Pankow"}, {"location": "in Pankow"}, {"neue_filiale": "pankow"},
        {"branch": "Pankow", "staff": "Clara"}, {"branch": "Pankow", "service": "Haarschnitt"},
    ],
)  # fmt: skip
@pytest.mark.parametrize(("said", "after"), [("Ja, bitte.", IN_PANKOW), ("Nein, lassen Sie.", IN_MITTE)])
async def test_move_to_another_branch_is_asked_about(
    call: SpokenCall, named: dict[str, str], said: str, after: list[tuple[str, ...]]
) -> None:
    call.say("Meinen Termin nach Pankow um vier, bitte.")
    require_asked(await call.ask(MOVE, TIME | named))
    assert await live(call) == IN_MITTE
    call.say(said)
    await call.ask(MOVE, TIME | named)
    assert await live(call) == after


@pytest.mark.parametrize("more", [{}, {"branch": "Ja, gern"}])
async def test_branch_named_for_a_move_needs_a_yes(call: SpokenCall, more: dict[str, str]) -> None:
    call.say("Meinen Termin nach Pankow um vier, bitte.")
    require_asked(await call.ask(MOVE, TIME | {"branch": "Pankow"}))
    call.say("Ja.")
    assert (await call.ask(MOVE, TIME | more))["success"]
    assert await live(call) == IN_PANKOW


@pytest.mark.parametrize("by", ["start", "date", "time"])
@pytest.mark.parametrize(("said", "after"), [("Ja, gern.", IN_PANKOW), ("Nein.", IN_MITTE)])
async def test_another_branchs_offer_is_asked_about(
    call: SpokenCall, by: str, said: str, after: list[tuple[str, ...]]
) -> None:
    call.say("Geht der auch in Pankow um vier?")
    start = await offer(call, "Pankow")
    new = {"start": {"start": start}, "date": {"date": start[:10], **TIME}, "time": TIME}[by]
    call.say("Ja.")
    require_asked(await call.ask(MOVE, new))
    assert await live(call) == IN_MITTE
    call.say(said)
    await call.ask(MOVE, new)
    assert await live(call) == after


async def test_busy_staff_member_does_not_hide_another_branch(call: SpokenCall) -> None:
    other = SpokenCall(call.pod, to_number=HOTLINE)
    taken = friday_at(call.pod, "16:00", branch="Mitte", staff="Anna", customer_name="Otto Kurz")
    assert (await other.ask(BOOK, taken))["success"]
    call.say("Geht der auch in Pankow um vier?")
    start = await offer(call, "Pankow")
    call.say("Ja.")
    require_asked(await call.ask(MOVE, {"start": start}))


async def test_branch_change_is_asked_without_a_transcript(call: SpokenCall) -> None:
    silent, new = {"to_number": HOTLINE, "from_number": call.number}, TIME | {"branch": "Pankow"}
    require_asked((await call.pod.function(MOVE, call.call_id, new, **silent)).body)
    assert await live(call) == IN_MITTE


@pytest.mark.parametrize(
    "named", [{}, {"branch": "Mitte"}, {"new_branch": "Haarwerk Mitte"}, {"location": "Berlin"}, {"branch": "wie immer"},
              {"branch": "egal"}],
)  # fmt: skip
async def test_move_within_the_branch_needs_no_question(call: SpokenCall, named: dict[str, str]) -> None:
    call.say("Meinen Termin bitte auf vier Uhr.")
    moved = await call.ask(MOVE, TIME | named)
    assert (moved["success"], "unread_arguments" in moved) == (True, False), moved
    assert await live(call) == [("haarschnitt", "16:00", "anna")]


async def test_named_branch_outranks_an_offer(call: SpokenCall) -> None:
    call.say("Geht der auch in Pankow um vier?")
    start = await offer(call, "Pankow")
    call.say("Dann doch in Mitte.")
    assert (await call.ask(MOVE, {"start": start, "branch": "Mitte"}))["success"]
    assert await live(call) == [("haarschnitt", "16:00", "anna")]


async def test_later_offer_of_own_branch_moves_without_question(call: SpokenCall) -> None:
    call.say("Geht der auch in Pankow um vier?")
    await offer(call, "Pankow")
    call.say("Und in Mitte?")
    start = await offer(call, "Mitte")
    call.say("Ja, dahin.")
    assert (await call.ask(MOVE, {"start": start}))["success"]
    assert (await live(call))[0][1:] in [("16:00", "anna"), ("16:00", "mehmet")]


async def test_an_unknown_branch_moves_nothing(call: SpokenCall) -> None:
    call.say("Meinen Termin nach Hamburg um vier, bitte.")
    asked = await call.ask(MOVE, TIME | {"branch": "Hamburg"})
    assert asked["branches"] == ["mitte", "pankow", "potsdam"], asked
    assert await live(call) == IN_MITTE


async def test_a_day_in_another_branch_offers_its_times(call: SpokenCall) -> None:
    call.say("Am selben Tag lieber in Pankow.")
    offered = await call.ask(
        MOVE, {"date": friday_at(call.pod)["date"], "branch": "Pankow", "part_of_day": "nachmittags"}
    )
    assert {each["staff"] for each in offered["alternatives"]} == {"clara"}, offered
    call.say("Die erste.")
    require_asked(await call.ask(MOVE, {"start": offered["alternatives"][0]["start"]}))
    assert await live(call) == IN_MITTE
