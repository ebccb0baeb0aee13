from __future__ import annotations

import subprocess
import sys

import pytest

import hashtape


@pytest.mark.parametrize("name", hashtape.__all__)
def test_every_public_name_is_there_and_says_what_it_is(name):
    value = getattr(hashtape, name)
    assert name == "__version__" or value.__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'replay'"):
        hashtape.replay  # noqa: B018


def test_the_function_request_id_is_not_hidden_by_the_module_of_that_name():
    code = "import hashtape.request_id, hashtape; print(len(hashtape.request_id('GET', 'http://h/', None)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "64\n"


def test_importing_the_package_imports_no_client_and_no_vcrpy():
    code = "import sys, hashtape; print({'vcr', 'yaml', 'httpx', 'openai'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"
