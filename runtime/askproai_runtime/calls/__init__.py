"""Calls as Retell reports them: payloads, rows and texts of calls, the lookup of a caller before the first word (`inbound.py`),
and the calls that Retell's API shows (`at_retell.py`). Its modules are its public API.
"""
