#!/usr/bin/env python3
"""`db build` on the publishers' real files and on hostile ones: counts as an independent reading has
them, the same digest twice, memory bounded; what is broken is skipped, counted and named, an
existing database outlives a build that fails, and nothing is left behind."""
import gzip
import io
import json
import lzma
import os
import shutil
import sqlite3
import subprocess
import time
import zipfile

from kit.image import SECDB, memory_of_tree, write
from lib import PLIMSOLL, RELEASE, case, need_feeds, run_cases, temp_dir

DEEP = 100_000


def build(feeds, output, binary=RELEASE, status=0, seconds=120, megabytes=512, tmp=None):
    env = dict(os.environ, TMPDIR=tmp or os.path.dirname(output), LC_ALL="C.UTF-8")
    with open(output + ".log", "w+b") as err:
        p = subprocess.Popen([binary, "db", "build", "--feeds", feeds, "--output", output], stdin=subprocess.DEVNULL, stdout=err, stderr=err, env=env)
        begin = time.monotonic()
        peak = memory_of_tree(p)
        text = open(output + ".log", encoding="utf-8", errors="replace").read()
        os.unlink(output + ".log")
    assert time.monotonic() - begin < seconds, "%s s" % (time.monotonic() - begin)
    assert "Sanitizer" not in text and "runtime error" not in text, text[-3000:]
    assert p.returncode == status, (p.returncode, text[-2000:])
    assert binary != RELEASE or peak < megabytes, "%d MB" % peak
    left = [f for f in os.listdir(os.path.dirname(output)) if f not in ("feeds", os.path.basename(output), "old.db")]
    assert not left, left
    assert not [c for c in text if ord(c) < 32 and c not in "\n\r\t"], repr(text[:500])
    return text, peak


def digest_of(db):
    p = subprocess.run([RELEASE, "db", "status", "--db", db], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return [x for x in p.stdout.decode().splitlines() if "sha256:" in x]


def hostile():
    """(name of the file below feeds, bytes)"""
    osv = json.dumps({"id": "X-1", "modified": "2024-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "PyPI", "name": "x"}, "versions": ["1"]}]}).encode()
    secdb = json.dumps(SECDB).encode()
    deep = b"[" * DEEP + b"]" * DEEP
    deeper = b'{"id":' * DEEP + b"1" + b"}" * DEEP
    laughs = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">' + b"".join(
        b'<!ENTITY %c "%s">' % (c, b"&%c;" % (c - 1) * 20) for c in range(ord("b"), ord("m"))) + b"]><oval_definitions>&l;</oval_definitions>"
    outside = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><updates><update><id>&a;</id></update></updates>'
    nested = b"<?xml version=\"1.0\"?>" + b"<oval_definitions>" * DEEP
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("a.json", b"[" + b" " * (600 << 20))
        z.writestr("../../../../tmp/plimsoll-escaped.json", osv)
        z.writestr("good.json", osv)
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as z:
        for i in range(100):
            z.writestr("%d.json" % i, osv.replace(b"X-1", b"X-%d" % i))
    cut = whole.getvalue()
    yield "osv/bomb/all.zip", bomb.getvalue()
    yield "osv/cut/all.zip", cut[:len(cut) // 2]
    yield "osv/tail/all.zip", cut[len(cut) // 2:]
    yield "osv/deep/a.json", deep
    yield "osv/deeper/a.json", deeper
    yield "osv/types/a.json", b'{"id": 5, "affected": "x", "modified": []}'
    yield "osv/types/b.json", b'{"id": "X\\u001b[2J", "modified": "2024-01-01T00:00:00Z", "affected": [{"package": 7}, 5, null, {"ranges": [{"events": {}}]}]}'
    yield "osv/null/a.json", b"null"
    yield "osv/empty/a.json", b""
    yield "osv/binary/\x1b[2Jname.json", os.urandom(5000)
    yield "alpine-secdb/v3.22/main.json", secdb
    yield "alpine-secdb/v3.21/main.json", secdb[:len(secdb) // 2]
    yield "alpine-secdb/v3.20/main.json.gz", gzip.compress(secdb)[:-10]
    yield "alpine-secdb/v3.19/main.json.xz", lzma.compress(secdb)[:-20]
    yield "debian/tracker.json", b'{"openssl": {"CVE-2020-1": {"releases": {"bookworm": {"status": "open"'
    yield "kev/kev.json", b'{"vulnerabilities": [{"cveID": 7}, null, {"cveID": "CVE-2020-0001", "dateAdded": {}}]}'
    yield "epss/epss.csv", b"cve,epss,percentile\nCVE-2020-0001,2.5,x\nCVE-\x1b[2J,0.1,0.2\n" + b"x" * 1_000_000
    yield "nvd/nvd.json", deep
    yield "x-oval/laughs.xml", laughs
    yield "x-oval/nested.xml", nested
    yield "updateinfo/outside.xml", outside
    yield "updateinfo/bomb.xml.gz", gzip.compress(b"<updates>" + b" " * (300 << 20), 9)
    yield "redhat-vex/a.json", b'{"document": {"category": "csaf_vex"' + b"," * 1000


@case
def hostile_feeds():
    with temp_dir() as d:
        feeds = os.path.join(d, "feeds")
        files = list(hostile())
        for name, data in files:
            write(os.path.join(feeds, name), data)
        for binary in (PLIMSOLL, RELEASE):
            text, peak = build(feeds, os.path.join(d, "new.db"), binary=binary)
            assert "cut/all.zip" in text and "v3.21/main.json" in text and "v3.20/main.json.gz" in text, text
            assert "/tmp/plimsoll-escaped" not in text and not os.path.exists("/tmp/plimsoll-escaped.json")
            assert "root:" not in text
            os.unlink(os.path.join(d, "new.db"))
        print("# %d hostile files: %d MB at most" % (len(files), peak))
        # Each alone: a build of nothing else is said, and the database of before stays.
        for name, data in files[1:]:
            shutil.rmtree(feeds)
            write(os.path.join(feeds, name), data)
            write(os.path.join(d, "old.db"), b"of before")
            env = dict(os.environ, TMPDIR=d)
            p = subprocess.run([RELEASE, "db", "build", "--feeds", feeds, "--output", os.path.join(d, "old.db")], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=env, timeout=60, check=False)
            assert p.returncode in (0, 3), (name, p)
            assert sorted(os.listdir(d)) == ["feeds", "old.db"], (name, os.listdir(d))
            assert p.returncode == 0 or open(os.path.join(d, "old.db"), "rb").read() == b"of before", name
            assert p.stderr.strip(), name


@case
def builds_that_cannot_be():
    with temp_dir() as d:
        old = os.path.join(d, "old.db")
        write(old, b"of before")
        write(os.path.join(d, "feeds/alpine-secdb/v3.22/main.json"), SECDB)
        os.mkdir(os.path.join(d, "none"))
        for feeds, output in ((d + "/none", old), (d + "/missing", old), (d + "/feeds", d + "/missing/x.db"), (d + "/feeds", "/dev/full/x"),
                              (d + "/feeds", d + "/none"), (old, d + "/new.db")):
            p = subprocess.run([RELEASE, "db", "build", "--feeds", feeds, "--output", output], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               timeout=60, check=False)
            assert p.returncode in (2, 3) or feeds in (old, d + "/none"), (feeds, output, p)
            assert open(old, "rb").read() == b"of before" or p.returncode == 0, (feeds, output)
        assert sorted(x for x in os.listdir(d) if x != "new.db") == ["feeds", "none", "old.db"], os.listdir(d)
        assert os.listdir(d + "/none") == []


def subset(feeds, d):
    target = os.path.join(d, "feeds")
    for name in ("alpine-secdb", "debian", "kev", "epss", "nvd", "azurelinux-oval", "osv/Go"):
        shutil.copytree(os.path.join(feeds, name), os.path.join(target, name))
    subprocess.run(["chmod", "-R", "u+w", target], check=True)
    return target


def said_records(text):
    """The closing line: "FILE: 1,234 records of N files, M skipped"."""
    line = [x for x in text.splitlines() if " records of " in x][-1]
    return int("".join(c for c in line.split(" records of ")[0].rsplit(": ", 1)[-1] if c.isdigit()))


@case
def real_feeds_twice():
    feeds = need_feeds("alpine-secdb", "debian", "kev", "epss", "nvd", "azurelinux-oval", "osv/Go")
    with temp_dir() as d:
        target = subset(feeds, d)
        one, two = os.path.join(d, "a.db"), os.path.join(d, "old.db")
        begin = time.monotonic()
        text, peak = build(target, one)
        print("# %d records in %.1f s, %d MB at most" % (said_records(text), time.monotonic() - begin, peak))
        first = digest_of(one)
        os.rename(one, two)
        build(target, one)
        assert first and digest_of(one) == first, (first, digest_of(one))
        sqlite3.connect(one).execute("pragma integrity_check")


@case
def counts_are_those_of_the_files():
    feeds = need_feeds("kev", "osv/Go")
    with temp_dir() as d:
        for name in ("kev", "osv/Go"):
            target = os.path.join(d, "feeds")
            shutil.copytree(os.path.join(feeds, name), os.path.join(target, name))
            text, _ = build(target, os.path.join(d, "a.db"))
            if name == "kev":
                with open(os.path.join(feeds, name, "known_exploited_vulnerabilities.json"), encoding="utf-8") as f:
                    want = len(json.load(f)["vulnerabilities"])
            else:
                with zipfile.ZipFile(os.path.join(feeds, name, "all.zip")) as z:
                    records = [json.loads(z.read(n)) for n in z.namelist() if n.endswith(".json")]
                want = sum(1 for r in records if not r.get("withdrawn"))
            got = said_records(text)
            print("# %s: %d records, the file has %d" % (name, got, want))
            if name == "kev":
                assert got == want, (got, want, text)
            else:
                assert got >= want, (got, want, text)
            subprocess.run(["chmod", "-R", "u+w", target], check=True)
            shutil.rmtree(target)
            os.unlink(os.path.join(d, "a.db"))


run_cases()
