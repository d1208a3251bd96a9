"""Schemathesis reads `/openapi.json` and asks the private API what the document allows, and what it forbids."""

import asyncio
import sys
from pathlib import Path

import pytest

from askproai_core.reader_token import reader_token_of
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod

pytestmark = pytest.mark.nightly

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
EXAMPLES = 40  # for each operation and phase
# A cursor is opaque, so that the document cannot say which texts are one; and the path /events/{id} matches /events/redrive.
UNSUITABLE = "positive_data_acceptance,allow_header_conformance"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("arguments", [(ADMIN_TOKEN,), (reader_token_of(ADMIN_TOKEN), "--include-method=GET")])
async def test_private_api_answers_by_its_openapi_document(pod: TenantPod, tmp_path, arguments) -> None:
    """No answer is a server error, has an undocumented status, type or shape, or accepts what the document refuses."""
    token, *only = arguments
    options = ("-H", f"Authorization: Bearer {token}", "--max-examples", str(EXAMPLES), "--generation-database", "none")
    process = await asyncio.create_subprocess_exec(
        *(SCHEMATHESIS, "run", f"{pod.private_url}/openapi.json", "--exclude-checks", UNSUITABLE, *options, *only),
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
