"""``python -m rehearsal.supervisor STATE``: started by `rehearsal.control.launch`, below unshare and tini."""

import sys
from pathlib import Path

from console import ExpectedError
from rehearsal.base.settings import Settings
from rehearsal.supervisor.service import Service

if __name__ == "__main__":
    try:
        sys.exit(Service(Settings(Path(sys.argv[1]))).run())
    except ExpectedError as error:
        sys.exit(str(error))
