"""Birth dates as callers say them and models write them down."""

from datetime import date

import pytest

from askproai_core.tenant_config import Language
from askproai_runtime.conversation.verification import read_birth_date
from askproai_runtime.sentences import speaking
from tests.worlds.rows import each_row

TODAY = date(2026, 11, 20)


@each_row(
    ("said", "read"),
    [
        ("1985-03-12", date(1985, 3, 12)),
        ("12.3.1985", date(1985, 3, 12)),
        ("12. 03. 85", date(1985, 3, 12)),
        ("12. März 1985", date(1985, 3, 12)),
        ("3. Jänner 1990", date(1990, 1, 3)),
        ("29. Februar 2000", date(2000, 2, 29)),
        ("2026-11-20", TODAY),
        *((no, None) for no in ("29. Februar 2001", "12.3.21", "2026-11-21", "1885-03-12", "12.13.1985", "März 1985", "1985")),
        *((no, None) for no in ("", "unbekannt", "0000-00-00", "99.99.9999", "heute", "x" * 500, "12 drei 85")),
    ],
)  # fmt: skip
def test_only_a_certain_birth_date_is_read(said: str, read: date | None) -> None:
    assert read_birth_date(said, TODAY) == read


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("1985-03-12", date(1985, 3, 12)),
        ("March 12th, 1985", date(1985, 3, 12)),
        ("the 12th of March 1985", date(1985, 3, 12)),
        ("12 March 85", date(1985, 3, 12)),
        ("12.3.1985", date(1985, 3, 12)),
        ("3/24/1985", date(1985, 3, 24)),
        ("24/3/1985", date(1985, 3, 24)),
        ("3/3/1985", date(1985, 3, 3)),
        *((no, None) for no in ("3/12/1985", "12/3/1985", "13/13/1985", "March 1985", "12 March 21", "unknown")),
    ],
)
def test_ambiguous_english_birth_date_is_asked_again(said: str, read: date | None) -> None:
    with speaking(Language.EN):
        assert read_birth_date(said, TODAY) == read
