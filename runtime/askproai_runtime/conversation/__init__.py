"""What callers say and hear: a request of the agent becomes a change of the book, and its outcome a sentence. Its modules are its
public API.
"""
