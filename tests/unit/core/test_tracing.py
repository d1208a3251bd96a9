"""The blocks that become spans, the traces of the spans, and their permitted content."""

import pytest

from askproai_core.logging import add_trace
from askproai_core.providers.http import url_template
from askproai_core.tracing import (
    Kind,
    annotate,
    continue_from,
    current_traceparent,
    detached,
    draw_trace,
    exemplar,
    is_on,
    is_recording,
    span,
    start_trace,
)
from askproai_core.tracing.spans import SpanIds
from tests.worlds.memory_spans import MemoryRecorder

STORED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_disabled_tracing_creates_no_span() -> None:
    with start_trace("request", linked=STORED), span("step"), continue_from(STORED):
        annotate(outcome="ok")
        assert (is_on(), current_traceparent(), exemplar()) == (False, None, None)


def test_span_belongs_to_and_ends_with_its_block(recorder: MemoryRecorder) -> None:
    with start_trace("request", Kind.SERVER, tenant="a.b"):
        with span("step", status=201):
            assert current_traceparent() == f"00-{1:032x}-{2:016x}-01"
        annotate(outcome="done")
    request, step = recorder.spans
    assert (step.parent, request.parent) == (request.ids, None)
    assert request.attributes == {"askproai.tenant": "a.b", "askproai.outcome": "done"}
    assert step.attributes == {"http.response.status_code": 201}
    assert (request.ended, step.ended, request.failed, current_traceparent()) == (True, True, False, None)


def test_span_without_a_trace_is_not_created(recorder: MemoryRecorder) -> None:
    with span("step"):
        assert current_traceparent() is None
    assert recorder.spans == []


def test_sampling_ignores_trace_headers_of_strangers(recorder: MemoryRecorder) -> None:
    recorder.ratio = 0
    for _ in range(100):
        with start_trace("request", linked=STORED), span("step"):
            assert current_traceparent() is None
    assert recorder.spans == []


def test_detached_work_belongs_to_no_trace(recorder: MemoryRecorder) -> None:
    with start_trace("request"):
        with detached(), span("step"):
            assert (is_recording(), current_traceparent()) == (False, None)
        assert is_recording()
    assert [each.name for each in recorder.spans] == ["request"]


def test_sampling_is_decided_before_a_span_exists(recorder: MemoryRecorder) -> None:
    assert draw_trace()
    recorder.ratio = 0
    assert not draw_trace()
    assert recorder.spans == []


def test_foreign_context_is_linked_and_never_the_parent(recorder: MemoryRecorder) -> None:
    for linked in (STORED, STORED.removesuffix("01") + "00"):
        with start_trace("request", linked=linked):
            pass
    for each in recorder.spans:
        assert (each.parent, each.link) == (None, SpanIds(*STORED.split("-")[1:3]))


@pytest.mark.parametrize(
    "context",
    [
        None,
        "",
        "garbage",
        STORED + "-more",
        STORED.removesuffix("01") + "00",  # not recorded where it comes from
        STORED.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
        STORED.replace("b7ad6b7169203331", "0" * 16),
        STORED.upper(),
    ],
)
def test_unrecorded_context_begins_no_trace(recorder: MemoryRecorder, context: str | None) -> None:
    with continue_from(context), span("job"):
        assert current_traceparent() is None
    assert recorder.spans == []


def test_span_continues_the_stored_trace_context(recorder: MemoryRecorder) -> None:
    recorder.ratio = 0  # the stored context has decided
    with continue_from(STORED), span("job"):
        assert exemplar() == {"trace_id": "0af7651916cd43dd8448eb211c80319c"}
    assert recorder.spans[0].parent == SpanIds("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


def test_span_shows_only_the_type_of_an_error(recorder: MemoryRecorder) -> None:
    with pytest.raises(ValueError, match="Zora"), start_trace("request"):
        raise ValueError("Zora Kanarienvogel")
    (failed,) = recorder.spans
    assert (failed.failed, failed.ended, failed.attributes) == (True, True, {"error.type": "ValueError"})


def test_log_line_names_the_trace_around_it(recorder: MemoryRecorder) -> None:
    with start_trace("request"):
        assert add_trace(None, "info", {"event": "x"}) == {
            "event": "x", "trace_id": f"{1:032x}", "span_id": f"{1:016x}"
        }  # fmt: skip
    assert add_trace(None, "info", {"event": "x"}) == {"event": "x"}


@pytest.mark.parametrize(
    ("url", "template"),
    [
        ("https://api.cal.com/v2/bookings/aBcDeF123/cancel", "/v2/bookings/{}/cancel"),
        ("https://api.cal.com/v2/slots?name=Zora", "/v2/slots"),
        ("https://api.cal.com/v1/bookings?apiKey=cal_secret", "/v1/bookings"),
        ("https://api.retellai.com/get-agent/agent_1", "/get-agent/{}"),
        ("https://api.retellai.com/update-phone-number/%2B4930123456", "/update-phone-number/{}"),
        ("https://cal.salon.example/zora/v2/me", "/{}/v2/me"),
    ],
)
def test_providers_url_is_shown_without_personal_parts(url: str, template: str) -> None:
    assert url_template(url) == template
