"""Every SQL statement of the package `booking`.

`appointments`: the rows, and the holds among them. `offers`: what a hold keeps. `claims`: the resources that they block.
`calendar`: what the remote calendar's answers and events change. `actions`: what each call has done (idempotency). `blocks`: times
that the tenant takes from a person. `free_times`: what the remote calendar has free. `audit`: what was changed by hand.

Two appointments can never claim one resource at one time: the exclusion constraint `claims_no_overlap` refuses the second.
Every writer of claims locks the rows of `resources` first, in the order of their ids, so that writers cannot deadlock.
Expiry is compared with `clock_timestamp()` of the database, after the lock: clocks of pods differ, the database has one.
"""
