#!/usr/bin/env python3
"""One image through every transport: the same packages, findings and layers; warm scans the same
bytes as cold ones; a registry image whose layers are known is not downloaded; layers packed in every
way; an index's platforms."""
import contextlib
import gzip
import http.server
import json
import os
import shutil
import socketserver
import subprocess
import tarfile
import threading
import urllib.error
import urllib.request

from kit.image import BAD_PACKAGE, INDEX, MANIFEST, PACKAGES, Layer, bench, describe, digest, entry, layout, tar, write
from lib import IMAGES, RELEASE, case, free_port, need_feeds, need_tools, plimsoll, run_cases, server, sh


def facts(report, layers=True):
    packages = {p["id"]: p for p in report["packages"]}
    return sorted((packages[f["package"]]["name"], packages[f["package"]]["version"], f["id"],
                   f["layer"]["index"] if layers and f["layer"] else None) for f in report["findings"])


def alpine_root():
    found = os.path.join(IMAGES or "/nonexistent", "alpine/alpine-minirootfs-3.9.6-x86_64.tar.gz")
    if not os.path.exists(found):
        return tar(entry("lib/apk/db/installed", PACKAGES + BAD_PACKAGE)), None
    with gzip.open(found) as f:
        return f.read(), found


class Same:
    """The image as an OCI layout in work/oci, and what its scan says."""

    def __init__(self, b):
        self.b = b
        base, real = alpine_root()
        self.db = b.db
        if real and os.environ.get("PLIMSOLL_TEST_FEEDS"):
            self.db = os.path.join(b.work, "alpine.db")
            feeds = os.path.join(b.work, "alpine-feeds")
            shutil.copytree(os.path.join(need_feeds("alpine-secdb"), "alpine-secdb"), os.path.join(feeds, "alpine-secdb"))
            sh("chmod", "-R", "u+w", feeds)
            plimsoll("db", "build", "--quiet", "--feeds", feeds, "--output", self.db, binary=RELEASE)
        layers = [Layer(base, "+gzip"), Layer(tar(entry("etc/.wh.motd"), entry("srv/x", os.urandom(300_000)), root=False), "+gzip"),
                  Layer(tar(entry("srv/.wh.x"), root=False), "+gzip")]
        self.oci = os.path.join(b.work, "oci")
        layout(self.oci, layers, index=lambda i: {**i, "manifests": [
            {**i["manifests"][0], "annotations": {"org.opencontainers.image.ref.name": "1"}}]})
        self.layers = layers
        self.report = self.scan("oci:" + self.oci)
        self.want = facts(self.report)
        assert self.want, self.report

    def scan(self, target, *args, status=0, **kw):
        p = plimsoll("scan", "--db", self.db, "--no-cache", "--format", "json", *args, target, binary=RELEASE, status=status,
                     env={"SSL_CERT_FILE": "", "REGISTRY_AUTH_FILE": "", "HOME": self.b.work, "DOCKER_CONFIG": self.b.work, **kw.pop("env", {})}, **kw)
        return json.loads(p.out) if status == 0 else p

    def check(self, target, layers=True, **kw):
        got = self.scan(target, **kw)
        want = self.want if layers else sorted((*x[:3], None) for x in self.want)
        gaps = [g for g in got["gaps"] if g["reason"] != "end-of-life"]  # the release's, not ours
        assert facts(got, layers) == want and not gaps, (target, facts(got, layers)[:3], want[:3], gaps)
        return got


@contextlib.contextmanager
def same():
    with bench() as b:
        yield Same(b)


@case
def local_transports():
    need_tools("skopeo", "zstd", "pigz")
    with same() as s, contextlib.chdir(s.b.work):
        sh("skopeo", "copy", "oci:%s:1" % s.oci, "docker-archive:d.tar:example/a:1")
        sh("skopeo", "copy", "oci:%s:1" % s.oci, "oci-archive:o.tar:1")
        sh("skopeo", "copy", "oci:%s:1" % s.oci, "dir:dd")
        for name in ("d.tar", "o.tar"):
            sh("pigz", "-k", name)
            sh("zstd", "-q", "-k", name)
        os.mkdir("root")
        for i, layer in enumerate(s.layers[:1]):
            with open("layer%d.tar" % i, "wb") as f:
                f.write(gzip.decompress(layer.stored))
            sh("tar", "-C", "root", "-xf", "layer%d.tar" % i, "--exclude=dev")
        for target in ("docker-archive:d.tar", "d.tar", "d.tar.gz", "d.tar.zst", "docker-archive:d.tar:example/a:1", "oci:%s:1" % s.oci, s.oci,
                       "oci-archive:o.tar:1", "o.tar.gz", "oci-archive:o.tar.zst", "dir:dd", "dd"):
            s.check(target)
        for name in ("d.tar", "d.tar.gz", "o.tar"):
            with open(name, "rb") as f:
                s.check("-", stdin=f.read())
        s.check("rootfs:root", layers=False)
        s.check("rootfs:layer0.tar", layers=False)


class Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # who has read enough hangs up


@case
def docker_daemon():
    """A pretended engine, as the Engine API has it: inspect, and the export of an image."""
    need_tools("skopeo")
    with same() as s:
        archive = os.path.join(s.b.work, "d.tar")
        sh("skopeo", "copy", "oci:%s:1" % s.oci, "docker-archive:%s:example/a:1" % archive)
        with tarfile.open(archive) as t:
            config = t.extractfile(json.load(t.extractfile("manifest.json"))[0]["Config"]).read()
        made = json.loads(config)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def address_string(self):
                return "unix"

            def do_GET(self):
                if self.path.endswith("/get") or "/images/get" in self.path:
                    with open(archive, "rb") as f:
                        return self.say(f.read(), "application/x-tar")
                if "/history" in self.path:
                    return self.say(b"[]")
                if self.path.endswith("/json"):
                    return self.say(json.dumps({"Id": digest(config), "RepoTags": ["example/a:1"], "RepoDigests": [], "Architecture": made["architecture"],
                                                "Os": made["os"], "Size": 1, "RootFS": {"Type": "layers", "Layers": made["rootfs"]["diff_ids"]},
                                                "Config": made.get("config") or {}}).encode())
                return self.say(b"{}")

            def say(self, body, kind="application/json"):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Api-Version", "1.43")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
        path = os.path.join(s.b.work, "engine.sock")
        with Engine(path, Handler) as engine:
            threading.Thread(target=engine.serve_forever, daemon=True).start()
            try:
                s.check("docker-daemon:example/a:1", env={"DOCKER_HOST": "unix://" + path})
            finally:
                engine.shutdown()


# ---- registries ----

@contextlib.contextmanager
def registry(work, tls=None, htpasswd=None):
    need_tools("docker-registry", "skopeo")
    port = free_port()
    place = {"addr": "127.0.0.1:%d" % port}
    if tls:
        place["tls"] = {"certificate": tls[0], "key": tls[1]}
    config = {"version": 0.1, "log": {"level": "error", "accesslog": {"disabled": True}}, "http": place,
              "storage": {"filesystem": {"rootdirectory": os.path.join(work, "data%d" % port)}}}
    if htpasswd:
        config["auth"] = {"htpasswd": {"realm": "test", "path": htpasswd}}
    name = os.path.join(work, "registry%d.yml" % port)
    write(name, config)  # JSON is YAML
    with server(["docker-registry", "serve", name], port):
        yield "127.0.0.1:%d" % port


class Counting(http.server.BaseHTTPRequestHandler):
    """Hands on to the registry behind it, and counts."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.server.seen.append((self.command, self.path))
        headers = {k: v for k, v in self.headers.items() if k.lower() in ("accept", "range", "authorization")}
        request = urllib.request.Request("http://%s%s" % (self.server.behind, self.path), headers=headers, method=self.command)
        try:
            answer = urllib.request.urlopen(request)
        except urllib.error.HTTPError as e:
            answer = e
        body = answer.read()
        self.send_response(answer.status)
        for k, v in answer.headers.items():
            if k.lower() not in ("transfer-encoding", "connection", "date", "content-length"):
                self.send_header(k, v)
        self.send_header("Content-Length", answer.headers["Content-Length"] if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextlib.contextmanager
def counting(behind):
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    proxy.behind, proxy.seen = behind, []
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()


def stable(text):
    report = json.loads(text)
    report.pop("generated_at")
    return json.dumps(report)


@case
def registry_plain_and_warm():
    with same() as s, registry(s.b.work) as host:
        sh("skopeo", "copy", "--dest-tls-verify=false", "oci:%s:1" % s.oci, "docker://%s/team/app:1" % host)
        for target in ("docker://%s/team/app:1" % host, host + "/team/app:1"):
            s.check(target)
        sh("skopeo", "copy", "--dest-tls-verify=false", "--format", "v2s2", "oci:%s:1" % s.oci, "docker://%s/team/docker:1" % host)
        s.check("docker://%s/team/docker:1" % host)
        with counting(host) as proxy:
            cache = os.path.join(s.b.work, "cache")
            target = "docker://127.0.0.1:%d/team/app:1" % proxy.server_port
            texts = []
            for _ in range(3):
                proxy.seen.clear()
                p = plimsoll("scan", "--db", s.db, "--cache-dir", cache, "--format", "json", target, binary=RELEASE)
                texts.append(stable(p.out))
                layers = [x for x in proxy.seen if any(layer.descriptor["digest"] in x[1] for layer in s.layers)]
                assert len(layers) == (3 if len(texts) == 1 else 0), (len(texts), proxy.seen)
            assert texts[0] == texts[1] == texts[2]
            assert facts(json.loads(texts[0])) == s.want


@case
def registry_with_tls_and_passwords():
    need_tools("openssl", "htpasswd")
    with same() as s:
        work = s.b.work
        crt, key = os.path.join(work, "crt.pem"), os.path.join(work, "key.pem")
        sh("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2",
           "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", crt)
        write(os.path.join(work, "ca/ca.crt"), open(crt, "rb").read())
        write(os.path.join(work, "htpasswd"), sh("htpasswd", "-Bbn", "alice", "s3cret").encode())
        with registry(work, (crt, key)) as host:
            sh("skopeo", "copy", "--dest-cert-dir", os.path.join(work, "ca"), "oci:%s:1" % s.oci, "docker://%s/team/app:1" % host)
            target = "docker://%s/team/app:1" % host
            p = s.scan(target, status=3)
            assert p.err.count("\n") == 1 and "certificate" in p.err and "--insecure" in p.err, p.err
            assert facts(s.scan(target, "--insecure")) == s.want
            s.check(target, env={"SSL_CERT_FILE": crt})
        with registry(work, (crt, key), os.path.join(work, "htpasswd")) as host:
            auth, wrong = os.path.join(work, "auth.json"), os.path.join(work, "wrong.json")
            sh("skopeo", "login", "--authfile", auth, "--cert-dir", os.path.join(work, "ca"), "-u", "alice", "-p", "s3cret", host)
            sh("skopeo", "copy", "--dest-authfile", auth, "--dest-cert-dir", os.path.join(work, "ca"), "oci:%s:1" % s.oci, "docker://%s/team/app:1" % host)
            write(wrong, {"auths": {host: {"auth": "YWxpY2U6d3Jvbmc="}}})
            target, trust = "docker://%s/team/app:1" % host, {"SSL_CERT_FILE": crt}
            assert facts(s.scan(target, "--authfile", auth, env=trust)) == s.want
            for args in (["--authfile", wrong], []):
                p = s.scan(target, *args, status=3, env=trust)
                assert p.err.count("\n") == 1 and "401" in p.err, p.err


# ---- layers packed in every way; platforms ----

@case
def layers_packed_in_every_way():
    need_tools("zstd", "pigz")

    def run(*words):
        return lambda data: subprocess.run(words, input=data, stdout=subprocess.PIPE, check=True).stdout

    def members(data):  # as eStargz: a member a file, and one of nothing
        return b"".join(gzip.compress(data[i:i + 5000], 6, mtime=0) for i in range(0, len(data), 5000)) + gzip.compress(b"", mtime=0)

    def frames(data):
        return b"".join(run("zstd", "-q", "-c")(data[i:i + 70_000]) for i in range(0, len(data), 70_000)) + b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
    with same() as s:
        raws = [gzip.decompress(x.stored) for x in s.layers]
        for kind, pack in (("", bytes), ("+gzip", run("pigz", "-c", "-")), ("+gzip", members), ("+zstd", run("zstd", "-q", "-c")), ("+zstd", frames),
                           ("+gzip", run("zstd", "-q", "-c"))):
            target = layout(s.b.path(), [Layer(raw, kind, stored=pack(raw)) for raw in raws])
            s.check(target)


@case
def platforms():
    with same() as s:
        path = s.b.path()
        layout(path, s.layers)
        first = json.load(open(path + "/index.json"))["manifests"][0]
        arm_config = json.dumps({"architecture": "arm64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [x.diff_id for x in s.layers[:2]]}}).encode()
        arm = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": describe("application/vnd.oci.image.config.v1+json", arm_config),
                          "layers": [x.descriptor for x in s.layers[:2]]}).encode()
        for data in (arm_config, arm):
            write(path + "/blobs/sha256/" + digest(data)[7:], data)
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
            {**describe(MANIFEST, b"attestation"), "platform": {"os": "unknown", "architecture": "unknown"},
             "annotations": {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": first["digest"]}},
            {**describe(MANIFEST, arm), "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
            {**first, "platform": {"os": "linux", "architecture": "amd64"}}]}).encode()
        write(path + "/blobs/sha256/" + digest(index)[7:], index)
        write(path + "/index.json", {"schemaVersion": 2, "manifests": [describe(INDEX, index)]})
        assert len(s.scan("oci:" + path, "--platform", "linux/amd64")["image"]["layers"]) == 3
        got = s.scan("oci:" + path, "--platform", "linux/arm64")
        assert len(got["image"]["layers"]) == 2 and got["image"]["platform"].startswith("linux/arm64"), got["image"]
        p = s.scan("oci:" + path, "--platform", "linux/s390x", status=3)
        assert "linux/amd64" in p.err and "linux/arm64" in p.err and "unknown" not in p.err and p.err.count("\n") == 1, p.err


run_cases()
