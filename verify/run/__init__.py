"""A readiness run: how pytest collects the suites' checks, runs them, and hands what came of it to the report."""
