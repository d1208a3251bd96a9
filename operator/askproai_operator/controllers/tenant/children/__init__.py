"""The Kubernetes objects that a Tenant owns: one module for each noun, with manifests, condition, and the code to apply them.

Equal input renders equal text, so that no object is written twice.
"""
