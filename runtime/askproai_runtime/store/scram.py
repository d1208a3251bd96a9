"""Passwords as PostgreSQL stores them, made on our side, so that no password ever stands in a statement or a server's log."""

import base64
import hashlib
import hmac
import secrets

_ITERATIONS = 4096


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """Give what `ALTER ROLE … PASSWORD` takes for `password` (RFC 5803). ASCII only: others would need SASLprep first."""
    if not password or not password.isascii() or not password.isprintable():
        raise ValueError("a database password must be printable ASCII, and not empty")
    salt = secrets.token_bytes(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${_ITERATIONS}:{_text(salt)}${_text(stored_key)}:{_text(server_key)}"


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
