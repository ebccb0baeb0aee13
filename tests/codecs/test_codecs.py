import base64
import json
import math
import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import arbitrary_json
from hashtape.codecs import CODECS, Context, Decoded, decode, encode, media_type, stream_decoder

SSE = "text/event-stream; charset=utf-8"
CHAT = Context("/v1/chat/completions")
CHAT_STREAM = Context("/v1/chat/completions", SSE)
DONE = b"data: [DONE]\n\n"


def meaning(body):
    """A body such that two with the same meaning differ only in how their JSON is spelled."""

    def number(text):
        value, digits = float(text), re.sub(r"[eE].*|\D", "", text).strip("0")
        is_held = math.isfinite(value) and bool(value) == bool(digits) and len(digits) < 25
        return ["float", repr(value) if is_held else text]

    def read(text):
        return json.dumps(
            json.loads(
                text,
                object_pairs_hook=lambda pairs: ["object", *pairs],
                parse_constant=lambda text: ["constant", text],
                parse_float=number,
            )
        )

    def line(text):
        try:
            return read(text).encode()
        except (ValueError, RecursionError):
            return text

    def data_lines(match):
        """The JSON of an event may be spelled in several lines, and there in its own way."""
        lines = re.findall(rb"(data(?:: ?)?)(.*?)(\r\n|\r|\n|$)", match.group())
        data = b"\n".join(value for _, value, _ in lines)
        spelled = line(data)
        return match.group() if spelled is data else lines[0][0] + spelled + lines[-1][2]

    try:
        return read(body)
    except (ValueError, RecursionError):
        body = re.sub(rb"(?m:^|(?<=\r))(?:data(?:: ?[^\r\n]*)?(?:\r\n|\r|\n|\Z))+", data_lines, body)
        return [line(text) for text in body.split(b"\n")]


def assert_given_back(body, context):
    decoded, usual = decode(body, context)
    again, kind = encode(decoded, context)
    assert again == body or meaning(again) == meaning(body)
    assert kind == usual


# --- No recording ever loses what the server sent -------------------------------------------------------

contexts = st.builds(
    Context,
    operation=st.sampled_from(
        [
            *("", "/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/models"),
            *("/api/chat", "/api/tags", "/generate_content"),
        ]
    ),
    content_type=st.sampled_from(
        [
            *("", "application/json", SSE, "application/x-ndjson", "application/vnd.amazon.eventstream"),
            "image/png",
        ]
    ),
    path=st.sampled_from(["", "/api/pull", "/v1/models/m:streamGenerateContent"]),
    status=st.sampled_from([200, 201, 400, 429, 500]),
    wants_base64=st.booleans(),
)
keys = st.text(max_size=3) | st.sampled_from(
    [
        *("__type__", "__data__", "__encoding__", "data", "object", "id", "embedding", "choices", "output"),
        "message",
    ]
)
labels = st.sampled_from(
    [
        *("list", "base64", "aGk=", "AAAAAA==", "openai.types.model.Model", "ollama._types.ChatResponse"),
        "openai.types.chat.chat_completion_chunk.ChatCompletionChunk",
        "openai.types.create_embedding_response.CreateEmbeddingResponse",
    ]
)
json_values = arbitrary_json.values(
    arbitrary_json.texts(max_size=5) | labels, keys, max_items=4, max_leaves=8
)


def as_json(value, *, is_ascii):
    text = json.dumps(value, ensure_ascii=is_ascii)
    return text.encode("utf-8", "surrogatepass")


given_back = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(st.binary(), contexts)
@given_back
def test_any_bytes_come_back(body, context):
    assert_given_back(body, context)


@given(st.text(), contexts)
@given_back
def test_any_text_comes_back(text, context):
    assert_given_back(text.encode(), context)


@given(json_values, contexts, st.booleans())
@example({"__encoding__": "rot13"}, CHAT, True)
@example({"__encoding__": "base64", "data": "aGk="}, CHAT, True)
@given_back
def test_any_json_comes_back(value, context, is_ascii):
    assert_given_back(as_json(value, is_ascii=is_ascii), context)


def sse(value):
    return b"data: " + as_json(value, is_ascii=True) + b"\n\n"


events = json_values.map(sse) | st.sampled_from([DONE, sse({"choices": [{"delta": {"content": "🙂"}}]})])
faults = st.sampled_from(
    [
        *(b"", b"\n", b"\n\n", b"\r\n", b"\r", b" ", b"\0", b"\xff", b"\xef\xbb\xbf", b": ping\n\n"),
        *(b"event: delta\n", b"data:", b"data: ", b"data: {}\n", b"{", b"}", b'"', b"NaN", b"1e999", DONE),
        b'data: {"a":1,"a":2}\n\n',
    ]
)


@st.composite
def broken_streams(draw):
    stream = b"".join(draw(st.lists(events, max_size=4))) + draw(st.sampled_from([DONE, b""]))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(stream)))
        end = min(len(stream), start + draw(st.integers(0, 5)))
        stream = stream[:start] + draw(faults) + stream[end:]
    return draw(st.sampled_from([stream, stream.replace(b"\n", b"\r\n"), stream.replace(b": ", b":")]))


@given(broken_streams(), contexts)
@given_back
def test_any_stream_comes_back(stream, context):
    assert_given_back(stream, context)


@pytest.mark.parametrize(
    "context",
    [Context(), CHAT, Context("/v1/models"), Context("/v1/embeddings")],
    ids=["http", "chat", "models", "embeddings"],
)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"NaN",
        b'{"a": NaN, "choices": []}',
        b'{"choices": [], "choices": [1]}',
        b'{"choices": [1e999]}',
        b'{"choices": [1e-400]}',
        b'{"choices": [0.' + b"1234567890" * 30 + b"]}",
        b'{"choices": [1e-' + b"9" * 30 + b"]}",
        b'{"choices": [' + b"1" * 300 + b"]}",
        b'{"choices": [' + b"1" * 5000 + b"]}",
        b'{"choices": ["\\ud83d", "\\ud83d\\ude42", "\\ude42"]}',
        b'{"choices": ' + b"[" * 190 + b"]" * 190 + b"}",
        b'{"choices": ' + b'{"a":' * 190 + b"1" + b"}" * 190 + b"}",
        b'{"choices": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[" * 100_000,
        b'{"choices": "' + b"x" * 5_000_000 + b'"}',
        b"data: " * 500_000,
        b"\n" * 2_000_000,
        b'{"__encoding__": "rot13", "data": "aGk="}',
        b'{"__encoding__": "base64", "data": "aGk="}',
        b'{"__encoding__": "base64", "data": "no!"}',
        b'{"__encoding__": null}',
        b'{"__type__": "a.B", "__data__": {"choices": []}}',
        b'[{"__type__": "openai.types.model.Model", "__data__": {"id": "a"}}]',
        b"[]",
        b"null",
        b'"text"',
        b"\xef\xbb\xbf{}",
        b"a\0b",
        bytes(range(256)),
    ],
    ids=[
        *("empty", "nan", "nan-inside", "duplicate-key", "beyond-a-float", "below-a-float"),
        *("300-decimals", "30-digit-exponent", "300-digits", "5000-digits", "surrogates"),
        *("nested-lists", "nested", "deep", "abyss", "5-MB", "prefixes", "line-breaks"),
        *("unknown-encoding", "looks-like-base64", "looks-like-bad-base64", "encoding-null"),
        *("looks-labelled", "looks-like-models", "empty-list", "null", "string"),
        *("byte-order-mark", "nul", "all-bytes"),
    ],
)
def test_an_unusual_body_comes_back(body, context):
    assert_given_back(body, context)


# --- What is stored -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "context", "expected", "usual"),
    [
        (b'{"a": 1}', Context(), Decoded({"a": 1}), "application/json"),
        (b"hello", Context(), Decoded("hello"), "text/plain; charset=utf-8"),
        (b"", Context(), Decoded(""), ""),
        (
            b"\xff",
            Context(),
            Decoded({"__encoding__": "base64", "data": "/w=="}),
            "application/octet-stream",
        ),
        (b'{"error": {}}', Context("/v1/responses", status=400), Decoded({"error": {}}), "application/json"),
        (
            b'event: a\ndata: {"type":"a"}\n\n',
            Context(content_type="text/plain"),
            Decoded('event: a\ndata: {"type":"a"}\n\n'),
            "text/plain; charset=utf-8",
        ),
    ],
    ids=["json", "text", "nothing", "binary", "error", "other-stream"],
)
def test_a_body_is_stored_in_the_most_readable_form_that_gives_it_back(body, context, expected, usual):
    assert decode(body, context) == (expected, usual)
    assert encode(expected, context)[1] == usual


def test_a_chat_stream_is_stored_as_its_chunks():
    label = "openai.types.chat.chat_completion_chunk.ChatCompletionChunk"
    chunks = [{"__type__": label, "__data__": {"choices": [1]}}]
    expected = Decoded(chunks, is_streaming=True)
    assert decode(b'data: {"choices": [1]}\n\n' + DONE, CHAT) == (
        expected,
        "text/event-stream; charset=utf-8",
    )


@pytest.mark.parametrize(
    ("context", "content_type"),
    [
        (CHAT_STREAM, SSE),
        (Context("/v1/completions", "Text/Event-Stream"), SSE),
        (Context("/v1/chat/completions", "text/event-stream", 500), SSE),
        (Context("/v1/responses", "text/event-stream"), SSE),
        (Context("", "text/event-stream"), SSE),
        (Context("/api/chat", "application/x-ndjson"), "application/x-ndjson"),
        (Context("", "application/jsonl"), "application/x-ndjson"),
        (Context("", "application/vnd.amazon.eventstream"), "application/vnd.amazon.eventstream"),
        (Context("", "application/json", path="/v1/models/m:streamGenerateContent"), "application/json"),
        (Context("/v1/chat/completions", "application/json"), None),
        (Context("/v1/chat/completions", ""), None),
        (Context("", "text/plain"), None),
        (Context("", "image/png"), None),
    ],
)
def test_a_stream_can_be_decoded_as_it_arrives(context, content_type):
    decoder = stream_decoder(context)
    assert (decoder and decoder.content_type) == content_type


def test_spelling_is_all_that_may_change():
    body = b'{ "choices": [1.50, 1e2, "\\u00e9"],\n "a": 1 }\n'
    decoded, _ = decode(body, CHAT)
    assert encode(decoded, CHAT)[0] == '{"choices":[1.5,100.0,"é"],"a":1}'.encode()


# --- What old and foreign recordings store --------------------------------------------------------------


@pytest.mark.parametrize(
    ("decoded", "context", "expected"),
    [
        (
            Decoded([{"__type__": "openai.types.model.Model", "__data__": {"id": "a"}}]),
            Context("/v1/models"),
            (b'{"object":"list","data":[{"id":"a"}]}', "application/json"),
        ),
        (
            Decoded(
                [
                    {"__type__": "ollama._types.ChatResponse", "__data__": {"done": done}}
                    for done in (False, True)
                ],
                is_streaming=True,
            ),
            Context("/api/chat"),
            (b'{"done":false}\n{"done":true}\n', "application/x-ndjson"),
        ),
        (
            Decoded({"__type__": "ollama._types.ProcessResponse", "__data__": {"models": []}}),
            Context("/api/ps"),
            (b'{"models":[]}', "application/json"),
        ),
        (
            Decoded(["event: a", "data: {}", ""], is_streaming=True),
            Context(),
            (b"event: a\ndata: {}\n\n", "text/event-stream; charset=utf-8"),
        ),
        (Decoded(None), Context("/v1/chat/completions"), (b"", "")),
        (
            Decoded({"type": "message", "content": []}),
            Context(),
            (b'{"type":"message","content":[]}', "application/json"),
        ),
    ],
    ids=["models", "ollama-stream", "ollama", "raw-lines", "null", "anthropic"],
)
def test_what_other_recorders_stored_goes_to_the_wire_in_its_own_form(decoded, context, expected):
    assert encode(decoded, context) == expected


@pytest.mark.parametrize(
    "stored", [{"__encoding__": "rot13"}, {"__encoding__": "base64", "data": "no!"}, {"__encoding__": 1}]
)
def test_a_body_in_no_known_form_is_an_error(stored):
    with pytest.raises(ValueError, match="no known form"):
        encode(Decoded(stored), Context())


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("/v1/chat/completions", b"data: {}\n\n" + DONE),
        ("/v1/completions", b"data: {}\n\n" + DONE),
        ("/v1/chat/completions", b'{"choices":[]}'),
        ("/v1/completions", b'{"choices":[]}'),
        ("/v1/responses", b'{"output":[]}'),
        ("/v1/embeddings", b'{"data":[]}'),
        ("/v1/models", b'{"object":"list","data":[{"id":"a"}]}'),
    ],
)
def test_a_label_is_the_class_that_the_client_library_gives(operation, body):
    pytest.importorskip("openai")
    stored = decode(body, Context(operation))[0].body
    label = (stored[0] if isinstance(stored, list) else stored)["__type__"]
    module, _, name = label.rpartition(".")
    # Old clients have no Responses API.
    assert isinstance(getattr(pytest.importorskip(module), name), type)


def test_every_codec_has_a_name_of_its_own():
    assert len({codec.name for codec in CODECS}) == len(CODECS)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("Application/JSON; charset=UTF-8", "application/json"),
        ('text/event-stream;charset="utf-8"', "text/event-stream"),
        ("text/html; charset=latin-1", "text/html; charset=latin-1"),
        ("multipart/mixed;  boundary=x ; charset=utf-8", "multipart/mixed; boundary=x"),
        ("", ""),
    ],
)
def test_a_content_type_is_compared_without_what_goes_without_saying(content_type, expected):
    assert media_type(content_type) == expected
    assert Context(content_type=content_type).media_type == expected


@pytest.mark.parametrize(("status", "expected"), [(199, False), (200, True), (299, True), (300, False)])
def test_a_2xx_is_a_success(status, expected):
    assert Context(status=status).is_success is expected


def test_binary_is_stored_as_base64_of_all_its_bytes():
    body = bytes(range(256)) * 1000
    decoded, _ = decode(body, CHAT)
    assert base64.b64decode(decoded.body["data"]) == body
