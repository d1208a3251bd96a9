"""Only requests with the same result share a search."""

from collections.abc import Hashable
from dataclasses import replace
from datetime import timedelta

import pytest

from askproai_core.languages import Language
from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation.alternatives import _search_key
from askproai_runtime.sentences import speaking
from tests.worlds.opening_salon import ANNA, DAY, MEHMET, local, rules

START = local(f"{DAY}T14:00")
RULES = rules(ANNA, MEHMET)
OTHERS = {
    "staff": (ServiceRequest(RULES, "anna"), START, Obstacle.TAKEN),
    "usual staff": (ServiceRequest(replace(RULES, usual_staff="anna"), None), START, Obstacle.TAKEN),
    "able staff": (ServiceRequest(replace(RULES, staff_members=(ANNA,)), None), START, Obstacle.TAKEN),
    "service": (ServiceRequest(replace(RULES, service=rules(name="faerben").service), None), START, Obstacle.TAKEN),
    "config": (ServiceRequest(rules(ANNA, MEHMET), None), START, Obstacle.TAKEN),
    "start": (ServiceRequest(RULES, None), START + timedelta(hours=1), Obstacle.TAKEN),
    "obstacle": (ServiceRequest(RULES, None), START, Obstacle.CLOSED_DAY),
}


def key() -> Hashable:
    return _search_key(ServiceRequest(RULES, None), START, Obstacle.TAKEN)


def test_equal_requests_share_a_search() -> None:
    assert key() == key()


@pytest.mark.parametrize("other", OTHERS)
def test_searches_with_different_results_are_not_shared(other: str) -> None:
    assert _search_key(*OTHERS[other]) != key()


def test_calls_in_two_languages_share_no_search() -> None:
    """Staff members who speak the language of the call are offered first."""
    with speaking(Language.EN):
        english = key()
    assert english != key()
