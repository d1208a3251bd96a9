"""Looks at the public URLs from where the command runs: the proof of the tenant's own pods, and the certificates.

The proof is the operator's own test (`askproai_operator/url_prober.py`), with its rules about hosts that a tenant chose.
"""

import asyncio
import base64
import re
import ssl
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from askproai_cli.doctor.observations import Certificate, Url, Withheld
from askproai_operator.url_prober import Prober

_AT_ONCE: Final = 16
_TIMEOUT_SECONDS: Final = 5.0
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _INTEGER, _VERSION = 0x30, 0x02, 0xA0
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_LONG_FORM: Final = 0x80


def is_of_cluster(base_url: str, namespaces: Collection[str]) -> bool:
    """Return True if a URL's host resolves only inside the cluster: a Service's name, alone or followed by its namespace."""
    _, *rest = (urlsplit(base_url).hostname or "").rstrip(".").split(".")
    return not rest or rest[1:2] == ["svc"] or (len(rest) == 1 and rest[0] in namespaces)


async def test_urls(
    urls: Iterable[tuple[str, str, str | Withheld]],
    shared_base_url: str,
    trusted_hosts: Iterable[str],
    namespaces: Collection[str],
) -> list[Url]:
    """Test whether each URL returns its tenant's proof. `urls` are triples of tenant, base URL, and the token of its pods.

    `namespaces` are the cluster's. A Service's URL is only reachable inside the cluster: its silence proves nothing here.
    """
    limit = asyncio.Semaphore(_AT_ONCE)
    async with Prober(shared_base_url, trusted_hosts) as prober:

        async def test(tenant: str, base_url: str, token: str | Withheld) -> Url:
            if isinstance(token, Withheld):
                return Url(tenant, base_url, token)
            async with limit:
                problem = await prober.find_problem(base_url, token)
            if problem is not None and is_of_cluster(base_url, namespaces):
                return Url(tenant, base_url, Withheld("a look from inside the cluster: helm test"))
            return Url(tenant, base_url, problem)

        return await asyncio.gather(*(test(*url) for url in urls))


async def read_certificates(base_urls: Iterable[str]) -> list[Certificate]:
    """Return the TLS certificates of the hosts of https URLs. A host that does not answer is left out."""
    addresses = sorted({(url.hostname, url.port or 443) for url in map(urlsplit, base_urls) if url.scheme == "https"})
    found = await asyncio.gather(*(_read_certificate(host, port) for host, port in addresses if host))
    return [each for each in found if each is not None]


async def _read_certificate(host: str, port: int) -> Certificate | None:
    context = ssl.create_default_context()
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except ssl.SSLCertVerificationError as error:
        return Certificate(host, None, error.verify_message)
    except (OSError, TimeoutError, UnicodeError):  # UnicodeError: no name that DNS could have
        return None  # what does not answer is the finding of another check
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
    return Certificate(host, read_end(shown))


def certificate_of_secret(subject: str, pem: bytes) -> Certificate:
    """Return the end of validity of the first certificate in a PEM text; a problem if it cannot be read."""
    found = _PEM.search(pem)
    try:
        return Certificate(subject, read_end(base64.b64decode(found[1]))) if found else _unreadable(subject)
    except (ValueError, IndexError):
        return _unreadable(subject)


def _unreadable(subject: str) -> Certificate:
    return Certificate(subject, None, "tls.crt is no certificate in PEM")


def read_end(certificate: bytes) -> datetime:
    """Return the end of validity of a certificate in DER (RFC 5280, 4.1): its fields are version, serial, signature, issuer,
    validity, …

    Python's own parser reads certificates of a connection only. Raises ValueError and IndexError for anything else.
    """
    parts = _split(_split(_split(certificate)[0][1])[0][1])
    if parts[0][0] == _VERSION:
        parts = parts[1:]
    tag, end = _split(parts[3][1])[1]
    formats = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}
    if parts[0][0] != _INTEGER or tag not in formats:
        raise ValueError("no certificate")
    return datetime.strptime(end.decode("ascii"), formats[tag]).replace(tzinfo=UTC)


def _split(content: bytes) -> Sequence[tuple[int, bytes]]:
    """Return tag and content of each element of a DER sequence (ASN.1)."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(content):
        tag, length = content[at], content[at + 1]
        at += 2
        if length & _LONG_FORM:
            count = length & ~_LONG_FORM
            length = int.from_bytes(content[at : at + count], "big")
            at += count
        found.append((tag, content[at : at + length]))
        at += length
    return found
