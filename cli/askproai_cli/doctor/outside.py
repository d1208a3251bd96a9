"""Looks at the public URLs from where the command runs: the proof of the tenant's own pods, and the certificates.

The proof is the operator's own test (`askproai_operator/url_prober.py`), with its rules about hosts that a tenant chose.
"""

import asyncio
import ssl
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from askproai_cli.doctor.observations import Certificate, Url, Withheld
from askproai_operator.url_prober import Prober

_AT_ONCE: Final = 16
_TIMEOUT_SECONDS: Final = 5.0


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
    except (OSError, TimeoutError, UnicodeError):  # UnicodeError: not a possible DNS name
        return None  # another check reports a host that does not answer
    try:
        until = writer.get_extra_info("ssl_object").getpeercert()["notAfter"]
    finally:
        writer.close()
    return Certificate(host, datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC))


def certificate_of_secret(subject: str, pem: bytes) -> Certificate:
    """Return the end of validity of the first certificate in a PEM text; a problem if it cannot be read."""
    from cryptography import x509

    try:
        return Certificate(subject, x509.load_pem_x509_certificate(pem).not_valid_after_utc)
    except ValueError:
        return Certificate(subject, None, "tls.crt is no certificate in PEM")
