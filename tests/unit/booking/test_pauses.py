"""A branch is paused while the blocks of all its bookable staff overlap."""

from datetime import UTC, datetime
from uuid import uuid4

from askproai_core.tenant_config import Branch, Staff, TenantConfig
from askproai_runtime.availability.slots import Span
from askproai_runtime.book.blocks import Block
from askproai_runtime.book.pauses import find_pauses
from askproai_runtime.desk.pauses import find_current_pauses


def at(hour: int) -> datetime:
    return datetime(2026, 11, 30, hour, tzinfo=UTC)


def member(name: str, *resources: int) -> Staff:
    return Staff(id=name, display_name=name, resource_ids=resources)


def test_branch_pauses_only_while_all_people_are_blocked() -> None:
    house = Branch(name="mitte", display_name="Mitte", staff=(member("anna", 1), member("mehmet", 2), member("gone")))
    alone = Branch(name="pankow", display_name="Pankow", staff=(member("anna", 1),))
    nobody = Branch(name="leer", display_name="Leer")
    config = TenantConfig(tenant="t", display_name="T", branches=(house, alone, nobody))
    blocked = {1: [Span(at(8), at(12)), Span(at(12), at(18))], 2: [Span(at(10), at(14)), Span(at(16), at(20))]}
    assert find_pauses(config, blocked) == {
        "mitte": (Span(at(10), at(14)), Span(at(16), at(18))),
        "pankow": (Span(at(8), at(18)),),
        "leer": (),
    }
    assert find_pauses(config, {1: [Span(at(8), at(12))]})["mitte"] == ()


def test_only_a_block_of_all_bookable_people_pauses() -> None:
    house = Branch(name="mitte", display_name="Mitte", staff=(member("anna", 1), member("mehmet", 2), member("gone")))
    alone = Branch(name="pankow", display_name="Pankow", staff=(member("anna", 1),))
    config = TenantConfig(
        tenant="t", display_name="T", branches=(house, alone, Branch(name="leer", display_name="Leer"))
    )

    def block(*staff: str) -> Block:
        return Block(uuid4(), at(8), at(12), "", in_force=True, staff=list(staff), resource_ids=[])

    everybody, one = block("mitte/anna", "mitte/mehmet", "pankow/anna"), block("mitte/anna", "pankow/anna")
    found = find_current_pauses(config, [everybody, one], at(8))
    assert [(pause.block, pause.branches) for pause in found] == [(everybody, ("mitte", "pankow")), (one, ("pankow",))]
    assert find_current_pauses(config, [everybody], at(7)) == find_current_pauses(config, [everybody], at(12)) == []
