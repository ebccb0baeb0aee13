"""http.client's own ways, and what urllib3, requests and boto3 make of them."""

from __future__ import annotations

import gzip
import http.client
import io
import json
import socket
import socketserver
import threading
import urllib.request
from urllib.parse import urlsplit

import pytest

import hashtape
from loopback import Reply

requests = pytest.importorskip("requests")
urllib3 = pytest.importorskip("urllib3")


def only(cassette):
    (path,) = cassette.glob("*.json")
    return json.loads(path.read_text())


def twice(cassette, call):
    """What a call gives while it is recorded and when it is played."""
    seen = []
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            seen.append(call())
    assert seen[0] == seen[1]
    return seen[0]


@pytest.fixture
def connect(server):
    opened = []

    def make():
        connection = http.client.HTTPConnection(urlsplit(server.origin).netloc, timeout=5)
        opened.append(connection)
        return connection

    yield make
    for connection in opened:
        connection.close()


BODIES = {
    "bytes": lambda: b"some bytes",
    "text": lambda: "some text",
    "file": lambda: io.BytesIO(b"from a file"),
    "text file": lambda: io.StringIO("from a text file"),
    "generator": lambda: iter([b"one", b"two"]),
    "nothing": lambda: None,
}


@pytest.mark.parametrize("make", BODIES.values(), ids=BODIES)
def test_a_body_goes_out_as_without_a_recorder(cassette, server, connect, make):
    def call():
        connection = connect()
        connection.request("POST", "/x", make(), {"content-type": "text/plain"})
        return json.loads(connection.getresponse().read())["path"]

    call()
    assert twice(cassette, call) == "/x"
    plain, recorded = server.received
    assert (recorded.body, recorded.headers) == (plain.body, plain.headers)


def test_a_request_put_together_piece_by_piece(cassette, server, connect):
    def call():
        connection = connect()
        connection.putrequest("PUT", "/piecemeal")
        connection.putheader("Content-Length", "6")
        connection.putheader("X-Two", "a", "b")
        connection.endheaders()
        connection.send(b"abc")
        connection.send(b"def")
        response = connection.getresponse()
        return response.status, response.read(), response.getheader("content-type")

    status, _, content_type = twice(cassette, call)
    assert (status, content_type) == (200, "application/json")
    assert server.hits == 1
    assert server.received[0].body == b"abcdef"
    assert only(cassette)["request"]["payload"] == "abcdef"


def test_many_requests_over_one_connection(cassette, server, connect):
    def call():
        connection, numbers = connect(), []
        for path in ("/1", "/2", "/3"):
            connection.request("GET", path)
            numbers.append(json.loads(connection.getresponse().read())["number"])
        return numbers

    assert twice(cassette, call) == [1, 2, 3]
    assert server.hits == 3


def test_recording_goes_on_over_a_connection_where_replay_stopped(cassette, server, connect):
    with hashtape.use_cassette(cassette):
        connection = connect()
        connection.request("GET", "/1")
        connection.getresponse().read()
    with hashtape.use_cassette(cassette, record_mode="new_episodes"):
        for path, number in (("/1", 1), ("/2", 2), ("/1", 3)):
            connection.request("GET", path)
            assert json.loads(connection.getresponse().read())["number"] == number


@pytest.mark.parametrize("status", [200, 204, 304, 404, 500])
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_status_and_method(cassette, server, connect, method, status):
    body = b"" if status in {204, 304} else b'{"a":1}'
    server.script(Reply(status=status, body=body))

    def call():
        connection = connect()
        connection.request(method, "/x")
        response = connection.getresponse()
        return response.status, response.read()

    assert twice(cassette, call) == (status, b"" if method == "HEAD" else body)
    assert server.hits == 1


def test_urllib_raises_for_an_error_and_reads_its_body(cassette, server):
    server.script(Reply(status=418, body=b'{"tea":true}'))

    def call():
        with pytest.raises(urllib.request.HTTPError) as caught:
            urllib.request.urlopen(server.origin + "/x")
        with caught.value as error:
            return error.code, error.read()

    assert twice(cassette, call) == (418, b'{"tea":true}')


def test_redirects_and_cookies_of_a_session(cassette, server):
    server.script(
        Reply(status=302, headers={"location": "/there", "set-cookie": "id=c00kie-value-1234; Path=/"}),
    )

    def call():
        with requests.Session() as session:
            answer = session.get(server.origin + "/here")
        return answer.url, answer.json()["path"], [past.status_code for past in answer.history]

    assert twice(cassette, call) == (server.origin + "/there", "/there", [302])
    assert server.received[1].headers["cookie"] == "id=c00kie-value-1234"
    assert not any(b"c00kie" in path.read_bytes() for path in cassette.iterdir())


def test_retries_of_urllib3_are_recorded_one_by_one(cassette, server):
    server.script(Reply(status=503, headers={"retry-after": "0"}), Reply(status=503), Reply(body=b'{"ok":1}'))

    def call():
        retries = urllib3.Retry(3, status_forcelist=[503], backoff_factor=0)
        with urllib3.PoolManager(retries=retries) as pool:
            return pool.request("GET", server.origin + "/x").json()

    assert twice(cassette, call) == {"ok": 1}
    assert server.hits == 3
    assert [only(cassette)["response"]["status"], len(only(cassette)["later_responses"])] == [503, 2]


def test_a_compressed_answer_is_stored_plain_and_read_by_all(cassette, server):
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    server.script(Reply(body=gzip.compress(b'{"a":1}'), headers=headers))
    assert twice(cassette, lambda: requests.get(server.origin).json()) == {"a": 1}
    assert only(cassette)["response"]["body"] == {"a": 1}
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert urllib.request.urlopen(server.origin).read() == b'{"a":1}'


def test_a_proxy_is_not_part_of_the_url(cassette, server):
    proxies = {"http": server.origin}
    answer = twice(cassette, lambda: requests.get("http://api.example/x?y=1", proxies=proxies).json())
    assert answer["path"] == "http://api.example/x?y=1"
    assert only(cassette)["request"]["url"] == "http://api.example/x?y=1"


@pytest.mark.parametrize(
    "url",
    ["https://api.example/x", "https://api.example:8443/x", "http://[::1]:9/x", "https://u:p@h.example/"],
)
@pytest.mark.parametrize("proxies", [None, {"https": "http://127.0.0.1:9"}], ids=["direct", "tunnel"])
def test_the_url_of_a_miss_is_the_one_that_was_asked(cassette, url, proxies):
    with (
        hashtape.use_cassette(cassette, record_mode="none"),
        pytest.raises(hashtape.MissError, match=r"No recording for GET") as caught,
    ):
        requests.get(url, proxies=proxies)
    assert f"GET {url.replace('u:p@', '')}:" in str(caught.value)


def test_a_refused_connection_is_the_error_of_the_client_and_stores_nothing(cassette):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with hashtape.use_cassette(cassette), pytest.raises(requests.ConnectionError, match="refused"):
        requests.get(f"http://127.0.0.1:{port}/")
    assert not cassette.exists()


def test_boto3_sends_a_body_that_the_server_is_asked_for_first(cassette, server):
    pytest.importorskip("botocore")
    from botocore.awsrequest import AWSRequest
    from botocore.httpsession import URLLib3Session

    def call():
        session = URLLib3Session()
        headers = {"Expect": b"100-continue", "Content-Length": "4"}
        request = AWSRequest("PUT", server.origin + "/object", headers=headers, data=io.BytesIO(b"body"))
        try:
            return session.send(request.prepare()).status_code
        finally:
            session.close()

    assert twice(cassette, call) == 200
    assert [received.body for received in server.received] == [b"body"]


def test_a_connection_that_is_no_network_is_left_alone(cassette, tmp_path):
    class Answer(socketserver.StreamRequestHandler):
        def handle(self):
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    class UnixConnection(http.client.HTTPConnection):
        def connect(self):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(path)

    path = str(tmp_path / "daemon.sock")
    with socketserver.UnixStreamServer(path, Answer) as daemon:
        thread = threading.Thread(target=daemon.handle_request)
        thread.start()
        with hashtape.use_cassette(cassette, record_mode="none"):
            connection = UnixConnection("localhost")
            connection.request("GET", "/containers")
            assert connection.getresponse().read() == b"ok"
            connection.close()
        thread.join()


@pytest.mark.parametrize(
    ("skipped", "client_is_left_alone"),
    [(("requests", "urllib3"), True), (("urllib3",), False), (("httplib",), False)],
)
def test_families_that_the_user_skips_are_left_alone(cassette, server, skipped, client_is_left_alone):
    with hashtape.use_cassette(cassette, skip_patchers=skipped):
        requests.get(server.origin + "/x")
    assert (not cassette.exists()) is client_is_left_alone


def test_the_patches_are_off_when_the_last_cassette_is_closed(tmp_path, server):
    before = [http.client.HTTPConnection.__dict__[name] for name in ("connect", "send", "getresponse")]
    with hashtape.use_cassette(tmp_path / "one"), hashtape.use_cassette(tmp_path / "two"):
        assert http.client.HTTPConnection.__dict__["send"] is not before[1]
    after = [http.client.HTTPConnection.__dict__[name] for name in ("connect", "send", "getresponse")]
    assert after == before
