"""The book: appointments, their claims and holds, blocks and the waiting list. Its modules are its public API; `store` is for the
packages that `pyproject.toml` names.
"""
