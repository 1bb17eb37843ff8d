#!/usr/bin/env python3
"""Images out of registries: the real docker-registry with and without TLS and passwords, filled by
skopeo; and a registry of our own that behaves in every bad way that was seen or can be thought of.

Driven through build-test/tests/pull, which opens a reference and reads all layers at once."""
import base64
import contextlib
import gzip
import hashlib
import http.server
import json
import os
import ssl
import subprocess
import threading
import time
import urllib.parse
from email.utils import formatdate

from lib import case, free_port, need_tools, run_cases, server, sh, temp_dir

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PULL = os.path.join(os.environ.get("PLIMSOLL_TESTBUILD", os.path.join(ROOT, "build-test")), "tests/pull")

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def descriptor(kind, data, **more):
    return dict(mediaType=kind, digest=digest(data), size=len(data), **more)


class Image:
    """Two layers of bytes (nobody unpacks them here), a configuration, a manifest."""

    def __init__(self, layers=None, kinds=None, extra=None):
        self.layers = layers or [os.urandom(300_000), os.urandom(2_000_000)]
        kinds = kinds or [LAYER] * len(self.layers)
        self.config = json.dumps({
            "os": "linux", "architecture": "amd64",
            "rootfs": {"type": "layers", "diff_ids": [digest(x) for x in self.layers]},
            "history": [{"created_by": "layer %d" % i} for i in range(len(self.layers))]}).encode()
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(CONFIG, self.config),
            "layers": [descriptor(k, x) for k, x in zip(kinds, self.layers)], **(extra or {})}).encode()
        self.blobs = {digest(x): x for x in [*self.layers, self.config]}


def pull(*args, env=None, seconds=60):
    """(exit status, standard output, standard error); a sanitizer's word or a hang is an error."""
    e = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    e.update(HOME="/nonexistent", DOCKER_CONFIG="", XDG_RUNTIME_DIR="/nonexistent", REGISTRY_AUTH_FILE="")
    e.update(env or {})
    begin = time.monotonic()
    p = subprocess.run([PULL, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=e,
                       timeout=seconds, check=False)
    if "Sanitizer" in p.stderr or "runtime error" in p.stderr:
        raise AssertionError(p.stderr)
    p.seconds = time.monotonic() - begin
    return p


def good(p, n=2):
    assert p.returncode == 0, (p.returncode, p.stdout, p.stderr)
    assert p.stdout.count(" good ") == n, p.stdout
    return p


def bad(p, status, *words):
    """One clear line that holds the words."""
    lines = [x for x in p.stderr.splitlines() if not x.startswith("log: ")]
    assert p.returncode == status, (p.returncode, p.stdout, p.stderr)
    assert len(lines) == 1, p.stderr
    for w in words:
        assert w in lines[0], (w, lines[0])
    return p


# ---- a registry that misbehaves ----

class Fake(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, image=None, **behaviour):
        self.image = image or Image()
        self.do = behaviour
        self.seen = []  # (method, path, headers)
        self.count = {}
        super().__init__(("127.0.0.1", 0), Handler)
        self.host = "127.0.0.1:%d" % self.server_port
        self.scheme = "http"

    def handle_error(self, request, client_address):
        pass

    def times(self, what):
        self.count[what] = self.count.get(what, 0) + 1
        return self.count[what]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", kind="application/json", length=True, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is True:
            length = len(body)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for k, v in headers.items():
            for one in v if isinstance(v, list) else [v]:
                self.send_header(k.replace("_", "-"), one)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code, **headers):
        self.answer(status, json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode(), **headers)

    def do_HEAD(self):
        self.do_GET()

    def do_POST(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.do_GET()

    def do_GET(self):
        s = self.server
        s.seen.append((self.command, self.path, dict(self.headers)))
        path = urllib.parse.urlsplit(self.path)
        if "proxied" in s.do and self.path.startswith("http://"):
            path = urllib.parse.urlsplit(self.path)
        for name, fn in s.do.items():
            if callable(fn) and fn(self, path.path):
                return
        what = path.path.split("/")[-1]
        if "/manifests/" in path.path:
            self.manifest(what)
        elif "/blobs/" in path.path:
            self.blob(what)
        else:
            self.error(404, "NAME_UNKNOWN")

    def manifest(self, what):
        m = self.server.image.manifest
        if what in ("1", digest(m)):
            return self.answer(200, m, MANIFEST, Docker_Content_Digest=digest(m))
        extra = getattr(self.server.image, "manifests", {}).get(what)
        if extra:
            return self.answer(200, extra[1], extra[0], Docker_Content_Digest=digest(extra[1]))
        return self.error(404, "MANIFEST_UNKNOWN")

    def blob(self, what, ranges=True):
        data = self.server.image.blobs.get(what)
        if data is None:
            return self.error(404, "BLOB_UNKNOWN")
        r = self.headers.get("Range")
        if r and ranges:
            at = int(r.split("=")[1].rstrip("-"))
            return self.answer(206, data[at:], "application/octet-stream",
                               Content_Range="bytes %d-%d/%d" % (at, len(data) - 1, len(data)))
        return self.answer(200, data, "application/octet-stream")


@contextlib.contextmanager
def fake(image=None, tls=None, **behaviour):
    s = Fake(image, **behaviour)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        s.socket = context.wrap_socket(s.socket, server_side=True, do_handshake_on_connect=False)
        s.scheme = "https"
    t = threading.Thread(target=s.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    t.start()
    try:
        yield s
    finally:
        s.shutdown()
        s.server_close()


def certificate(folder):
    crt, key = os.path.join(folder, "crt.pem"), os.path.join(folder, "key.pem")
    sh("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2",
       "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", crt)
    return crt, key


def on_manifest(fn):
    return lambda h, path: "/manifests/" in path and (fn(h), True)[1]


def on_layer(fn):
    """Only blobs that are layers; fn may answer False to let the usual thing happen."""
    def run(h, path):
        what = path.split("/")[-1]
        layers = {digest(x) for x in h.server.image.layers}
        return "/blobs/" in path and what in layers and fn(h, what) is not False
    return run


@case
def fake_registry_is_fine():
    with fake() as r:
        p = good(pull(r.host + "/team/app:1"))
        assert "image %s %s linux/amd64" % (digest(r.image.manifest), digest(r.image.config)) in p.stdout
        good(pull("//%s/team/app@%s" % (r.host, digest(r.image.manifest))))
        bad(pull(r.host + "/team/app:2"), 3, "404", "MANIFEST_UNKNOWN")


@case
def refuses_what_is_no_reference():
    bad(pull("127.0.0.1:1/Team/app"), 3, "lower case")
    bad(pull("https://reg.test/app"), 3, "without https://")


@case
def nobody_there():
    p = bad(pull("127.0.0.1:%d/app:1" % free_port()), 3, "onnect")
    assert p.seconds < 5, p.seconds


@case
def plain_http_only_on_loopback():
    with fake(proxied=True) as r:
        env = {"http_proxy": "http://" + r.host}
        p = pull("--stall", "3", "registry.test/team/app:1", env=env)
        assert p.returncode == 3 and not r.seen, (p.stderr, r.seen)
        good(pull("--insecure", "--stall", "3", "registry.test/team/app:1", env=env))
        assert all(path.startswith("http://registry.test/v2/") for _, path, _ in r.seen), r.seen
        p = pull("--insecure", "--stall", "3", "registry.test/team/app:1",
                 env={**env, "NO_PROXY": ".test"})
        assert p.returncode == 3, p.stdout


@case
def https_through_a_proxy():
    need_tools("openssl")
    with temp_dir() as d, fake(tls=certificate(d)) as r:
        import socket
        import socketserver
        asked = []

        class Tunnel(socketserver.StreamRequestHandler):
            def handle(self):
                asked.append(self.rfile.readline().decode().split()[1])
                while self.rfile.readline().strip():
                    pass
                up = socket.create_connection(("127.0.0.1", r.server_port))
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                t = threading.Thread(target=self.copy, args=(up, self.connection), daemon=True)
                t.start()
                self.copy(self.connection, up)

            @staticmethod
            def copy(a, b):
                with contextlib.suppress(OSError):
                    while True:
                        data = a.recv(65536)
                        if not data:
                            break
                        b.sendall(data)
                    b.shutdown(socket.SHUT_WR)

        class Proxy(socketserver.ThreadingTCPServer):
            daemon_threads = True

        with Proxy(("127.0.0.1", 0), Tunnel) as proxy:
            threading.Thread(target=proxy.serve_forever, daemon=True).start()
            good(pull("--insecure", "registry.test/team/app:1",
                      env={"HTTPS_PROXY": "http://127.0.0.1:%d" % proxy.server_address[1]}))
            proxy.shutdown()
        assert set(asked) == {"registry.test:443"}, asked


@case
def silent_server_is_given_up():
    def silent(h):
        time.sleep(20)
    with fake(x=on_manifest(silent)) as r:
        p = bad(pull("--stall", "1", r.host + "/a:1"), 3, "said nothing for 1 s")
        assert p.seconds < 8
        p = bad(pull("--timeout", "2", r.host + "/a:1"), 3, "time is up")
        assert p.seconds < 8


@case
def listener_that_never_speaks():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(8)
        p = bad(pull("--stall", "1", "127.0.0.1:%d/a:1" % s.getsockname()[1]), 3)
        assert p.seconds < 8


@case
def layer_that_stalls():
    def stall(h, what):
        data = h.server.image.blobs[what]
        h.answer(200, data[:1000], "application/octet-stream", length=len(data))
        time.sleep(8)
    image = Image([os.urandom(100_000)])
    with fake(image, x=on_layer(stall)) as r:
        p = bad(pull("--stall", "1", r.host + "/a:1"), 4, "said nothing", digest(image.layers[0]))
        assert p.seconds < 15


@case
def layer_that_drips():
    def drip(h, what):
        h.answer(200, b"", "application/octet-stream", length=len(h.server.image.blobs[what]))
        with contextlib.suppress(OSError):
            for b in h.server.image.blobs[what][:100]:
                h.wfile.write(bytes([b]))
                time.sleep(0.2)
    with fake(Image([os.urandom(100_000)]), x=on_layer(drip)) as r:
        p = bad(pull("--stall", "1", r.host + "/a:1"), 4, "said nothing")
        assert p.seconds < 30


@case
def cut_layers_are_resumed():
    def cut(h, what):
        data = h.server.image.blobs[what]
        at = int((h.headers.get("Range") or "bytes=0-").split("=")[1].rstrip("-"))
        rest = data[at:]
        part = rest[:max(len(data) // 4, 1)]
        h.close_connection = True
        if at:
            h.answer(206, part, "application/octet-stream", length=len(rest),
                     Content_Range="bytes %d-%d/%d" % (at, len(data) - 1, len(data)))
        else:
            h.answer(200, part, "application/octet-stream", length=len(rest))
    with fake(x=on_layer(cut)) as r:
        good(pull(r.host + "/a:1"))
        assert sum("Range" in headers for _, _, headers in r.seen) >= 6


@case
def cut_layers_without_ranges():
    def cut(h, what):
        data = h.server.image.blobs[what]
        h.close_connection = True
        n = h.server.times(what)
        h.answer(200, data if n > 2 else data[:len(data) * n // 3], "application/octet-stream", length=len(data))
    with fake(x=on_layer(cut)) as r:
        good(pull(r.host + "/a:1"))


@case
def always_cut_is_given_up():
    def cut(h, what):
        h.close_connection = True
        h.answer(200, b"", "application/octet-stream", length=len(h.server.image.blobs[what]))
    with fake(Image([os.urandom(5000)]), x=on_layer(cut)) as r:
        p = bad(pull(r.host + "/a:1"), 4)
        assert p.seconds < 20 and len(r.seen) < 20


@case
def wrong_range_is_refused():
    def odd(h, what):
        data = h.server.image.blobs[what]
        h.close_connection = True
        if h.headers.get("Range"):
            return h.answer(206, data[-10:], Content_Range="bytes %d-%d/%d" % (len(data) - 10, len(data) - 1, len(data)))
        return h.answer(200, data[:100], length=len(data))
    with fake(Image([os.urandom(5000)]), x=on_layer(odd)) as r:
        bad(pull(r.host + "/a:1"), 4, "another range")


@case
def redirects():
    def circle(h):
        h.answer(307, Location="/v2/a/manifests/%s" % ("y" if h.path.endswith("1") else "1"))

    def deep(h):
        h.answer(302, Location="/v2/a/manifests/x%d" % h.server.times("deep"))

    with fake(x=on_manifest(circle)) as r:
        bad(pull(r.host + "/a:1"), 3, "circle")
    with fake(x=on_manifest(deep)) as r:
        bad(pull(r.host + "/a:1"), 3, "more than 10 times")
        assert len([1 for _, path, _ in r.seen]) == 11
    for where in ("file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "javascript:1", "http://"):
        with fake(x=on_manifest(lambda h, to=where: h.answer(302, Location=to))) as r:
            bad(pull(r.host + "/a:1"), 3, "redirects to")


@case
def blobs_on_another_host_get_no_authorization():
    image = Image()
    with fake(image) as cdn:
        def away(h, what):
            h.answer(307, Location="http://%s/cdn/blobs/%s?sig=secret" % (cdn.host, what))

        def login(h, path):
            if h.headers.get("Authorization") != "Basic " + base64.b64encode(b"alice:s3cret").decode():
                h.error(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="x"')
                return True
            return False
        with fake(image, a=login, b=on_layer(away)) as r, temp_dir() as d:
            auth = os.path.join(d, "auth.json")
            with open(auth, "w", encoding="utf-8") as f:
                json.dump({"auths": {r.host: {"auth": base64.b64encode(b"alice:s3cret").decode()}}}, f)
            good(pull("--authfile", auth, r.host + "/a:1"))
            assert cdn.seen and not any("Authorization" in h for _, _, h in cdn.seen), cdn.seen


@case
def expired_signed_address_is_renewed():
    image = Image()

    def expired(h, what):
        if h.server.times(what) == 1:  # first address: half of it, then it is worth nothing
            data = h.server.image.blobs[what]
            h.close_connection = True
            return h.answer(200, data[:len(data) // 2], length=len(data))
        if h.path.endswith("?n=1"):
            return h.answer(403, b"<Error>Request has expired</Error>", "application/xml")
        return False
    with fake(image, x=on_layer(expired)) as cdn:
        def away(h, what):
            n = (h.server.times(what) + 1) // 2
            h.answer(302, Location="http://%s/x/blobs/%s?n=%d" % (cdn.host, what, n))
        with fake(image, x=on_layer(away)) as r:
            good(pull(r.host + "/a:1"))
            assert any("?n=2" in path for _, path, _ in cdn.seen)


@case
def https_does_not_lead_to_http():
    need_tools("openssl")
    with temp_dir() as d, fake() as plain:
        tls = certificate(d)
        with fake(tls=tls, x=on_manifest(lambda h: h.answer(302, Location="http://%s%s" % (plain.host, h.path)))) as r:
            bad(pull(r.host + "/a:1", env={"SSL_CERT_FILE": tls[0]}), 3, "from https to http")
            assert not plain.seen


@case
def statuses_are_said():
    for status, code, words in ((401, "UNAUTHORIZED", ("401", "login")), (403, "DENIED", ("403", "DENIED")),
                                (404, "NAME_UNKNOWN", ("404", "NAME_UNKNOWN")),
                                (429, "TOOMANYREQUESTS", ("429",)), (500, "UNKNOWN", ("500",)),
                                (405, "UNSUPPORTED", ("405",))):
        with fake(x=on_manifest(lambda h, s=status, c=code: h.error(s, c))) as r:
            p = bad(pull(r.host + "/a:1"), 3, *words)
            assert p.seconds < 10
    with fake(x=on_layer(lambda h, w: h.error(404, "BLOB_UNKNOWN"))) as r:
        p = pull(r.host + "/a:1")
        assert p.returncode == 4 and p.stderr.count("BLOB_UNKNOWN") == 2, p.stderr


@case
def too_many_requests_wait_as_told():
    for when in ("1", lambda: formatdate(time.time() + 2, usegmt=True)):
        def busy(h, path, when=when):
            if h.server.times(path) > 1:
                return False
            h.error(429, "TOOMANYREQUESTS", Retry_After=when if isinstance(when, str) else when())
            return True
        with fake(x=busy) as r:
            p = good(pull(r.host + "/a:1"))
            assert 1.9 < p.seconds < 20, p.seconds  # manifest, configuration, layers: each once
    with fake(x=on_manifest(lambda h: h.error(429, "TOOMANYREQUESTS", Retry_After="86400"))) as r:
        p = bad(pull(r.host + "/a:1"), 3, "come back in 86400 s")
        assert p.seconds < 5
    with fake(x=on_manifest(lambda h: h.error(429, "TOOMANYREQUESTS", Retry_After="30"))) as r:
        p = bad(pull("--timeout", "5", r.host + "/a:1"), 3, "429")
        assert p.seconds < 5


@case
def a_moment_of_500_is_outlived():
    def once(h, path):
        if h.server.times(path) > 1:
            return False
        h.error(503, "UNAVAILABLE")
        return True
    with fake(x=once) as r:
        good(pull(r.host + "/a:1"))


@case
def odd_manifests():
    page = b"<html><body>\x1b[31mlogin please" + b"x" * 500
    with fake(x=on_manifest(lambda h: h.answer(200, page, "text/html"))) as r:
        p = bad(pull(r.host + "/a:1"), 3, "text/html", "login please")
        assert "\x1b" not in p.stderr and len(p.stderr) < 600
    with fake(x=on_manifest(lambda h: h.answer(502, page, "text/html"))) as r:
        bad(pull(r.host + "/a:1"), 3, "502", "login please")
    with fake() as r:
        r.do["x"] = on_manifest(lambda h: h.answer(200, r.image.manifest[:100], MANIFEST))
        bad(pull(r.host + "/a:1"), 3)
        r.do["x"] = on_manifest(lambda h: h.answer(200, r.image.manifest, "text/plain; charset=utf-8"))
        good(pull(r.host + "/a:1"))
        r.do["x"] = on_manifest(lambda h: h.answer(200, gzip.compress(r.image.manifest), MANIFEST, Content_Encoding="gzip"))
        good(pull(r.host + "/a@" + digest(r.image.manifest)))
        r.do["x"] = on_manifest(lambda h: h.answer(200, gzip.compress(bytes(64 << 20)), MANIFEST, Content_Encoding="gzip"))
        bad(pull(r.host + "/a:1"), 3, "larger than")

        def chunked(h):
            h.answer(200, kind=MANIFEST, length=None, Transfer_Encoding="chunked")
            for i in range(0, len(r.image.manifest), 50):
                c = r.image.manifest[i:i + 50]
                h.wfile.write(b"%x\r\n%s\r\n" % (len(c), c))
            h.wfile.write(b"0\r\n\r\n")
        r.do["x"] = on_manifest(chunked)
        good(pull(r.host + "/a:1"))

        def endless(h):
            h.answer(200, kind=MANIFEST, length=None)
            with contextlib.suppress(OSError):
                while True:
                    h.wfile.write(b" " * 65536)
        r.do["x"] = on_manifest(endless)
        bad(pull(r.host + "/a:1"), 3, "larger than")
        old = json.dumps({"schemaVersion": 1, "name": "a", "tag": "1", "fsLayers": [], "history": []}).encode()
        r.do["x"] = on_manifest(lambda h: h.answer(200, old, "application/vnd.docker.distribution.manifest.v1+prettyjws"))
        bad(pull(r.host + "/a:1"), 3, "schema 1", "skopeo copy")
        many = {"X-%d" % i: "y" * 200 for i in range(90)}
        r.do["x"] = on_manifest(lambda h: h.answer(200, r.image.manifest, MANIFEST, X=["z" * 4000] * 80, **many))
        bad(pull(r.host + "/a:1"), 3)


@case
def wrong_digests_and_sizes():
    with fake() as r:
        other = json.dumps({"schemaVersion": 2}).encode()
        r.do["x"] = on_manifest(lambda h: h.answer(200, r.image.manifest, MANIFEST, Docker_Content_Digest=digest(other)))
        bad(pull(r.host + "/a:1"), 3, "Docker-Content-Digest", digest(other))
        r.do["x"] = on_manifest(lambda h: h.answer(200, other, MANIFEST))
        bad(pull(r.host + "/a@" + digest(r.image.manifest)), 3, "hash to", digest(other))
        r.do["x"] = lambda h, path: path.endswith(digest(r.image.config)) and (h.answer(200, b"{}"), True)[1]
        bad(pull(r.host + "/a:1"), 3, "configuration", "hash to")
    image = Image([os.urandom(5000)])
    with fake(image) as r:
        r.do["x"] = on_layer(lambda h, w: h.answer(200, bytes(5000)))
        bad(pull(r.host + "/a:1"), 4, "hash to")
        r.do["x"] = on_layer(lambda h, w: h.answer(200, bytes(6000)))
        bad(pull(r.host + "/a:1"), 4, "6000", "5000")
        r.do["x"] = on_layer(lambda h, w: h.answer(200, bytes(4000)))
        bad(pull(r.host + "/a:1"), 4, "4000", "5000")

        def endless(h, w):
            h.answer(200, length=None)
            with contextlib.suppress(OSError):
                while True:
                    h.wfile.write(bytes(65536))
        r.do["x"] = on_layer(endless)
        bad(pull(r.host + "/a:1"), 4, "more than the 5000 bytes")


@case
def index_platform_and_nesting():
    image, arm = Image(), Image()
    attestation = {"platform": {"os": "unknown", "architecture": "unknown"},
                   "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}

    def index(*entries):
        return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries)}).encode()
    top = index(descriptor(MANIFEST, b"att", **attestation),
                descriptor(MANIFEST, arm.manifest, platform={"os": "linux", "architecture": "arm64", "variant": "v8"}),
                descriptor(MANIFEST, image.manifest, platform={"os": "linux", "architecture": "amd64"}))
    image.manifests = {"multi": (INDEX, top), digest(arm.manifest): (MANIFEST, arm.manifest)}
    image.blobs.update(arm.blobs)
    with fake(image) as r:
        assert digest(image.manifest) in good(pull("--platform", "linux/amd64", r.host + "/a:multi")).stdout
        assert digest(arm.manifest) in good(pull("--platform", "linux/arm64", r.host + "/a:multi")).stdout
        bad(pull("--platform", "linux/s390x", r.host + "/a:multi"), 3, "arm64")
        lie = dict(descriptor(MANIFEST, image.manifest, platform={"os": "linux", "architecture": "amd64"}), size=7)
        image.manifests["lie"] = (INDEX, index(lie))
        bad(pull("--platform", "linux/amd64", r.host + "/a:lie"), 3, "its index says 7")
        doc = image.manifest
        kind = MANIFEST
        for _ in range(6):
            doc, kind = index(descriptor(kind, doc, platform={"os": "linux", "architecture": "amd64"})), INDEX
            image.manifests[digest(doc)] = (INDEX, doc)
        image.manifests["deep"] = (INDEX, doc)
        bad(pull("--platform", "linux/amd64", r.host + "/a:deep"), 3, "deep")


@case
def layers_of_odd_kinds():
    data = os.urandom(1000)
    foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    image = Image([data, data, os.urandom(10)], [LAYER, LAYER, foreign])
    with fake(image) as r:
        good(pull(r.host + "/a:1"), 3)
        del image.blobs[digest(image.layers[2])]
        p = good(pull(r.host + "/a:1"), 2)
        assert "layer 2 foreign" in p.stdout
    image = Image([data], extra={})
    image.manifest = image.manifest.replace(b'"size": 1000', b'"size": 0')
    with fake(image) as r:
        good(pull(r.host + "/a:1"), 1)


# ---- tokens ----

def token_server(h, path, state):
    """GET and POST /token as state says; remembers what was asked."""
    if path != "/token":
        return False
    state.setdefault("asked", []).append((h.command, urllib.parse.parse_qs(urllib.parse.urlsplit(h.path).query),
                                          h.headers.get("Authorization"), getattr(h, "body", "")))
    if h.command == "POST" and state.get("post") != 200:
        h.answer(state.get("post", 405), b"")
        return True
    n = len(state["asked"])
    h.answer(state.get("status", 200), json.dumps({state.get("field", "token"): state.get("token", "T%d" % n),
                                                   **state.get("more", {})}).encode())
    return True


def guarded(state, scheme=None, want="Bearer T"):
    def guard(h, path):
        if token_server(h, path, state):
            return True
        if (h.headers.get("Authorization") or "").startswith(want) and state.get("refuse", 0) <= 0:
            return False
        if h.headers.get("Authorization"):
            state["refuse"] = state.get("refuse", 0) - 1
        realm = state.get("realm") or "%s://%s/token" % (h.server.scheme, h.server.host)
        h.error(state.get("deny", 401), "UNAUTHORIZED", WWW_Authenticate=scheme or state.get("challenge") or
                'Bearer realm="%s",service="reg.test",scope="repository:team/app:pull,push"' % realm)
        return True
    return guard


@case
def anonymous_token():
    for more in ({"expires_in": 300}, {}, {"expires_in": 0}):
        for field in ("token", "access_token"):
            state = {"field": field, "more": more}
            with fake(x=guarded(state)) as r:
                good(pull(r.host + "/team/app:1"))
                assert len(state["asked"]) == 1, state["asked"]
                method, query, auth, _ = state["asked"][0]
                assert method == "GET" and auth is None and query["service"] == ["reg.test"]
                assert query["scope"] == ["repository:team/app:pull,push"], query


def authfile(folder, **content):
    path = os.path.join(folder, "config.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(content, f)
    return path


def b64(text):
    return base64.b64encode(text.encode()).decode()


@case
def token_with_credentials():
    with temp_dir() as d:
        state = {}
        with fake(x=guarded(state)) as r:
            f = authfile(d, auths={r.host: {"auth": b64("alice:s3:cret")}})
            good(pull("--authfile", f, r.host + "/team/app:1"))
            assert state["asked"][0][2] == "Basic " + b64("alice:s3:cret")
            assert state["asked"][0][1]["account"] == ["alice"]
        for post, methods in ((200, ["POST"]), (404, ["POST", "GET"]), (405, ["POST", "GET"])):
            state = {"post": post}
            with fake(x=guarded(state)) as r:
                f = authfile(d, auths={r.host: {"identitytoken": "refresh me"}})
                good(pull("--authfile", f, r.host + "/team/app:1"))
                assert [a[0] for a in state["asked"]] == methods, state["asked"]
                form = urllib.parse.parse_qs(state["asked"][0][3])
                assert form["grant_type"] == ["refresh_token"] and form["refresh_token"] == ["refresh me"]
                assert form["service"] == ["reg.test"]
        state = {}
        with fake(x=guarded(state, want="Bearer ready")) as r:
            f = authfile(d, auths={r.host: {"registrytoken": "ready"}})
            good(pull("--authfile", f, r.host + "/team/app:1"))
            assert "asked" not in state


@case
def several_challenges():
    with fake() as r:
        state = {"challenge": 'Negotiate abc==, Basic realm="a, b \\"c\\"", Bearer realm="http://%s/token",'
                              'service="reg.test"' % r.host}
        r.do["x"] = guarded(state)
        good(pull(r.host + "/team/app:1"))
        assert state["asked"][0][1]["scope"] == ["repository:team/app:pull"]


@case
def tokens_are_renewed_once():
    state = {"refuse": 1}
    with fake(x=guarded(state)) as r:
        good(pull(r.host + "/team/app:1"))
        assert len(state["asked"]) == 2
    state = {"refuse": 1, "deny": 403}
    with fake() as r:
        state["challenge"] = 'Bearer realm="http://%s/token",service="s",error="insufficient_scope"' % r.host
        r.do["x"] = guarded(state)
        good(pull(r.host + "/team/app:1"))
    state = {"refuse": 1000}
    with fake(x=guarded(state)) as r:
        bad(pull(r.host + "/team/app:1"), 3, "401")
        assert len(state["asked"]) <= 3
    state = {}

    def late(h, path):  # the token is refused when the layers are asked for, once
        if "/blobs/" in path and not path.endswith(digest(h.server.image.config)) and h.headers.get("Authorization") == "Bearer T1":
            h.error(401, "UNAUTHORIZED", WWW_Authenticate='Bearer realm="http://%s/token",service="s"' % h.server.host)
            return True
        return False
    with fake(a=late, x=guarded(state)) as r:
        good(pull(r.host + "/team/app:1"))


@case
def token_server_goes_wrong():
    for state, words in (({"status": 401}, ("token server", "401")), ({"status": 500}, ("token server", "500")),
                         ({"token": "a\r\nX-Evil: 1"}, ("token",)), ({"token": ""}, ("no token",)),
                         ({"realm": "file:///etc/passwd"}, ("https: address",)), ({"token": "x" * 100000}, ("bytes",))):
        with fake(x=guarded(state)) as r:
            bad(pull(r.host + "/team/app:1"), 3, *words)


@case
def password_goes_to_no_plain_realm():
    need_tools("openssl")
    with temp_dir() as d, fake() as plain:
        tls = certificate(d)
        state = {"realm": "http://%s/token" % plain.host}
        with fake(tls=tls, x=guarded(state)) as r:
            f = authfile(d, auths={r.host: {"auth": b64("alice:s3cret")}})
            for more in ([], ["--insecure"]):
                bad(pull("--authfile", f, *more, r.host + "/team/app:1", env={"SSL_CERT_FILE": tls[0]}), 3, "no password")
            assert not plain.seen


@case
def foreign_challenge_gets_no_password():
    """A redirect to another host that asks for a login: our credentials are not for it."""
    with temp_dir() as d, fake(x=guarded({})) as other:
        with fake(x=on_manifest(lambda h: h.answer(302, Location="http://%s%s" % (other.host, h.path)))) as r:
            f = authfile(d, auths={r.host: {"auth": b64("alice:s3cret")}})
            bad(pull("--authfile", f, r.host + "/a:1"), 3, "401")
            assert not any("Authorization" in h for _, _, h in other.seen)
            assert not any(p.startswith("/token") for _, p, _ in other.seen)


@case
def credential_helpers():
    with temp_dir() as d:
        helper = os.path.join(d, "docker-credential-test")

        def program(text):
            with open(helper, "w", encoding="utf-8") as f:
                f.write("#!/bin/sh\n" + text)
            os.chmod(helper, 0o755)
        env = {"DOCKER_CONFIG": d, "PATH": d + ":" + os.environ["PATH"]}
        state = {"challenge": 'Basic realm="x"'}
        with fake(x=guarded(state, want="Basic " + b64("bob:pass"))) as r:
            for config in ({"credHelpers": {r.host: "test"}, "auths": {r.host: {"auth": b64("no:no")}}},
                           {"credsStore": "test"}):
                authfile(d, **config)
                program('read host; [ "$1" = get ] && [ "$host" = %s ] && '
                        'echo \'{"ServerURL":"x","Username":"bob","Secret":"pass"}\'\n' % r.host)
                good(pull(r.host + "/a:1", env=env))
            program("echo credentials not found in native keychain; exit 1\n")
            authfile(d, credsStore="test", auths={r.host: {"auth": b64("bob:pass")}})
            good(pull(r.host + "/a:1", env=env))
            for text in ("exit 3\n", "echo nonsense\n", "kill -9 $$\n", "cat /dev/zero\n"):
                program(text)
                p = pull(r.host + "/a:1", env=env)
                assert p.returncode == 0 and "credential helper" not in p.stdout, (p.stdout, p.stderr)
            authfile(d, credsStore="../test;id")
            p = bad(pull(r.host + "/a:1", env=env), 3, "401")
            assert "no name of a credential helper" in p.stderr
        state = {"post": 200}
        with fake(x=guarded(state)) as r:
            authfile(d, credsStore="test")
            program('echo \'{"Username":"<token>","Secret":"refresh"}\'\n')
            good(pull(r.host + "/team/app:1", env=env))
            assert "refresh_token=refresh" in state["asked"][0][3]


@case
def broken_credential_files():
    with temp_dir() as d, fake() as r:
        with open(os.path.join(d, "config.json"), "w", encoding="utf-8") as f:
            f.write("{")
        p = good(pull(r.host + "/a:1", env={"DOCKER_CONFIG": d}))
        assert "no credentials are taken" in p.stderr
        bad(pull("--authfile", os.path.join(d, "config.json"), r.host + "/a:1"), 3, "--authfile", "JSON")
        bad(pull("--authfile", os.path.join(d, "absent"), r.host + "/a:1"), 3, "No such file")


# ---- the real registry ----

def layout(folder, image):
    """An OCI layout that skopeo copies from."""
    os.makedirs(os.path.join(folder, "blobs/sha256"))
    top = json.dumps({"schemaVersion": 2, "manifests": [
        descriptor(MANIFEST, image.manifest, annotations={"org.opencontainers.image.ref.name": "1"})]}).encode()
    for data in [*image.layers, image.config, image.manifest]:
        with open(os.path.join(folder, "blobs/sha256", hashlib.sha256(data).hexdigest()), "wb") as f:
            f.write(data)
    for name, data in (("index.json", top), ("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)


@contextlib.contextmanager
def real_registry(tls=None, htpasswd=None):
    need_tools("docker-registry", "skopeo")
    with temp_dir() as d:
        port = free_port()
        http_part = {"addr": "127.0.0.1:%d" % port}
        if tls:
            http_part["tls"] = {"certificate": tls[0], "key": tls[1]}
        config = {"version": 0.1, "log": {"level": "error", "accesslog": {"disabled": True}}, "http": http_part,
                  "storage": {"filesystem": {"rootdirectory": os.path.join(d, "data")}}}
        if htpasswd:
            config["auth"] = {"htpasswd": {"realm": "test", "path": htpasswd}}
        with open(os.path.join(d, "config.yml"), "w", encoding="utf-8") as f:
            json.dump(config, f)  # JSON is YAML
        with server(["docker-registry", "serve", os.path.join(d, "config.yml")], port):
            yield "127.0.0.1:%d" % port


def real_image(folder, size=5_000_000):
    """Layers that skopeo accepts: gzip of something."""
    image = Image([gzip.compress(os.urandom(size), 1, mtime=0), gzip.compress(b"second" * 9999, mtime=0)])
    layout(os.path.join(folder, "oci"), image)
    return image


@case
def real_plain():
    with real_registry() as host, temp_dir() as d:
        image = real_image(d)
        sh("skopeo", "copy", "--dest-tls-verify=false", "oci:%s/oci:1" % d, "docker://%s/team/app:1" % host)
        assert digest(image.manifest) in good(pull("docker://%s/team/app:1"[9:] % host)).stdout
        good(pull("localhost:%s/team/app@%s" % (host.split(":")[1], digest(image.manifest))))
        sh("skopeo", "copy", "--dest-tls-verify=false", "--format", "v2s2", "oci:%s/oci:1" % d,
           "docker://%s/team/docker:1" % host)
        good(pull(host + "/team/docker:1"))
        bad(pull(host + "/team/none:1"), 3, "404")
        bad(pull(host + "/team/app:none"), 3, "MANIFEST_UNKNOWN")


@case
def real_tls_and_passwords():
    need_tools("openssl", "htpasswd")
    with temp_dir() as d:
        tls = certificate(d)
        os.makedirs(os.path.join(d, "ca"))
        with open(tls[0], "rb") as a, open(os.path.join(d, "ca/ca.crt"), "wb") as b:
            b.write(a.read())
        with open(os.path.join(d, "htpasswd"), "w", encoding="utf-8") as f:
            f.write(sh("htpasswd", "-Bbn", "alice", "s3cret"))
        with real_registry(tls, os.path.join(d, "htpasswd")) as host:
            real_image(d)
            auth = os.path.join(d, "auth.json")
            sh("skopeo", "login", "--authfile", auth, "--cert-dir", os.path.join(d, "ca"), "-u", "alice", "-p", "s3cret", host)
            sh("skopeo", "copy", "--dest-authfile", auth, "--dest-cert-dir", os.path.join(d, "ca"),
               "oci:%s/oci:1" % d, "docker://%s/team/app:1" % host)
            trust = {"SSL_CERT_FILE": tls[0]}
            bad(pull("--authfile", auth, host + "/team/app:1"), 3, "certificate", "--insecure")
            good(pull("--authfile", auth, "--insecure", host + "/team/app:1"))
            good(pull("--authfile", auth, host + "/team/app:1", env=trust))
            good(pull(host + "/team/app:1", env={**trust, "REGISTRY_AUTH_FILE": auth}))
            os.makedirs(os.path.join(d, "home/.docker"))
            os.makedirs(os.path.join(d, "run/containers"))
            for place, env in (("home/.docker/config.json", {"HOME": os.path.join(d, "home")}),
                               ("run/containers/auth.json", {"XDG_RUNTIME_DIR": os.path.join(d, "run")})):
                sh("cp", auth, os.path.join(d, place))
                good(pull(host + "/team/app:1", env={**trust, **env}))
            bad(pull(host + "/team/app:1", env=trust), 3, "401", "docker login")
            wrong = authfile(d, auths={host: {"auth": b64("alice:wrong")}})
            bad(pull("--authfile", wrong, host + "/team/app:1", env=trust), 3, "401", "refuses the credentials")


run_cases()
