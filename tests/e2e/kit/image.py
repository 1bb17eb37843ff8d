"""Images made on the spot, byte by byte where they must be wrong; and the program run over them so
that a crash, a hang, a file left behind or a clean report where something was not looked at fails."""
import contextlib
import gzip
import hashlib
import json
import os
import subprocess
import threading
import time

from lib import PLIMSOLL, RELEASE, plimsoll, temp_dir

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"

OS_RELEASE = b'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.22.1\nPRETTY_NAME="Alpine Linux v3.22"\n'
PACKAGES = b"P:good\nV:1.0-r0\nA:x86_64\no:good\nL:MIT\n\n"
BAD_PACKAGE = b"P:bad\nV:1.0-r0\nA:x86_64\no:bad\nL:MIT\n\n"
SECDB = {"distroversion": "v3.22", "reponame": "main", "archs": ["x86_64"],
         "urlprefix": "https://dl-cdn.alpinelinux.org/alpine",
         "apkurl": "{{urlprefix}}/{{distroversion}}/{{reponame}}/{{arch}}/{{pkg.name}}-{{pkg.ver}}.apk",
         "packages": [{"pkg": {"name": "bad", "secfixes": {"1.1-r0": ["CVE-2020-0001"]}}}]}


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


# ---- tar, by hand ----

def octal(value, room):
    return b"%0*o\0" % (room - 1, value)


def header(name, size=0, kind=b"0", link=b"", mode=0o644, magic=b"ustar\x0000", size_field=None, checksum=None,
           device=(0, 0)):
    name = name if isinstance(name, bytes) else name.encode()
    link = link if isinstance(link, bytes) else link.encode()
    h = bytearray(512)
    h[0:min(len(name), 100)] = name[:100]
    h[100:108], h[108:116], h[116:124] = octal(mode, 8), octal(0, 8), octal(0, 8)
    h[124:136] = size_field or octal(size, 12)
    h[136:148], h[148:156] = octal(0, 12), b" " * 8
    h[156:157] = kind
    h[157:157 + min(len(link), 100)] = link[:100]
    h[257:265] = magic
    h[329:337], h[337:345] = octal(device[0], 8), octal(device[1], 8)
    h[148:156] = checksum or b"%06o\0 " % sum(h)
    return bytes(h)


def pad(data):
    return data + bytes(-len(data) % 512)


def entry(name, data=b"", **kw):
    return header(name, len(data), **kw) + pad(data)


def folder(name):
    return header(name.rstrip("/") + "/", kind=b"5", mode=0o755)


def pax(**records):
    body = b""
    for key, value in records.items():
        value = value if isinstance(value, bytes) else str(value).encode()
        line = b" " + key.encode().replace(b"__", b".") + b"=" + value + b"\n"
        n = len(line)
        while len(b"%d" % n) + len(line) != n:
            n = len(b"%d" % n) + len(line)
        body += b"%d" % n + line
    return entry("PaxHeaders/x", body, kind=b"x")


def long_name(name, kind=b"L"):
    return entry("././@LongLink", name + b"\0", kind=kind, magic=b"ustar  \0")


END = bytes(1024)
ROOT = entry("etc/os-release", OS_RELEASE) + entry("lib/apk/db/installed", PACKAGES)


def tar(*parts, root=True):
    """A whole archive: a small Alpine root in front unless told otherwise."""
    return (ROOT if root else b"") + b"".join(parts) + END


# ---- layouts ----

class Layer:
    """Stored bytes and what the image claims of them."""

    def __init__(self, raw, kind="", stored=None, diff_id=None, **descriptor):
        if stored is None:
            stored = gzip.compress(raw, 1, mtime=0) if kind == "+gzip" else raw
        self.stored, self.kind = stored, LAYER + kind if "/" not in kind else kind
        self.diff_id = diff_id or digest(raw)
        self.descriptor = {"mediaType": self.kind, "digest": digest(stored), "size": len(stored), **descriptor}


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else json.dumps(data).encode())


def describe(kind, data, **more):
    return {"mediaType": kind, "digest": digest(data), "size": len(data), **more}


def layout(path, layers, config=None, manifest=None, index=None, history=None, skip_blobs=False):
    """An OCI layout. config, manifest, index: bytes or a dict to take the place of the made one, or
    a function from the made one."""
    def choose(made, other):
        other = other(made) if callable(other) else other
        other = made if other is None else other
        return other if isinstance(other, bytes) else json.dumps(other).encode()

    def blob(data):
        write(os.path.join(path, "blobs/sha256", hashlib.sha256(data).hexdigest()), data)
        return data

    os.makedirs(os.path.join(path, "blobs/sha256"), exist_ok=True)
    if not skip_blobs:
        for x in layers:
            blob(x.stored)
    config = blob(choose({"architecture": "amd64", "os": "linux", "config": {},
                          "rootfs": {"type": "layers", "diff_ids": [x.diff_id for x in layers]},
                          "history": history or [{"created_by": "step %d" % i} for i in range(len(layers))]}, config))
    manifest = blob(choose({"schemaVersion": 2, "mediaType": MANIFEST, "config": describe(CONFIG, config),
                            "layers": [x.descriptor for x in layers]}, manifest))
    index = choose({"schemaVersion": 2, "mediaType": INDEX, "manifests": [describe(MANIFEST, manifest)]}, index)
    write(os.path.join(path, "index.json"), index)
    write(os.path.join(path, "oci-layout"), b'{"imageLayoutVersion":"1.0.0"}')
    return "oci:" + path


# ---- the program over it ----

class Bench:
    """A folder with a home, a cache, a TMPDIR and a database of one advisory; look() runs one scan."""

    def __init__(self, work):
        self.work = work
        self.n = 0
        write(os.path.join(work, "feeds/alpine-secdb/v3.22/main.json"), SECDB)
        self.db = os.path.join(work, "one.db")
        plimsoll("db", "build", "--quiet", "--feeds", os.path.join(work, "feeds"), "--output", self.db, binary=RELEASE)

    def path(self, name="image"):
        self.n += 1
        return os.path.join(self.work, "%s%d" % (name, self.n))

    def image(self, *layers, **kw):
        """Layers are Layer objects, or raw tars."""
        return layout(self.path(), [x if isinstance(x, Layer) else Layer(x) for x in layers], **kw)

    def look(self, target, *args, binary=None, seconds=20, megabytes=None, env=None, stdin=None, wrap=(), strict=True,
             cache=True):
        """One scan with both reports; see Seen. A memory ceiling is for the tree of processes."""
        home = self.path("home")
        tmp, cache_dir, table = (os.path.join(home, x) for x in ("tmp", "cache", "table.txt"))
        os.makedirs(tmp)
        e = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        e.update(HOME=home, TMPDIR=tmp, NO_COLOR="1", LC_ALL="C.UTF-8", XDG_RUNTIME_DIR=home, DOCKER_CONFIG=home,
                 REGISTRY_AUTH_FILE="")
        e.update(env or {})
        command = [*wrap, binary or RELEASE, "scan", "--db", self.db, "--format", "json", "--format", "table=" + table,
                   *(["--strict"] if strict else []), *(["--cache-dir", cache_dir] if cache else []), *args, target]
        with open(home + "/out", "wb") as out, open(home + "/err", "wb") as err:
            begin = time.monotonic()
            p = subprocess.Popen(command, stdin=stdin or subprocess.DEVNULL, stdout=out, stderr=err, env=e)
            late = []
            alarm = threading.Timer(seconds, lambda: (late.append(1), p.kill()))
            alarm.start()
            memory = memory_of_tree(p) if megabytes else 0
            p.wait()
            alarm.cancel()
        seen = Seen(p.returncode, home, time.monotonic() - begin, memory)
        assert not late, "%s: not finished within %s s" % (target, seconds)
        assert seen.status >= 0, "%s: ended by signal %d: %s" % (target, -seen.status, seen.err[-1000:])
        assert "Sanitizer" not in seen.err and "runtime error" not in seen.err, seen.err[-4000:]
        if megabytes:
            assert seen.megabytes <= megabytes, "%s: %d MB" % (target, seen.megabytes)
        left = os.listdir(tmp) + [f for _, _, files in os.walk(cache_dir) for f in files if f.startswith(".new")]
        left += [f for f in os.listdir(home) if f not in ("tmp", "cache", "table.txt", "out", "err")]
        assert not left, "%s: left behind: %s" % (target, left)
        seen.check()
        return seen

    def both(self, target, *args, **kw):
        """With the release program (its sandbox is whole) and the one with sanitizers."""
        self.look(target, *args, binary=PLIMSOLL, **{**kw, "megabytes": None, "seconds": 3 * kw.get("seconds", 20)})
        return self.look(target, *args, **kw)


class Seen:
    def __init__(self, status, home, seconds, megabytes):
        self.status, self.seconds, self.megabytes = status, seconds, megabytes
        self.out, self.err, self.table = (read(home, x) for x in ("out", "err", "table.txt"))
        self.report = json.loads(self.out) if self.out.strip() else None
        self.gaps = self.report["gaps"] if self.report else []
        self.lines = self.err.splitlines()

    def __repr__(self):
        return "exit %d\ngaps %s\n%s\n%s" % (self.status, json.dumps(self.gaps)[:1500], self.err[-600:],
                                             self.table[:600])

    def check(self):
        """What holds for every scan, whatever it was."""
        for text in (self.err, self.table):
            bad = [c for c in text if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160]
            assert not bad, "control characters on the screen: %r in %r" % (bad[:5], text[:300])
        assert self.status in (0, 3, 4), self
        if self.status == 3:
            assert self.report is None, self
            assert len(self.lines) == 1 and len(self.lines[0]) < 8000, self
        else:
            assert self.report is not None, self
            clean = "Safe to sail" in self.table
            assert not (clean and self.gaps), "clean, with gaps: %s" % self
            assert (self.status == 0) or self.gaps or not clean, self
            assert not [g for g in self.gaps if g["reason"] == "crashed"], "a child crashed: %s" % self

    def refused(self, *words):
        assert self.status == 3, self
        for w in words:
            assert w in self.lines[0], (w, self)
        return self

    def gap(self, reason=None, layer=None, path=None, detail=None):
        """There is such a gap, and the table does not call the image clean."""
        assert self.status == 4, self
        for g in self.gaps:
            if (reason is None or g["reason"] in (reason if isinstance(reason, tuple) else (reason,))) and \
                    (layer is None or g["layer"] == layer) and (path is None or path in (g["path"] or "")) and \
                    (detail is None or detail in (g["detail"] or "")):
                return self
        raise AssertionError("no gap %s %s %s %s among %s" % (reason, layer, path, detail, self))

    def clean(self):
        assert self.status == 0 and not self.gaps and "Safe to sail" in self.table, self
        return self

    def names(self):
        return sorted(p["name"] for p in self.report["packages"])

    def ids(self):
        return sorted(f["id"] for f in self.report["findings"])


def memory_of_tree(p):
    """Megabytes: the highest sum of the peaks of a process and the children it had at one time."""
    most = 0
    while p.poll() is None:
        total = 0
        with contextlib.suppress(OSError):
            with open("/proc/%d/task/%d/children" % (p.pid, p.pid), encoding="ascii") as f:
                pids = [p.pid, *map(int, f.read().split())]
            for pid in pids:
                with contextlib.suppress(OSError), open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as f:
                    total += sum(int(x.split()[1]) for x in f if x.startswith("VmHWM"))
        most = max(most, total)
        time.sleep(0.01)
    return most // 1024


def read(home, name):
    with contextlib.suppress(FileNotFoundError), open(os.path.join(home, name), "rb") as f:
        return f.read().decode(errors="replace")
    return ""


@contextlib.contextmanager
def bench():
    with temp_dir() as work:
        yield Bench(work)
