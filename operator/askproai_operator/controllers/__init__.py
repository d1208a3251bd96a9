"""The controllers, one package for each kind. Each `reconcile.py` reads from top to bottom: `inputs → checks → plan → status`."""
