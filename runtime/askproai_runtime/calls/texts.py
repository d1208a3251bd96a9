"""What was said in a call, as its columns hold it: transcript and analysis of a call, arguments and answer of a function record.

Plain or encrypted: what is encrypted is in the column of JSON, and the column of text is null. So retention, which empties both,
needs to know nothing of it.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog

from askproai_runtime.encryption import BodyCipher, DecryptionError, Place, is_encrypted_json

log = structlog.get_logger(__name__)

# In the analysis, as where the recording is: so it is encrypted, and goes by age, with what it is about.
_IS_FINAL: Final = "transcript_is_final"
_MAX_ARGUMENTS: Final = 7_900  # characters; the column takes 8,000, in which PostgreSQL writes spaces


@dataclass(frozen=True, slots=True)
class CallTexts:
    """What was said in a call, and what Retell makes of it. `unreadable`: what is stored of both and cannot be decrypted.

    `is_final`: the transcript is that of the call's end, which corrects what grew while the call went on.
    """

    transcript: str | None
    analysis: dict[str, Any] | None
    unreadable: dict[str, Any] | None = None
    is_final: bool = False


class _Texts(msgspec.Struct):
    """What is encrypted of a call."""

    transcript: str | None
    analysis: dict[str, Any] | None


class _Said(msgspec.Struct):
    """What is encrypted of a function record."""

    arguments: dict[str, Any]
    answer: str | None


def read_call_texts(cipher: BodyCipher, call_id: str, transcript: str | None, analysis: str | None) -> CallTexts:
    """Return the texts of which these two columns are stored.

    A plain transcript beside an encrypted one is of a pod that does not encrypt yet: it counts if it is longer, and the other one
    is not that of the call's end.
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
    """Return the texts without the mark that is stored in the analysis."""
    if stored is None or _IS_FINAL not in stored:
        return CallTexts(transcript, stored)
    analysis = {name: value for name, value in stored.items() if name != _IS_FINAL}
    return CallTexts(transcript, analysis or None, is_final=transcript is not None)


def store_call_texts(cipher: BodyCipher, call_id: str, texts: CallTexts) -> tuple[str | None, str | None]:
    """Return the columns `transcript` and `analysis`. What is unreadable stays where nothing takes its place."""
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
    """Return the column `arguments` with arguments and answer encrypted in it; None while they are stored plainly.

    Without the arguments if they are too long for their column; those of an ordinary call never are.
    """
    reference = _record_reference(call_id, at, function)
    stored = cipher.encrypt_json(Place.FUNCTION, reference, _Said(arguments, answer))
    if stored is not None and len(msgspec.json.encode(stored)) > _MAX_ARGUMENTS:
        stored = cipher.encrypt_json(Place.FUNCTION, reference, _Said({}, answer))
    return stored


def read_said(
    cipher: BodyCipher, call_id: str, at: datetime, function: str, arguments: str | None, answer: str | None
) -> tuple[dict[str, Any] | None, str | None]:
    """Return the arguments and the answer of which these two columns are stored. Raises `DecryptionError`."""
    stored = None if arguments is None else msgspec.json.decode(arguments)
    if not is_encrypted_json(stored):
        return stored, answer
    value = cipher.decrypt_json(Place.FUNCTION, _record_reference(call_id, at, function), stored)
    said = msgspec.convert(value, _Said)
    return said.arguments, said.answer


def _record_reference(call_id: str, at: datetime, function: str) -> str:
    """Return what names a record before it has an id. PostgreSQL keeps microseconds, as Python does."""
    return f"{call_id}/{at.astimezone(UTC).isoformat()}/{function}"


def _to_json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
