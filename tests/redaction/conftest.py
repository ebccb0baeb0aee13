import pytest

from hashtape.redaction import KnownSecrets, Redactor


@pytest.fixture
def known():
    return KnownSecrets()


@pytest.fixture
def redactor(known):
    """The rules as they are without configuration, in a process that has used no credentials yet."""
    return Redactor(known=known, environ={})
