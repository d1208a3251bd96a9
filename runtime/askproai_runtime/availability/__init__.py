"""Which times are free: slots, opening hours, obstacles, who can do which part of a visit, and which of the times to offer. Pure.

Its modules are its public API.
"""
