"""The transfer host's scanning service: scans what the old hoster drops, and lets only clean files pass.

It runs on the host with Python's standard library alone, and is installed there as plain files by the transfer role;
nothing else of the project is imported. What arrives is taken away from its sender, copied, compared with the sum in
the sender's manifest, scanned by clamd and looked into; then the copy, and nothing but the copy, goes to `clean`,
`infected` or `unclear`. A file that is not surely clean is never readable by anyone but the service.
"""
