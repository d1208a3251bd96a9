"""What the storm of notifications counts as missing, as twice, and as the same mail again."""

from typing import Any, cast

import pytest

from tests.worlds.notification_storm import FailingMailServer, Killer, StormResult, count

pytestmark = pytest.mark.nightly

FIRST, SECOND = "customer0@example.com", "customer1@example.com"


def counted(*accepted: tuple[str, str], lost: str = "", interrupted: str = "") -> StormResult:
    """Return the count of two changes."""
    server = FailingMailServer(accepted=list(accepted))
    server.lost.update(filter(None, [lost]))
    killer = Killer(cast("Any", None), "salon", ("", ""), server)
    killer.interrupted.update(filter(None, [interrupted]))
    return count(2, server, killer, 1)


@pytest.mark.parametrize("unknown", ["lost", "interrupted"])
def test_a_mail_that_comes_again_is_twice_unless_its_outcome_was_unknown(unknown: str) -> None:
    mails = [(FIRST, "<a>"), (SECOND, "<b>"), (FIRST, "<a>")]
    assert (counted(*mails).twice, counted(*mails).repeated) == (1, 0)
    known = counted(*mails, **{unknown: FIRST})
    assert (known.twice, known.repeated, known.missing) == (0, 1, 0)
    assert counted(*mails, **{unknown: SECOND}).twice == 1


def test_undelivered_message_is_missing() -> None:
    assert counted((FIRST, "<a>")).missing == 1
    assert counted((FIRST, "<a>"), (FIRST, "<c>"), (SECOND, "<b>"), lost=FIRST).other_message_ids == 1
