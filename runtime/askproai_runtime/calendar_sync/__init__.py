"""The remote calendar in both directions: its events (`inbound`), our changes (`outbound`), free times, and the audit.

Its modules are its public API.
"""
