"""Tests a URL that a manifest names: does it lead to the tenant's own pods?

The tenant chooses the host, and the operator runs inside the cluster. So, unless the platform itself names the host, only https
with a valid certificate and only public addresses are allowed; addresses are checked for the connection itself, not in a lookup
before it. For every host: no redirect is followed, no cookie or credential is sent, one answer of fixed length is read, and
each request takes at most 5 s. From its condition, a tenant learns only which of twelve causes it was.
"""

import asyncio
import hmac
import ipaddress
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from askproai_core.exposure_proof import PROOF_PATHS, new_nonce, proof_of
from askproai_core.http_answers import UnreadableAnswer, client_session, read_answer
from askproai_core.providers import find_host_problem

_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)
# Less than 5 s, so that the error names the cause. A lookup cannot be cancelled: if no server answers, it takes its thread for 30 s
# (three servers, twice 5 s each). Meanwhile the controller's 16 workers begin 16 × 30 ÷ 4 further lookups.
_LOOKUP_SECONDS: Final = 4.0
_LOOKUP_THREADS: Final = 128  # of their own, since the providers' clients need theirs
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_IPV6_UNICAST: Final = ipaddress.ip_network("2000::/3")  # all that IANA has assigned to the Internet
_IPV6_DOCUMENTATION: Final = ipaddress.ip_network("3fff::/20")  # RFC 9637; Python 3.11 does not know it
_REDIRECTS: Final = range(300, 400)
_LOGIN: Final = (401, 403)
_OK: Final = 200


class _NotPublic(OSError):
    """Raised if a host name has no public address."""


class _LookupTooLong(OSError):
    """Raised if the DNS lookup of a host name does not end in time."""


class _PublicResolver(AbstractResolver):
    """Resolves host names to public addresses only. Raises OSError if a name has none, or if its lookup takes too long."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="exposure-lookup")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_LOOKUP_SECONDS):  # aiohttp's own time-out does not end a lookup
                found = await loop.run_in_executor(self._threads, _look_up, host, port, family)
        except TimeoutError:
            raise _LookupTooLong(host) from None
        addresses = [address for address in found if is_public(address["host"])]
        if not addresses:
            raise _NotPublic(host)
        return addresses

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return [
        ResolveResult(hostname=host, host=str(where[0]), port=port, family=kind, proto=proto, flags=flags)
        for kind, _, proto, _, where in found
    ]


def is_public(address: str) -> bool:
    """Return True if an IP address is a public unicast address; an IPv4 address within IPv6 is judged, too."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip not in _IPV6_UNICAST or ip in _IPV6_DOCUMENTATION:
            return False
    return ip.is_global and not ip.is_multicast


def host_is_trusted(base_url: str, shared_base_url: str, patterns: Iterable[str]) -> bool:
    """Return True if the platform itself names the URL's host: it is the shared host, or matches ASKPROAI_EXPOSURE_HOSTS."""
    url, shared = urlsplit(base_url), urlsplit(shared_base_url)
    is_shared = (url.scheme, url.netloc) == (shared.scheme, shared.netloc)
    return is_shared or find_host_problem(base_url, patterns) is None


class Prober:
    """Tests if public URLs lead to the pods of a tenant. Use as `async with`."""

    def __init__(self, shared_base_url: str, trusted_hosts: Iterable[str], ssl: Any = True) -> None:
        """Take the hosts as `host_is_trusted` does. `ssl` is aiohttp's: True verifies by the system's authorities."""
        self._shared, self._patterns, self._ssl = shared_base_url, tuple(trusted_hosts), ssl
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._resolver = _PublicResolver()

    async def __aenter__(self) -> Self:
        public = aiohttp.TCPConnector(resolver=self._resolver, force_close=True, ssl=self._ssl)
        trusted = aiohttp.TCPConnector(force_close=True, ssl=self._ssl)
        for is_trusted, connector in ((False, public), (True, trusted)):
            self._sessions[is_trusted] = client_session(
                connector=connector,
                timeout=_TIMEOUT,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity"},
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in self._sessions.values():
            await session.close()
        await self._resolver.close()  # a connector closes only a resolver that it has made

    async def find_problem(self, base_url: str, token: str) -> str | None:
        """Return why the URL does not lead to the pods that have the `token`, and the remedy; None if it does.

        The text continues a sentence whose subject is the URL.
        """
        is_trusted = host_is_trusted(base_url, self._shared, self._patterns)
        if not is_trusted and (problem := _find_forbidden(base_url)):
            return problem
        for path in PROOF_PATHS:
            nonce = new_nonce()
            try:
                problem = await self._ask(
                    f"{base_url}{path}/{nonce}", proof_of(token, nonce), self._sessions[is_trusted]
                )
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                return _problem_of(error)
            if problem is not None:
                return problem.format(path=path.removesuffix("/proof"))
        return None

    async def _ask(self, url: str, proof: str, session: aiohttp.ClientSession) -> str | None:
        async with session.get(url, allow_redirects=False) as response:
            if response.status == _OK:
                try:
                    answer = await read_answer(response, len(proof))
                except UnreadableAnswer:
                    answer = b""
                if hmac.compare_digest(answer, proof.encode()):
                    return None
            return _problem_of_answer(response)


def _find_forbidden(base_url: str) -> str | None:
    """Return why the operator must not connect to this URL of a tenant; None if it may."""
    url = URL(base_url)
    if url.scheme != "https":
        return f"is not https; the platform team can allow http: list {url.host}:{url.port} in ASKPROAI_EXPOSURE_HOSTS"
    try:
        is_private = not is_public(url.host or "")
    except ValueError:
        return None  # a name: its addresses are checked when it is resolved
    return _NOT_PUBLIC if is_private else None


_NOT_PUBLIC: Final = (
    "leads to an address that is not public: correct its DNS record, or, if only its address inside the cluster is private, "
    "let the platform team list the host in ASKPROAI_EXPOSURE_HOSTS"
)
_CERTIFICATE: Final = (
    "has no certificate that is valid for it: set exposure.ingress.tlsSecretName (with cert-manager its annotation, too), or "
    "the Gateway's listener, and see whether the certificate was issued"
)


def _problem_of(error: Exception) -> str:
    """Return what a connection error means, and the remedy, for the author of the manifest. The text names no address."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            if isinstance(error.os_error, _NotPublic):
                return _NOT_PUBLIC
            if isinstance(error.os_error, _LookupTooLong):
                return f"is not tested: the lookup of {error.host} took too long; see that the DNS servers of its zone answer"
            return "has no address: create the DNS record of its host, with the address of the Ingress controller or Gateway"
        case aiohttp.ClientSSLError():
            return _CERTIFICATE
        case aiohttp.ClientConnectorError() | TimeoutError():
            return "does not answer: see that its DNS record leads to the Ingress controller or Gateway, and that this runs"
        case ValueError():  # InvalidURL among them
            return "is not a URL that can be called; correct exposure"
    return "does not answer in HTTP; see that its DNS record leads to the Ingress controller or Gateway"


def _problem_of_answer(response: aiohttp.ClientResponse) -> str:
    """Return what an answer without the proof means, and the remedy; `{path}` stays as placeholder for the request's path."""
    status = response.status
    if status in _REDIRECTS:
        return f"redirects {{path}} ({status}): webhooks are not sent again elsewhere, so route it without a redirect"
    if status in _LOGIN:
        return f"asks for a login at {{path}} ({status}): let requests in without one, since they are signed"
    return f"leads elsewhere than to this tenant's pods ({{path}}: {status}): route {{path}} there, or wait until it is routed"
