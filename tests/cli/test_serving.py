"""serve on the command line: it says where it listens, and whoever ends it leaves nothing behind."""

from __future__ import annotations

import re
import signal
import subprocess

import httpx
import pytest

from tests.cli.program import MAIN, Here, environment, url


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_ended(estate: Here, ended_by: signal.Signals) -> None:
    server = subprocess.Popen(
        [*MAIN, "serve", "--port", "0", "--store", url(estate.folder / "store.sqlite")],
        env=environment(estate.folder),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert server.stderr is not None
        said = server.stderr.readline()
        [place] = re.findall(r"^GraphQL is at (http://127\.0\.0\.1:\d+)/graphql; Ctrl-C ends it$", said)
        answer = httpx.post(f"{place}/graphql", json={"query": "{ estate { revision } }"}, trust_env=False)
        assert answer.json()["data"]["estate"]["revision"] > 1
        server.send_signal(ended_by)
        assert server.wait(100) in {0, -ended_by}
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{place}/health", trust_env=False)
    finally:
        server.kill()
        server.communicate()
