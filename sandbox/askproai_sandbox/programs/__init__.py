"""The programs of the local cluster that are not Python: from a pinned wheel, or built once from pinned Go modules.

This package needs no other package, so that the control plane is built while Python's packages are installed.
"""

from askproai_sandbox.programs.control_plane import KUBE, PARTS, kubectl_of, link_kubectl, program_folder
from askproai_sandbox.programs.go_build import PARENT_DEATH_SIGNAL, GoProgram, ProgramError
from askproai_sandbox.programs.packaged import packaged_program

__all__ = [
    "KUBE", "PARENT_DEATH_SIGNAL", "PARTS", "GoProgram", "ProgramError", "kubectl_of", "link_kubectl", "packaged_program",
    "program_folder",
]  # fmt: skip
