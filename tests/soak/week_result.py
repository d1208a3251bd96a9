"""The result of a simulated week: both books equal, no double promise, and the offered times that were gone at the yes. Pure."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tests.soak.books import Books
from tests.soak.checker import Chains, Violation, differing
from tests.soak.environment import PLANS
from tests.soak.history import History
from tests.soak.offers import BAR, Fate, Tally, accepted_offers, tally
from tests.soak.week import Deed, deeds_of

_SERVERS = ("postgres", "valkey")


@dataclass(frozen=True, slots=True)
class WeekResult:
    """`offers`: all offered times that a caller accepted, certain or not; `faster`: those that another caller requested before."""

    done: Mapping[Deed, int]
    planned: Mapping[Deed, int]
    differences: int
    doubles: int
    offers: Tally
    faster: int
    outages: Mapping[str, int]
    limits: int

    @property
    def holds(self) -> bool:
        return not self.differences and not self.doubles and self.offers.raw_share < BAR

    def lines(self) -> list[str]:
        outages = ", ".join(f"{name} {count} times" for name, count in self.outages.items())
        return [
            f"done of the plan: {sum(self.done.values()):,} of {sum(self.planned.values()):,}",
            *(f"  {deed}: {self.done.get(deed, 0):,} of {count:,}" for deed, count in self.planned.items()),
            f"away: {outages}; Cal.com limited requests (429) {self.limits} times",
            f"both books: {f'{self.differences} differences' if self.differences else 'equal'}; {self.doubles} double promises",
            f"at the yes, of all offered times, certain or not: {self.offers}",
            f"  {self.offers.raw_share:.2%} of them was gone; bar {BAR:.2%}: {'held' if self.holds_bar else 'missed'}",
            f"  not counted in it: {self.faster} that another caller wanted at the same moment",
        ]

    @property
    def holds_bar(self) -> bool:
        return self.offers.raw_share < BAR


def judge_week(
    history: History, books: Books, violations: Collection[Violation], done: Mapping[Deed, int]
) -> WeekResult:
    """Return what a week has shown."""
    accepted = accepted_offers(history, books)
    planned = Counter[Deed]()
    for plan in PLANS:
        planned.update(deeds_of(local=plan.local, team=plan.team is not None))
    faults = [fault.text for fault in history.faults]
    return WeekResult(
        done,
        planned,
        len(list(differing(books, Chains.of(books.bookings)))),
        sum(v.kind == "double" for v in violations),
        tally(accepted),
        sum(each.fate is Fate.FASTER for each in accepted),
        {name: sum(f" {name} for " in text for text in faults) for name in _SERVERS},
        sum("rate-limited" in text or "rate_limit 10" in text for text in faults),
    )
