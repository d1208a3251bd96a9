"""The book: appointments with their claims, holds, blocks and the waiting list. Its modules are its public API, except `store`:
only the packages that `pyproject.toml` names import that module.
"""
