#!/usr/bin/env python3
"""The same image through every local transport gives the same layers.

Builds an image with umoci (from an Alpine root when PLIMSOLL_TEST_IMAGES names the folder of test
images, else from a made-up root), exports it with skopeo to each layout, packs the archives with
each compressor, serves one through a pretended engine, and compares what test_source reads.

    tests/e2e/transports.py [BUILDDIR]
"""
import glob, gzip, hashlib, http.server, io, json, os, shutil, socketserver, subprocess, sys
import tarfile, tempfile, threading, urllib.parse

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PLIMSOLL_TESTBUILD", "build-test"))
PROBE = os.path.join(BUILD, "tests", "test_source")
failed = passed = 0


def check(what, good, detail=""):
    global failed, passed
    if good:
        passed += 1
        print(f"ok {what}")
    else:
        failed += 1
        print(f"not ok {what}: {str(detail)[:1500]}")


def run(*words, **kw):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)


def probe(target, stdin=None, **env):
    p = subprocess.run([PROBE, target], stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, env={**os.environ, **env}, timeout=120)
    lines = [l.split("\t") for l in p.stdout.decode(errors="replace").splitlines()]
    if p.stderr:
        check(f"{target}: nothing on standard error", False, p.stderr.decode()[:600])
    return lines


def layers(lines):
    """index -> (state, diff ID, created_by, digest read)"""
    return {int(l[1]): (l[2], l[4], l[7], l[6]) for l in lines if l[0] == "layer"}


def error(lines):
    return lines[0][2] if lines and lines[0][0] == "error" else ""


def make_root(path):
    images = os.environ.get("PLIMSOLL_TEST_IMAGES")
    found = sorted(glob.glob(os.path.join(images, "alpine", "alpine-minirootfs-3.9*"))) if images else []
    os.makedirs(path)
    if found:
        run("tar", "-C", path, "-xzf", found[0])
        return found[0]
    for name, text in {"etc/os-release": "ID=test\nVERSION_ID=1\n", "bin/sh": "#!\n" * 9000,
                       "usr/lib/a" * 12: "long name\n"}.items():
        os.makedirs(os.path.dirname(os.path.join(path, name)), exist_ok=True)
        with open(os.path.join(path, name), "w") as f:
            f.write(text)
    return None


def build(work):
    os.chdir(work)
    make_root("root")
    run("umoci", "init", "--layout", "oci")
    run("umoci", "new", "--image", "oci:a")
    run("umoci", "insert", "--image", "oci:a", "--history.created_by", "ADD root", "root", "/")
    for i in range(3):
        with open(f"file{i}", "w") as f:
            f.write(f"{i}\n" * 5000)
        run("umoci", "insert", "--image", "oci:a", "--history.created_by", f"COPY file{i} /", f"file{i}", f"/file{i}")
    run("umoci", "config", "--image", "oci:a", "--config.cmd", "/bin/sh", "--architecture", "amd64", "--os", "linux")
    run("umoci", "gc", "--layout", "oci")
    run("skopeo", "copy", "oci:oci:a", "docker-archive:d.tar:example/a:1")
    run("skopeo", "copy", "oci:oci:a", "oci-archive:o.tar:1")
    run("skopeo", "copy", "oci:oci:a", "dir:dd")
    run("skopeo", "copy", "--format", "oci", "--dest-compress", "--dest-compress-format", "zstd", "dir:dd", "oci:ozst:z")
    for name in "d.tar", "o.tar":
        for words, ending in (["gzip", "-k"], "gz"), (["xz", "-k", "-0"], "xz"), (["bzip2", "-k"], "bz2"), (["zstd", "-q", "-k"], "zst"):
            run(*words, name)


def check_transports():
    want = layers(probe("oci:oci:a"))
    check("umoci's image has five entries", len(want) == 5, want)
    inflated = {i: hashlib.sha256(b"") for i in want}
    for target in "oci", "oci:oci:a", "oci:oci", "o.tar", "oci-archive:o.tar:1", "dd", "dir:dd", \
            "o.tar.gz", "o.tar.xz", "o.tar.bz2", "oci-archive:o.tar.zst":
        check(target, layers(probe(target)) == want, probe(target))
    # Uncompressed layers: what is read is the diff ID.
    plain = layers(probe("docker-archive:d.tar"))
    for i, (state, diff_id, by, digest) in plain.items():
        check(f"d.tar layer {i}", state == "empty" or digest == diff_id, plain[i])
        check(f"d.tar layer {i} is the same", (diff_id, by) == want[i][1:3], (plain[i], want[i]))
    for target in "d.tar", "d.tar.gz", "d.tar.xz", "d.tar.bz2", "d.tar.zst", \
            "docker-archive:d.tar:example/a:1", "docker-archive:d.tar.gz:@0":
        check(target, layers(probe(target)) == plain, probe(target))
    for name in "d.tar", "d.tar.gz":
        with open(name, "rb") as f:
            check(f"- < {name}", layers(probe("-", stdin=f)) == plain)
        check(f"cat {name} | -", layers(probe("docker-archive:-", stdin=subprocess.Popen(["cat", name], stdout=subprocess.PIPE).stdout)) == plain)
    zstd = layers(probe("oci:ozst"))
    check("zstd layers", [l[1] for l in zstd.values()] == [l[1] for l in want.values()], zstd)
    check("rootfs:root", probe("rootfs:root")[0][1] == "rootfs")
    check("root", probe("root")[0][1] == "rootfs")
    return plain


def check_refusals():
    for target, words in {
        "oci:oci:zz": "there is a", "docker-archive:d.tar:zz:1": "there is @0 docker.io/example/a:1",
        "docker-archive:o.tar": "manifest.json", "file0": "not a tar", "/nothing/here": "no such file",
        "oci:nothing": "no such file", "containers-storage:x": "is not read", "": "empty target",
    }.items():
        got = error(probe(target))
        check(f"{target!r} is refused", words in got and "\n" not in got, got)
    os.environ["PLIMSOLL_TEST_PLATFORM"] = "linux/s390x"
    for target in "oci", "d.tar":
        check(f"{target} for s390x", "linux/amd64" in error(probe(target)), error(probe(target)))
    del os.environ["PLIMSOLL_TEST_PLATFORM"]


def check_damage():
    whole = open("d.tar", "rb").read()
    with tarfile.open("d.tar") as t:
        first = [m for m in t if m.name.endswith(".tar") and m.isfile()][0]
    # The manifest comes last: without it there is no image, and the reason is said.
    open("cut.tar", "wb").write(whole[:first.offset_data + 700])
    check("cut off before the manifest", "runcated" in error(probe("cut.tar")) or "manifest.json" in error(probe("cut.tar")), error(probe("cut.tar")))
    got = error(probe("docker-archive:cut.tar"))
    check("cut off, said as docker-archive", "runcated" in got, got)
    packed = open("d.tar.gz", "rb").read()
    open("cut.tar.gz", "wb").write(packed[:len(packed) // 2])
    got = error(probe("docker-archive:cut.tar.gz"))
    check("cut off gzip", "runcated" in got, got)
    # Layers at the end and cut off: the image opens, one layer is a gap.
    with tarfile.open("d.tar") as t, tarfile.open("first.tar", "w") as o:
        for m in sorted(t.getmembers(), key=lambda m: m.name.endswith(".tar")):
            o.addfile(m, t.extractfile(m) if m.isfile() else None)
    with tarfile.open("first.tar") as t:
        last = [m for m in t if m.isfile()][-1]
    open("cut2.tar", "wb").write(open("first.tar", "rb").read()[:last.offset_data + last.size // 2])
    got = probe("cut2.tar")
    check("a layer cut off is a gap", any(l[0] == "gap" and l[2] == "broken" for l in got), got)
    check("and is not read", "truncated" in [v[0] for v in layers(got).values()], got)
    subprocess.run("gzip -kf cut2.tar", shell=True, check=True)
    got = probe("cut2.tar.gz")
    check("the same in gzip", any(l[0] == "gap" and l[2] == "broken" for l in got) and "truncated" in [v[0] for v in layers(got).values()], got)
    # Layers that are not there.
    with tarfile.open("d.tar") as t, tarfile.open("less.tar", "w") as o:
        for m in t:
            if m.name != first.name:
                o.addfile(m, t.extractfile(m) if m.isfile() else None)
    got = probe("less.tar")
    check("a missing layer is a gap", any(l[0] == "gap" and l[2] == "missing" for l in got), got)
    # A changed configuration.
    shutil.copytree("oci", "bad")
    index = json.load(open("bad/index.json"))
    manifest = json.load(open("bad/blobs/sha256/" + index["manifests"][0]["digest"][7:]))
    path = "bad/blobs/sha256/" + manifest["config"]["digest"][7:]
    text = open(path).read()
    open(path, "w").write(text.replace("amd64", "amd65"))
    got = error(probe("oci:bad"))
    check("a changed configuration", "that was named" in got and manifest["config"]["digest"] in got, got)
    open(path, "w").write(text + " ")
    got = error(probe("oci:bad"))
    check("a longer configuration", "bytes, not the" in got, got)
    # A bomb.
    subprocess.run("dd if=/dev/zero bs=1M count=200 2>/dev/null | gzip -1 > zero.gz", shell=True, check=True)
    got = error(probe("zero.gz"))
    check("200 MB of zeros", got != "", got)
    with open("manifest.json", "w") as f:
        f.write("[]")
    subprocess.run("truncate -s 400M big && tar cf - big manifest.json | xz -1 > bomb.tar.xz; rm big", shell=True, check=True)
    got = error(probe("bomb.tar.xz"))
    check("a bomb", "inflates to more" in got, got)


def sparse_names():
    """Names and places: GNU long names, pax headers, hard and symbolic links."""
    blob = {n: os.urandom(3000 + n) for n in range(4)}
    digest = lambda b: "sha256:" + hashlib.sha256(b).hexdigest()
    config = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [digest(blob[n]) for n in range(4)] + [digest(blob[0])]}}).encode()
    long = "x" * 90 + "/" + "y" * 90 + "/layer.tar"
    manifest = [{"Config": "c.json", "Layers": [long, "linked/layer.tar", "hard.tar", "./dot.tar", "sym.tar"]}]
    for name, fmt in ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT):
        with tarfile.open(f"names-{name}.tar", "w", format=fmt) as t:
            def add(name, data, **kw):
                m = tarfile.TarInfo(name)
                m.size = len(data)
                m.pax_headers = {"comment": "é" * 600, "mtime": "1.5"} if fmt == tarfile.PAX_FORMAT else {}
                for k, v in kw.items():
                    setattr(m, k, v)
                t.addfile(m, io.BytesIO(data))
            add(long, blob[0])
            add("real/one", blob[1])
            add("linked/layer.tar", b"", type=tarfile.SYMTYPE, linkname="../real/one")
            add("two", blob[2])
            add("hard.tar", b"", type=tarfile.LNKTYPE, linkname="two")
            add("dot.tar", blob[3])
            add("sym.tar", b"", type=tarfile.SYMTYPE, linkname=long)
            add("loop", b"", type=tarfile.SYMTYPE, linkname="loop")
            add("out", b"", type=tarfile.SYMTYPE, linkname="../../etc/passwd")
            add("c.json", config)
            add("manifest.json", json.dumps(manifest).encode())
        got = layers(probe(f"names-{name}.tar"))
        check(f"{name} names", [l[3] for l in got.values()] == [l[1] for l in got.values()] and len(got) == 5, got)
        subprocess.run(["gzip", "-kf", f"names-{name}.tar"], check=True)
        got = layers(probe(f"names-{name}.tar.gz"))
        check(f"{name} names, gzip", [l[3] for l in got.values()] == [l[1] for l in got.values()] and len(got) == 5, got)
    with tarfile.open("links.tar", "w") as t:
        for name, data in ("c.json", config), ("manifest.json", json.dumps([{"Config": "c.json", "Layers": ["loop", "out", "../c.json", "/etc/passwd", "c.json"]}]).encode()):
            m = tarfile.TarInfo(name)
            m.size = len(data)
            t.addfile(m, io.BytesIO(data))
        for name, link in ("loop", "loop"), ("out", "../../etc/passwd"):
            m = tarfile.TarInfo(name)
            m.type, m.linkname = tarfile.SYMTYPE, link
            t.addfile(m)
    got = layers(probe("links.tar"))
    check("links lead nowhere", [l[0] for l in got.values()] == ["missing"] * 4 + ["read"], got)


# ---- a pretended engine ----

class Engine(http.server.BaseHTTPRequestHandler):
    archive = None
    asked = []
    cut = None

    def log_message(self, *words):
        pass

    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for at in range(0, len(body), 60000):
            if self.cut is not None and at > self.cut and kind != "application/json":
                self.close_connection = True
                return
            part = body[at:at + 60000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self):
        Engine.asked.append(self.path)
        name, what = self.path[len("/images/"):].rsplit("/", 1)
        with tarfile.open(Engine.archive) as t:
            entry = json.load(t.extractfile("manifest.json"))[0]
            config = t.extractfile(entry["Config"]).read()
            sizes = [t.getmember(l).size for l in entry["Layers"]]
        parsed = json.loads(config)
        if name not in ("example/a:1", "sha256:" + hashlib.sha256(config).hexdigest()):
            return self.answer(404, json.dumps({"message": f"No such image: {name}"}).encode())
        if what == "json":
            body = {"Id": "sha256:" + hashlib.sha256(config).hexdigest(), "RepoTags": ["example/a:1"], "RepoDigests": [],
                    "Os": "linux", "Architecture": "amd64", "Config": parsed.get("config"), "Size": sum(sizes),
                    "RootFS": {"Type": "layers", "Layers": parsed["rootfs"]["diff_ids"]}}
            return self.answer(200, json.dumps(body).encode())
        if what == "history":
            left = list(sizes)
            body = [{"CreatedBy": h.get("created_by", ""), "Size": 0 if h.get("empty_layer") else left.pop(0), "Comment": ""} for h in parsed["history"]]
            return self.answer(200, json.dumps(body[::-1]).encode())
        if what == "get":
            return self.answer(200, open(Engine.archive, "rb").read(), "application/x-tar")
        self.answer(404, b"{}")


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        return super().get_request()[0], ("local", 0)


def check_engine(plain):
    Engine.archive = "d.tar"
    server = Server("engine.sock", Engine)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = "unix://" + os.path.abspath("engine.sock")
    got = probe("docker-daemon:example/a:1", DOCKER_HOST=host)
    check("docker-daemon", layers(got) == plain, got)
    check("two requests for the archive", sum(a.endswith("/get") for a in Engine.asked) == 2, Engine.asked)
    Engine.asked.clear()
    got = probe("docker-daemon:example/a:1", DOCKER_HOST=host, PLIMSOLL_TEST_NO_LAYERS="1")
    check("described without the archive", got[0][0] == "image" and not any(a.endswith("/get") for a in Engine.asked), got)
    got = error(probe("docker-daemon:nothing:1", DOCKER_HOST=host))
    check("no such image", "No such image: nothing:1" in got, got)
    Engine.cut = 100000
    got = probe("docker-daemon:example/a:1", DOCKER_HOST=host)
    Engine.cut = None
    check("an engine that hangs up", any("engine" in l[1] for l in got if l[0] == "prepare") and not any(l[2] == "read" for l in got if l[0] == "layer"), got)
    server.shutdown()
    got = error(probe("docker-daemon:a", DOCKER_HOST="unix:///nothing.sock"))
    check("no engine", "is the container engine running?" in got, got)
    got = error(probe("docker-daemon:a", DOCKER_HOST="ssh://x"))
    check("an engine by ssh", "unix://" in got, got)


def check_many(n=10000):
    """An image of 10,000 layers that are all one file, and one that names none."""
    data = b"\0" * 1024
    diff = "sha256:" + hashlib.sha256(data).hexdigest()
    config = json.dumps({"rootfs": {"diff_ids": [diff] * n}, "history": [{"created_by": f"RUN {i}"} for i in range(n)]}).encode()
    for name, count in ("many.tar", n), ("none.tar", 0):
        with tarfile.open(name, "w") as t:
            for path, body in ("l.tar", data), ("c.json", config), ("manifest.json", json.dumps([{"Config": "c.json", "Layers": ["l.tar"] * count}]).encode()):
                m = tarfile.TarInfo(path)
                m.size = len(body)
                t.addfile(m, io.BytesIO(body))
        run("gzip", "-kf", name)
    for name in "many.tar", "many.tar.gz":
        got = layers(probe(name))
        check(f"{name}: 10,000 layers", len(got) == n and all(l[3] == diff for l in got.values()), len(got))
    for name in "none.tar", "none.tar.gz":
        got = probe(name)
        check(f"{name}: a gap", any(l[0] == "gap" and l[2] == "missing" for l in got), got)


def write_tar(path, files, **kw):
    with tarfile.open(path, "w", **kw) as t:
        for name, data in files:
            m = tarfile.TarInfo(name)
            m.size = len(data)
            t.addfile(m, io.BytesIO(data))


def as_json(value):
    return json.dumps(value).encode()


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def check_docker_archives():
    # Several images in one archive.
    blob = [os.urandom(2000), os.urandom(2000)]
    config = [as_json({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [sha(b)]}}) for b in blob]
    write_tar("two.tar", [("a.tar", blob[0]), ("b.tar", blob[1]), ("a.json", config[0]), ("b.json", config[1]), ("manifest.json", as_json([
        {"Config": "a.json", "RepoTags": ["shop/a:1"], "Layers": ["a.tar"]},
        {"Config": "b.json", "RepoTags": None, "Layers": ["b.tar"]}]))])
    got = error(probe("two.tar"))
    check("two images", "@0 shop/a:1" in got and "@1" in got, got)
    for target, i in ("docker-archive:two.tar:shop/a:1", 0), ("docker-archive:two.tar:docker.io/shop/a:1", 0), ("docker-archive:two.tar:@1", 1):
        check(target, [l[3] for l in layers(probe(target)).values()] == [sha(blob[i])], probe(target))
    for ref in "@2", "@", "shop/b":
        check(f"two.tar:{ref}", "no image" in error(probe(f"docker-archive:two.tar:{ref}")), error(probe(f"docker-archive:two.tar:{ref}")))
    # A configuration whose name claims another digest.
    write_tar("claims.tar", [("a.tar", blob[0]), (sha(blob[0])[7:] + ".json", config[0]), ("manifest.json", as_json([{"Config": sha(blob[0])[7:] + ".json", "Layers": ["a.tar"]}]))])
    got = error(probe("claims.tar"))
    check("a configuration of another digest", sha(config[0]) in got and sha(blob[0]) in got, got)
    # Docker 25: OCI blobs inside; read as either.
    m = as_json({"schemaVersion": 2, "config": {"digest": sha(config[0]), "size": len(config[0])}, "layers": [{"digest": sha(blob[0]), "size": 2000}]})
    inside = [("blobs/sha256/" + sha(b)[7:], b) for b in (blob[0], config[0], m)] + [("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
        ("index.json", as_json({"manifests": [{"digest": sha(m), "size": len(m), "annotations": {"io.containerd.image.name": "docker.io/shop/a:1", "org.opencontainers.image.ref.name": "1"}}]})),
        ("manifest.json", as_json([{"Config": "blobs/sha256/" + sha(config[0])[7:], "RepoTags": ["shop/a:1"], "Layers": ["blobs/sha256/" + sha(blob[0])[7:]]}]))]
    write_tar("docker25.tar", inside)
    for target in "docker25.tar", "docker-archive:docker25.tar", "oci-archive:docker25.tar:docker.io/shop/a:1", "oci-archive:docker25.tar:@" + sha(m):
        check(target, [l[3] for l in layers(probe(target)).values()] == [sha(blob[0])], probe(target))
    # Docker 1.9 and before.
    v1 = lambda i, parent: as_json({"id": f"{i:064x}", "os": "linux", "architecture": "amd64", "container_config": {"Cmd": ["/bin/sh", "-c", f"RUN {i}"]}, **({"parent": f"{parent:064x}"} if parent else {})})
    chain = [x for i in (1, 2, 3) for x in ((f"{i:064x}/json", v1(i, i - 1)), (f"{i:064x}/layer.tar", blob[0] + b"%d" % i))]
    write_tar("v1.tar", chain + [("repositories", as_json({"old": {"latest": f"{3:064x}"}}))])
    got = layers(probe("v1.tar"))
    check("a chain of v1 layers", [l[2] for l in got.values()] == ["RUN 1", "RUN 2", "RUN 3"] and [l[3] for l in got.values()] == [sha(blob[0] + b"%d" % i) for i in (1, 2, 3)], probe("v1.tar"))
    check("a v1 image by name", len(layers(probe("docker-archive:v1.tar:old"))) == 3, probe("docker-archive:v1.tar:old"))
    write_tar("v1loop.tar", [(f"{1:064x}/json", v1(1, 2)), (f"{2:064x}/json", v1(2, 1)), ("repositories", as_json({"old": {"latest": f"{1:064x}"}}))])
    check("its own ancestor", "its own ancestor" in error(probe("v1loop.tar")), error(probe("v1loop.tar")))
    # Layers in the opposite order of the archive, each twice: compressed ones start anew.
    blobs = [os.urandom(300000) for _ in range(6)]
    order = [5, 4, 3, 2, 1, 0, 0, 5]
    config2 = as_json({"rootfs": {"diff_ids": [sha(blobs[i]) for i in order]}})
    write_tar("back.tar", [("manifest.json", as_json([{"Config": "c.json", "Layers": [f"{i}" for i in order]}])), ("c.json", config2)] + [(f"{i}", b) for i, b in enumerate(blobs)])
    run("gzip", "-kf", "back.tar")
    for target in "back.tar", "back.tar.gz":
        got = layers(probe(target))
        check(f"{target}: another order", len(got) == 8 and all(l[1] == l[3] and l[0] == "read" for l in got.values()), got)
    # Bytes that are broken in the middle: the layers before are read, the others say why.
    packed = bytearray(open("back.tar.gz", "rb").read())
    packed[len(packed) // 2] ^= 0xff
    packed[len(packed) // 2 + 1:len(packed) // 2 + 400] = b"\xff" * 399
    open("broken.tar.gz", "wb").write(packed)
    got = probe("broken.tar.gz")
    check("broken gzip is a gap", any(l[0] == "gap" and l[2] in ("broken", "missing") for l in got), got)
    for text in b"[]", b"{}", b"", b"[{}]", b"[3]", b"{", b'[{"Config":"c.json","Layers":[1,null]}]', b'[{"Config":"nothing"}]':
        write_tar("odd.tar", [("manifest.json", text), ("c.json", b"{}")])
        got = probe("odd.tar")
        check(f"manifest.json {text}", error(got) != "" or any(l[0] == "gap" for l in got), got)


def layout(path, blobs, index):
    os.makedirs(path + "/blobs/sha256")
    open(path + "/oci-layout", "w").write('{"imageLayoutVersion":"1.0.0"}')
    for b in blobs:
        open(f"{path}/blobs/sha256/{sha(b)[7:]}", "wb").write(b)
    open(path + "/index.json", "wb").write(as_json(index))


def check_layouts():
    layer = os.urandom(1000)
    def image(arch, **desc):
        config = as_json({"os": "linux", "architecture": arch, "rootfs": {"diff_ids": [sha(layer)]}})
        m = as_json({"schemaVersion": 2, "config": {"digest": sha(config), "size": len(config)}, "layers": [{"digest": sha(layer), "size": 1000, **desc}]})
        return config, m
    amd, arm = image("amd64"), image("arm64")
    entry = lambda m, **kw: {"digest": sha(m), "size": len(m), **kw}
    inner = as_json({"schemaVersion": 2, "manifests": [entry(amd[1], platform={"os": "linux", "architecture": "amd64"}), entry(arm[1], platform={"os": "linux", "architecture": "arm64"}),
        entry(b"x", platform={"os": "unknown", "architecture": "unknown"}, annotations={"vnd.docker.reference.type": "attestation-manifest"})]})
    kind = {"mediaType": "application/vnd.oci.image.index.v1+json"}
    layout("nested", [layer, *amd, *arm, inner], {"manifests": [entry(inner, **kind, annotations={"org.opencontainers.image.ref.name": "1"})]})
    for platform in "linux/amd64", "linux/arm64":
        got = probe("oci:nested", PLIMSOLL_TEST_PLATFORM=platform)
        check(f"an index in an index, {platform}", got[0][4] == platform, got)
    got = error(probe("oci:nested", PLIMSOLL_TEST_PLATFORM="linux/s390x"))
    check("platforms are listed", "linux/amd64, linux/arm64" in got, got)
    # Deeper than anybody's.
    deep, all_blobs = amd[1], [layer, *amd]
    for _ in range(8):
        deep = as_json({"schemaVersion": 2, "manifests": [entry(deep)]})
        all_blobs.append(deep)
    layout("deep", all_blobs, {"manifests": [entry(deep)]})
    check("too many indexes", "nest more than" in error(probe("oci:deep")), error(probe("oci:deep")))
    layout("names", [layer, *amd, *arm], {"manifests": [entry(amd[1], annotations={"org.opencontainers.image.ref.name": "one"}), entry(arm[1], annotations={"org.opencontainers.image.ref.name": "two"})]})
    check("names are listed", "one, two" in error(probe("oci:names")), error(probe("oci:names")))
    check("one is chosen by name", probe("oci:names:two", PLIMSOLL_TEST_PLATFORM="linux/arm64")[0][4] == "linux/arm64", probe("oci:names:two"))
    foreign = image("amd64", mediaType="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", urls=["https://example.com/x"])
    layout("foreign", [layer, *foreign], {"manifests": [entry(foreign[1])]})
    check("a foreign layer that is there", [l[0] for l in layers(probe("oci:foreign")).values()] == ["read"], probe("oci:foreign"))
    layout("foreign2", foreign, {"manifests": [entry(foreign[1])]})
    got = probe("oci:foreign2")
    check("a foreign layer that is not", [l[0] for l in layers(got).values()] == ["foreign"] and any(l[0] == "gap" for l in got), got)
    secret = image("amd64", mediaType="application/vnd.oci.image.layer.v1.tar+gzip+encrypted")
    layout("secret", [layer, *secret], {"manifests": [entry(secret[1])]})
    check("an encrypted layer", any(l[0] == "gap" and l[2] == "encrypted" for l in probe("oci:secret")), probe("oci:secret"))
    both = as_json({"layers": [], "manifests": [], "config": {"digest": sha(layer)}})
    layout("both", [both], {"manifests": [entry(both)]})
    check("layers and manifests", "ambiguous" in error(probe("oci:both")), error(probe("oci:both")))
    layout("size", [layer, *amd], {"manifests": [{"digest": sha(amd[1]), "size": 5}]})
    check("a wrong size", "bytes, not the 5" in error(probe("oci:size")), error(probe("oci:size")))
    # Blobs that are links: inside is fine, outside is not followed.
    layout("link", [*amd], {"manifests": [entry(amd[1])]})
    open("link/real", "wb").write(layer)
    os.symlink("../../real", f"link/blobs/sha256/{sha(layer)[7:]}")
    check("a link inside", [l[0] for l in layers(probe("oci:link")).values()] == ["read"], probe("oci:link"))
    os.unlink("link/real")
    open("outside", "wb").write(layer)
    os.symlink("../outside", "link/real")
    check("a link to the outside", [l[0] for l in layers(probe("oci:link")).values()] == ["missing"], probe("oci:link"))
    os.unlink("link/real")
    os.mkfifo("link/real")
    check("a pipe for a blob", [l[0] for l in layers(probe("oci:link")).values()] == ["missing"], probe("oci:link"))


def check_formats():
    images = os.environ.get("PLIMSOLL_TEST_IMAGES")
    if not images:
        print("skip real archives: PLIMSOLL_TEST_IMAGES names no folder of real archives")
        return
    for path in sorted(glob.glob(os.path.join(images, "docker-archives", "*.tar.gz"))):
        got = layers(probe(path))
        check(path, got and all(l[0] == "empty" or l[1] == l[3] for l in got.values()), got)
    for path in sorted(glob.glob(os.path.join(images, "alpine", "*.tar.gz"))):
        got = probe(path)
        want = hashlib.sha256(open(path, "rb").read()).hexdigest()
        check(path, got[0][1] == "rootfs" and got[1][6] == "sha256:" + want, got)


def main():
    for tool in "umoci", "skopeo", "zstd", "xz", "bzip2":
        if not shutil.which(tool):
            print(f"skip transports: {tool} is not installed")
            return 0
    with tempfile.TemporaryDirectory() as work:
        build(work)
        plain = check_transports()
        check_refusals()
        check_damage()
        sparse_names()
        check_engine(plain)
        check_many()
        check_docker_archives()
        check_layouts()
        check_formats()
        os.chdir("/")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
