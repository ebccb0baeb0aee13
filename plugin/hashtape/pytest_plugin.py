"""The pytest plugin: joins pytest-recording through its hook. Wiring only, and nothing heavy at start-up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hashtape import run_summary
from hashtape.audit import Audit
from hashtape.convert_run import ConvertRun
from hashtape.errors import HashtapeWarning

if TYPE_CHECKING:
    from collections.abc import Generator

    from hashtape.miss_report import MissReport
    from hashtape.vcr_adapter import CassetteUse

__all__: list[str] = []

_YAML_RUNS = (Audit, ConvertRun)
_LAYOUTS = ("cassettes", "recordings")
_HOST = re.compile(r"[\w.:-]+")
_SWALLOWED_MISS = ("error", "warn", "ignore")

_vcr_request = pytest.StashKey[pytest.FixtureRequest]()
_replaced_cassette = pytest.StashKey[tuple[Path, bytes]]()
_has_passed = pytest.StashKey[bool]()
_use: pytest.StashKey[CassetteUse] = pytest.StashKey()
_misses: pytest.StashKey[MissReport] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    run_summary.add_options(parser)
    for run in _YAML_RUNS:
        run.add_option(parser)
    parser.addini(
        "hashtape_layout",
        "Where recordings are: cassettes (a directory for each test, as pytest-recording names its files) "
        "or recordings (one directory beside the test file, as llama-stack has it).",
        default=_LAYOUTS[0],
    )
    parser.addini(
        "hashtape_response_headers",
        "Names of response headers to store beside those that clients act on.",
        type="args",
        default=[],
    )
    parser.addini(
        "hashtape_secret_names",
        "Names of fields, headers and parameters whose values are secret, beside those that are known.",
        type="args",
        default=[],
    )
    parser.addini(
        "hashtape_not_secret",
        "What is not secret after all, one a line: the name of a field or an environment variable, a value, "
        "or a regular expression that matches whole values.",
        type="linelist",
        default=[],
    )
    parser.addini(
        "hashtape_allowed_hosts",
        "Hosts that may be reached under record mode none with requests that a filter leaves out.",
        type="args",
        default=[],
    )
    parser.addini(
        "hashtape_swallowed_miss",
        "What a request without a recording does to its test when the program swallows the error: error, "
        "warn or ignore.",
        default=_SWALLOWED_MISS[0],
    )


def pytest_configure(config: pytest.Config) -> None:
    """Check the ini options, and begin to count."""
    for name in ("hashtape_allowed_hosts", "hashtape_response_headers", "hashtape_secret_names"):
        try:
            config.getini(name)
        except (TypeError, ValueError, pytest.UsageError) as error:
            raise pytest.UsageError(
                f"{name}: expected names separated by white space, got something else ({error}). "
                f"Correct it in {config.inipath or 'the command line'}"
            ) from None
    layout = config.getini("hashtape_layout")
    if layout not in _LAYOUTS:
        raise pytest.UsageError(
            f"hashtape_layout: expected {' or '.join(_LAYOUTS)}, got {layout!r}. "
            f"Correct it in {config.inipath or 'the command line'}"
        )
    swallowed_miss = config.getini("hashtape_swallowed_miss")
    if swallowed_miss not in _SWALLOWED_MISS:
        raise pytest.UsageError(
            f"hashtape_swallowed_miss: expected error, warn or ignore, got {swallowed_miss!r}. "
            f"Correct it in {config.inipath or 'the command line'}"
        )
    config.pluginmanager.register(run_summary.RunSummary(config, _test_id), "hashtape-run-summary")
    for run in _YAML_RUNS:
        if run.is_asked_for(config):
            config.pluginmanager.register(run(config), run.option.lstrip("-"))


def _hosts(entries: list[str]) -> list[str]:
    """Hosts and regular expressions; hosts may have commas between them, as in pytest-recording's option."""
    hosts: list[str] = []
    for entry in entries:
        parts = [part for part in entry.split(",") if part]
        hosts += parts if all(map(_HOST.fullmatch, parts)) else [entry]
    return hosts


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Note whose cassette is being opened: pytest-recording's hook does not say."""
    if fixturedef.argname != "vcr":
        return (yield)
    stash = request.config.stash
    stash[_vcr_request] = request
    try:
        if _is_rewrite(request):
            _note_replaced_cassette(request)
        return (yield)
    finally:
        del stash[_vcr_request]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note whether the test passed, which decides what may be removed, and hand on what it played."""
    report = yield
    _report_misses(item, report)
    if report.when == "call":
        item.stash[_has_passed] = report.passed
    elif report.when == "teardown":
        use = item.stash.get(_use, None)
        if use is not None:
            has_passed = item.stash.get(_has_passed, False) and report.passed
            setattr(report, run_summary.USE, {**use.to_json(), "has_passed": has_passed})
            del item.stash[_use]  # a test that is run again begins anew
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test whose program swallowed a miss."""
    result = yield
    _judge_swallowed_misses(item)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """The same for what a fixture asked at the end."""
    result = yield
    _judge_swallowed_misses(item)
    return result


@pytest.hookimpl(optionalhook=True, trylast=True)
def pytest_recording_configure(config: pytest.Config, vcr: Any) -> None:
    """Equip the VCR of a marked test, unless the user gave it a persister of their own."""
    from pytest_recording._vcr import CombinedPersister

    from hashtape.miss_report import MissReport
    from hashtape.redaction import Redactor
    from hashtape.vcr_adapter import CassetteSetup, CassetteUse, equip, extra_cassettes

    request = config.stash.get(_vcr_request, None)
    if type(vcr.persister) is not CombinedPersister or request is None:
        return
    item = request.node
    is_shared = config.getini("hashtape_layout") == "recordings"
    is_rewrite = _is_rewrite(request)
    if is_rewrite:
        _restore_replaced_cassette(item)
    redactor = Redactor(
        secret_names=config.getini("hashtape_secret_names"),
        not_secret=config.getini("hashtape_not_secret"),
    )
    test_id = _test_id(item)
    use = item.stash.setdefault(_use, CassetteUse(redactor.text(test_id)))
    convert = None
    if ConvertRun.is_asked_for(config):
        from hashtape.vcr_adapter.yaml_conversion import Converter

        convert = Converter(
            secret_names=config.getini("hashtape_secret_names"),
            not_secret=config.getini("hashtape_not_secret"),
            response_headers=config.getini("hashtape_response_headers"),
            knows_tests=True,
        ).convert
    setup = CassetteSetup(
        test_id=test_id,
        directory=item.path.parent / "recordings" if is_shared else None,
        is_shared=is_shared,
        extra_paths=extra_cassettes(vcr.persister.extra_paths),
        is_rewrite=is_rewrite,
        response_headers=frozenset(name.lower() for name in config.getini("hashtape_response_headers")),
        redactor=redactor,
        allowed_hosts=frozenset(
            [
                *_hosts(config.getini("hashtape_allowed_hosts")),
                *(request.getfixturevalue("allowed_hosts") or ()),
            ]
        ),
        has_passed=lambda: item.stash.get(_has_passed, False),
        use=use,
        is_audit=Audit.is_asked_for(config) or convert is not None,
        convert=convert,
        misses=item.stash.setdefault(_misses, MissReport()).log,
    )
    equip(vcr, setup)


def _report_misses(item: pytest.Item, report: pytest.TestReport) -> None:
    """Put the misses of a test into the report of its failure."""
    misses = item.stash.get(_misses, None)
    if misses is None:
        return
    if report.failed:
        misses.put_into(report, shows_sections=item.config.getoption("showcapture") == "all")
    elif hasattr(report, "wasxfail"):
        misses.excuse()
    if report.when == "teardown":
        del item.stash[_misses]  # a test that is run again begins anew


def _judge_swallowed_misses(item: pytest.Item) -> None:
    misses = item.stash.get(_misses, None)
    swallowed = misses.swallowed() if misses is not None else []
    choice = item.config.getini("hashtape_swallowed_miss")
    if misses is None or not swallowed or choice == "ignore":
        return
    if choice == "warn":
        item.warn(HashtapeWarning(misses.warning(swallowed)))
    else:
        pytest.fail(misses.verdict(swallowed), pytrace=False)


def _test_id(item: pytest.Item) -> str:
    """The node id, without the group that xdist appends to it under `--dist loadgroup`."""
    marker = item.get_closest_marker("xdist_group")
    if marker is None:
        return item.nodeid
    group = marker.args[0] if marker.args else marker.kwargs.get("name", "default")
    return item.nodeid.removesuffix(f"@{group}")


def _is_rewrite(request: pytest.FixtureRequest) -> bool:
    """Whether the record mode is `rewrite`: pytest-recording shows the hook another one."""
    from pytest_recording.utils import merge_kwargs

    markers = request.getfixturevalue("vcr_markers")
    if not markers or request.getfixturevalue("disable_recording"):
        return False
    options = merge_kwargs(request.getfixturevalue("vcr_config"), markers)
    return bool(options.get("record_mode", request.getfixturevalue("record_mode")) == "rewrite")


def _note_replaced_cassette(request: pytest.FixtureRequest) -> None:
    """Keep the YAML cassette that pytest-recording is about to remove, before the test has passed."""
    name = request.getfixturevalue("default_cassette_name")
    path = Path(request.getfixturevalue("vcr_cassette_dir"), name)
    if path.suffix != ".yaml":
        path = path.with_name(path.name + ".yaml")
    try:
        request.node.stash[_replaced_cassette] = (path, path.read_bytes())
    except OSError:
        return  # there is none, which is the usual case


def _restore_replaced_cassette(item: pytest.Item) -> None:
    path, content = item.stash.get(_replaced_cassette, (None, b""))
    if path is not None and not path.exists():
        path.write_bytes(content)
