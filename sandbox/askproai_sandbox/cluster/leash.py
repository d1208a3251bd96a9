"""Run a program that dies with its parent: `python -I -S leash.py PARENT_PID PROGRAM ARGUMENT…`.

A script of its own and not a `preexec_fn`, because Python code between fork and exec can hang a parent that has threads.
The order to die survives `exec`, and Linux gives it when the *thread* that started the child ends: spawn from the main one.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

parent, program, *arguments = sys.argv[1:]
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() != int(parent):  # it died before the order was given
    sys.exit(1)
os.execvp(program, [program, *arguments])
