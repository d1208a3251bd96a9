"""A collector of traces: a real HTTP server that decodes OTLP and keeps the spans."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status


@dataclass(frozen=True)
class ReceivedSpan:
    """A span as it was sent. `parent` is empty for the first one of a trace."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    service: str
    attributes: dict[str, Any]
    failed: bool
    links: tuple[tuple[str, str], ...]
    text: str


@dataclass
class TraceCollector:
    """Keeps the spans that it receives."""

    url: str = ""
    spans: list[ReceivedSpan] = field(default_factory=list)

    async def receive(self, request: web.Request) -> web.Response:
        assert request.headers["Content-Type"] == "application/x-protobuf"
        message = ExportTraceServiceRequest.FromString(await request.read())
        for resource in message.resource_spans:
            facts = _values(resource.resource.attributes)
            for scope in resource.scope_spans:
                self.spans += [_received(each, facts) for each in scope.spans]
        return web.Response()

    def named(self, name: str) -> list[ReceivedSpan]:
        return [each for each in self.spans if each.name == name]

    def one(self, name: str, **attributes: Any) -> ReceivedSpan:
        """Return the only span with this name and these attributes of ours, given without their prefix."""
        wanted = {f"askproai.{key}": value for key, value in attributes.items()}
        found = [each for each in self.named(name) if wanted.items() <= each.attributes.items()]
        assert len(found) == 1, (name, attributes, [(each.name, each.attributes) for each in self.spans])
        return found[0]

    def ancestors(self, span: ReceivedSpan) -> list[str]:
        """Return the names of a span's ancestors, up to the first span of its trace."""
        by_id, names = {(each.trace, each.id): each for each in self.spans}, list[str]()
        while span.parent:
            span = by_id[span.trace, span.parent]
            names.append(span.name)
        return names


def _received(span: WireSpan, resource: dict[str, Any]) -> ReceivedSpan:
    return ReceivedSpan(
        span.name,
        WireSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        resource["service.name"],
        _values(span.attributes),
        span.status.code == Status.STATUS_CODE_ERROR,
        tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        f"{resource} {span}",
    )


def _values(attributes: Sequence[Any]) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@asynccontextmanager
async def running_collector() -> AsyncIterator[TraceCollector]:
    """Run a collector during the block."""
    collector, app = TraceCollector(), web.Application(client_max_size=16 * 1024 * 1024)
    app.add_routes([web.post("/v1/traces", collector.receive)])
    async with TestServer(app) as server:
        collector.url = str(server.make_url("")).rstrip("/")
        yield collector
