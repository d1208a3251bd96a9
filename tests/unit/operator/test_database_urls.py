"""The administrator's database URL, whose options the tenants' pods use as well, and password verifiers."""

import asyncio
import base64
from pathlib import Path

import pytest
import structlog

from askproai_core.database import DATABASE_UNAVAILABLE
from askproai_operator.login_urls import require_passable_options
from askproai_operator.store.admin import AdminStore
from askproai_operator.store.login_roles import scram_verifier
from askproai_runtime.process import with_authority

ADMIN = "postgresql://admin:geheim@db.example:5432/askproai"


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    file.write_text("-----BEGIN CERTIFICATE-----", encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ("sslmode=verify-full&sslrootcert=/no/such/file", "no file of the operator"),
        ("sslmode=verify-full", "add sslrootcert"),
        ("sslmode=verify-ca", "add sslrootcert"),
        ("sslcert=/etc/me.crt&sslkey=/etc/me.key", "remove sslcert, sslkey"),
        ("passfile=/home/admin/.pgpass", "remove passfile"),
    ],
)
def test_options_that_no_pod_could_use_are_refused(options: str, what: str) -> None:
    with pytest.raises(ValueError, match=what) as error:
        require_passable_options(f"{ADMIN}?{options}")
    assert "geheim" not in str(error.value)


def test_unauthenticated_database_server_is_logged_as_a_warning(authority: Path) -> None:
    for options, is_warned in (
        ("", True),
        ("?sslmode=require", True),
        (f"?sslmode=verify-full&sslrootcert={authority}", False),
    ):
        with structlog.testing.capture_logs() as logs:
            require_passable_options(ADMIN + options)
        assert [each["event"] for each in logs] == ["database.server_not_authenticated"] * is_warned


def test_pods_get_the_certificate_without_the_operators_path(authority: Path) -> None:
    admin = AdminStore(f"{ADMIN}?sslmode=verify-full&sslrootcert={authority}&application_name=a")
    for url in (admin.tenant_dsn("salon.salon", "p"), admin.coordinator_dsn("p")):
        assert url.endswith("@db.example:5432/askproai?sslmode=verify-full&application_name=a")
    assert admin.ca == authority.read_text(encoding="utf-8")
    only = AdminStore(f"{ADMIN}?sslrootcert={authority}")
    assert only.tenant_dsn("salon.salon", "p").endswith("/askproai")
    assert AdminStore(ADMIN).ca is None


def test_pods_database_url_names_the_mounted_certificate() -> None:
    file = Path("/etc/askproai/credentials/DATABASE_CA_FILE")
    assert with_authority(f"{ADMIN}?sslmode=verify-full", file) == f"{ADMIN}?sslmode=verify-full&sslrootcert={file}"
    assert with_authority(ADMIN, file) == f"{ADMIN}?sslrootcert={file}"


def test_scram_verifier_matches_the_rfcs_example() -> None:
    """RFC 7677 §3 gives user "pencil" with this salt, and the exchange; the keys follow from it by RFC 5802."""
    verifier = scram_verifier("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    assert verifier == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


def test_each_scram_verifier_has_its_own_salt() -> None:
    assert scram_verifier("pencil") != scram_verifier("pencil")


@pytest.mark.parametrize("password", ["", "naïve", "tab\t"])
def test_password_needing_saslprep_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        scram_verifier(password)


async def test_closed_store_cancels_no_reconcile() -> None:
    connected = asyncio.Event()
    server = await asyncio.start_server(lambda *_: connected.set(), "127.0.0.1")  # which never answers
    store = AdminStore(f"postgresql://admin@127.0.0.1:{server.sockets[0].getsockname()[1]}/none")
    prepared = asyncio.create_task(store.prepare())
    await connected.wait()
    await store.close()
    with pytest.raises(DATABASE_UNAVAILABLE):
        await prepared
    server.close()
