"""`hashtape show`: one exchange as people read it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from hashtape.cli.curl import curl_command
from hashtape.cli.exchange import Asked, asked_by, reply_of
from hashtape.cli.output import count, human_size, json_option, print_json, print_line
from hashtape.cli.overview import model_of
from hashtape.cli.selection import directory_option, find_file, read_file, short_id
from hashtape.recording import HttpRequest, InferenceRequest
from hashtape.wire_form import wire_request_of

if TYPE_CHECKING:
    from pathlib import Path

    from hashtape.cli.exchange import Part, Reply, Turn
    from hashtape.codecs import Json
    from hashtape.recording import Answer, RecordedRequest, Recording

__all__ = ["show"]

_MOST_LINES = 60
"""Of text and JSON that is no conversation; `--raw` has all of it."""
_MOST_CHARACTERS = 120
"""Of a setting, and of a part that is no text."""
_STYLES = {"system": "yellow", "user": "cyan", "tool": "magenta"}


@click.command()
@click.argument("recording", metavar="ID-OR-FILE")
@directory_option
@click.option("--raw", is_flag=True, help="Print the file as it is.")
@click.option("--curl", "as_curl", is_flag=True, help="Print a curl command that sends the request.")
@json_option
def show(recording: str, directory: Path | None, *, raw: bool, as_curl: bool, as_json: bool) -> None:
    """Show one exchange as people read it.

    That is the conversation, the answer put together, its tool calls, and the tokens that it took. A few
    digits of the id are enough, at least 8, wherever they are unique.

    \b
    Examples:
      hashtape show 26e569a6
      hashtape show tests/cassettes/test_chat/test_hello/26e569a6….json
      hashtape show 26e569a6 --curl | sh
    """  # noqa: D301  (\b is click's)
    if raw + as_curl + as_json > 1:
        raise click.UsageError("expected one of --raw, --curl and --json")
    path = find_file(recording, directory)
    found = read_file(path)
    if raw:
        _print_raw(path)
    elif as_curl:
        print_line(curl_command(found.request, is_stream=found.response.is_streaming))
    elif as_json:
        print_json(_to_json(path, found))
    else:
        _print_exchange(path, found)


def _print_raw(path: Path) -> None:
    data = path.read_bytes()
    if sys.stdout.isatty():
        print_line(data.decode("utf-8", "replace").rstrip("\n"))
    else:
        click.echo(data, nl=False)


def _body_of(request: RecordedRequest) -> Json:
    if isinstance(request, InferenceRequest):
        return request.body
    return request.payload if isinstance(request, HttpRequest) else request.to_json()


def _address(request: RecordedRequest) -> tuple[str, str]:
    """The method and URL on the wire; of what never was HTTP, what the file has."""
    try:
        wire = wire_request_of(request)
    except (ValueError, RecursionError):
        wire = None
    if wire is not None:
        return wire.method, wire.url
    if isinstance(request, (InferenceRequest, HttpRequest)):
        return request.method, request.url
    names = (request.data.get(key) for key in ("provider", "api", "tool_name"))
    return "call", " ".join(name for name in names if isinstance(name, str))


def _asked(request: RecordedRequest) -> Asked:
    is_http = isinstance(request, (InferenceRequest, HttpRequest))
    return asked_by(_body_of(request)) if is_http else Asked()


def _to_json(path: Path, recording: Recording) -> Json:
    asked = _asked(recording.request)
    method, url = _address(recording.request)
    return {
        "id": short_id(path),
        "path": str(path),
        "test_id": recording.test_id if isinstance(recording.test_id, str) else None,
        "method": method,
        "url": url,
        "model": model_of(recording.request),
        "turns": [turn.to_json() for turn in asked.turns],
        "tools": [*asked.tools],
        "settings": asked.settings,
        "answers": [reply_of(answer).to_json() for answer in recording.answers],
    }


# --- For people ------------------------------------------------------------------------------------------


def _print_exchange(path: Path, recording: Recording) -> None:
    request = recording.request
    asked = _asked(request)
    model = model_of(request)
    print_line(" ".join(_address(request)) + (f"  ({model})" if model else ""), style="bold")
    if isinstance(recording.test_id, str):
        print_line(f"test: {recording.test_id}", style="dim")
    print_line(f"file: {path}", style="dim")
    if asked.turns:
        if asked.settings:
            settings = (
                f"{name}={_brief(json.dumps(value, ensure_ascii=False))}"
                for name, value in asked.settings.items()
            )
            print_line(f"settings: {', '.join(settings)}", style="dim")
        if asked.tools:
            print_line(f"tools: {', '.join(asked.tools)}", style="dim")
        for turn in asked.turns:
            _print_turn(turn)
    elif body := _body_of(request):
        _print_title("request")
        _print_value(body)
    answers = recording.answers
    for number, answer in enumerate(answers, 1):
        _print_answer(answer, f"answer {number} of {len(answers)}" if len(answers) > 1 else "answer")


def _print_title(title: str, style: str = "green") -> None:
    print_line()
    print_line(f"── {title} ──", style=style)


def _print_turn(turn: Turn) -> None:
    _print_title(turn.role, _STYLES.get(turn.role, "green"))
    for part in turn.parts:
        _print_part(part)


def _print_part(part: Part) -> None:
    call_id = f"  [{part.call_id}]" if part.call_id else ""
    if part.kind == "text":
        print_line(part.text)
    elif part.kind == "tool call":
        print_line(f"→ {part.name or 'tool'}({part.text}){call_id}", style="magenta")
    elif part.kind == "tool result":
        print_line(f"← {part.name or 'result'}{call_id}: {part.text}")
    elif part.kind == "note":
        print_line(f"[{_brief(part.text)}]", style="dim")
    else:
        print_line(f"[{part.kind}] {part.text}", style="dim")


def _print_answer(answer: Answer, title: str) -> None:
    reply = reply_of(answer)
    told = [title]
    if reply.status != 200:
        told.append(f"status {reply.status}")
    if reply.chunks is not None:
        told.append(count(reply.chunks, "chunk"))
    _print_title(", ".join(told))
    is_text = isinstance(answer.body, str)
    for turn_number, turn in enumerate([] if is_text else reply.turns):
        if len(reply.turns) > 1:
            print_line(f"choice {turn_number + 1}:", style="dim")
        for part in turn.parts:
            _print_part(part)
    says_nothing = not reply.turns and not reply.error and (reply.unread or not reply.finish)
    if says_nothing or (is_text and reply.turns):
        _print_value(answer.body)
    elif reply.unread:
        print_line(f"[{count(reply.unread, 'chunk')} of another kind: --raw shows all]", style="dim")
    if reply.error:
        _print_value(f"error: {reply.error}", style="red")
    _print_footer(reply)


def _print_footer(reply: Reply) -> None:
    told = []
    for number, what in ((reply.usage.input, "in"), (reply.usage.output, "out")):
        if number is not None:
            told.append(f"{number:,} {what}")
    lines = [f"tokens: {', '.join(told)}"] if told else []
    if reply.finish:
        lines.append(f"finish: {', '.join(reply.finish)}")
    if lines:
        print_line()
        print_line("; ".join(lines), style="dim")


def _brief(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def _print_value(value: Json, style: str = "") -> None:
    """Text as text, and anything else as JSON, not all of it when it is long; of bytes, their size."""
    if value in (None, ""):
        print_line("[empty]", style="dim")
        return
    if isinstance(value, dict) and value.get("__encoding__") == "base64":
        size = len(str(value.get("data", ""))) * 3 // 4
        print_line(f"[{human_size(size)} that are no text: --raw shows them in base64]", style="dim")
        return
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    lines = text.rstrip("\n").split("\n")
    print_line("\n".join(lines[:_MOST_LINES]), style=style)
    if len(lines) > _MOST_LINES:
        print_line(f"[… {len(lines) - _MOST_LINES:,} more lines: --raw shows all]", style="dim")
