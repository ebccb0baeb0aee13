import binascii
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_streams import message

from hashtape.codecs.aws_messages import Message, MessageSplitter, read_message, write_message

ONE = message("chunk", b'{"a":1}')
HEADERS = ":event-type: chunk\n:content-type: application/json\n:message-type: event"


def with_headers(block, payload=b"{}"):
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    prelude += struct.pack(">I", binascii.crc32(prelude))
    return prelude + block + payload + struct.pack(">I", binascii.crc32(prelude + block + payload))


def test_a_message_is_its_headers_and_its_payload():
    assert read_message(ONE) == Message(HEADERS, b'{"a":1}')
    assert write_message(Message(HEADERS, b'{"a":1}')) == ONE


def test_both_checksums_of_a_written_message_are_right():
    written = write_message(Message(HEADERS, b'{"other":"payload"}'))
    total, headers, prelude_sum = struct.unpack_from(">III", written)
    assert (total, headers) == (len(written), len(written) - 16 - len(b'{"other":"payload"}'))
    assert prelude_sum == binascii.crc32(written[:8])
    assert struct.unpack(">I", written[-4:])[0] == binascii.crc32(written[:-4])


def test_a_header_is_looked_up_by_its_name():
    assert read_message(ONE).header(":event-type") == "chunk"
    assert read_message(ONE).header(":exception-type") is None


@pytest.mark.parametrize(
    ("block", "headers"),
    [
        (b"", ""),
        (b"\x01a\x00\x01b\x01", "a (0): \nb (1): "),
        (b"\x01a\x02\xff\x01b\x03\x00\x01", "a (2): ff\nb (3): 0001"),
        (b"\x01a\x04\x00\x00\x00\x01\x01b\x05" + bytes(8), "a (4): 00000001\nb (5): 0000000000000000"),
        (b"\x01a\x06\x00\x02\x00\xff", "a (6): 00ff"),
        (b"\x01a\x08" + bytes(8) + b"\x01b\x09" + bytes(16), "a (8): " + "00" * 8 + "\nb (9): " + "00" * 16),
        (b"\x01a\x07\x00\x06x: (7)", "a: x: (7)"),
    ],
    ids=["none", "true-and-false", "byte-and-short", "numbers", "bytes", "time-and-uuid", "odd-string"],
)
def test_headers_of_every_type_can_be_told(block, headers):
    raw = with_headers(block)
    assert read_message(raw) == Message(headers, b"{}")
    assert write_message(Message(headers, b"{}")) == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        ONE[:-1],
        ONE + b"x",
        ONE[:-1] + bytes([ONE[-1] ^ 1]),
        ONE.replace(b'{"a":1}', b'{"a":2}'),
        bytes([ONE[0], ONE[1], ONE[2], ONE[3] ^ 1]) + ONE[4:],
        with_headers(b"\x01a\x07\x00\x01\n"),
        with_headers(b"\x01a\x07\x00\x01\xff"),
        with_headers(b"\x01a\x07\x00\x09x"),
        with_headers(b"\x01a\x0ax"),
        with_headers(b"\x09a"),
        with_headers(b"\x03a: \x07\x00\x01x"),
    ],
    ids=[
        *("nothing", "short", "long", "checksum", "payload", "length", "line-break", "no-utf-8"),
        *("long-value", "unknown-type", "long-name", "odd-name"),
    ],
)
def test_what_would_not_come_back_is_no_message(raw):
    assert read_message(raw) is None


@pytest.mark.parametrize("headers", ["no header", "a (2): ffff", "a (6): z", "a" * 300 + ": x", "\n"])
def test_headers_that_somebody_made_up_are_an_error(headers):
    with pytest.raises(ValueError):
        write_message(Message(headers, b""))


# --- As they arrive -------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 300), max_size=8))
@settings(max_examples=50, deadline=None)
def test_messages_are_the_same_however_the_network_cuts_them(places):
    stream = ONE + message("x", b"") + ONE
    splitter, found, last = MessageSplitter(), [], 0
    for place in [*sorted(min(place, len(stream)) for place in places), len(stream)]:
        found += splitter.feed(stream[last:place])
        last = place
        assert b"".join(found) + splitter.rest == stream[:place]
    assert found == [ONE, message("x", b""), ONE]


def test_after_bytes_that_begin_no_message_nobody_knows_where_one_begins():
    splitter = MessageSplitter()
    assert splitter.feed(ONE + b"no message at all" + ONE) == [ONE]
    assert splitter.feed(ONE) == []
    assert splitter.end() == b"no message at all" + ONE * 2


def test_a_length_that_was_made_up_is_not_waited_for():
    splitter = MessageSplitter()
    assert splitter.feed(b"\xff\xff\xff\xff" + ONE[4:]) == []
    assert splitter.feed(ONE) == []
