"""The order of waiting keys by namespace: a namespace that was begun is finished before the next one.

A new tenant takes some thirty runs of its objects, one after the other. With first come, first served, a thousand new tenants
would all be half made until the last one is finished.
"""

import heapq
import itertools
from dataclasses import dataclass, field
from typing import Final

from askproai_operator.api import Key

RUNS: Final = 64  # in one turn; then other namespaces run, however often somebody edits in this namespace
_IDLE_SECONDS: Final = 60.0  # a namespace that rests for longer begins a new turn


@dataclass(slots=True)
class _Turn:
    number: int  # the lowest number is next
    last: float  # monotonic seconds, of the last run
    runs: int = 0
    waiting: int = 0
    changes: int = 0  # runs that were no resyncs, since the last minute without such a run
    last_change: float = float("-inf")  # monotonic seconds


class Turns:
    """The order of the namespaces with waiting keys, for one group of workers: each namespace has a turn number."""

    def __init__(self) -> None:
        self._turns: dict[str, _Turn] = {}
        self._numbers = itertools.count()

    def number(self, namespace: str) -> int:
        """Return the turn number of a namespace with waiting keys; the namespace with the lowest number is next."""
        return self._turns[namespace].number

    def changes(self, namespace: str, now: float) -> int:
        """Return how many changes of a namespace ran in a row; 0 if none ran in the last few seconds."""
        turn = self._turns.get(namespace)
        return 0 if turn is None or now - turn.last_change > _IDLE_SECONDS else turn.changes

    def wait(self, namespace: str, now: float) -> None:
        """Count one more waiting key of a namespace. A namespace that had none for some seconds gets a new turn, behind all."""
        turn = self._turns.get(namespace)
        if turn is None or (not turn.waiting and now - turn.last > _IDLE_SECONDS):
            turn = self._turns[namespace] = _Turn(next(self._numbers), now)
        turn.waiting += 1

    def withdraw(self, namespace: str) -> None:
        """Count one waiting key of a namespace less, because the key was removed without a run."""
        self._turns[namespace].waiting -= 1

    def run(self, namespace: str, now: float, *, is_change: bool) -> None:
        """Count the run of a waiting key. After RUNS runs, the namespace's next turn begins behind all other namespaces."""
        turn = self._turns[namespace]
        if is_change:
            turn.changes = turn.changes + 1 if now - turn.last_change <= _IDLE_SECONDS else 1
            turn.last_change = now
        turn.waiting -= 1
        turn.runs += 1
        turn.last = now
        if turn.runs >= RUNS:
            turn.number, turn.runs = next(self._numbers), 0


@dataclass(slots=True)
class WaitingKeys:
    """The keys of one priority that wait for the same workers."""

    turns: Turns
    are_changes: bool = True  # False: resyncs, which every namespace has
    _keys: dict[str, dict[Key, float]] = field(default_factory=dict)  # namespace → key → waiting since, oldest first
    # Heap of (number of the turn, namespace). An entry that no longer matches is corrected when it is the first one.
    _order: list[tuple[int, str]] = field(default_factory=list)
    _length: int = 0

    def __len__(self) -> int:
        return self._length

    def __contains__(self, key: Key) -> bool:
        return key in self._keys.get(key.namespace, ())

    def has_room(self, namespace: str, now: float) -> bool:
        """Return True if one more edit in a namespace may go before other work; False after many changes without a pause."""
        return self.turns.changes(namespace, now) + len(self._keys.get(namespace, ())) < RUNS

    def put(self, key: Key, since: float, now: float) -> None:
        """Add a key that is not waiting yet; it has waited since `since` (monotonic seconds)."""
        self.turns.wait(key.namespace, now)
        if key.namespace not in self._keys:
            self._keys[key.namespace] = {}
            heapq.heappush(self._order, (self.turns.number(key.namespace), key.namespace))
        self._keys[key.namespace][key] = since
        self._length += 1

    def remove(self, key: Key) -> float:
        """Remove a waiting key; return since when it has waited (monotonic seconds)."""
        self.turns.withdraw(key.namespace)
        return self._pop(key)

    def take(self, now: float) -> tuple[Key, float]:
        """Remove the next key, and return it and since when it has waited (monotonic seconds). There must be a waiting key."""
        while True:
            number, namespace = self._order[0]
            keys = self._keys.get(namespace)
            if keys is None:
                heapq.heappop(self._order)
            elif (current := self.turns.number(namespace)) != number:
                heapq.heapreplace(self._order, (current, namespace))
            else:
                break
        key = next(iter(keys))
        self.turns.run(namespace, now, is_change=self.are_changes)
        return key, self._pop(key)

    def _pop(self, key: Key) -> float:
        keys = self._keys[key.namespace]
        since = keys.pop(key)
        if not keys:
            del self._keys[key.namespace]
        self._length -= 1
        return since
