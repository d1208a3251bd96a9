"""The stored texts of a call: transcript and analysis of a call, arguments and answer of a function record.

They are plain or encrypted. Encrypted texts are together in the JSON column, and the text column is null. Retention empties
both columns, and so works for either.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog

from askproai_runtime.encryption import BodyCipher, DecryptionError, Place, is_encrypted_json

log = structlog.get_logger(__name__)

# A key in the analysis, like the recording's link: so the flag is encrypted, and deleted by age, with the texts.
_IS_FINAL: Final = "transcript_is_final"
_MAX_ARGUMENTS: Final = 7_900  # characters; the column takes 8,000, in which PostgreSQL writes spaces


@dataclass(frozen=True, slots=True)
class CallTexts:
    """The transcript of a call and Retell's analysis. `unreadable` is the stored JSON if it cannot be decrypted.

    `is_final`: the transcript is from the end of the call, and corrects the transcript from during the call.
    """

    transcript: str | None
    analysis: dict[str, Any] | None
    unreadable: dict[str, Any] | None = None
    is_final: bool = False


class _Texts(msgspec.Struct):
    """The texts of one call, which are encrypted together: the transcript and the analysis."""

    transcript: str | None
    analysis: dict[str, Any] | None


class _Said(msgspec.Struct):
    """The texts of one function record, which are encrypted together: the arguments and the answer."""

    arguments: dict[str, Any]
    answer: str | None


def read_call_texts(cipher: BodyCipher, call_id: str, transcript: str | None, analysis: str | None) -> CallTexts:
    """Return the texts in the columns `transcript` and `analysis`.

    A plain transcript beside encrypted texts comes from a pod that does not encrypt yet. It is used if it is longer, unless the
    encrypted one is final.
    """
    stored = None if analysis is None else msgspec.json.decode(analysis)
    if not is_encrypted_json(stored):
        return _to_texts(transcript, stored)
    try:
        texts = msgspec.convert(cipher.decrypt_json(Place.CALL, call_id, stored), _Texts)
    except DecryptionError as error:
        log.warning("call.unreadable", call_id=call_id, error=str(error))
        return CallTexts(transcript, None, stored)
    found = _to_texts(texts.transcript, texts.analysis)
    is_longer = len(transcript or "") > len(found.transcript or "")
    return replace(found, transcript=transcript) if is_longer and not found.is_final else found


def _to_texts(transcript: str | None, stored: dict[str, Any] | None) -> CallTexts:
    """Return a call's texts. The flag `transcript_is_final` is removed from the stored analysis and becomes `is_final`."""
    if stored is None or _IS_FINAL not in stored:
        return CallTexts(transcript, stored)
    analysis = {name: value for name, value in stored.items() if name != _IS_FINAL}
    return CallTexts(transcript, analysis or None, is_final=transcript is not None)


def store_call_texts(cipher: BodyCipher, call_id: str, texts: CallTexts) -> tuple[str | None, str | None]:
    """Return the values for the columns `transcript` and `analysis`. An unreadable text is kept unless a new text replaces it."""
    transcript, analysis = texts.transcript, texts.analysis
    if transcript is None and analysis is None:
        return None, _to_json(texts.unreadable)
    if texts.is_final:
        analysis = {**(analysis or {}), _IS_FINAL: True}
    encrypted = cipher.encrypt_json(Place.CALL, call_id, _Texts(transcript, analysis))
    return (transcript, _to_json(analysis)) if encrypted is None else (None, _to_json(encrypted))


def store_said(
    cipher: BodyCipher, call_id: str, at: datetime, function: str, arguments: dict[str, Any], answer: str | None
) -> dict[str, Any] | None:
    """Return the value for the column `arguments`: arguments and answer encrypted, or None if they are stored as plain text.

    Arguments that are too long for the column are left out, which happens in no ordinary call.
    """
    reference = _record_reference(call_id, at, function)
    stored = cipher.encrypt_json(Place.FUNCTION, reference, _Said(arguments, answer))
    if stored is not None and len(msgspec.json.encode(stored)) > _MAX_ARGUMENTS:
        stored = cipher.encrypt_json(Place.FUNCTION, reference, _Said({}, answer))
    return stored


def read_said(
    cipher: BodyCipher, call_id: str, at: datetime, function: str, arguments: str | None, answer: str | None
) -> tuple[dict[str, Any] | None, str | None]:
    """Return arguments and answer of a function record, from the columns of these names. Raises `DecryptionError`."""
    stored = None if arguments is None else msgspec.json.decode(arguments)
    if not is_encrypted_json(stored):
        return stored, answer
    value = cipher.decrypt_json(Place.FUNCTION, _record_reference(call_id, at, function), stored)
    said = msgspec.convert(value, _Said)
    return said.arguments, said.answer


def _record_reference(call_id: str, at: datetime, function: str) -> str:
    """Return the text that binds encrypted texts to their function record. PostgreSQL keeps microseconds, as Python does."""
    return f"{call_id}/{at.astimezone(UTC).isoformat()}/{function}"


def _to_json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
