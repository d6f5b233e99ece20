"""What the toolkit's exit codes mean; the handbook's table is written from this one."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of `fab` tasks and make targets."""

    DONE = 0
    """Done; for `verify.ready`: GO."""
    FAILED = 1
    """Something failed; the message says what, where and what to do."""
    PENDING = 2
    """`hosts.plan`: changes are pending, nothing was touched."""
    NO_GO = 3
    """`verify.ready`: at least one check failed."""
    NOT_CHECKED = 4
    """`verify.ready`: not everything was checked, so there is no verdict."""
    CANNOT_REHEARSE = 5
    """This machine cannot boot hosts; the message says why and what works here."""
    INTERRUPTED = 130
    """Ended by Ctrl-C; the message says what was reached and how to continue."""
    TERMINATED = 143
    """The same by SIGTERM."""
