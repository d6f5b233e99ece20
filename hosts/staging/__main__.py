"""`python -m hosts.staging`: the Debian packages of all roles, one per line."""

from hosts.staging.packages import all_packages

print("\n".join(all_packages()))
