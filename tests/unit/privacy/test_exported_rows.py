"""What a caller's document leaves out of a row."""

from askproai_runtime.privacy.store.export import _readable


def test_an_address_that_the_caller_never_gave_is_left_out() -> None:
    """Cal.com requires one; ours in its place is no data of the caller."""
    assert _readable({"email": "anruf-4915112345678@anrufer.invalid"}) == {"email": None}
    assert _readable({"email": "petra@example.com"}) == {"email": "petra@example.com"}
    assert _readable({"email": None, "name": "Petra"}) == {"email": None, "name": "Petra"}
