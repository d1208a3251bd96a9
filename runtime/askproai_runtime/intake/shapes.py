"""Which path a request of another shape belongs at: the answer to a wrong URL says it.

Nothing of the body is quoted. The hint is no proof: what is accepted where is decided by signatures and shapes.
"""

from collections.abc import Container, Iterable, Mapping
from typing import Any

import msgspec

from askproai_runtime.lenient_json import read_json

# The keys that a body has at its top, by the path of such bodies; the first match counts.
_PATHS_BY_KEYS: Mapping[str, frozenset[str]] = {
    "/retell/inbound": frozenset({"call_inbound"}),
    "/retell/functions/<name>": frozenset({"name", "args"}),
    "/webhooks/calcom": frozenset({"triggerEvent"}),
    "/webhooks/stripe": frozenset({"id", "type", "object"}),
    "/webhooks/retell": frozenset({"event"}),
}


def hint_of_body(body: bytes, path: str) -> str:
    """Return where a body belongs that came at `path`, as a further sentence; "" if it is of no known shape or at its place."""
    try:
        values = read_json(body, dict[str, Any])
    except msgspec.DecodeError:
        return ""
    found = next((place for place, keys in _PATHS_BY_KEYS.items() if keys <= values.keys()), path)
    return "" if found == path else f". Such a body belongs at …{found}"


def hint_of_headers(headers: Container[str], signatures: Iterable[tuple[str, str]]) -> str:
    """Return where a request without the expected signature belongs, by the signature of another sender that it has.

    `signatures` has each sender and the header of its signature.
    """
    found = next((source for source, header in signatures if header in headers), None)
    return f". A request with {found}'s signature belongs at …/webhooks/{found}" if found else ""
