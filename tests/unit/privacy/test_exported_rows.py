"""The fields of a row that a caller's document leaves out."""

from askproai_runtime.privacy.store.export import _readable


def test_address_never_given_by_the_caller_is_omitted() -> None:
    """Cal.com requires one; ours in its place is no data of the caller."""
    assert _readable({"email": "anruf-4915112345678@anrufer.invalid"}) == {"email": None}
    assert _readable({"email": "petra@example.com"}) == {"email": "petra@example.com"}
    assert _readable({"email": None, "name": "Petra"}) == {"email": None, "name": "Petra"}
