"""Read the words of callers and models as values, and put values into words: names, services, yes and no, times, phrases.

Without database, HTTP and state. Its modules are its public API. Days and times are `spoken_times`; the sentences of the
answers are in the catalogues next to the code that answers.
"""
