"""The API server's conflicts on fields that another field manager has set, and their solutions. Pure."""

import re
from collections.abc import Sequence
from typing import Final

_CONFLICT: Final = re.compile(r'conflicts? with "')
_GIVE_BACK: Final = "take them out of the manifest, or write the values that the object has into it"


def other_managers(message: str, applier: str) -> Sequence[str]:
    """Return the parts of the server's message that are about other managers, such as `"kubectl-patch" …: .spec.displayName`."""
    parts = (" ".join(part.split()) for part in _CONFLICT.split(message)[1:])
    return [f'"{part.rstrip(",")}' for part in parts if not part.startswith(f'{applier}"')]


def describe_refusal(managers: Sequence[str]) -> str:
    """Return why a server-side apply is refused, and what to do."""
    return (
        f"another field manager has set fields of this manifest: {', '.join(managers)}; take them over by kubectl apply"
        f" --server-side --force-conflicts, or leave them to it: {_GIVE_BACK}"
    )


def describe_overwrite(managers: Sequence[str]) -> str:
    """Return which fields of others an apply overwrites that is not refused, and what to do."""
    return f"the apply overwrites what another field manager has set: {', '.join(managers)}; to keep it, {_GIVE_BACK}"
