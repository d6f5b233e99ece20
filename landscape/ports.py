"""Ports that one package opens and another looks at. Those of flows are in the stack's table of flows."""

from __future__ import annotations

POSTGRESQL = 5432
SMB = 445

NODE_EXPORTER = 9100
POSTGRESQL_EXPORTER = 9187

# Of the management host, on its loopback interface only.
PROMETHEUS = 9090
ALERTMANAGER = 9093
