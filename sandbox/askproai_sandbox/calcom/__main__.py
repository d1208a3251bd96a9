from askproai_sandbox.calcom.app import CalcomSimulator
from askproai_sandbox.simulator import SystemClock, main

main("Cal.com", lambda: CalcomSimulator(SystemClock()))
