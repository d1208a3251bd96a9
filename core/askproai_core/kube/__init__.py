"""Leader election by a Lease of the API server: of several replicas one works, and each knows when it may not any more.

LeaseError               the API server refused, or did not answer
└── LeaseTaken           somebody else wrote the Lease since it was read
NotLeader                the Lease is not ours, or not surely: write nothing outside
"""

from askproai_core.kube.elector import Elector, Times, exit_when_lost, own_identity
from askproai_core.kube.errors import LeaseError, LeaseTaken, NotLeader
from askproai_core.kube.lease_api import Access, LeaseApi, access

__all__ = [
    "Access", "Elector", "LeaseApi", "LeaseError", "LeaseTaken", "NotLeader", "Times", "access", "exit_when_lost",
    "own_identity",
]  # fmt: skip
