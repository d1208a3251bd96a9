from askproai_sandbox.retell.app import RetellSimulator
from askproai_sandbox.simulator import main

main("Retell", RetellSimulator)
