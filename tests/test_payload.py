import hashlib
import json
from urllib.parse import parse_qsl, urlencode

import pytest
import requests
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hashtape.payload import body_of, is_description, payload_of

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("content_type", ["", "text/plain", FORM, "multipart/form-data; boundary=b"])
def test_no_body_is_null(content_type):
    assert payload_of(b"", content_type) is None


@pytest.mark.parametrize("content_type", ["", "text/plain; charset=utf-8", "application/xml", "image/png"])
def test_text_is_text_whatever_it_is_called(content_type):
    assert payload_of("<a>naïve 🙂</a>\r\n".encode(), content_type) == "<a>naïve 🙂</a>\r\n"


@pytest.mark.parametrize("body", [b"\xff\xd8\xff", b"a\0b", bytes(5_000_000)], ids=["jpeg", "nul", "5-MB"])
def test_binary_is_its_digest_and_size(body):
    assert payload_of(body, "application/octet-stream") == {
        "__encoding__": "sha256",
        "sha256": hashlib.sha256(body).hexdigest(),
        "size": len(body),
    }


@pytest.mark.parametrize(
    ("body", "content_type", "is_described"),
    [
        (b"", "", False),
        (b"text", "text/plain", False),
        (b"a=1", FORM, False),
        (b"\xff\0", "image/png", True),
        (b"--b\r\n\r\ntext\r\n--b--\r\n", "multipart/form-data; boundary=b", True),
    ],
    ids=["none", "text", "form", "binary", "multipart"],
)
def test_what_no_body_can_be_made_of_is_a_description(body, content_type, is_described):
    assert is_description(payload_of(body, content_type)) is is_described


@pytest.mark.parametrize("content_type", [FORM, FORM.upper(), f"{FORM}; charset=UTF-8"])
def test_a_form_is_its_fields_in_their_order(content_type):
    assert payload_of(b"b=2&a=x+y%26z&a=%C3%A9&empty=", content_type) == {
        "__encoding__": "form",
        "parts": [
            {"name": "b", "value": "2"},
            {"name": "a", "value": "x y&z"},
            {"name": "a", "value": "é"},
            {"name": "empty", "value": ""},
        ],
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [(b"a=1", b"a=2"), (b"a=1", b"b=1"), (b"a=1&b=2", b"b=2&a=1"), (b"a=%FF", b"a=%FE")],
    ids=["value", "name", "order", "bytes-that-are-not-utf-8"],
)
def test_forms_that_differ_have_different_payloads(one, other):
    assert payload_of(one, FORM) != payload_of(other, FORM)


def multipart(boundary, parts, quoted=False):
    body = b"".join(
        b"--"
        + boundary.encode()
        + b"\r\n"
        + "".join(f"{h}\r\n" for h in headers).encode()
        + b"\r\n"
        + value
        # The line break before a delimiter belongs to it and not to the part.
        + b"\r\n"
        for headers, value in parts
    )
    name = f'"{boundary}"' if quoted else boundary
    content_type = f"multipart/form-data; boundary={name}"
    return payload_of(body + b"--" + boundary.encode() + b"--\r\n", content_type)


FIELD = (['Content-Disposition: form-data; name="purpose"'], b"fine-tune")
FILE = (
    ['Content-Disposition: form-data; name="file"; filename="a.jsonl"', "Content-Type: application/jsonl"],
    "{é}\r\n".encode(),
)
IMAGE = (
    ['content-disposition: form-data; name="image"; filename="a \\"b\\".png"', "content-type: image/png"],
    b"\x89PNG\r\n\x1a\n\0",
)


def test_a_multipart_body_is_its_parts_without_the_boundary():
    assert multipart("boundary123", [FIELD, FILE, IMAGE]) == {
        "__encoding__": "multipart",
        "parts": [
            {"name": "purpose", "value": "fine-tune"},
            {
                "name": "file",
                "filename": "a.jsonl",
                "content_type": "application/jsonl",
                "value": "{é}\r\n",
            },
            {
                "name": "image",
                "filename": 'a \\"b\\".png',
                "content_type": "image/png",
                "value": {
                    "__encoding__": "sha256",
                    "sha256": hashlib.sha256(IMAGE[1]).hexdigest(),
                    "size": len(IMAGE[1]),
                },
            },
        ],
    }


boundaries = st.text("0123456789abcdefXYZ'()+_,-./:=?", min_size=12, max_size=60)


@given(boundaries, boundaries, st.lists(st.binary(max_size=40), max_size=3), st.booleans())
@settings(max_examples=80, deadline=None)
def test_a_multipart_body_is_the_same_whatever_the_boundary(one, other, bodies, quoted):
    assume(not any(b.encode() in body for b in (one, other) for body in bodies))
    parts = [([f'Content-Disposition: form-data; name="part{n}"'], body) for n, body in enumerate(bodies)]
    assert multipart(one, parts, quoted=quoted) == multipart(other, parts)
    assert len(multipart(one, parts)["parts"]) == len(parts)


def test_a_name_in_another_encoding_is_no_error():
    body = b'--b\r\nContent-Disposition: form-data; name="caf\xe9"\r\n\r\nx\r\n--b--\r\n'
    (part,) = payload_of(body, "multipart/form-data; boundary=b")["parts"]
    assert part["name"].startswith("caf")


def test_a_part_without_headers_does_not_bring_the_boundary_in():
    assert multipart("boundary123", [([], b"a"), FIELD]) == multipart("boundary456", [([], b"a"), FIELD])


def test_what_a_client_sends_twice_is_the_same():
    def sent():
        files = {"file": ("a.bin", b"\0\1", "application/x-thing"), "note": (None, "né")}
        request = requests.Request("POST", "https://api.example/files", files=files).prepare()
        return request.body, payload_of(request.body, request.headers["content-type"])

    (one_body, one), (other_body, other) = sent(), sent()
    assert one_body != other_body
    assert one == other
    assert [part["name"] for part in one["parts"]] == ["file", "note"]


@pytest.mark.parametrize(
    "other",
    [
        [FIELD, (FILE[0], b"{e}\r\n")],
        [FIELD, (['Content-Disposition: form-data; name="file"; filename="b.jsonl"', FILE[0][1]], FILE[1])],
        [FIELD, ([FILE[0][0], "Content-Type: text/plain"], FILE[1])],
        [(['Content-Disposition: form-data; name="use"'], b"fine-tune"), FILE],
        [(["Content-Disposition: form-data; name=purpose"], b"fine-tune"), FILE, FIELD],
        [FILE, FIELD],
        [FIELD],
    ],
    ids=["content", "filename", "content-type", "name", "one-more", "order", "one-less"],
)
def test_multipart_bodies_that_differ_have_different_payloads(other):
    assert multipart("b-o-u-n-d-a-r-y", [FIELD, FILE]) != multipart("b-o-u-n-d-a-r-y", other)


def test_a_name_counts_also_without_quotes():
    one = [(["Content-Disposition: form-data; name=one"], b"x")]
    other = [(["Content-Disposition: form-data; name=other"], b"x")]
    assert multipart("boundary123", one) != multipart("boundary123", other)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"--b\r\nno end", "multipart/form-data; boundary=b"),
        (b"nothing of the kind", "multipart/form-data; boundary=b"),
        (b"--b\r\n\r\nx\r\n--b--\r\n", "multipart/form-data"),
        (b"--b\r\n\r\nx\r\n--b--\r\n", "text/plain; boundary=b"),
    ],
    ids=["cut-off", "not-multipart", "no-boundary-named", "called-text"],
)
def test_what_only_claims_to_be_multipart_is_text(body, content_type):
    assert payload_of(body, content_type) == body.decode()


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (None, (b"", "")),
        ("naïve \ud83d", (b"na\xc3\xafve \xed\xa0\xbd", "text/plain")),
        ({"a": [1, "é"]}, ('{"a":[1,"é"]}'.encode(), "application/json")),
        ([], (b"[]", "application/json")),
        (payload_of(b"a=x+y%26&a=&b=%C3%A9", FORM), (b"a=x+y%26&a=&b=%C3%A9", FORM)),
        ({"__encoding__": "form", "parts": None}, (b"", FORM)),
        ({"__encoding__": "form", "parts": [1, {"value": "v"}]}, (b"=v", FORM)),
    ],
    ids=["nothing", "text", "json", "list", "form", "form-without-parts", "form-with-odd-parts"],
)
def test_a_payload_leads_back_to_a_body(payload, expected):
    assert body_of(payload) == expected


@pytest.mark.parametrize("encoding", ["form", "multipart"])
def test_half_an_emoji_that_somebody_put_into_a_file_is_no_error(encoding):
    body, _ = body_of({"__encoding__": encoding, "parts": [{"name": "a", "value": "half \ud83d"}]})
    assert b"half" in body


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=8), st.binary(max_size=8)), min_size=1, max_size=4))
@settings(max_examples=80, deadline=None)
def test_a_form_leads_back_to_a_body_with_the_same_payload(fields):
    payload = payload_of(urlencode(fields).encode(), FORM)
    assert len(payload["parts"]) == len(fields)
    body, content_type = body_of(payload)
    assert payload_of(body, content_type) == payload
    expected = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]
    assert parse_qsl(body.decode(), keep_blank_values=True, encoding="latin-1") == expected


@given(st.binary(max_size=200), st.sampled_from(["", FORM, "multipart/form-data; boundary=b", "a/b"]))
@settings(max_examples=100, deadline=None)
def test_any_body_has_a_payload_that_json_can_hold(body, content_type):
    payload = payload_of(body, content_type)
    assert json.loads(json.dumps(payload)) == payload
    assert payload_of(body, content_type) == payload
