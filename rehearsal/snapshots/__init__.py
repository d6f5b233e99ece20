"""Snapshots of a converged fleet, and the way back to one: hosts' roots and data disks at one instant.

A snapshot is a folder below ``snapshots/`` of the state folder. It holds of every host a read-only layer, on which
after a reset a fresh root lies, and of every data disk a copy. Why so: docs/adr/0020.
"""
