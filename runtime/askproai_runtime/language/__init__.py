"""Words of callers and models, read as values, and values in words: names, services, yes and no, declined times, phrases.

Without database, HTTP and state. Its modules are its public API. Days and times are `spoken_times`; the sentences of the answers
are in the catalogues next to the code that answers.
"""
