"""kubectl against a demo that runs."""

import asyncio

from askproai_sandbox.cluster import ProcessError, program_folder
from askproai_sandbox.demo.state import State


async def kubectl(state: State, *arguments: str) -> str:
    """Run kubectl with the demo's kubeconfig and give what it prints; ProcessError with its words when it fails."""
    programs = await program_folder()
    process = await asyncio.create_subprocess_exec(
        str(programs / "kubectl"),
        f"--kubeconfig={state.kubeconfig}",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, problem = await process.communicate()
    if process.returncode != 0:
        raise ProcessError(f"kubectl {' '.join(arguments)}: {problem.decode().strip()}")
    return out.decode()
