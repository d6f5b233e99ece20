"""Stand-in for the Vivendi application. It is NOT Vivendi: see /info of the running service, or NOTICE."""

VERSION = "1.1.0"

AREAS = ("ambulant", "stationaer", "kita", "teilhabe", "beratung", "pep")

NOTICE = "This is Livegang's stand-in for Vivendi, not the vendor's product: for rehearsals only."
