from askproai_sandbox.calcom.app import CalcomSimulator
from askproai_sandbox.simulator import main

main("Cal.com", CalcomSimulator)
