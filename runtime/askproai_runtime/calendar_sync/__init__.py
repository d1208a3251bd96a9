"""The remote calendar in both directions: its events (`inbound`), our changes (`outbound`), its free times, and their audit.

Its modules are its public API.
"""
