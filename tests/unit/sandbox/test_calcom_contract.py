"""The table of Cal.com's published API finds differences. All other tests with the simulator compare each exchange with it."""

from dataclasses import replace
from typing import Any

import pytest

from tests.worlds.calcom_contract import check_exchange
from tests.worlds.exchanges import Exchange

WEBHOOK = {"id": "1", "subscriberUrl": "x", "triggers": [], "active": True, "payloadTemplate": None, "secret": "s"}
BODY = {"subscriberUrl": "x", "triggers": [], "active": True}
GOOD = Exchange(
    "create-webhook", "POST", "/v2/webhooks", {}, {}, BODY, 201, {"status": "success", "data": WEBHOOK},
)  # fmt: skip
LIST = Exchange(
    "list-bookings", "GET", "/v2/bookings", {"take": "1"}, {"cal-api-version": "2024-08-13"}, None, 200,
    {"status": "success", "data": []},
)  # fmt: skip


@pytest.mark.parametrize("good", [GOOD, LIST])
def test_example_of_the_calcom_contract_has_no_violation(good: Exchange) -> None:
    assert list(check_exchange(good)) == []


@pytest.mark.parametrize(("wrong", "text"), [
    (replace(GOOD, body={**BODY, "url": "x"}), "request: url is unknown"),
    (replace(GOOD, body={"triggers": [], "active": True}), "request: subscriberUrl is missing"),
    (replace(GOOD, body={**BODY, "version": "1"}), "request: version cannot be 1"),
    (replace(GOOD, status=200), "answer: 200 instead of 201"),
    (replace(GOOD, answer={"status": "success", "data": {**WEBHOOK, "status": "done"}}), "answer: status cannot be done"),
    (replace(LIST, headers={}), "request: cal-api-version must be 2024-08-13"),
    (replace(LIST, query={"cursor": "x"}), "request: cursor is unknown"),
    (replace(LIST, answer={"data": []}), "answer: without the envelope"),
    (replace(LIST, status=400, answer={"error": "x"}), "error: {'error': 'x'} has neither of the two shapes"),
])  # fmt: skip
def test_difference_from_the_published_api_is_noticed(wrong: Exchange, text: str) -> None:
    assert list(check_exchange(wrong)) == [text]


def test_a_missing_field_of_an_answer_is_noticed() -> None:
    data: dict[str, Any] = {**WEBHOOK}
    del data["secret"]
    wrong = replace(GOOD, answer={"status": "success", "data": data})
    assert list(check_exchange(wrong)) == ["answer: secret is missing"]
