"""The certificate of the server that the cost over https is measured against."""

import subprocess


def certificate(directory):
    """Makes an issuer and a certificate for loopback from it: the files of the issuer, the certificate and its key."""
    ca, key, leaf = directory / "ca.pem", directory / "leaf.key", directory / "leaf.pem"
    (directory / "leaf.ext").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for command in (
        ["req", "-x509", *curve, "-keyout", directory / "ca.key", "-out", ca, "-days", "2", "-subj", "/CN=cost CA"],
        ["req", *curve, "-keyout", key, "-out", directory / "leaf.csr", "-subj", "/CN=localhost"],
        ["x509", "-req", "-in", directory / "leaf.csr", "-CA", ca, "-CAkey", directory / "ca.key", "-CAcreateserial",
         "-out", leaf, "-days", "2", "-extfile", directory / "leaf.ext"],
    ):  # fmt: skip
        subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
    return ca, leaf, key
