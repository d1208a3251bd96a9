"""Find free times: slots, opening hours, obstacles, the resources for a visit, and the choice of times to offer. Pure.

Its modules are its public API.
"""
