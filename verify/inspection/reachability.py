"""Whether a host or vantage point answers, and why not."""

from __future__ import annotations

import testinfra

from verify.report.errors import CommandTooSlow


def unreachable_reason(spec: str, ssh_config: str | None) -> str | None:
    """The reason why a host does not answer, None if it does."""
    host = testinfra.get_host(spec, ssh_config=ssh_config)
    try:
        result = host.run("true")
    except CommandTooSlow as slow:
        return f"no login within {slow.seconds} s"
    return None if result.rc == 0 else reason_of(result.stderr_bytes)


def reason_of(errors: bytes) -> str:
    """Why ssh failed, in one sentence, from its error output."""
    text = errors.decode(errors="replace")
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in text or "Host key verification failed" in text:
        return "its host key is not the pinned one"
    if "kex_exchange_identification" in text:
        return "ssh gets no answer from it"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if "closed by UNKNOWN" not in line and "mux" not in line] or lines
    return said[0].rstrip(".") if said else "ssh failed without a message"
