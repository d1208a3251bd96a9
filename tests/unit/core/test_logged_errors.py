"""How an error appears in the log."""

from typing import Any

from askproai_core.logging import redact_exception


def test_logs_name_an_error_by_type_and_place_and_quote_nothing() -> None:
    """A driver's message quotes the row, and the row holds a caller's number."""
    try:
        int("Key (phone)=(+4915112345678) already exists")
    except ValueError:
        event: Any = redact_exception(None, "error", {"event": "x", "exc_info": True})
    assert event["error"] == "ValueError"
    assert event["at"].startswith("test_logged_errors.py:")
    assert "+49" not in str(event)
