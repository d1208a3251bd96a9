"""Counts of requests to the API server by sender, requests to the providers, CPU time and memory of each process."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
import msgspec

POLICY: Final = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules: [{level: Metadata}]
"""
READS: Final = frozenset({"get", "list", "watch", "dry-run"})
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class _User(msgspec.Struct):
    username: str = ""


class _Ref(msgspec.Struct):
    resource: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""


class _Status(msgspec.Struct):
    code: int = 0


class Request(msgspec.Struct):
    """One line of the audit log: a request that was answered, or a watch that ended."""

    verb: str
    request_uri: str = msgspec.field(name="requestURI")
    received: str = msgspec.field(name="requestReceivedTimestamp")
    user: _User = msgspec.field(default_factory=_User)
    agent: str = msgspec.field(name="userAgent", default="")
    ref: _Ref = msgspec.field(name="objectRef", default_factory=_Ref)
    status: _Status = msgspec.field(name="responseStatus", default_factory=_Status)

    @property
    def party(self) -> str:
        """Return the sender: the user, or the program behind the administrator, as whom the controllers log in."""
        return self.agent.partition("/")[0] or "?" if self.user.username == "admin" else self.user.username

    @property
    def kind(self) -> str:
        """Return the verb; a server-side apply is a `patch` for the API server, and an `apply` here; a dry run is no write."""
        if "dryRun=All" in self.request_uri:
            return "dry-run"
        return "apply" if self.verb == "patch" and "force=true" in self.request_uri else self.verb

    @property
    def resource(self) -> str:
        return f"{self.ref.resource}/{self.ref.subresource}" if self.ref.subresource else self.ref.resource


class AuditLog:
    """The API server's audit log, read as it grows."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset = path, 0
        self._decoder = msgspec.json.Decoder(Request)

    def read(self) -> Iterator[Request]:
        """Yield the requests since the last call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # it is being written
                self._offset += len(line)
                yield self._decoder.decode(line)


@dataclass
class Counts:
    """The counts since the start; the difference of two is the cost of a phase."""

    requests: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # party, verb, resource
    providers: Counter[str] = field(default_factory=Counter)  # such as `retell GET get-agent`
    cpu: Counter[str] = field(default_factory=Counter)  # milliseconds, by process

    def since(self, before: "Counts") -> "Counts":
        """Return the difference to an earlier count, without zeros."""
        pairs = ((self.requests, before.requests), (self.providers, before.providers), (self.cpu, before.cpu))
        return Counts(
            *(Counter({name: n - old[name] for name, n in new.items() if n != old[name]}) for new, old in pairs)
        )

    def of(self, party: str) -> Counter[tuple[str, str]]:
        """Return a party's requests by verb and resource, without the renewals of Leases."""
        found = {
            (verb, resource): count for (who, verb, resource), count in self.requests.items()
            if who == party and resource != "leases"
        }  # fmt: skip
        return Counter(found)

    def writes(self, party: str) -> int:
        return sum(count for (verb, _), count in self.of(party).items() if verb not in READS)

    def reads(self, party: str) -> int:
        return sum(count for (verb, _), count in self.of(party).items() if verb in READS)

    def provider_reads(self) -> int:
        """Return how often a provider was asked something; Retell lists by POST."""
        return sum(count for name, count in self.providers.items() if is_provider_read(name))

    def provider_writes(self) -> int:
        return self.providers.total() - self.provider_reads()


def is_provider_read(name: str) -> bool:
    _, method, operation = name.split(" ", 2)
    return method == "GET" or operation.startswith("list-")


async def provider_counts(urls: Mapping[str, str]) -> Counter[str]:
    """Ask the simulators what they have received."""
    counts: Counter[str] = Counter()
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        for provider, url in urls.items():
            async with session.get(f"{url}/_sim/counts") as response:
                counts.update({f"{provider} {name}": count for name, count in (await response.json()).items()})
    return counts


def cpu_milliseconds(pid: int) -> int:
    """Return the CPU time of a process and its children, of living and ended ones; 0 if it has ended."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        # The sum of utime and stime, and of both for the children that were waited for.
        own = sum(map(int, fields[11:15])) * 1000 // _TICKS
        return own + sum(cpu_milliseconds(int(child)) for child in children)
    return 0


def memory_mb(pid: int) -> tuple[float, float, float]:
    """Return a process's memory in 10⁶ bytes: resident, proportional, and the most that was ever resident."""
    lines = [
        *Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:],
        *Path(f"/proc/{pid}/status").read_text().splitlines(),
    ]
    sizes = {line.split()[0]: line.split()[1] for line in lines if len(line.split()) > 2}
    rss, pss, peak = (int(sizes[name]) * 1024 / 1e6 for name in ("Rss:", "Pss:", "VmHWM:"))
    return rss, pss, peak
