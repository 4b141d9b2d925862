"""`python -m api --store URL [--host 127.0.0.1] [--port 8000]`: serve a store on loopback."""

from __future__ import annotations

import argparse
import os
import sys

from api.server import serve
from cmdb.application.opening import DEFAULT_STORE
from cmdb.errors import EXIT, CmdbError


def main() -> int:
    """Serve until interrupted; the exit code says what kept it from serving."""
    parser = argparse.ArgumentParser(prog="python -m api", description=__doc__)
    parser.add_argument("--store", default=os.environ.get("CMDB_STORE", DEFAULT_STORE), metavar="URL")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default=8000, type=int)
    asked = parser.parse_args()
    try:
        serve(asked.store, asked.host, asked.port)
    except CmdbError as error:
        advice = f"\n{error.remedy}" if error.remedy else ""
        sys.stderr.write(f"{error.message}{advice}\n")
        return EXIT[error.code]
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
