from askproai_sandbox.retell.app import RetellSimulator
from askproai_sandbox.simulator import SystemClock, main

main("Retell", lambda: RetellSimulator(SystemClock()))
