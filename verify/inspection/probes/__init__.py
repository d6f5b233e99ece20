"""Small programs that look at the network from a host or vantage point, needing only its python3.

Each module is sent over whole as `python3 -c` and reads its orders as JSON from its argument; it imports
nothing but the standard library, and nothing of Livegang.
"""
