"""Read the response bodies of other servers, each limited in size after decompression.

A few hundred kilobytes of gzip unpack to as many megabytes, and aiohttp unpacks a body before the program asks for it. So our
sessions do not unpack by themselves, and `read_answer` unpacks piece by piece up to the limit.
"""

import zlib
from collections.abc import Iterator
from typing import Any, Final

import aiohttp

_PIECE: Final = 64 * 1024
_ENCODINGS: Final = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class UnreadableAnswer(aiohttp.ClientError):
    """A response redirects, or its body is larger than its reader allows, or cannot be unpacked by the reader."""


async def _refuse_redirect(*_: object) -> None:
    raise UnreadableAnswer("the answer redirects to another address")


def client_session(**options: Any) -> aiohttp.ClientSession:
    """Return an HTTP session whose response bodies must be read by `read_answer`. `options` are arguments of aiohttp.

    A redirect raises `UnreadableAnswer`, or is returned with `allow_redirects=False`: it may lead anywhere in our network.
    """
    tracing, headers = aiohttp.TraceConfig(), {"Accept-Encoding": "gzip"} | options.pop("headers", {})
    tracing.on_request_redirect.append(_refuse_redirect)
    return aiohttp.ClientSession(auto_decompress=False, headers=headers, trace_configs=[tracing], **options)


async def read_answer(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return the unpacked body of a response. Raises `UnreadableAnswer` if it is over `limit` bytes or cannot be unpacked."""
    pieces, size = list[bytes](), 0
    unpacker = _Unpacker(response.headers.get("Content-Encoding", ""))
    async for packed in response.content.iter_chunked(_PIECE):
        for piece in unpacker.unpack(packed):
            size += len(piece)
            if size > limit:
                raise UnreadableAnswer(f"the answer has more than {limit} bytes")
            pieces.append(piece)
    unpacker.require_end()
    return b"".join(pieces)


class _Unpacker:
    """Unpacks a compressed response body in pieces of at most 64 KiB."""

    def __init__(self, encoding: str) -> None:
        name = encoding.strip().lower()
        if name not in {"", "identity", *_ENCODINGS}:
            raise UnreadableAnswer("the answer has a compression that was not requested")
        self._inflate = zlib.decompressobj(_ENCODINGS[name]) if name in _ENCODINGS else None
        self._has_input = False

    def unpack(self, packed: bytes) -> Iterator[bytes]:
        """Yield the next unpacked bytes of the body. Raises `UnreadableAnswer` for damaged data and for data after the end."""
        if self._inflate is None:
            yield packed
            return
        self._has_input = True
        while packed:
            if self._inflate.eof:
                raise UnreadableAnswer("the compressed answer has data after its end")
            try:
                piece = self._inflate.decompress(packed, _PIECE)
            except zlib.error as error:
                raise UnreadableAnswer("the compressed answer is damaged") from error
            packed = self._inflate.unconsumed_tail or self._inflate.unused_data
            if piece:
                yield piece

    def require_end(self) -> None:
        """Raise `UnreadableAnswer` if the compressed data is incomplete."""
        if self._inflate is not None and self._has_input and not self._inflate.eof:
            raise UnreadableAnswer("the compressed answer is incomplete")
