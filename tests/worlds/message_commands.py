"""The command line at a pod's private API."""

import asyncio
import sys

from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod

CLI = (sys.executable, "-c", "from askproai_cli.main import app; app()")


async def command(pod: TenantPod, *arguments: str, token: str = ADMIN_TOKEN, code: int = 0) -> str:
    process = await asyncio.create_subprocess_exec(
        *CLI, *arguments, "-t", "salon.salon", "--url", pod.private_url,
        env={"ASKPROAI_TOKEN": token, "COLUMNS": "80", "PYTHONPATH": ":".join(sys.path)}, stdout=-1, stderr=-1,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == code, err
    return (out + err).decode()
