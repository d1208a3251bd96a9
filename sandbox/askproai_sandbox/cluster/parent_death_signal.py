"""Run a program that dies with its parent: `python -I -S parent_death_signal.py PARENT_PID USER PROGRAM ARGUMENT…` (USER "": as now).

A script of its own and not a `preexec_fn`, because Python code between fork and exec can hang a parent that has threads.
The order to die survives `exec`, and Linux gives it when the *thread* that started the child ends: spawn from the main one.
"""

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1

parent, user, program, *arguments = sys.argv[1:]
if user:  # before the order, as a change of the user takes it back
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() != int(parent):  # it died before the order was given
    sys.exit(1)
os.execvp(program, [program, *arguments])
