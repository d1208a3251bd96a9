"""The dialog with a caller: a request of the agent becomes a change of the book, and the outcome becomes a sentence.

The modules are the public API.
"""
