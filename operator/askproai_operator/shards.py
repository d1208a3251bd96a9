"""Shards: several operators divide the namespaces of one cluster. Pure.

A hash of its name assigns a namespace to a shard, so all objects of a tenant have one operator. The number of shards is the
*layout*; operators of two layouts never lead at the same time (`control_loop/shard_election.py`).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from askproai_core.api_resource import ApiResource
from askproai_operator.resources import CONFIG_MAPS, MANAGER

MAX_SHARDS: Final = 16  # the chart's Role names as many Leases
_HOLDER: Final = re.compile(r"_\d+-of-(\d+)$")
LEASE_NAMES: Final = (MANAGER, *(f"{MANAGER}-{index}" for index in range(1, MAX_SHARDS)))  # by the number of the shard


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` parts of all namespaces, numbered from 0. By default one operator has all namespaces.

    The operator's own namespace, `home`, is in shard 0, together with the work that is done there.
    """

    index: int = 0
    count: int = 1
    home: str = ""

    @property
    def is_first(self) -> bool:
        """Whether this is shard 0, which leads first and also has the work that belongs to no tenant."""
        return self.index == 0

    @property
    def lease_name(self) -> str:
        """Return the name of the shard's Lease. Shard 0's is the same in each layout, so any two layouts exclude each other."""
        return LEASE_NAMES[self.index]

    @property
    def holder_suffix(self) -> str:
        """Return the end of the leader's name in this shard's Lease, by which others learn the layout; "" for a single shard."""
        return "" if self.count == 1 else f"_{self.index}-of-{self.count}"

    def owns(self, namespace: str) -> bool:
        """Return True if the namespace belongs to this shard, which then reconciles its objects."""
        return self.index_of(namespace) == self.index

    def index_of(self, namespace: str) -> int:
        """Return the number of the shard that a namespace belongs to."""
        return 0 if namespace == self.home else shard_index(namespace, self.count)

    def observes(self, ref: ApiResource, raw: Mapping[str, Any]) -> bool:
        """Return True if the shard keeps an object in its cache: objects of its namespaces, and all grants.

        All tenants of the cluster compete for a host, number or key. The ConfigMaps in the operator's namespace are the grants;
        a label does not decide, since a grant that lost its label has to change in every cache.
        """
        namespace = raw["metadata"].get("namespace", "")
        return (ref is CONFIG_MAPS and namespace == self.home) or self.owns(namespace)


def shard_index(namespace: str, count: int) -> int:
    """Return the number of the shard that has a namespace, of `count` shards; the same in every release."""
    digest = hashlib.sha256(namespace.encode()).digest()
    return int.from_bytes(digest[:8], "big") % count


def layout_of_holder(identity: str) -> int:
    """Return the layout (number of shards) in the name of a Lease's holder; 1 if it has none, as before shards existed."""
    found = _HOLDER.search(identity)
    return int(found[1]) if found else 1
