"""Programs of our own that hosts run: one file each, with Debian's Python and nothing else."""
