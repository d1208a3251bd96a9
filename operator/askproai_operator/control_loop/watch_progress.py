"""How far behind a watch is: a connection can stay open and bring nothing, without an error.

Each change of an object raises its version. A list that shows a newer version than any that the watch of the same selector has
reported is proof that the watch owes something; a moment later it usually has it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from askproai_core.api_resource import ApiResource
from askproai_core.clock import Clock


@dataclass(slots=True)
class _Progress:
    reported: int = 0  # the newest version that the watch has brought
    listed: int = 0  # the newest one of the last list
    since: float | None = None  # when a list first showed a version that the watch still owes; monotonic


class WatchProgress:
    """Compares the reports of watches with lists, by resource."""

    def __init__(self, clock: Clock, resources: Iterable[ApiResource]) -> None:
        self._clock = clock
        self._by_resource = {ref: _Progress() for ref in resources}

    def reported(self, ref: ApiResource, raw: Mapping[str, Any]) -> None:
        """Note an event of the watch, its first list included."""
        progress = self._by_resource[ref]
        progress.reported = max(progress.reported, version_of(raw))
        if progress.reported >= progress.listed:
            progress.since = None

    def listed(self, ref: ApiResource, versions: Iterable[int]) -> None:
        """Note the versions that a list showed that has the selector of the watch. A resource that is not watched is left out."""
        progress = self._by_resource.get(ref)
        if progress is None:
            return
        progress.listed = max(versions, default=0)
        if progress.listed <= progress.reported:
            progress.since = None
        elif progress.since is None:
            progress.since = self._clock.monotonic()

    def behind_seconds(self, ref: ApiResource) -> float:
        """Return for how long the watch has owed a change that a list has shown; 0: it owes none."""
        since = self._by_resource[ref].since
        return 0.0 if since is None else self._clock.monotonic() - since


def version_of(raw: Mapping[str, Any]) -> int:
    """Return the version of an object: it grows with each change, and is comparable within its resource."""
    return int(raw["metadata"]["resourceVersion"])
