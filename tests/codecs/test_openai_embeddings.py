import base64
import json
import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashtape.codecs import decode, encode
from hashtape.codecs.base import Context, Decoded

TYPE = "openai.types.create_embedding_response.CreateEmbeddingResponse"
BASE64 = Context("/v1/embeddings", wants_base64=True)
FLOATS = Context("/v1/embeddings")


def answer(*vectors):
    data = [{"object": "embedding", "index": n, "embedding": vector} for n, vector in enumerate(vectors)]
    return {"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 1}}


def spelled(value):
    return json.dumps(value, separators=(",", ":")).encode()


def packed(*floats):
    return base64.b64encode(struct.pack(f"<{len(floats)}f", *floats)).decode()


def stored(body, context):
    decoded, _ = decode(body, context)
    return decoded


def vectors_of(decoded):
    assert decoded.body["__type__"] == TYPE
    return [entry["embedding"] for entry in decoded.body["__data__"]["data"]]


def test_vectors_in_base64_are_stored_as_floats_and_come_back_in_base64():
    body = spelled(answer(packed(0.5, -1.25), packed(0.1, -0.0)))
    decoded = stored(body, BASE64)
    assert vectors_of(decoded) == [[0.5, -1.25], [0.10000000149011612, -0.0]]
    assert encode(decoded, BASE64) == (body, "application/json")


def test_whoever_asks_for_floats_gets_the_floats():
    decoded = stored(spelled(answer(packed(0.5, -1.25))), BASE64)
    body, _ = encode(decoded, FLOATS)
    assert json.loads(body) == answer([0.5, -1.25])


def test_vectors_that_came_as_floats_come_back_as_floats():
    body = spelled(answer([0.1, 1.0, -0.0, 1e-300]))
    decoded = stored(body, FLOATS)
    assert vectors_of(decoded) == [[0.1, 1.0, -0.0, 1e-300]]
    assert encode(decoded, FLOATS)[0] == body


def test_a_float_that_32_bits_cannot_hold_stays_a_float_for_whoever_wants_base64():
    decoded = stored(spelled(answer([0.1], [0.5])), FLOATS)
    body, _ = encode(decoded, BASE64)
    assert json.loads(body) == answer([0.1], packed(0.5))


@pytest.mark.parametrize("value", [1e300, -1e39, 5e-324], ids=repr)
def test_a_float_beyond_32_bits_stays_a_float(value):
    body, _ = encode(Decoded({"__type__": TYPE, "__data__": answer([value])}), BASE64)
    assert json.loads(body) == answer([value])


@given(st.lists(st.lists(st.integers(0, 2**32 - 1).map(lambda bits: struct.pack("<I", bits))), max_size=3))
@settings(max_examples=100, deadline=None)
def test_every_vector_of_32_bit_floats_comes_back_bit_for_bit(vectors):
    raw = [b"".join(vector) for vector in vectors]
    body = spelled(answer(*(base64.b64encode(vector).decode() for vector in raw)))
    decoded = stored(body, BASE64)
    assert encode(decoded, BASE64)[0] == body
    for vector, kept in zip(raw, vectors_of(decoded), strict=True):
        floats = struct.unpack(f"<{len(vector) // 4}f", vector)
        assert isinstance(kept, list) is all(map(math.isfinite, floats))


@pytest.mark.parametrize("special", [math.nan, math.inf, -math.inf], ids=repr)
def test_a_vector_that_json_cannot_hold_stays_base64(special):
    body = spelled(answer(packed(1.0, special), packed(0.5)))
    decoded = stored(body, BASE64)
    assert vectors_of(decoded) == [packed(1.0, special), [0.5]]
    assert encode(decoded, BASE64)[0] == body


@pytest.mark.parametrize(
    "body",
    [
        spelled(answer("AAA=")),
        spelled(answer("not base64!")),
        spelled(answer("AAAAAB==")),
        spelled(answer(None, 3, [1, 2])),
        spelled(answer([0.5])),
        spelled({"data": [1, None, {"embedding": {}}]}),
        spelled({"data": {}}),
        spelled({"error": {"message": "no"}}),
        spelled([answer()]),
        b'{"data": [{"embedding": [NaN]}]}',
        b"plain text",
        b"",
    ],
    ids=[
        *("not-32-bits", "not-base64", "loose-base64", "other-kinds", "floats-all-the-same"),
        *("no-entries", "no-list", "error", "list", "nan", "text", "empty"),
    ],
)
def test_whatever_else_comes_is_given_back(body):
    again, _ = encode(stored(body, BASE64), BASE64)
    try:
        assert json.dumps(json.loads(again)) == json.dumps(json.loads(body))
    except ValueError:
        assert again == body


@pytest.mark.parametrize(
    "context",
    [Context("/v1/embeddings", status=400, wants_base64=True), Context("/api/embeddings"), Context("")],
    ids=["error", "ollama", "http"],
)
def test_other_answers_are_no_embeddings(context):
    body = spelled(answer(packed(0.5)))
    assert stored(body, context) == Decoded(answer(packed(0.5)))
