"""Proves each host and endpoint of a landscape ready, with pytest and testinfra, and writes the readiness report.

The suites are the files `test_*.py` in this folder; `pytest verify/` runs them. Their expectations come from the
stack's inventory, its table of flows and the component manifests, never from a second copy of these.
"""
