"""The versions of what the toolchain obtains; bytes are pinned by the go.sum files and requirements.lock."""

PULUMI = "3.259.0"
"""The CLI; the same as the SDK's pin in pyproject.toml and in pulumi/cli/go.mod."""

LANGUAGE_HOST = "3.79.0"
"""The last release of Pulumi's sdk module that contains the Python language host's source."""
