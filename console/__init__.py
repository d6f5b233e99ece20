"""How the toolkit speaks to people and waits: expected errors, steps with elapsed times, exit codes.

All other packages may import this one; it imports none of them.
"""

from console.counting import counted
from console.errors import ExpectedError
from console.exits import ExitCode
from console.interruption import Interrupted, Interruption, interruptible, run_child, signals_raise
from console.steps import console, fitted, step

__all__ = [
    "ExitCode",
    "ExpectedError",
    "Interrupted",
    "Interruption",
    "console",
    "counted",
    "fitted",
    "interruptible",
    "run_child",
    "signals_raise",
    "step",
]
