"""The demo's environment as a process: `python -m askproai_sandbox.demo --directory DIR`."""

from askproai_sandbox.demo.environment import main

main()
