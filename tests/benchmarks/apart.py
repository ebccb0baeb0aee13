"""The loopback server in a process of its own, so that it and the client do not share an interpreter lock.

`Apart` starts it from the benchmarks; `python apart.py stream|whole DELAY` is what runs there.
"""

from __future__ import annotations

import json
import subprocess
import sys

from chats import HEADERS, stream_events, whole_chat

MOST_CALLS = 10_000
"""So many answers are laid out beforehand: that is how the loopback server gives the same one each time."""


class Apart:
    """A server that answers each call with the same chat.

    Args:
        stream: Whether the chat is streamed.
        delay: Seconds before each chunk of a stream, or before a whole chat.
    """

    def __init__(self, *, stream: bool, delay: float = 0.0) -> None:
        self._command = [sys.executable, __file__, "stream" if stream else "whole", str(delay)]
        self.base_url = ""
        self.hits = -1
        """How many calls reached the server; known when it has stopped."""

    def __enter__(self):
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.base_url = json.loads(self._process.stdout.readline())
        return self

    def __exit__(self, *exc_info) -> None:
        output, _ = self._process.communicate(timeout=30)  # which closes its input: the sign to stop
        self.hits = json.loads(output)


def main() -> None:
    from loopback import LoopbackServer, Reply

    stream, delay = sys.argv[1] == "stream", float(sys.argv[2])
    if stream:
        reply = Reply(headers=HEADERS[True], chunks=stream_events(), delay=delay)
    elif delay:
        reply = Reply(headers=HEADERS[False], chunks=[whole_chat()], delay=delay)
    else:
        reply = Reply(headers=HEADERS[False], body=whole_chat())
    server = LoopbackServer()
    server.script(*[reply] * MOST_CALLS)
    server.start()
    print(json.dumps(server.base_url), flush=True)
    sys.stdin.read()
    hits = server.hits
    server.stop()
    print(json.dumps(hits), flush=True)


if __name__ == "__main__":
    main()
