"""Secrets in requests and answers, and which of them are on the disk afterwards."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import string
import warnings
from dataclasses import dataclass, field
from unittest.mock import patch
from urllib.parse import quote, quote_plus

import httpx
import yaml
from chats import HEADERS, question

from loopback import LoopbackServer, Reply, chat_chunks, sse

_LETTERS = string.ascii_letters + string.digits
_STREAMED = re.compile(r'"content":\s*"((?:[^"\\]|\\.)*)"')
_SHORTEST_CORE = 12


@dataclass(frozen=True)
class Plant:
    """A call that has a secret in it.

    Args:
        what: Where it is.
        secret: The secret.
        reply: What the server answers.
        path: What is asked, after the server's origin.
        request: Arguments of httpx for the request.
        environ: Environment variables of the process that asks.
        user: User name and password in the URL.
    """

    what: str
    secret: str
    reply: Reply = field(default_factory=lambda: Reply(body=b'{"answer": "fine"}'))
    path: str = "/v1/agent"
    request: dict = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    user: str = ""


def plants():
    """The calls, each with a secret of its own, the same ones each time."""
    chance = random.Random(8)

    def new(prefix="", length=32, letters=_LETTERS):
        return prefix + "".join(chance.choices(letters, k=length))

    def bearer(secret):
        return {"headers": {"authorization": f"Bearer {secret}"}}

    def as_base64(text):
        return base64.b64encode(text.encode()).decode()

    echoed, streamed, in_environment, cookie = new("sk-"), new("sk-"), new(), new()
    in_url, in_form, in_part, in_json, password = new(), new(), new(), new(), new()
    # With characters that are others in a URL.
    linked = "/+".join(new(length=10) for _ in range(3))
    aws = new("AKIA", 16, string.ascii_uppercase + "234567")
    pieces = [streamed[start : start + 6] for start in range(0, len(streamed), 6)]
    return [
        Plant(
            "the key of a request, echoed in its answer",
            echoed,
            Reply(401, json.dumps({"error": {"message": f"Wrong key: {echoed}"}}).encode()),
            request=bearer(echoed) | {"json": question(1, stream=False)},
        ),
        Plant(
            "the same, split over the chunks of a stream",
            streamed,
            Reply(chunks=sse(*chat_chunks(1, "demo", ["It is ", *pieces, "."])), headers=HEADERS[True]),
            "/v1/chat/completions",
            bearer(streamed) | {"json": question(1, stream=True)},
        ),
        Plant("a parameter of a URL", in_url, path=f"/v1/agent?q=cars&key={in_url}"),
        Plant("the user info of a URL", password, user=f"me:{password}@"),
        Plant("a field of a form", in_form, request={"data": {"client_secret": in_form, "scope": "all"}}),
        Plant(
            "a part of a multipart body",
            in_part,
            request={"data": {"password": in_part}, "files": {"file": ("a.txt", b"text")}},
        ),
        Plant(
            "a member of a JSON body",
            in_json,
            request={"json": {"tools": [{"type": "mcp", "config": {"api_key": in_json}}]}},
        ),
        Plant(
            "an environment variable, as base64 in an answer",
            in_environment,
            Reply(body=json.dumps({"data": as_base64(f"me:{in_environment}")}).encode()),
            environ={"CAR_SERVICE_TOKEN": in_environment},
        ),
        Plant(
            "an environment variable, quoted in a link that an answer redirects to",
            linked,
            Reply(302, headers={"location": f"https://cars.example/login?next={quote(linked, safe='')}"}),
            environ={"CAR_SERVICE_PASSWORD": linked},
        ),
        Plant(
            "an AWS key in a prompt",
            aws,
            path="/v1/chat/completions",
            request={"json": {"model": "demo", "messages": [{"role": "user", "content": f"Use {aws}!"}]}},
        ),
        Plant(
            "a cookie that an answer sets",
            cookie,
            Reply(body=b"{}", headers={"content-type": "application/json", "set-cookie": f"sid={cookie}"}),
        ),
    ]


@dataclass(frozen=True)
class Secrets:
    """Which secrets are on the disk.

    Args:
        planted: How many there are.
        found: Where those were that are on the disk, in whatever spelling.
    """

    planted: int
    found: list[str]

    def cells(self):
        return {f"{self.planted} secrets, without configuration: on disk": f"{len(self.found)}"}


def spellings(secret):
    """The ways to spell it: plain, in a URL, and in base64 wherever in a text it begins."""
    spelled = {secret, quote(secret, safe=""), quote_plus(secret)}
    for offset in range(3):
        encoded = base64.b64encode(b"." * offset + secret.encode())
        # The first and last letters also hold bits of what is beside it.
        core = encoded.rstrip(b"=")[4 if offset else 0 : -2].decode()
        spelled |= {core, core.translate(str.maketrans("+/", "-_"))}
    return {text for text in spelled if len(text) >= _SHORTEST_CORE}


def _texts(value):
    """All texts in a YAML or JSON value."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    else:
        yield value.decode("latin-1") if isinstance(value, bytes) else str(value)


def texts_below(root):
    """What the files below a directory say: as they are, what they hold, and what its streams add up to."""
    for path in root.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            held = list(_texts(yaml.safe_load(text)))
            yield from (text, *held, *("".join(_STREAMED.findall(each)) for each in (text, *held)))


def _ask(plant, server):
    server.script(plant.reply)
    url = server.origin.replace("//", f"//{plant.user}") + plant.path
    with patch.dict(os.environ, plant.environ), httpx.Client() as client:
        client.request("POST" if plant.request else "GET", url, **plant.request)


def secrets(recorder, root):
    """Each call has a cassette of its own, so that none plays the answer of another."""
    server = LoopbackServer().start()
    planted = plants()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hashtape warns of the key in the prompt
        for number, plant in enumerate(planted):
            with recorder.open(root / str(number), "once"):
                _ask(plant, server)
    server.stop()
    recorded = sum(len(recorder.contents(root / str(number)).answers) for number in range(len(planted)))
    if not server.hits == recorded == len(planted):
        raise RuntimeError(f"{server.hits} of {len(planted)} calls were made, and {recorded} recorded")
    said = "\n".join(texts_below(root))
    found = [plant.what for plant in planted if any(text in said for text in spellings(plant.secret))]
    return Secrets(len(planted), found)
