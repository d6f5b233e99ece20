"""Readiness: proves each host and endpoint of a landscape ready with pytest and testinfra, and writes a report.

The suites are the files `test_*.py` in this folder; `pytest verify/` runs them. `inspection/` is what they look with,
`report/` is what becomes of their results; it imports neither. Expectations come from the stack's inventory, its table
of flows and the component manifests; there is no second copy of these.
"""
