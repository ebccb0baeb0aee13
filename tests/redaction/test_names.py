import pytest

from hashtape.redaction.names import Place, SecretNames, snake_case


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("apiKey", "api_key"),
        ("APIKey", "api_key"),
        ("X-Api-Key", "x_api_key"),
        ("OPENAI_API_KEY", "openai_api_key"),
        ("Ocp-Apim-Subscription-Key", "ocp_apim_subscription_key"),
        ("client.secret", "client_secret"),
    ],
)
def test_names_are_compared_in_one_spelling(name, expected):
    assert snake_case(name) == expected


@pytest.mark.parametrize("place", Place)
@pytest.mark.parametrize(
    "name",
    [
        *(
            "api_key",
            "apiKey",
            "apikey",
            "X-API-Key",
            "openaiApiKey",
            "access_token",
            "refreshToken",
            "id_token",
        ),
        *("client_secret", "SecretAccessKey", "AccessKeyId", "aws_session_token", "private_key", "secret"),
        *("password", "dbPassword", "dbpassword", "passphrase", "Authorization", "proxy-authorization"),
        *("credentials", "ocp-apim-subscription-key", "webhookSecret", "X-Amz-Security-Token"),
    ],
)
def test_names_that_say_secret_everywhere(name, place):
    assert SecretNames().is_secret(name, "x", place)


@pytest.mark.parametrize("place", Place)
@pytest.mark.parametrize(
    "name",
    [
        *("max_tokens", "tokens", "monkey", "keyword", "password_hint", "secretary", "public_key", "key_id"),
        *("prompt_cache_key", "idempotency_key", "page_token", "nextPageToken", "eos_token", "author"),
        *("thoughtSignature", "access-control-allow-credentials", "x" * 1000 + "_password", ""),
    ],
)
def test_names_that_do_not(name, place):
    assert not SecretNames().is_secret(name, "9f8e7d6c5b4a39281706", place)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("key", "short", (True, False, False)),
        ("key", "9f8e7d6c5b4a39281706", (True, True, False)),
        ("key", "uploads/report.txt", (True, False, False)),
        ("sig", "x", (True, False, False)),
        ("signature", "x", (True, False, False)),
        ("X-Amz-Signature", "x", (True, False, False)),
        ("token", "Hello", (True, True, False)),
        ("token", "9f8e7d6c5b4a39281706", (True, True, True)),
        ("bot_token", "9f8e7d6c5b4a39281706", (True, True, True)),
        ("bot_token", "Hello", (False, False, False)),
    ],
)
def test_words_that_are_secrets_in_one_place_and_harmless_in_another(name, value, expected):
    assert tuple(SecretNames().is_secret(name, value, place) for place in Place) == expected


def test_a_user_adds_names_in_any_spelling():
    names = SecretNames(more=["license plate", "PIN"])
    for name in ("licensePlate", "car_license-plate", "licenseplate", "pin", "userPin"):
        assert names.is_secret(name, "x", Place.JSON)
    assert not names.is_secret("spin", "x", Place.JSON)


def test_a_user_exempts_names_as_they_are_written():
    names = SecretNames(exempt=["secret"])
    assert not names.is_secret("secret", "x", Place.JSON)
    assert names.is_secret("client_secret", "x", Place.JSON)
