"""A canary that fails many callers is taken back soon; one as good as the other pods stays. The probabilities are exact."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from askproai_operator.api.tenant_status import CanaryState
from askproai_operator.controllers.canary_judge import UNREADY, CanaryPods, is_worse, judge
from askproai_operator.store.canary_outcomes import CallerCounts, CanaryOutcomes

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOBODY = CallerCounts()
RUNNING, PASSED, TAKEN_BACK = CanaryState.RUNNING, CanaryState.PASSED, CanaryState.TAKEN_BACK
worse = cache(is_worse)


def bookings(failed: int, of: int) -> CallerCounts:
    return CallerCounts(of, failed, of, failed)


@pytest.mark.parametrize(
    ("case", "canary", "others", "before", "state"),
    [
        ("nobody has called", (0, 0), (0, 0), (0, 0), RUNNING),
        ("one failure may be chance, even of the first caller", (1, 1), (0, 50), (0, 500), RUNNING),
        ("two of the first two", (2, 2), (0, 0), (0, 0), TAKEN_BACK),
        ("two of nineteen", (2, 19), (0, 19), (0, 0), TAKEN_BACK),
        ("two of many are what is expected of any pods", (2, 40), (0, 40), (0, 0), RUNNING),
        ("three of forty", (3, 40), (0, 40), (0, 0), TAKEN_BACK),
        ("the others fail in the same time, too", (3, 6), (3, 6), (0, 0), RUNNING),
        ("the others fail half as often", (4, 20), (2, 20), (0, 0), RUNNING),
        ("the others fail far more rarely", (12, 40), (1, 40), (2, 100), TAKEN_BACK),
        ("as many failed the day before", (2, 10), (0, 10), (20, 200), RUNNING),
        ("all fail everywhere", (9, 9), (9, 9), (9, 9), RUNNING),
        ("enough callers", (0, 100), (0, 100), (0, 0), PASSED),
        ("enough callers, and then it fails", (20, 120), (0, 100), (0, 0), TAKEN_BACK),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_canary_verdict_matches_the_outcomes(case, canary, others, before, state):
    outcomes = CanaryOutcomes(bookings(*canary), bookings(*others), bookings(*before))
    assert judge(outcomes, CanaryPods(), 100, NOW).state is state, case


def test_canary_is_also_judged_by_callers_without_bookings() -> None:
    """A caller whose look-up fails books nothing, so there is no booking that could fail."""
    canary = CallerCounts(callers=5, failed_callers=3, bookings=0, failed_bookings=0)
    verdict = judge(CanaryOutcomes(canary, CallerCounts(5), NOBODY), CanaryPods(), 100, NOW)
    assert verdict.state is TAKEN_BACK
    assert verdict.why == "3 of 5 callers met a failure there, and 0 of 5 at the other pods in the same time"


def test_verdict_names_failures_on_canary_and_others() -> None:
    verdict = judge(CanaryOutcomes(bookings(3, 9), bookings(0, 8), NOBODY), CanaryPods(), 100, NOW)
    assert (
        verdict.why == "the bookings of 3 of 9 callers failed there, and of 0 of 8 at the other pods in the same time"
    )


@pytest.mark.parametrize(
    ("pods", "state"),
    [
        (CanaryPods(restarts=1), RUNNING),  # the node may have ended it
        (CanaryPods(restarts=2), TAKEN_BACK),
        (CanaryPods(unready_since=NOW - UNREADY + timedelta(seconds=1)), RUNNING),
        (CanaryPods(unready_since=NOW - UNREADY, waits_for="ImagePullBackOff"), TAKEN_BACK),
    ],
)
def test_crashing_or_unready_canary_pods_end_the_trial(pods: CanaryPods, state: CanaryState) -> None:
    verdict = judge(CanaryOutcomes(), pods, 100, NOW)
    assert verdict.state is state
    assert pods.waits_for in verdict.why


def taken_back_after(
    fails: float, others_fail: float = 0.0, before: tuple[int, int] = (0, 0), callers: int = 200
) -> Iterator[float]:
    """Yield, for n = 1, 2, …, the probability that a canary is taken back within its first n callers.

    Callers alternate between the canary and another pod; `before` is (failures, callers) before the trial. A state is the
    number of failures at the canary and at the other pods; states of negligible probability are dropped.
    """
    states, taken_back = {(0, 0): 1.0}, 0.0
    for met in range(1, callers + 1):
        following: defaultdict[tuple[int, int], float] = defaultdict(float)
        for (failed, others), probability in states.items():
            for more, share in ((1, fails), (0, 1 - fails)):
                for others_more, others_share in ((1, others_fail), (0, 1 - others_fail)):
                    each = probability * share * others_share
                    if each > 1e-7:
                        following[failed + more, others + others_more] += each
        states = {}
        for (failed, others), probability in following.items():
            if worse((failed, met), (others, met), before):
                taken_back += probability
            else:
                states[failed, others] = probability
        yield taken_back


def test_canary_failing_30_percent_ends_before_20_callers() -> None:
    *_, by_the_19th = taken_back_after(0.3, callers=19)
    assert by_the_19th > 0.98
    *_, where_one_of_70_failed_before = taken_back_after(0.3, before=(1, 70), callers=19)
    assert where_one_of_70_failed_before > 0.95
    *_, when_half_fail = taken_back_after(0.5, callers=8)
    assert when_half_fail > 0.96


# For 0.3 the result is 1 in 20,000, far below the bound, and takes the longest.
@pytest.mark.parametrize("share", [0.001, 0.005, 0.01, 0.05, pytest.param(0.3, marks=pytest.mark.nightly)])
def test_equally_good_canary_rarely_ends(share: float) -> None:
    """The tenant has 200 callers, and had 70 bookings in the week before."""
    *_, falsely = taken_back_after(share, others_fail=share, before=(round(70 * share), 70))
    assert falsely < 1 / 75


def test_tenant_without_earlier_callers_has_more_false_alarms() -> None:
    """Without earlier callers, the usual share of failures is unknown (docs/decisions/0118-canaries.md)."""
    *_, at_one_percent = taken_back_after(0.01, others_fail=0.01)
    *_, at_five_percent = taken_back_after(0.05, others_fail=0.05)
    assert 0.02 < at_one_percent < 0.05
    assert 0.1 < at_five_percent < 0.25


counts = st.integers(0, 300).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@given(counts, counts, counts)
def test_additional_canary_failure_never_improves_its_verdict(canary, others, before):
    failed, of = canary
    is_bad = is_worse(canary, others, before)
    if is_bad:
        assert is_worse((failed + 1, of + 1), others, before)
        assert failed * max(others[1], 1) > others[0] * of, "it fails more often than the others"
    else:
        assert not is_worse((failed, of + 1), others, before)
