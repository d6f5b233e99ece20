"""Drills: accidents made on purpose on a small landscape of their own, each one command, too long for `make test`."""
