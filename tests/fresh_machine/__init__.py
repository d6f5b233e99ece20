"""A freshly bootstrapped Debian 12, booted with systemd as its PID 1, on which the two commands must work.

Nothing is on it but what the README asks for: git, make and Python 3.11 (with the certificates that HTTPS needs).
It is not part of `make test`, for it takes its time: it builds images and fetches everything anew.

    .venv/bin/python -m tests.fresh_machine FOLDER            # as root; FOLDER on ext4 or xfs, with 12 GiB free
    .venv/bin/python -m tests.fresh_machine FOLDER --toolchain go     # the CLI is built there, with this machine's Go
    .venv/bin/python -m tests.fresh_machine FOLDER -- make test            # another command as root in the clone there

What is proved, in this order: :mod:`~tests.fresh_machine.walk`. What it needs to stand inside this machine, and
why: :mod:`~tests.fresh_machine.machine`. FOLDER is removed at the end unless ``--keep`` is given; then the next run
goes on with it, and what was installed there.
"""
