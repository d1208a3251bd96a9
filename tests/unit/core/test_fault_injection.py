"""Faults are armed in test settings only, and a share of them is the same in each process."""

import pytest

from askproai_core.fault_injection import FaultPoints, InjectedFault, fault_points_from_environment


def failures(faults: FaultPoints, name: str, times: int) -> list[int]:
    """Return the numbers of the attempts that fail, from 0 to `times` - 1."""
    found = []
    for number in range(times):
        try:
            faults.reach(name)
        except InjectedFault:
            found.append(number)
    return found


def test_a_fault_without_test_settings_is_ignored() -> None:
    assert fault_points_from_environment({"ASKPROAI_FAULT": "fail:100:before:book"}).armed is None
    armed = fault_points_from_environment({"ASKPROAI_FAULT": "fail:100:before:book", "ASKPROAI_TESTING": "1"})
    with pytest.raises(InjectedFault):
        armed.reach("before:book")


def test_only_the_set_fraction_of_calls_fails() -> None:
    faults = FaultPoints("fail:30:before:book")
    assert failures(faults, "after:book-commit", 100) == []
    found = failures(faults, "before:book", 1000)
    assert 250 < len(found) < 350
    assert failures(FaultPoints("fail:30:before:book"), "before:book", 1000) == found
    assert failures(FaultPoints(), "before:book", 100) == []
