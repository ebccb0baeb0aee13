"""`none` is a guarantee: whatever the client and whatever a filter says, nothing reaches the server."""

from __future__ import annotations

import asyncio
import http.client
import threading
from urllib.parse import urlsplit

import httpx
import pytest
import vcr
from vcr.errors import CannotOverwriteExistingCassetteException

import hashtape
from clients import EVERY_CLIENT, fetch
from loopback import LoopbackServer

FILTERS = {
    "nothing": {},
    "filter": {"before_record_request": lambda request: None},
    "ignored host": {"ignore_hosts": ["127.0.0.1"]},
    "ignored localhost": {"ignore_localhost": True},
    "matchers": {"match_on": ["method", "uri", "body"]},
    "response filter": {"before_record_response": lambda response: None},
    "repeats": {"allow_playback_repeats": True},
}


@pytest.mark.parametrize("options", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_no_client_reaches_the_server(cassette, server, client, options):
    with hashtape.use_cassette(cassette, record_mode="none", **options), pytest.raises(Exception) as caught:
        fetch(client, "POST", server.origin + "/chat", {"model": "demo"})
    chain = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert any(isinstance(error, hashtape.MissError) for error in chain)
    assert server.hits == 0


OF_A_HOST = {
    "nothing": {},
    "filter": {"before_record_request": lambda request: None},
    "ignored host": {"ignore_hosts": ["api.example"]},
    "matchers": {"match_on": ["method", "uri", "body"]},
}


@pytest.fixture
def old(tmp_path, server):
    """Opens a cassette of vcrpy's own through an equipped VCR."""
    path = str(tmp_path / "old.yaml")
    with vcr.use_cassette(path):
        fetch("requests", "GET", server.origin + "/old")
    machine = vcr.VCR(record_mode="none")
    hashtape.configure(machine)
    return lambda **options: machine.use_cassette(path, **options)


@pytest.mark.parametrize("options", OF_A_HOST.values(), ids=OF_A_HOST)
@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_nor_from_a_cassette_of_vcrpy(old, client, options):
    with old(**options), pytest.raises(Exception, match=r".") as caught:
        fetch(client, "POST", "http://api.example/new", {"model": "demo"})
    chain = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert any(isinstance(error, CannotOverwriteExistingCassetteException) for error in chain)


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_beside_a_cassette_of_vcrpy_a_server_of_this_machine_goes_on_answering(old, server, client):
    with old(ignore_localhost=True):
        assert fetch(client, "GET", server.origin + "/live")[0] == 200
    with old(), pytest.raises(Exception, match=r"."):
        fetch(client, "GET", server.origin + "/live")
    assert server.hits == 2


@pytest.mark.parametrize("client", ["requests", "urllib3", "http.client", "httpx"])
def test_a_connection_that_is_open_already_sends_nothing(cassette, server, client):
    parts = urlsplit(server.origin)
    if client == "requests":
        requests = pytest.importorskip("requests")
        session = requests.Session()
        get, close = session.get, session.close
    elif client == "urllib3":
        urllib3 = pytest.importorskip("urllib3")
        pool = urllib3.PoolManager()
        get, close = (lambda url: pool.request("GET", url)), pool.clear
    elif client == "httpx":
        session = httpx.Client(verify=False)
        get, close = session.get, session.close
    else:
        connection = http.client.HTTPConnection(parts.netloc)

        def get(url):
            connection.putrequest("GET", urlsplit(url).path)
            connection.endheaders()
            return connection.getresponse().read()

        close = connection.close
    get(server.origin + "/warm")
    with hashtape.use_cassette(cassette, record_mode="none"), pytest.raises(hashtape.MissError):
        get(server.origin + "/cold")
    assert server.hits == 1
    get(server.origin + "/after")
    assert server.hits == 2
    close()


def test_nothing_is_connected_or_looked_up(cassette):
    server = LoopbackServer().start()
    url = server.origin
    server.stop()
    for client in EVERY_CLIENT:
        with (
            hashtape.use_cassette(cassette, record_mode="none"),
            pytest.raises(Exception, match=r"No recording|hashtape") as caught,
        ):
            fetch(client, "GET", url + "/x")
        assert "onnection refused" not in str(caught.value)
        with hashtape.use_cassette(cassette, record_mode="none"), pytest.raises(Exception) as caught:
            fetch(client, "GET", "http://no-such-host.invalid/x")
        assert "ame or service" not in str(caught.value)


def test_threads_that_outlive_nothing(cassette, server):
    errors = []

    def ask():
        try:
            fetch("requests", "GET", server.origin + "/thread")
        except hashtape.MissError as error:
            errors.append(error)

    with hashtape.use_cassette(cassette, record_mode="none"):
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(errors) == 8
    assert server.hits == 0


def test_hosts_that_the_user_allows_are_reached_when_a_filter_leaves_them_out(cassette, server, get):
    options = {"ignore_localhost": True, "record_mode": "none"}
    with (
        hashtape.use_cassette(cassette, **options),
        pytest.raises(hashtape.MissError, match=r"hashtape_allowed_hosts = 127\.0\.0\.1"),
    ):
        get()
    with hashtape.use_cassette(cassette, allowed_hosts=["127.0.0.1"], **options):
        assert get() == 1
    with (
        hashtape.use_cassette(cassette, allowed_hosts=["127.0.0.1"], record_mode="none"),
        pytest.raises(hashtape.MissError),
    ):
        get()
    assert server.hits == 1


def test_in_the_other_modes_a_filter_lets_requests_pass_unrecorded(cassette, server, get):
    with hashtape.use_cassette(cassette, ignore_localhost=True):
        assert get() == 1
    assert not list(cassette.glob("*"))


def test_an_application_in_this_process_is_no_network(cassette):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def call():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app.test") as client:
            return (await client.get("/")).status_code

    with hashtape.use_cassette(cassette, record_mode="none", ignore_hosts=["app.test"]):
        assert asyncio.run(call()) == 204
