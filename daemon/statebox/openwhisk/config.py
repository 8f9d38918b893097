"""Where OpenWhisk is and how to prove who we are: as given, from the environment, or from wsk's own file."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit


class InvalidOpenWhiskConfig(ValueError):
    """The configuration cannot be used; the message says what is wrong, and never contains a secret."""


@dataclass(frozen=True, slots=True)
class Basic:
    """OpenWhisk's own kind of credentials: `uuid:key`, sent as HTTP Basic."""

    key: str = field(repr=False)

    @property
    def header(self) -> str:
        """The value of the Authorization header."""
        return f"Basic {base64.b64encode(self.key.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token, as some providers of OpenWhisk want it."""

    token: str = field(repr=False)

    @property
    def header(self) -> str:
        """The value of the Authorization header."""
        return f"Bearer {self.token}"


Credentials: TypeAlias = Basic | Bearer


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWhiskConfig:
    """An OpenWhisk to talk to.

    `host` is a URL (`https://openwhisk.example.com`); a bare host name means https, as it does to wsk. `namespace` is
    the one that names without a namespace belong to; `_` is the credentials' own. `insecure` accepts any certificate,
    `ca_file` (PEM) names the authorities to trust instead of the system's, `cert_file` and `key_file` (PEM) are the
    client's own certificate.
    """

    host: str
    credentials: Credentials
    namespace: str = "_"
    api_version: str = "v1"
    insecure: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "host", _base_url(self.host))

    @property
    def api_url(self) -> str:
        """The root of the REST API, with a slash at its end."""
        return f"{self.host}/api/{self.api_version}/"

    def tls(self) -> ssl.SSLContext | None:
        """The TLS context for this host, None for plain http. Raises InvalidOpenWhiskConfig for unusable files."""
        if self.host.startswith("http://"):
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file is not None:
                context.load_cert_chain(self.cert_file, self.key_file)
        except OSError as error:
            files = ", ".join(str(file) for file in (self.ca_file, self.cert_file, self.key_file) if file is not None)
            raise InvalidOpenWhiskConfig(f"the certificates cannot be used ({files}): {error}") from None
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was said explicitly (flags, settings of our own): it wins over everything that is found. None: not said."""

    host: str | None = None
    auth: str | None = field(default=None, repr=False)
    bearer: str | None = field(default=None, repr=False)
    namespace: str | None = None
    insecure: bool | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


def discover(given: Given, environment: Mapping[str, str], home: Path | None) -> OpenWhiskConfig | None:
    """Find the OpenWhisk to talk to; None when nothing names a host.

    Each setting is taken from the first place that has it: what was given; `WHISK_APIHOST`, `WHISK_AUTH`,
    `WHISK_NAMESPACE`, `WHISK_APIVERSION` (wsk's variables); `__OW_API_HOST`, `__OW_API_KEY`, `__OW_NAMESPACE`,
    `__OW_IGNORE_CERTS` (an action's); the file that `WSK_CONFIG_FILE` names, or `.wskprops` in `home` when that
    variable is not set at all. A missing file is no file.

    Raises InvalidOpenWhiskConfig when a host is named and no credentials.
    """
    file = _wskprops(environment, home)

    def find(said: str | None, *places: str | None) -> str | None:
        return next((value for value in (said, *places) if value), None)

    env = environment.get
    host = find(given.host, env("WHISK_APIHOST"), env("__OW_API_HOST"), file.get("APIHOST"))
    if host is None:
        return None
    credentials: Credentials
    # A token that was given is meant; one in the file is there for the API gateway too and only stands in for a key.
    if given.bearer:
        credentials = Bearer(given.bearer)
    elif auth := find(given.auth, env("WHISK_AUTH"), env("__OW_API_KEY"), file.get("AUTH")):
        credentials = Basic(auth.strip())
    elif token := file.get("APIGW_ACCESS_TOKEN"):
        credentials = Bearer(token)
    else:
        raise InvalidOpenWhiskConfig(
            f"there are no credentials for OpenWhisk at {host}: set WHISK_AUTH to <uuid>:<key>"
        )
    cert, key = file.get("CERT"), file.get("KEY")
    return OpenWhiskConfig(
        host=host,
        credentials=credentials,
        namespace=find(given.namespace, env("WHISK_NAMESPACE"), env("__OW_NAMESPACE"), file.get("NAMESPACE")) or "_",
        api_version=find(None, env("WHISK_APIVERSION"), file.get("APIVERSION")) or "v1",
        insecure=given.insecure if given.insecure is not None else env("__OW_IGNORE_CERTS", "").lower() == "true",
        ca_file=given.ca_file,
        cert_file=given.cert_file or (Path(cert) if cert else None),
        key_file=given.key_file or (Path(key) if key else None),
    )


def _wskprops(environment: Mapping[str, str], home: Path | None) -> Mapping[str, str]:
    """The settings in wsk's file: lines KEY=VALUE."""
    named = environment.get("WSK_CONFIG_FILE")
    if named is None:
        path = None if home is None else home / ".wskprops"
    else:
        # wsk takes an empty variable for "no file", and does not look into the home directory then.
        path = Path(named) if named else None
    if path is None:
        return {}
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidOpenWhiskConfig(f"{path} cannot be read: {error}") from None
    lines = (line.partition("=") for line in text.splitlines() if not line.lstrip().startswith("#"))
    return {key.strip(): value.strip() for key, equals, value in lines if equals}


def _base_url(host: str) -> str:
    """A URL with its scheme and without a slash at its end."""
    url = host if host.startswith(("http://", "https://")) else f"https://{host}"
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.username is None and not parts.query and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InvalidOpenWhiskConfig("the API host is neither a host name nor an http(s) URL")
    return url.rstrip("/")
