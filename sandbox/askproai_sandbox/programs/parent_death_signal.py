"""Run a program that is killed when its parent dies: `parent_death_signal.py PARENT_PID USER PROGRAM ARGUMENT…`.

Start it by `python -I -S`. With an empty USER the user stays the same.

This is a script, not a `preexec_fn`, because Python code between fork and exec can hang a parent that has threads. The setting
survives `exec`. Linux sends the signal when the *thread* that started the child ends, so start children from the main thread.
"""

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1

parent, user, program, *arguments = sys.argv[1:]
if user:  # before prctl, because a change of the user clears the setting
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() != int(parent):  # the parent died before the setting was made
    sys.exit(1)
os.execvp(program, [program, *arguments])
