"""Small programs that look at the network from a host or vantage point and need only its python3.

The source of each module is sent over as `python3 -c` and reads its orders as JSON from its argument. It imports only
the standard library, nothing of Livegang.
"""
