"""The bootstrap behind the make targets: from a fresh clone to a machine that can rehearse.

Standard library only, because it runs before the virtual environment exists:
`python3 -m toolchain GOAL`. :mod:`~toolchain.goals` is its table of contents.
"""
