"""Finding OpenWhisk: what is given, the environment, wsk's file."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from statebox.openwhisk.config import (
    Basic,
    Bearer,
    Given,
    InvalidOpenWhiskConfig,
    OpenWhiskConfig,
    discover,
)

WSKPROPS = """\
# wsk's own file
APIHOST=https://file.example.com
AUTH=file:key
NAMESPACE=filespace
not a setting
CERT=/certs/me.pem
KEY=/certs/me.key
"""


def home_with(tmp_path: Path, text: str) -> Path:
    (tmp_path / ".wskprops").write_text(text)
    return tmp_path


def test_nothing_said_and_nothing_found_is_no_openwhisk(tmp_path: Path):
    assert discover(Given(), {}, tmp_path) is None
    assert discover(Given(), {}, None) is None


def test_wsks_file_in_the_home_folder_is_used(tmp_path: Path):
    assert discover(Given(), {}, home_with(tmp_path, WSKPROPS)) == OpenWhiskConfig(
        host="https://file.example.com",
        credentials=Basic("file:key"),
        namespace="filespace",
        cert_file=Path("/certs/me.pem"),
        key_file=Path("/certs/me.key"),
    )


def test_the_environment_of_an_action_wins_over_the_file(tmp_path: Path):
    found = discover(
        Given(),
        {
            "__OW_API_HOST": "https://inside",
            "__OW_API_KEY": "in:side",
            "__OW_NAMESPACE": "mine",
            "__OW_IGNORE_CERTS": "true",
        },
        home_with(tmp_path, "APIHOST=outside\nAUTH=out:side\n"),
    )
    assert found == OpenWhiskConfig(
        host="https://inside", credentials=Basic("in:side"), namespace="mine", insecure=True
    )


def test_wsks_variables_win_over_those_of_an_action():
    environment = {
        "WHISK_APIHOST": "https://wsk",
        "WHISK_AUTH": "w:sk",
        "WHISK_NAMESPACE": "ns",
        "WHISK_APIVERSION": "v2",
        "__OW_API_HOST": "https://inside",
        "__OW_API_KEY": "in:side",
    }
    found = discover(Given(), environment, None)
    assert found == OpenWhiskConfig(host="https://wsk", credentials=Basic("w:sk"), namespace="ns", api_version="v2")
    assert found is not None
    assert found.api_url == "https://wsk/api/v2/"


def test_what_is_given_wins_over_everything(tmp_path: Path):
    given = Given(host="https://given", auth="gi:ven", namespace="ours", insecure=False, ca_file=Path("/ca.pem"))
    environment = {"WHISK_APIHOST": "https://wsk", "WHISK_AUTH": "w:sk", "__OW_IGNORE_CERTS": "true"}
    assert discover(given, environment, home_with(tmp_path, "NAMESPACE=theirs\n")) == OpenWhiskConfig(
        host="https://given",
        credentials=Basic("gi:ven"),
        namespace="ours",
        insecure=False,
        ca_file=Path("/ca.pem"),
    )


def test_each_setting_is_taken_from_the_first_place_that_has_it(tmp_path: Path):
    found = discover(Given(host="https://given"), {"WHISK_NAMESPACE": "ns"}, home_with(tmp_path, WSKPROPS))
    assert found is not None
    assert (found.host, found.namespace, found.credentials) == ("https://given", "ns", Basic("file:key"))


@pytest.mark.parametrize("named", ["", "/nowhere/at/all"], ids=["empty", "missing"])
def test_a_config_file_that_is_named_and_not_there_is_no_file_and_the_home_folder_is_left_alone(
    tmp_path: Path, named: str
):
    assert discover(Given(), {"WSK_CONFIG_FILE": named}, home_with(tmp_path, WSKPROPS)) is None


def test_a_config_file_that_is_named_is_read_instead_of_the_one_in_the_home_folder(tmp_path: Path):
    (tmp_path / "other").write_text("APIHOST=other\nAUTH=ot:her\n")
    found = discover(Given(), {"WSK_CONFIG_FILE": str(tmp_path / "other")}, home_with(tmp_path, WSKPROPS))
    assert found == OpenWhiskConfig(host="https://other", credentials=Basic("ot:her"))


def test_a_config_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path):
    (tmp_path / ".wskprops").mkdir()
    with pytest.raises(InvalidOpenWhiskConfig, match="wskprops cannot be read"):
        discover(Given(), {}, tmp_path)


def test_a_host_without_credentials_is_an_error_that_says_what_to_set():
    with pytest.raises(InvalidOpenWhiskConfig, match="WHISK_AUTH"):
        discover(Given(host="https://lonely"), {}, None)


def test_a_bearer_token_can_be_given_and_an_api_gateways_token_stands_in_for_a_key(tmp_path: Path):
    given = discover(Given(bearer="tok"), {"WHISK_APIHOST": "h", "WHISK_AUTH": "a:b"}, None)
    assert given is not None
    assert given.credentials == Bearer("tok")
    assert given.credentials.header == "Bearer tok"
    filed = discover(Given(), {}, home_with(tmp_path, "APIHOST=h\nAPIGW_ACCESS_TOKEN=gw==\n"))
    assert filed is not None
    assert filed.credentials == Bearer("gw==")


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ("openwhisk.example.com", "https://openwhisk.example.com"),
        ("http://localhost:3233/", "http://localhost:3233"),
        ("https://openwhisk.example.com//", "https://openwhisk.example.com"),
        ("10.0.0.1:443", "https://10.0.0.1:443"),
    ],
)
def test_a_host_without_a_scheme_means_https(said: str, url: str):
    assert OpenWhiskConfig(host=said, credentials=Basic("a:b")).host == url


@pytest.mark.parametrize("said", ["", "https://", "https://user:word@host", "host?x=1", "host:port", "[::1"])
def test_a_host_that_is_none_is_refused_without_repeating_it(said: str):
    with pytest.raises(InvalidOpenWhiskConfig, match=r"^the API host is neither a host name nor an http\(s\) URL$"):
        OpenWhiskConfig(host=said, credentials=Basic("a:b"))


def test_basic_credentials_are_sent_in_base64():
    assert Basic("some:key").header == f"Basic {base64.b64encode(b'some:key').decode()}"


def test_no_secret_shows_when_anything_is_printed():
    given = Given(host="h", auth="top:secret", bearer="top:secret")
    config = OpenWhiskConfig(host="h", credentials=Basic("top:secret"))
    shown = f"{given!r} {config!r} {config} {Bearer('top:secret')!r} {Basic('top:secret')!r}"
    assert "secret" not in shown


def test_http_needs_no_tls_and_https_verifies_unless_told_otherwise(tmp_path: Path):
    def tls(**options: str | bool | Path):
        # The options are those of OpenWhiskConfig, by name.
        return OpenWhiskConfig(credentials=Basic("a:b"), **options).tls()  # pyright: ignore[reportArgumentType]

    assert tls(host="http://h") is None
    verifying = tls(host="h")
    assert verifying is not None
    assert verifying.check_hostname
    trusting = tls(host="h", insecure=True)
    assert trusting is not None
    assert not trusting.check_hostname
    with pytest.raises(InvalidOpenWhiskConfig, match=r"nowhere\.pem"):
        tls(host="h", ca_file=tmp_path / "nowhere.pem")


def test_an_own_authority_and_a_certificate_of_the_client_are_loaded(certificate: tuple[Path, Path]):
    cert, key = certificate
    context = OpenWhiskConfig(host="h", credentials=Basic("a:b"), ca_file=cert, cert_file=cert, key_file=key).tls()
    assert context is not None
    assert [authority["subject"] for authority in context.get_ca_certs()] == [((("commonName", "localhost"),),)]
