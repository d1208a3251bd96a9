"""Call scripts: dialogues in files, which are played against the running demo and compared with the expected result."""

from askproai_sandbox.call_scripts.play import Addresses, play_script
from askproai_sandbox.call_scripts.script import CallScript, PodsMissingError, ScriptError, load_script

__all__ = ["Addresses", "CallScript", "PodsMissingError", "ScriptError", "load_script", "play_script"]
