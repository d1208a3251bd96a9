"""Shared parts of test files: the environments that tests run in, objects of the example salon, and ways to wait."""
