"""In pip's place, for this program only.

Before each run the language host asks `python -m pip list` which packages bring plugins. No package that this program
uses does, and the question takes half a second, a quarter of a run.
"""

print("[]")
