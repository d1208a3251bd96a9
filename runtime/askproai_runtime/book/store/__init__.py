"""Every SQL statement of the package `book`.

`appointments`: the rows, and the holds among them. `offers`: the offers that a hold keeps. `claims`: the resources that they block.
`calendar`: changes by the remote calendar's answers and events. `actions`: the actions of each call (idempotency). `blocks`: times
that the tenant takes from a person. `free_times`: the free times of the remote calendar. `audit`: changes by hand.

Two appointments can never claim one resource at one time: the exclusion constraint `claims_no_overlap` refuses the second.
Every writer of claims locks the rows of `resources` first, in the order of their ids, so that writers cannot deadlock.
Expiry is compared with `clock_timestamp()` of the database, after the lock: clocks of pods differ, the database has one.
"""
