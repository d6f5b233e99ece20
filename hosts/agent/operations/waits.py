"""Conditions on another host."""

from __future__ import annotations

import http.client
import time
import urllib.parse

from hosts.agent.host import Host
from hosts.agent.results import OperationError
from hosts.states import Wait


def wait(state: Wait, host: Host) -> None:
    """Return when the address answers. Raises OperationError after the deadline, with the last answer."""
    parts = urllib.parse.urlsplit(state.url)
    deadline = time.monotonic() + state.deadline
    while True:
        host.note(f"waiting for {state.label}")
        given_up = state.host in host.lost
        connection = http.client.HTTPConnection(parts.netloc, timeout=5)
        try:
            connection.request("HEAD", parts.path)
            answer = connection.getresponse()
            if answer.status < 400:
                return
            last = f"it answers {answer.status} {answer.reason}"
        except (OSError, http.client.HTTPException) as error:
            last = str(error) or type(error).__name__
        finally:
            connection.close()
        if given_up:
            raise OperationError(f"{state.host} failed ({host.lost[state.host]}); {state.url} does not answer: {last}")
        if time.monotonic() > deadline:
            raise OperationError(f"{state.url} did not answer within {state.deadline} s: {last}")
        time.sleep(0.25)
