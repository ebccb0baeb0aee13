import pytest

from hashtape.codecs.framing import Framing, FramingLog
from hashtape.codecs.templates import FramingError

PLAIN, NAMED, CRLF = "data: {data}\n\n", "event: {data.type}\ndata: {data}\n\n", "data: {data}\r\n\r\n"


def logged(*pieces, usual_end="", form=""):
    """The framing of a stream of chunks, written by a template or by one and an id, and of other bytes."""
    log = FramingLog()
    for piece in pieces:
        if isinstance(piece, bytes):
            log.add_bytes(piece)
        else:
            written, event_id = piece if isinstance(piece, tuple) else (piece, None)
            log.add_chunk(written, PLAIN, event_id)
    return log.to_json(usual_end, form)


def written(framing, count, usual_end=""):
    data = [{"type": str(number)} for number in range(count)]
    return b"".join(Framing(framing, count).join_json(data, lambda _: PLAIN, usual_end))


@pytest.mark.parametrize(
    ("pieces", "framing"),
    [
        ([], None),
        ([PLAIN, PLAIN], None),
        ([CRLF, CRLF], {"event": CRLF}),
        ([PLAIN, CRLF, PLAIN], {"other_events": [{"event": CRLF, "at": [1]}]}),
        ([CRLF, NAMED, CRLF, PLAIN], {
            "event": CRLF,
            "other_events": [{"event": NAMED, "at": [1]}, {"event": PLAIN, "at": [3]}],
        }),
        ([b": a\n\n", PLAIN, b": a\n\n", b": b\n\n", PLAIN, PLAIN], {
            "between": [{"text": ": a\n\n", "before": [0]}, {"text": ": a\n\n: b\n\n", "before": [1]}],
        }),
        ([b": a\n\n", PLAIN, b": a\n\n", PLAIN], {"between": [{"text": ": a\n\n", "before": [0, 1]}]}),
        ([PLAIN, b"data: [DONE]\n\n"], {"end": "data: [DONE]\n\n"}),
        ([PLAIN, b"\xff"], {"end": "\udcff"}),
        ([("id: {id}\n{data}\n\n", str(n)) for n in (4, 5, 6)], {"event": "id: {id}\n{data}\n\n", "ids": 4}),
        ([("id: {id}\n{data}\n\n", "x")] * 2, {"event": "id: {id}\n{data}\n\n", "ids": "x"}),
        (
            [("id: {id}\n{data}\n\n", text) for text in ("07", "08")],
            {"event": "id: {id}\n{data}\n\n", "ids": ["07", "08"]},
        ),
    ],
    ids=[
        *("nothing", "usual", "all", "one", "most", "between", "again", "end", "no-utf-8"),
        *("ids", "same-ids", "any-ids"),
    ],
)  # fmt: skip
def test_only_what_deviates_is_told_and_in_few_words(pieces, framing):
    assert logged(*pieces) == framing
    Framing(framing, sum(not isinstance(piece, bytes) for piece in pieces))


def test_the_lack_of_the_usual_end_is_told():
    assert logged(PLAIN, usual_end="data: [DONE]\n\n") == {"end": ""}
    assert logged(PLAIN, b"data: [DONE]\n\n", usual_end="data: [DONE]\n\n") is None


def test_the_form_is_told_if_it_is_to_be():
    assert logged(PLAIN, form="json-array") == {"form": "json-array"}


def test_a_long_text_is_written_once_a_place():
    comment = b":" * 501
    framing = logged(comment, PLAIN, comment, PLAIN)
    assert framing == {"between": [{"text": ":" * 501, "before": [n]} for n in (0, 1)]}
    assert written(framing, 2).count(b":" * 501) == 2


@pytest.mark.parametrize(
    ("framing", "stream"),
    [
        (None, b'data: {"type":"0"}\n\ndata: {"type":"1"}\n\nEND'),
        ({"end": ""}, b'data: {"type":"0"}\n\ndata: {"type":"1"}\n\n'),
        ({"event": "{data.type}{data}"}, b'0{"type":"0"}1{"type":"1"}END'),
        ({"other_events": [{"event": "-{data}-", "at": [1]}]}, b'data: {"type":"0"}\n\n-{"type":"1"}-END'),
        ({"event": "{id}{data}", "ids": 9}, b'9{"type":"0"}10{"type":"1"}END'),
        ({"event": "{id}{data}", "ids": "x"}, b'x{"type":"0"}x{"type":"1"}END'),
        ({"event": "{id}{data}", "ids": ["a", "b"]}, b'a{"type":"0"}b{"type":"1"}END'),
        (
            {"event": "{data}", "between": [{"text": "\udcff", "before": [1]}]},
            b'{"type":"0"}\xff{"type":"1"}END',
        ),
    ],
    ids=["usual", "no-end", "event", "other-event", "count", "same-id", "ids", "between"],
)
def test_a_stream_is_written_as_its_framing_says(framing, stream):
    assert written(framing, 2, "END") == stream


@pytest.mark.parametrize(
    "framing",
    [
        [],
        "data: {data}\n\n",
        {"evnet": PLAIN},
        {"form": None},
        {"event": 1},
        {"event": "no place"},
        {"event": "{data}" + " " * 500},
        {"event": "{data.type}{data.type}{data}"},
        {"event": "{data.name}{data}"},
        {"event": "\ud83d{data}"},
        {"other_events": {}},
        {"other_events": [PLAIN]},
        {"other_events": [{"event": PLAIN}]},
        {"other_events": [{"at": [0]}]},
        {"other_events": [{"event": PLAIN, "at": [0, 0]}]},
        {"other_events": [{"event": PLAIN, "at": [0]}, {"event": CRLF, "at": [0]}]},
        {"between": [{"text": ":", "before": [2]}]},
        {"between": [{"text": ":", "before": [-1]}]},
        {"between": [{"text": ":", "before": [10**30]}]},
        {"between": [{"text": ":", "before": [0.0]}]},
        {"between": [{"text": ":", "before": [[0]]}]},
        {"between": [{"text": ":" * 501, "before": [0, 1]}]},
        {"end": None},
        {"end": "\ud83d"},
        {"ids": True},
        {"ids": {}},
        {"ids": [1]},
        {"ids": "x" * 501},
        {"event": "{id}{data}"},
        {"event": "{id}{data}", "ids": ["only one"]},
    ],
    ids=repr,
)
def test_a_framing_that_somebody_made_up_is_refused(framing):
    with pytest.raises(ValueError):
        written(framing, 2)


def test_a_framing_is_refused_with_the_reason():
    with pytest.raises(FramingError, match=r"'between'.*several places"):
        Framing({"between": [{"text": ":" * 501, "before": [0, 1]}]}, 2)
