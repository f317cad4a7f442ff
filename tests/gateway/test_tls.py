import json
import ssl
import subprocess
import urllib.request

import pytest


def certificate(folder):
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )  # fmt: skip
    return folder / "cert.pem", folder / "key.pem"


@pytest.mark.needs("openssl")
def test_with_a_certificate_it_is_served_over_tls_also_to_other_machines(nodes, tmp_path):
    cert, key = certificate(tmp_path / "tls")
    node = nodes(f"host: 0.0.0.0, port: 0, hosts: [node1.example], tls: {{certificate: {cert}, key: {key}}}")
    url = node.until(node._url)
    assert url.startswith("https://")
    trusting = ssl.create_default_context(cafile=str(cert))
    asked = f"https://localhost:{url.rpartition(':')[2]}/status"
    with urllib.request.urlopen(asked, context=trusting, timeout=30) as answer:
        assert json.load(answer)["node"]["pid"] == node.process.pid


@pytest.mark.needs("openssl")
def test_a_certificate_that_cannot_be_read_leaves_the_node_without_http_and_says_so(nodes, tmp_path):
    cert, key = certificate(tmp_path / "tls")
    key.write_text("no key")
    node = nodes(f"port: 0, tls: {{certificate: {cert}, key: {key}}}")
    node.until(lambda: "http.not_served" in node.log)
    assert node._url() is None
