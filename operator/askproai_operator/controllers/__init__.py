"""The controllers, one package per kind. Each reads `inputs → checks → plan → status`, top to bottom in its `reconcile.py`."""
