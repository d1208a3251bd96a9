"""`askproai doctor` finds the end of a certificate's validity."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from askproai_cli.doctor.outside import certificate_of_secret, read_certificates
from tests.worlds.certificates import new_certificate


def certificate_until(end: datetime) -> bytes:
    """Return a certificate in PEM that is valid until then."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x" * 60)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(2**150).not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).not_valid_after(end)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("end", [datetime(2026, 12, 6, 9, 30, tzinfo=UTC), datetime(2060, 2, 3, 4, 5, 6, tzinfo=UTC)])
def test_first_certificate_decides_the_end_of_validity(end: datetime) -> None:
    """From 2050 on it is written in another form (RFC 5280, 4.1.2.5)."""
    _, authority = new_certificate()
    found = certificate_of_secret("Secret a/b", certificate_until(end) + authority)
    assert (found.ends, found.problem) == (end, "")


def test_authority_before_certificate_shows_the_authoritys_end() -> None:
    _, authority = new_certificate()
    found = certificate_of_secret("Secret a/b", authority + certificate_until(datetime(2060, 1, 1, tzinfo=UTC)))
    assert found.ends is not None
    assert found.ends - datetime.now(UTC) < timedelta(days=2)


WRAPPED = b"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----"


@pytest.mark.parametrize("pem", [b"", b"no certificate", WRAPPED % b"MAA=", WRAPPED % b"!"])
def test_invalid_certificate_is_reported(pem: bytes) -> None:
    found = certificate_of_secret("Secret a/b", pem)
    assert found.ends is None
    assert "no certificate in PEM" in found.problem


async def test_served_certificate_needs_known_authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key, certificate = new_certificate()
    (file := tmp_path / "served.pem").write_bytes(key + certificate)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/salon"
        (unknown,) = await read_certificates([url])
        assert (unknown.ends, unknown.problem) == (None, "self-signed certificate")
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert await read_certificates([url]) == [certificate_of_secret("127.0.0.1", certificate)]
