"""The stand-in for Vivendi: a small application of our own, because the vendor's packages are licensed.

It shares with Vivendi the six areas' names and the form of its manifest, and nothing else: no code, data model or
interface of the vendor is in it. Like the real one it has a real PostgreSQL database behind it, a health check
and a synchronisation of mobile devices, so that a rehearsal meets real failures. `vivendi_standin/` is what runs
on the application hosts, on their own python3 with psycopg2; :mod:`vivendi.build` packs it.
"""
