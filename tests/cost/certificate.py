"""The certificate of the server that the cost over https is measured against."""

import subprocess


def certificate(folder):
    """Makes an issuer and a certificate for loopback from it: the files of the issuer, the certificate and its key."""
    ca, key, leaf = folder / "ca.pem", folder / "leaf.key", folder / "leaf.pem"
    (folder / "leaf.ext").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for command in (
        ["req", "-x509", *curve, "-keyout", folder / "ca.key", "-out", ca, "-days", "2", "-subj", "/CN=cost CA"],
        ["req", *curve, "-keyout", key, "-out", folder / "leaf.csr", "-subj", "/CN=localhost"],
        ["x509", "-req", "-in", folder / "leaf.csr", "-CA", ca, "-CAkey", folder / "ca.key", "-CAcreateserial",
         "-out", leaf, "-days", "2", "-extfile", folder / "leaf.ext"],
    ):  # fmt: skip
        subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
    return ca, leaf, key
