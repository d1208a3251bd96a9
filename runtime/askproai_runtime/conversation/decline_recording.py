"""decline_recording: the caller does not want a record of the call to be kept."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from askproai_runtime.book.changes import commit_and_answer
from askproai_runtime.book.context import BookingContext
from askproai_runtime.calls.notices import write_refusal
from askproai_runtime.conversation.types import Answer, CallContext, FunctionOutcome
from askproai_runtime.sentences import say


async def decline_recording(ctx: BookingContext, call: CallContext, _: Mapping[str, Any]) -> Answer:
    """Store no text of this call from now on, and confirm it after the commit. A repeated request gets the same answer."""
    answer = Answer(success=True, message=say().not_kept, fields={}, outcome=FunctionOutcome.NOT_KEPT)
    write = partial(write_refusal, ctx, call.call_id, call.correlation_id)
    return await commit_and_answer(ctx, write, lambda _: answer)
