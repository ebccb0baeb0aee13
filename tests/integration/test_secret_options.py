"""What an ini file says about secrets, and about hosts that may be reached under `none`."""

from __future__ import annotations

KEY = "sq7-9fGh2LmXw0RtB5vZ"


def test_names_of_ones_own_are_secret(project):
    project.ini("hashtape_secret_names = tenant")
    project.write(
        f"""
        @pytest.mark.vcr
        def test_chat():
            ask("hi", extra_body={{"metadata": {{"tenant": "{KEY}"}}}})
        """
    )
    project.hits("--record-mode=once", passed=1)
    assert project.recordings()[0]["request"]["body"]["metadata"] == {"tenant": "[REDACTED]"}
    assert project.hits(passed=1) == 0


def test_a_false_alarm_costs_one_line(project):
    project.write(
        """
        @pytest.mark.vcr
        def test_chat():
            metadata = {"password": "p4ssword-x"}
            ask("Is AKIAQ7XN4ZP2M6RT5KWD the name of a ship?", extra_body={"metadata": metadata})
        """
    )
    result = project.run("--record-mode=once", "-Wdefault")
    result.assert_outcomes(passed=1, warnings=2)  # of the question, and of the answer that repeats it
    result.stdout.fnmatch_lines(["*request.body.messages?0?.content*", "*hashtape_not_secret*"])
    assert "AKIAQ7XN4ZP2M6RT5KWD" not in result.stdout.str()
    assert "[REDACTED]" in str(project.recordings())
    project.ini("hashtape_not_secret =", "    password", "    AKIA[A-Z0-9]+")
    project.hits("--record-mode=rewrite", passed=1)
    (recording,) = project.recordings()
    assert recording["request"]["body"]["metadata"] == {"password": "p4ssword-x"}
    assert "[REDACTED]" not in str(recording)
    assert project.hits(passed=1) == 0


def test_no_request_passes_by_the_cassette_unless_its_host_is_allowed(project):
    project.write(
        """
        @pytest.fixture(scope="module")
        def vcr_config():
            return {"ignore_localhost": True}

        @pytest.mark.vcr
        def test_chat():
            url = os.environ["LOOPBACK"].replace("localhost", "127.0.0.1")
            assert httpx.get(url + "/health").status_code == 200
        """
    )
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*a filter leaves it out of the cassette*", "*hashtape_allowed_hosts = 127.0.0.1*"]
    )
    assert project.server.hits == 0
    for hosts in ("cars.example,127.0.0.1", r"127[.]0{1,3}[.]0[.]1"):
        project.ini(f"hashtape_allowed_hosts = {hosts}")
        assert project.hits(passed=1) == 1
    assert project.hits("--record-mode=once", passed=1) == 1
