"""Calls as Retell reports them: payloads, rows and texts of calls, the caller's number before the first word (`inbound.py`), and
the calls that Retell's API shows (`at_retell.py`). Its modules are its public API.
"""
