"""The Debian packages that the hosts install: staged on the machine, signed, and served inside the rehearsal."""

from rehearsal.packages.repository import stage
from rehearsal.packages.server import select, start

__all__ = ["select", "stage", "start"]
