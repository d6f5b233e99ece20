"""Start one area's service: `python3 …/vivendi_standin AREA`; the folder needs no installation."""

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    folder = Path(__file__).resolve().parent
    # Started as a folder, Python puts the folder itself on the path; the package is found from its parent.
    sys.path[0] = str(folder.parent)
    sys.exit(importlib.import_module(f"{folder.name}.service").main(sys.argv[1:]))
