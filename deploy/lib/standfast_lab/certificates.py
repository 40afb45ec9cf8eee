"""SIP over TLS in a lab: a certificate authority of its own."""
import os
import subprocess


def authority(directory, *addresses):
    """A CA, and a certificate of its for ADDRESSES; as {certificate, key, ca: path}."""
    paths = {name: os.path.join(directory, f"{name}.pem") for name in ("ca", "ca-key", "certificate", "key", "request")}
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ",".join(f"IP:{address}" for address in addresses)
    for command in (
            ["req", "-x509", *new, "-days", "2", "-subj", "/CN=lab authority", "-keyout", paths["ca-key"], "-out", paths["ca"]],
            ["req", *new, "-subj", f"/CN={addresses[0]}", "-addext", f"subjectAltName={names}",
             "-keyout", paths["key"], "-out", paths["request"]],
            ["x509", "-req", "-in", paths["request"], "-CA", paths["ca"], "-CAkey", paths["ca-key"], "-CAcreateserial",
             "-copy_extensions", "copy", "-days", "2", "-out", paths["certificate"]]):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return {name: paths[name] for name in ("certificate", "key", "ca")}
