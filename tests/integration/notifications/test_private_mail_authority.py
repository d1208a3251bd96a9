"""A mail server with a certificate of a private authority: only that authority verifies it."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from askproai_core.tenant_config import NotificationChannel
from askproai_core.tenant_config.notifications import SMTP_CA
from askproai_core.tenant_config.vocabulary import EmailSecurity
from askproai_runtime.notifications.task import read_notification_state
from tests.worlds.certificates import new_certificate
from tests.worlds.mail_server import MailServer, running_mail_server
from tests.worlds.notification_environment import NotificationEnvironment, mail_settings

pytestmark = pytest.mark.nightly


@pytest.fixture(params=[EmailSecurity.START_TLS, EmailSecurity.TLS])
async def private(env: NotificationEnvironment, tmp_path, request) -> AsyncIterator[MailServer]:
    """A server with a certificate of a private authority, which the Tenant names, and a mail that waits for it."""
    async with running_mail_server(tls_folder=tmp_path, implicit=request.param is EmailSecurity.TLS) as server:
        plain = mail_settings(server.port)
        assert plain.email is not None
        env.configure(replace(plain, email=replace(plain.email, security=request.param, private_ca=True)))
        await env.book()
        yield server


async def error_after_run(env: NotificationEnvironment) -> str:
    await env.make_due()
    await env.run()
    return str((await env.rows())[0]["error"])


async def test_mails_go_to_a_server_with_named_authority(env: NotificationEnvironment, private: MailServer) -> None:
    assert private.certificate is not None
    env.credentials = {SMTP_CA: private.certificate.read_text()}
    await env.run()
    assert len(private.mails) == 1


async def test_error_of_untrusted_certificate_names_field_to_correct(
    env: NotificationEnvironment, private: MailServer
) -> None:
    _, another = new_certificate()
    env.credentials = {SMTP_CA: another.decode()}
    error = await error_after_run(env)
    assert "SSLCertVerificationError" in error
    assert "email.caSecretRef holds another authority" in error
    assert private.mails == []


async def test_a_certificate_for_another_host_is_not_trusted(env: NotificationEnvironment, private: MailServer) -> None:
    assert private.certificate is not None
    env.credentials = {SMTP_CA: private.certificate.read_text()}
    settings = env.salon.configs[-1].notifications
    assert settings is not None
    assert settings.email is not None
    env.configure(replace(settings, email=replace(settings.email, host="localhost")))
    assert "correct email.host" in await error_after_run(env)


async def test_missing_authority_file_prevents_sending_despite_system_trust(
    env: NotificationEnvironment, private: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert private.certificate is not None
    monkeypatch.setenv("SSL_CERT_FILE", str(private.certificate))
    for content in ({}, {SMTP_CA: ""}, {SMTP_CA: "no certificate"}):
        env.credentials = content
        assert "caSecretRef is not mounted, or holds no PEM certificate" in await error_after_run(env)
    assert private.mails == []


async def test_notification_task_stores_why_a_channel_fails(env: NotificationEnvironment, private: MailServer) -> None:
    """The operator reads it (`NotificationsReady`)."""
    for failures in (1, 2):
        await error_after_run(env)
        away = read_notification_state(env.watermark).away[NotificationChannel.EMAIL]
        assert (away.failures, "caSecretRef" in away.reason) == (failures, True)
    await env.run()
    assert read_notification_state(env.watermark).away[NotificationChannel.EMAIL].failures == 2, "nothing was tried"
    assert private.certificate is not None
    env.credentials = {SMTP_CA: private.certificate.read_text()}
    await error_after_run(env)
    assert read_notification_state(env.watermark).away == {}
