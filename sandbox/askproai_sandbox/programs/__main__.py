"""Build the control plane unless this machine has it: `python -m askproai_sandbox.programs`. Any Python 3.11 is enough."""

import asyncio
import os
import sys

from askproai_sandbox.programs import KUBE, ProgramError

try:
    if "KUBE_BIN" not in os.environ:
        asyncio.run(KUBE.built(lambda line: print(line, flush=True)))
except ProgramError as error:
    sys.exit(str(error))
