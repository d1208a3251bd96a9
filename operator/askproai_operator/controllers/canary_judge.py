"""Judges if a canary is worse than the tenant's other pods. Pure.

A tenant has few callers, so the rule works with few: at first, two failing callers are enough to take the canary back. Its
probabilities are computed in `tests/unit/controllers/test_canary_judge.py` (docs/decisions/0118-canaries.md).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, lgamma, log
from typing import Final

from askproai_operator.api.tenant_status import CanaryState
from askproai_operator.store.canary_outcomes import CallerCounts, CanaryOutcomes

LEAST_FAILURES: Final = 2  # a single failure may be chance
LEAST_EXPECTED: Final = 0.01  # the assumed share of failures of pods that had none yet
# Factor to the other pods' share of failures: with few callers, a slightly worse canary cannot be recognized.
TOLERANCE: Final = 2
SURPRISE: Final = 0.02  # below this probability, the failures are not chance
LEAST_RESTARTS: Final = 2
UNREADY: Final = timedelta(minutes=5)  # without a ready pod; it gets no requests meanwhile
_NEGLIGIBLE: Final = 1e-12


@dataclass(frozen=True, slots=True)
class CanaryPods:
    """The state of the canary's pods: restarts of containers, since when too few are available, and what they wait for."""

    restarts: int = 0  # of their containers, all together
    unready_since: datetime | None = None  # None: enough are ready
    waits_for: str = ""  # the reason why a pod is not ready, such as `ErrImagePull: …`


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a canary: its new state, and if it is taken back, `why`, as a clause for a sentence."""

    state: CanaryState
    why: str = ""


def judge(outcomes: CanaryOutcomes, pods: CanaryPods, enough: int, now: datetime) -> Judgement:
    """Return the verdict on a canary from its pods and its callers' outcomes. A canary passes after `enough` callers."""
    why = _broken_pods(pods, now) or _failing_callers(outcomes)
    if why:
        return Judgement(CanaryState.TAKEN_BACK, why)
    has_passed = outcomes.canary.callers >= enough
    return Judgement(CanaryState.PASSED if has_passed else CanaryState.RUNNING)


def _broken_pods(pods: CanaryPods, now: datetime) -> str:
    waits = f" ({pods.waits_for})" if pods.waits_for else ""
    if pods.restarts >= LEAST_RESTARTS:
        return f"its containers were restarted {pods.restarts} times{waits}"
    if pods.unready_since is not None and now - pods.unready_since >= UNREADY:
        minutes = int((now - pods.unready_since).total_seconds() // 60)
        return f"its pods have not been ready for {minutes} minutes{waits}"
    return ""


def _failing_callers(outcomes: CanaryOutcomes) -> str:
    """Return a text that too many callers fail on the canary, in bookings or in any request; "" if they do not."""
    canary, others, before = outcomes.canary, outcomes.others, outcomes.before
    if is_worse(_bookings(canary), _bookings(others), _bookings(before)):
        mine, theirs = _share(*_bookings(canary)), _share(*_bookings(others))
        return f"the bookings of {mine} callers failed there, and of {theirs} at the other pods in the same time"
    if is_worse(_callers(canary), _callers(others), _callers(before)):
        mine, theirs = _share(*_callers(canary)), _share(*_callers(others))
        return f"{mine} callers met a failure there, and {theirs} at the other pods in the same time"
    return ""


def is_worse(canary: tuple[int, int], others: tuple[int, int], before: tuple[int, int]) -> bool:
    """Return True if the canary fails significantly more callers than other pods. Each pair is (failures, total).

    `others` are the pods beside the canary in the same time: a cause that fails all pods, such as a refused calendar key, is
    not the canary's fault. `before` are all pods in the week before the canary.
    """
    failed, met = canary
    shares = (failures / of for failures, of in (others, before) if of)
    expected = max(LEAST_EXPECTED, *(TOLERANCE * share for share in shares), 0)
    if failed < LEAST_FAILURES or failed <= met * expected:
        return False
    return _at_least(failed, met, expected) <= SURPRISE


def _at_least(failed: int, met: int, share: float) -> float:
    """Return the probability that at least `failed` of `met` callers fail, each at the rate `share` (below `failed / met`)."""
    total = 0.0
    for number in range(failed, met + 1):
        ways = lgamma(met + 1) - lgamma(number + 1) - lgamma(met - number + 1)
        probability = exp(ways + number * log(share) + (met - number) * log(1 - share))
        total += probability
        if probability < _NEGLIGIBLE * total:
            break
    return total


def _bookings(counts: CallerCounts) -> tuple[int, int]:
    return counts.failed_bookings, counts.bookings


def _callers(counts: CallerCounts) -> tuple[int, int]:
    return counts.failed_callers, counts.callers


def _share(failed: int, of: int) -> str:
    return f"{failed} of {of}"
