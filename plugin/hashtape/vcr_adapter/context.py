"""Equipping a `vcr.VCR`: its `use_cassette` then opens cassettes of recordings."""

from __future__ import annotations

import difflib
import functools
import inspect
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vcr import VCR
from vcr.cassette import Cassette, CassetteContextDecorator
from vcr.persisters.filesystem import FilesystemPersister
from vcr.record_mode import RecordMode

from hashtape.redaction import Redactor
from hashtape.vcr_adapter import matchers
from hashtape.vcr_adapter.cassette import RecordingCassette
from hashtape.vcr_adapter.serializer import RecordingPersister, RecordingSerializer
from hashtape.vcr_adapter.setup import CassetteSetup
from hashtape.vcr_adapter.stubs import start, stop
from hashtape.vcr_adapter.yaml_fallback import YamlCassette

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["configure", "equip", "use_cassette"]

_STOCK_MATCH_ON = tuple(VCR().match_on)
_SERIALIZER = "hashtape"
_STOCK = "_hashtape_stock"
_FILTERS = {
    "before_record_request": (
        "before_record",
        "before_record_request",
        "filter_headers",
        "filter_post_data_parameters",
        "filter_query_parameters",
        "ignore_hosts",
        "ignore_localhost",
    ),
    "before_record_response": ("before_record_response", "decode_compressed_response"),
}
"""vcrpy's filter chains, and the options that put something into them."""


class CassetteContext(CassetteContextDecorator):  # type: ignore[misc]  # vcrpy is untyped
    """vcrpy's context manager and decorator; it also tells the cassette how it ended."""

    _opened: Any = None

    def __enter__(self) -> Any:
        """Open the cassette and patch the clients."""
        self._opened = super().__enter__()
        if isinstance(self._opened, (RecordingCassette, YamlCassette)):
            start(self._opened)
        return self._opened

    def __exit__(self, *exc_info: Any) -> None:
        """Take the patches off and close the cassette."""
        opened, self._opened = self._opened, None
        if isinstance(opened, (RecordingCassette, YamlCassette)):
            stop(opened)
        try:
            super().__exit__(*exc_info)
        finally:
            if isinstance(opened, (RecordingCassette, YamlCassette)):
                opened.finish(failed=any(exc_info))


def _has_own_storage(vcr: Any, ours: RecordingPersister, options: dict[str, Any]) -> bool:
    """Whether the user named a serializer or a persister, which then wins."""
    serializer = options.get("serializer", vcr.serializer)
    if serializer != _SERIALIZER and ("serializer" in options or serializer != "yaml"):
        return True
    return options.get("persister", vcr.persister) is not ours


def _args(vcr: Any, setup: CassetteSetup, options: dict[str, Any]) -> dict[str, Any]:
    """The arguments for a cassette that is opened now, when all of the user's configuration is known."""
    own_match_on = "match_on" in options or tuple(vcr.match_on) != _STOCK_MATCH_ON
    options = dict(options)
    is_rewrite = options.get("record_mode") == "rewrite"
    if is_rewrite or setup.is_rewrite:
        options["record_mode"] = RecordMode.ALL
    merged: dict[str, Any] = vcr.get_merged_config(**options)
    # vcrpy's filter chains copy each request and response, several times a call, even when they are empty.
    for chain, names in _FILTERS.items():
        if not any(options.get(name, getattr(vcr, name, None)) for name in names):
            merged[chain] = None
    chosen = merged["match_on"] if own_match_on else vcr._get_matchers(options.get("additional_matchers", ()))
    merged["setup"] = replace(
        setup,
        own_match_on=own_match_on,
        own_matchers=tuple(chosen),
        is_rewrite=is_rewrite or setup.is_rewrite,
        saves_on_exception=merged["record_on_exception"],
    )
    return merged


def _is_stock(persister: Any) -> bool:
    """Whether a persister is vcrpy's own, or the one that pytest-recording makes for each test."""
    return persister is FilesystemPersister or type(persister).__module__ == "pytest_recording._vcr"


def equip(vcr: Any, setup: CassetteSetup) -> None:
    """Make a VCR keep its cassettes as directories of recordings.

    Args:
        vcr: The `vcr.VCR`.
        setup: What the caller knows of the cassettes to come.
    """
    # A VCR that is equipped already is equipped anew, from what it was before.
    stock_persister, stock_use_cassette = getattr(
        vcr._use_cassette, _STOCK, (vcr.persister, vcr._use_cassette)
    )
    persister = RecordingPersister(setup.test_id)
    test_id = setup.test_id and setup.redactor.text(setup.test_id)
    setup = replace(setup, stock_persister=stock_persister, test_id=test_id)
    vcr.register_serializer(_SERIALIZER, RecordingSerializer(setup.test_id))
    vcr.register_matcher("request_id", matchers.request_id)
    vcr.register_matcher("json_body", matchers.json_body)
    if _is_stock(stock_persister):
        vcr.register_persister(persister)

    def use(with_current_defaults: bool = False, **options: Any) -> Any:  # noqa: FBT001, FBT002  (vcrpy's signature)
        if _has_own_storage(vcr, persister, options):
            if vcr.persister is persister:
                options.setdefault("persister", stock_persister)
            return stock_use_cassette(with_current_defaults, **options)
        if with_current_defaults:
            return CassetteContext.from_args(RecordingCassette, **_args(vcr, setup, options))
        return CassetteContext(RecordingCassette, lambda: _args(vcr, setup, options))

    setattr(use, _STOCK, (stock_persister, stock_use_cassette))
    vcr._use_cassette = use


def configure(vcr: Any, *, test_id: str | None = None) -> None:
    """Equip a `vcr.VCR`, so that its cassettes are directories with one JSON file a request.

    Registers the serializer `hashtape`, the matchers `request_id` and `json_body`, and a persister. The path
    of a cassette then names a directory; where vcrpy's own file stands beside it, that goes on playing.

    Args:
        vcr: The `vcr.VCR` to equip.
        test_id: The pytest node id that goes into the request ids (spec §2), None outside a test.
    """
    equip(vcr, CassetteSetup(test_id=test_id))


_MODES = (*(mode.value for mode in RecordMode), "rewrite")
_OWN_OPTIONS = ("allowed_hosts", "not_secret", "response_headers", "secret_names", "test_id")


@functools.cache
def _known_options() -> frozenset[str]:
    """The options that vcrpy's `use_cassette` takes; what else it is given it ignores."""
    options = (
        inspect.signature(VCR.__init__).parameters.keys() | inspect.signature(Cassette.__init__).parameters
    )
    return frozenset({*options, "additional_matchers", "func_path_generator"} - {"self", "path"})


def _listed(values: Iterable[str]) -> tuple[str, ...]:
    """Values as a tuple; a text is one value, not its letters."""
    return (values,) if isinstance(values, str) else tuple(values)


def use_cassette(
    path: str | os.PathLike[str],
    *,
    record_mode: str = "once",
    test_id: str | None = None,
    response_headers: Iterable[str] = (),
    secret_names: Iterable[str] = (),
    not_secret: Iterable[str] = (),
    allowed_hosts: Iterable[str] = (),
    **vcr_options: Any,
) -> Any:
    """Record and replay outside pytest.

    Args:
        path: The directory of the recordings.
        record_mode: `once`, `none`, `new_episodes`, `all`, or `rewrite`.
        test_id: The pytest node id that goes into the request ids (spec §2), None outside a test.
        response_headers: Response headers to store beside those that clients act on.
        secret_names: Names of fields whose values are secret, beside those that are known.
        not_secret: What is not secret after all: names of fields or environment variables, or values.
        allowed_hosts: Hosts that may be reached under `none` with requests that a filter leaves out.
        vcr_options: Options of vcrpy's `use_cassette`, such as `filter_query_parameters` or `match_on`.

    Returns:
        A context manager, which gives the cassette, and a decorator of sync and async functions.

    Raises:
        TypeError: There is no such option.
        ValueError: There is no such record mode.
        MissError: In a call within: the request is not recorded, and the mode forbids to record it.
        CassetteDirectoryError: On entering: `path` is a file.
    """
    if unknown := sorted(vcr_options.keys() - _known_options()):
        close = difflib.get_close_matches(unknown[0], [*_known_options(), *_OWN_OPTIONS], 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise TypeError(f"use_cassette() has no option {unknown[0]!r}{hint}")
    if record_mode not in _MODES:
        modes = ", ".join(_MODES)
        raise ValueError(f"use_cassette() expected one of these as record_mode: {modes}; got {record_mode!r}")
    vcr = VCR()
    setup = CassetteSetup(
        test_id=test_id,
        path_is_directory=True,
        response_headers=frozenset(name.lower() for name in _listed(response_headers)),
        redactor=Redactor(secret_names=secret_names, not_secret=not_secret),
        allowed_hosts=frozenset(_listed(allowed_hosts)),
    )
    equip(vcr, setup)
    return vcr.use_cassette(os.fspath(path), record_mode=record_mode, **vcr_options)
