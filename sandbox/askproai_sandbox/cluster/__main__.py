"""Build the control plane's programs unless this machine has them: `python -m askproai_sandbox.cluster`."""

import asyncio
import sys

from askproai_sandbox.cluster import ProgramError, program_folder

try:
    print(f"control plane: programs in {asyncio.run(program_folder(lambda line: print(line, flush=True)))}")
except ProgramError as error:
    sys.exit(str(error))
