"""The link in a mail by which a customer stops reminders at once (RFC 8058), and its effect. The page itself is in `web.py`.

The link's token names the mail's appointment and address, for this tenant and this purpose only. It does not contain the
address, and a stranger cannot make a token: no table is read without a valid code. The token's key is derived from the tenant's
admin token, so a new admin token makes it invalid; the mail names other ways to stop reminders.
"""

import base64
import hashlib
import hmac
from typing import Final
from uuid import UUID

from askproai_core.database import Pool
from askproai_runtime.notifications.store.opt_outs import find_customer_email, stop_reminders

STOP_PATH: Final = "/webhooks/stop-reminders"  # below a path that routes of all releases lead to
_PURPOSE: Final = b"askproai stop reminders 1\n"  # separates this HMAC from any other use of the admin token
_ID_BYTES, _ADDRESS_BYTES, _CODE_BYTES = 16, 8, 16
_LENGTH: Final = (_ID_BYTES + _ADDRESS_BYTES + _CODE_BYTES) * 4 // 3 + 1  # characters, without padding


def stop_url(public_url: str, admin_token: str, tenant: str, appointment_id: UUID, email: str) -> str:
    """Return the link by which an appointment's customer stops reminders to an e-mail address."""
    named = appointment_id.bytes + _address_code(admin_token, email)
    token = base64.urlsafe_b64encode(named + _code(admin_token, tenant, named)).rstrip(b"=").decode()
    return f"{public_url}{STOP_PATH}/{token}"


def is_stop_token(text: str) -> bool:
    """Return True if a text has the length of a token. Texts of another length are not decoded."""
    return len(text) == _LENGTH


async def stop_by_link(pool: Pool, admin_token: str, tenant: str, token: str, correlation_id: str) -> bool:
    """Stop the reminders of the address that a token names. Return False if the token is not valid here. Safe to repeat."""
    appointment_id = read_token(admin_token, tenant, token)
    if appointment_id is None:
        return False
    email = await find_customer_email(pool, tenant, appointment_id)
    if email is None or not hmac.compare_digest(
        _address_code(admin_token, email), _decode(token)[_ID_BYTES:][:_ADDRESS_BYTES]
    ):
        return False  # the appointment has another customer's address by now
    await stop_reminders(pool, tenant, email.lower(), correlation_id)
    return True


def read_token(admin_token: str, tenant: str, token: str) -> UUID | None:
    """Return the appointment that a valid token names, else None. The time taken does not reveal where a wrong code differs."""
    try:
        decoded = _decode(token)
    except ValueError:
        return None
    named, code = decoded[:-_CODE_BYTES], decoded[-_CODE_BYTES:]
    if len(named) != _ID_BYTES + _ADDRESS_BYTES or not hmac.compare_digest(_code(admin_token, tenant, named), code):
        return None
    return UUID(bytes=named[:_ID_BYTES])


def _decode(token: str) -> bytes:
    return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)


def _code(admin_token: str, tenant: str, named: bytes) -> bytes:
    message = _PURPOSE + tenant.encode() + b"\n" + named
    return hmac.new(admin_token.encode(), message, hashlib.sha256).digest()[:_CODE_BYTES]


def _address_code(admin_token: str, email: str) -> bytes:
    message = _PURPOSE + b"address\n" + email.lower().encode()
    return hmac.new(admin_token.encode(), message, hashlib.sha256).digest()[:_ADDRESS_BYTES]
