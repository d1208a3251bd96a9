"""The four kinds. Each is `observe → decide (pure) → render (pure) → apply`, read top to bottom in its `reconcile.py`."""
