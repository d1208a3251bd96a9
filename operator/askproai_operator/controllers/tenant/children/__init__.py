"""The Kubernetes objects that a Tenant owns: one module per noun, with its manifests, its condition, and what applies it.

The same input renders the same text, so that nothing is written twice.
"""
