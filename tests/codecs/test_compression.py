import gzip
import importlib
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashtape.codecs import decompress
from hashtape.codecs.compression import stream_decompressor


def gzipped(data):
    """Without the time, which would be another one in each process that names the tests."""
    return gzip.compress(data, mtime=0)


BODY = "naïve 🙂\n".encode() * 100
GZIP = gzipped(BODY)
ZLIB = zlib.compress(BODY)
RAW = zlib.compress(BODY, wbits=-zlib.MAX_WBITS)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (BODY, ""),
        (BODY, "identity"),
        (GZIP, "gzip"),
        (GZIP, " GZip "),
        (GZIP, "x-gzip"),
        (GZIP, "identity, gzip"),
        (ZLIB, "deflate"),
        (RAW, "deflate"),
        (gzipped(ZLIB), "deflate, gzip"),
        (zlib.compress(GZIP), "gzip,deflate"),
        (GZIP, "gzip;q=1"),
        (GZIP + b"\r\n", "gzip"),
        (GZIP + bytes(4), "gzip"),
        (GZIP[:-8], "gzip"),
        (ZLIB[:-4], "deflate"),
        (ZLIB + b"x", "deflate"),
    ],
)
def test_the_encodings_of_a_body_are_undone(body, encoding):
    assert decompress(body, encoding) == BODY


@pytest.mark.parametrize("tail", [b"\r\n", bytes(4), b"\x1f"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_what_follows_a_compressed_stream_is_ignored_as_clients_do(tail, size):
    undo = stream_decompressor("gzip")
    sent = GZIP + tail
    assert b"".join(undo(sent[n : n + size]) for n in range(0, len(sent), size)) == BODY


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (BODY, "gzip"),
        (BODY, "deflate"),
        (GZIP[:8], "gzip"),
        (ZLIB[:2], "deflate"),
        (GZIP[:20] + b"\0\0" + GZIP[22:], "gzip"),
        (GZIP, "deflate, gzip"),
        (BODY, "rot13"),
        (GZIP, "rot13, gzip"),
    ],
    ids=[
        "plain",
        "plain-deflate",
        "cut-off",
        "cut-off-deflate",
        "damaged",
        "once-only",
        "unknown",
        "unknown-2",
    ],
)
def test_bytes_that_are_not_in_their_encoding_are_not_guessed_at(body, encoding):
    assert decompress(body, encoding) is None


def test_no_member_of_a_gzip_body_is_lost():
    assert decompress(GZIP + gzipped(b"the end"), "gzip") == BODY + b"the end"


LIBRARIES = [("br", "brotli"), ("br", "brotlicffi"), ("zstd", "zstandard"), ("zstd", "backports.zstd")]


@pytest.mark.parametrize(("encoding", "library"), LIBRARIES)
def test_what_a_library_compresses_is_undone(encoding, library):
    compressed = pytest.importorskip(library).compress(BODY)
    assert decompress(compressed, encoding) == BODY
    assert decompress(gzipped(compressed), f"{encoding}, gzip") == BODY
    assert decompress(BODY, encoding) is None


@pytest.mark.parametrize(("encoding", "library"), LIBRARIES)
def test_half_of_what_a_library_compresses_is_not_taken_for_the_whole(encoding, library):
    assert decompress(pytest.importorskip(library).compress(BODY)[:-3], encoding) is None


@pytest.mark.parametrize("library", ["zstandard", "backports.zstd"])
def test_no_frame_of_a_zstd_body_is_lost(library):
    compress = pytest.importorskip(library).compress
    assert decompress(compress(BODY) + compress(b"the end"), "zstd") == BODY + b"the end"


@pytest.mark.parametrize("library", ["zstandard", "backports.zstd"])
def test_a_zstd_body_that_does_not_name_its_size_is_undone(library):
    module = pytest.importorskip(library)
    compressor = module.ZstdCompressor()
    stream = compressor.compressobj() if library == "zstandard" else compressor
    assert decompress(stream.compress(BODY) + stream.flush(), "zstd") == BODY


@pytest.mark.parametrize(
    ("encoding", "libraries"),
    [("br", ["brotli", "brotlicffi"]), ("zstd", ["compression.zstd", "backports.zstd", "zstandard"])],
)
def test_without_a_library_the_body_stays_as_it_is(encoding, libraries):
    for name in libraries:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
        pytest.skip(f"{name} is installed")
    assert decompress(b"\x28\xb5\x2f\xfd", encoding) is None


@given(st.binary(), st.lists(st.sampled_from(["gzip", "deflate", "identity"]), max_size=3))
@settings(max_examples=60, deadline=None)
def test_whatever_was_compressed_comes_back(body, encodings):
    squeeze = {"gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes}
    compressed = body
    for encoding in encodings:
        compressed = squeeze[encoding](compressed)
    assert decompress(compressed, ", ".join(encodings)) == body
