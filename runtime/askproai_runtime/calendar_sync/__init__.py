"""The remote calendar in both directions: its events (`inbound`), our changes (`outbound`), its free times, and the audit of
both books.

Its modules are its public API.
"""
