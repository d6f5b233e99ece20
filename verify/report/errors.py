"""What the report knows of what can go wrong on the way to a host."""

from __future__ import annotations

from verify.report.wording import out_of_reach


class HostLost(Exception):
    """A host or vantage point does not answer, or no longer; ``reason`` is ssh's own."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(out_of_reach(name, reason))


class CommandTooSlow(AssertionError):
    """A command on a host did not end in time; ``output`` is what it had printed by then."""

    def __init__(self, host: str, command: str, seconds: int, output: bytes) -> None:
        self.host = host
        self.seconds = seconds
        self.output = output.decode(errors="replace")
        super().__init__(f"{host}: no end after {seconds} s of: {command[:200]}")
