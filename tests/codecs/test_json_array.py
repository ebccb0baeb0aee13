import json

import pytest
from provider_streams import GEMINI_ARRAY, STREAMS, candidate, spelled

from hashtape.codecs import Context, Decoded, decode, encode, stream_decoder

STREAM = STREAMS["gemini-array"][1]
FIRST, SECOND = candidate('"}]'), candidate("b\\")


def labelled(*values):
    return [{"__type__": "google.genai.types.GenerateContentResponse", "__data__": value} for value in values]


@pytest.mark.parametrize("path", [GEMINI_ARRAY.path, ""])
def test_an_array_of_gemini_is_a_list_of_its_chunks(path):
    context = Context("", "application/json; charset=UTF-8", path=path)
    decoded, usual = decode(STREAM, context)
    assert decoded == Decoded(labelled(FIRST, SECOND), is_streaming=True, framing={"form": "json-array"})
    assert encode(decoded, context) == (STREAM, usual) == (STREAM, "application/json")


def test_the_elements_are_spelled_anew_and_all_around_them_stays():
    elements = [json.dumps(value, indent=2).encode() for value in (FIRST, SECOND, SECOND)]
    decoded, _ = decode(b" [" + b",\n".join(elements) + b"\n]\n", GEMINI_ARRAY)
    assert decoded.framing == {
        "form": "json-array",
        "event": ",\n{data}",
        "other_events": [{"event": " [{data}", "at": [0]}],
        "end": "\n]\n",
    }
    again = b" [" + b",\n".join(map(spelled, (FIRST, SECOND, SECOND))) + b"\n]\n"
    assert encode(decoded, GEMINI_ARRAY)[0] == again


def test_an_error_among_the_elements_is_stored_as_it_is():
    body = b"[" + spelled(FIRST) + b"\n,\r\n" + spelled({"error": {"code": 503}}) + b"\n]"
    decoded, _ = decode(body, GEMINI_ARRAY)
    assert decoded.body == [*labelled(FIRST), {"error": {"code": 503}}]
    assert encode(decoded, GEMINI_ARRAY)[0] == body


@pytest.mark.parametrize(
    ("body", "context"),
    [
        (b"[]", GEMINI_ARRAY),
        (b"[1,2]", GEMINI_ARRAY),
        (b'{"error":{"code":400}}', GEMINI_ARRAY),
        (b'[{"id":1},{"id":2}]', Context("", "application/json")),
        (b'[{"responseId":"a"}]', Context("", "application/json")),
        (STREAM, Context("", "text/plain")),
    ],
    ids=["empty", "numbers", "error", "other-objects", "other-responses", "text"],
)
def test_other_json_is_no_such_stream(body, context):
    assert decode(body, context)[0] == Decoded(json.loads(body))


def test_an_array_that_broke_off_comes_back_without_its_end():
    decoded = Decoded(labelled(FIRST), is_streaming=True, framing={"form": "json-array"})
    assert encode(decoded, Context(is_cut=True))[0] == b"[" + spelled(FIRST)


# --- As it arrives --------------------------------------------------------------------------------------


def test_an_element_comes_as_soon_as_its_brace_is_closed():
    decoder = stream_decoder(GEMINI_ARRAY)
    end = STREAM.index(b"\n,\r\n")
    assert decoder.feed(STREAM[: end - 1]) == []
    (piece,) = decoder.feed(STREAM[end - 1 : end + 6])
    assert (piece.entry, piece.raw) == (labelled(FIRST)[0], STREAM[:end])
    assert decoder.rest == STREAM[end : end + 6]
    assert not decoder.has_ended
    second, closing = decoder.feed(STREAM[end + 6 :])
    assert (second.entry, closing.raw) == (labelled(SECOND)[0], b"\n]")
    assert decoder.has_ended


def test_a_client_gets_the_elements_as_they_were_changed():
    decoder = stream_decoder(GEMINI_ARRAY)
    pieces = decoder.feed(STREAM)
    pieces[1].entry["__data__"] = {"candidates": []}
    assert [decoder.encode(piece) for piece in pieces][1:] == [b'\n,\r\n{"candidates":[]}', b"\n]"]


def test_only_the_path_tells_that_an_array_will_arrive():
    assert stream_decoder(Context("", "application/json")) is None
    assert stream_decoder(Context("", "text/html", path=GEMINI_ARRAY.path)) is None
