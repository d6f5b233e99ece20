"""The agent: the part that runs on a host, on its own python3, and brings it to the states in one document.

It uses the standard library of Python 3.11 and `hosts.states` only. `hosts.fleet.payload` sends its source over the ssh
channel's standard input, so it leaves nothing behind on the host and nothing of it appears on a command line.
"""
