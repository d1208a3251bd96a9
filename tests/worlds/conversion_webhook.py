"""A conversion webhook over TLS, as the API server calls one, and the two versions of a Tenant that it converts between.

v1beta1 is made up for it, with the two changes that a next version is most likely to make: `cancellationRule` becomes the block
`cancellation`, which says more than v1alpha1 can (`noticeHours`), and `locale`, which has a default, moves into `calendar`.
"""

import json
import ssl
import tempfile
from base64 import b64encode
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from askproai_sandbox.cluster import free_port
from tests.worlds.certificates import new_certificate

ALPHA, BETA = "v1alpha1", "v1beta1"
KEPT = "askproai.de/v1beta1-cancellation"  # the annotation of a v1alpha1 object with what only v1beta1 can say
_LARGEST_OBJECT = 8 * 1024 * 1024  # bytes: more than a review of the largest object that the API server accepts

Object = dict[str, Any]


def schema_of_beta(schema_of_alpha: Object) -> Object:
    """Return the OpenAPI schema of a v1beta1 Tenant."""
    schema = deepcopy(schema_of_alpha)
    fields = schema["properties"]["spec"]["properties"]
    notice = {"type": "integer", "minimum": 0, "maximum": 720}
    fields["cancellation"] = {
        "type": "object",
        "properties": {"rule": fields.pop("cancellationRule"), "noticeHours": notice},
    }
    fields["calendar"]["properties"]["locale"] = fields.pop("locale")
    return schema


def converted(obj: Object, version: str) -> Object:
    """Return an object in a version. One that is incomplete is converted, too: server-side apply sends parts of objects."""
    obj = deepcopy(obj)
    group, _, present = obj["apiVersion"].partition("/")
    if present != version:
        (_to_beta if version == BETA else _to_alpha)(obj)
    return obj | {"apiVersion": f"{group}/{version}"}


def _to_beta(obj: Object) -> None:
    spec, cancellation = obj.get("spec", {}), json.loads(_pop_kept(obj) or "{}")
    if "cancellationRule" in spec:
        cancellation["rule"] = spec.pop("cancellationRule")
    if cancellation:
        obj.setdefault("spec", spec)["cancellation"] = cancellation
    if "locale" in spec:
        spec.setdefault("calendar", {})["locale"] = spec.pop("locale")


def _to_alpha(obj: Object) -> None:
    spec = obj.get("spec", {})
    cancellation, calendar = spec.pop("cancellation", {}), spec.get("calendar", {})
    if "rule" in cancellation:
        spec["cancellationRule"] = cancellation.pop("rule")
    if cancellation:
        obj["metadata"].setdefault("annotations", {})[KEPT] = json.dumps(cancellation)
    if "locale" in calendar:
        spec["locale"] = calendar.pop("locale")
        if not calendar:  # a part of an object: nobody has applied a calendar
            del spec["calendar"]


def _pop_kept(obj: Object) -> str | None:
    metadata = obj.get("metadata", {})
    kept: str | None = metadata.get("annotations", {}).pop(KEPT, None)
    if metadata.get("annotations") == {}:
        del metadata["annotations"]
    return kept


@dataclass
class ConversionWebhook:
    """A webhook on a port of its own, which keeps what it was asked in `reviews`. Use as `async with`.

    Between `stop` and `start` nobody listens on its port.
    """

    port: int = field(default_factory=free_port)
    reviews: list[Object] = field(default_factory=list)  # `request` of each ConversionReview
    _pem: tuple[bytes, bytes] = field(default_factory=new_certificate)
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, unless it does."""
        if self._runner:
            return
        app = web.Application(client_max_size=_LARGEST_OBJECT)
        app.router.add_post("/convert", self._convert)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._tls()).start()

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    def conversion(self) -> Object:
        """Return `spec.conversion` of a definition whose objects it converts."""
        client = {"url": f"https://127.0.0.1:{self.port}/convert", "caBundle": b64encode(self._pem[1]).decode()}
        return {"strategy": "Webhook", "webhook": {"clientConfig": client, "conversionReviewVersions": ["v1"]}}

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder, name) for name in ("key", "certificate")]
            for file, pem in zip(files, self._pem, strict=True):
                file.write_bytes(pem)
            context.load_cert_chain(files[1], files[0])
        return context

    async def _convert(self, request: web.Request) -> web.Response:
        if self._runner is None:  # a connection may end its TLS handshake after the stop; seen by no log
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        review = await request.json()
        asked = review["request"]
        self.reviews.append(asked)
        version = asked["desiredAPIVersion"].partition("/")[2]
        objects: Sequence[Object] = [converted(obj, version) for obj in asked["objects"]]
        answer = {"uid": asked["uid"], "result": {"status": "Success"}, "convertedObjects": objects}
        return web.json_response({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": answer})
