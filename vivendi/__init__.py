"""The stand-in for Vivendi: a small application of our own, because the vendor's packages are licensed.

It shares with Vivendi the names of the six areas and the format of the manifest, and nothing else: it contains no code,
data model or interface of the vendor's. Like the real one it has a PostgreSQL database, a health check and a
synchronisation of mobile devices, so that a rehearsal meets real failures. `vivendi_standin/` is what runs on the
application hosts, with their own python3 and psycopg2; :mod:`vivendi.build` packs it.
"""
