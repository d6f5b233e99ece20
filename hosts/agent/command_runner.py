"""Running commands on the host."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence

from hosts.agent.results import CommandError

LOG_LINES = 20
"""How much of a command's output an error carries."""

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/root",
    "DEBIAN_FRONTEND": "noninteractive",
    "SYSTEMD_PAGER": "",
}


def log_end(text: str, lines: int = LOG_LINES) -> str:
    """The last lines of an output."""
    return "\n".join(text.strip().splitlines()[-lines:])


class Commands:
    """Runs commands as root or as another user; tests put a table of answers in its place."""

    def run(
        self,
        command: Sequence[str],
        *,
        text: str | None = None,
        user: str | None = None,
        timeout: float = 60,
        accept: Sequence[int] = (0,),
    ) -> str:
        """Its standard output. Raises CommandError if it is missing, ends with a code not in ``accept`` or too late.

        ``text`` goes to its standard input, which is where anything secret has its place: never on the command.
        """
        try:
            done = subprocess.run(
                command,
                input=text if text is not None else "",
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                env=ENVIRONMENT | ({"HOME": pwd.getpwnam(user).pw_dir} if user else {}),
                cwd="/",
                user=user,
                group=user,
                extra_groups=[] if user and os.geteuid() == 0 else None,
            )
        except FileNotFoundError:
            raise CommandError(f"{command[0]} is not installed") from None
        except subprocess.TimeoutExpired as error:
            output = error.stdout if isinstance(error.stdout, bytes) else b""
            raise CommandError(
                f"{_short(command)} did not end within {timeout:.0f} s", log_end(output.decode())
            ) from None
        if done.returncode not in accept:
            code = done.returncode
            end = f"ended with code {code}" if code >= 0 else f"was killed by signal {-code}"
            raise CommandError(f"{_short(command)} {end}", log_end(f"{done.stdout}\n{done.stderr}"))
        return done.stdout


def _short(command: Sequence[str]) -> str:
    words = " ".join(word for word in command if not word.startswith("--"))
    return words if len(words) <= 80 else f"{words[:77]}…"
