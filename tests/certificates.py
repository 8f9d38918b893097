"""Certificates for servers that speak TLS."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.programs import need_program


class Certificates:
    """A certificate authority, and a server's certificate for some names, as openssl writes them."""

    def __init__(self, folder: Path, names: str = "DNS:localhost") -> None:
        self.openssl = need_program("openssl")
        self.ca, self.ca_key = folder / "ca.pem", folder / "ca.key"
        self.server, self.server_key = folder / "server.pem", folder / "server.key"
        self._run(*self._new(self.ca, self.ca_key, "ca"), "-addext", "basicConstraints=critical,CA:TRUE")
        self._run(
            *self._new(self.server, self.server_key, "localhost"),
            *("-CA", str(self.ca), "-CAkey", str(self.ca_key), "-addext", f"subjectAltName={names}"),
            *("-addext", "basicConstraints=CA:FALSE"),
        )

    def options(self) -> list[tuple[str, ...]]:
        """How a server is told to show its certificate, and to want none of its clients."""
        return [
            ("tls-cert-file", str(self.server)),
            ("tls-key-file", str(self.server_key)),
            ("tls-ca-cert-file", str(self.ca)),
            ("tls-auth-clients", "no"),
        ]

    def _new(self, certificate: Path, key: Path, name: str) -> tuple[str, ...]:
        new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1")
        return *new, "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(certificate)

    def _run(self, *arguments: str) -> None:
        subprocess.run([str(self.openssl), *arguments], check=True, capture_output=True)
