"""What libraries report of their own accord is neither recorded nor anybody's miss."""

from __future__ import annotations

import httpx
import pytest

import hashtape


@pytest.fixture
def report(server):
    def call():
        return httpx.post(f"{server.origin}/v1/traces/ingest", json={"data": [{"id": "trace_1"}]})

    return call


@pytest.mark.parametrize("mode", ["once", "new_episodes", "all", "rewrite"])
def test_it_is_sent_and_not_recorded_where_recordings_are_made(cassette, server, get, report, mode):
    with hashtape.use_cassette(cassette, record_mode=mode):
        get("/one")
        assert report().status_code == 200
    assert server.hits == 2
    assert len(list(cassette.iterdir())) == 1


@pytest.mark.parametrize("mode", ["none", "once"])
def test_it_is_not_sent_where_a_test_is_played(cassette, server, get, report, mode):
    with hashtape.use_cassette(cassette):
        get("/one")
    with hashtape.use_cassette(cassette, record_mode=mode):
        with pytest.raises(hashtape.MissError, match=r"Not sent: POST .*: a library's telemetry"):
            report()
        get("/one")
    assert server.hits == 1


def test_an_application_in_this_process_may_have_such_a_path(cassette):
    def app(environ, start_response):
        start_response("200 OK", [("content-type", "text/plain")])
        return [b"hello"]

    def call():
        with httpx.Client(transport=httpx.WSGITransport(app=app)) as client:
            return client.post("http://app.example/v1/traces/ingest").text

    with hashtape.use_cassette(cassette):
        assert call() == "hello"
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert call() == "hello"
    assert len(list(cassette.iterdir())) == 1


def test_a_thread_that_reports_fails_no_test(pytester, cassette, server, get):
    with hashtape.use_cassette(cassette):
        get("/one")
    pytester.makepyfile(
        f"""
        import threading
        import httpx
        import pytest

        def report():
            try:
                httpx.post("{server.origin}/v1/traces/ingest", json={{}})
            except Exception:
                pass

        @pytest.mark.vcr
        def test_chat():
            thread = threading.Thread(target=report)
            thread.start()
            thread.join()
        """
    )
    result = pytester.runpytest_inprocess("-pno:cacheprovider", "-pno:asyncio", "--record-mode=none")
    result.assert_outcomes(passed=1)
    assert server.hits == 1
