#!/usr/bin/env python3
"""Every kind of bad image we know of: one clear line and exit 3, or a gap; never a crash, a hang, a
file left behind, or a clean report. kit/image.py holds what is asked of every scan."""
import bz2
import contextlib
import gzip
import http.server
import json
import lzma
import os
import random
import shutil
import signal
import struct
import subprocess
import threading
import time
import zlib

from kit.image import (BAD_PACKAGE, LAYER, MANIFEST, OS_RELEASE, PACKAGES, Layer, bench, describe,
                       digest, entry, folder, header, layout, long_name, pad, pax, tar, write)
from lib import RELEASE, Skip, case, need_images, need_tools, run_cases

NOISE = random.Random(7).randbytes(200_000)


@case
def a_good_image_is_clean():
    with bench() as b:
        assert b.both(b.image(tar())).clean().names() == ["good"]
        assert b.look(b.image(Layer(tar(), "+gzip"))).clean()
        got = b.look(b.image(tar(), tar(entry("lib/apk/db/installed", PACKAGES + BAD_PACKAGE), root=False)))
        assert got.ids() == ["CVE-2020-0001"] and got.status == 0, got


# ---- compressed streams ----

def broken_layers(kind, packed):
    """(what, stored bytes) of damage to a stream."""
    n = len(packed)
    yield "cut in the header", packed[:6]
    yield "cut in the middle", packed[:n // 2]
    yield "cut at the end", packed[:-3]
    yield "garbage in the middle", packed[:n // 2] + NOISE[:64] + packed[n // 2 + 64:]
    yield "garbage in front", packed[:10] + b"\xff" * 8 + packed[18:]
    yield "garbage behind", packed + NOISE[:1000]
    if kind == "+gzip":
        yield "wrong CRC", packed[:-8] + b"\0\0\0\0" + packed[-4:]
        yield "wrong length", packed[:-4] + b"\1\0\0\0"


def check_stream(kind, pack):
    raw = tar(entry("usr/noise", NOISE))
    packed = pack(raw)
    with bench() as b:
        b.look(b.image(Layer(raw, kind, stored=packed))).clean()
        for what, stored in broken_layers(kind, packed):
            got = b.both(b.image(tar(), Layer(raw, kind, stored=stored)))
            if what != "garbage behind" or got.gaps:
                got.gap(("broken", "limit", "unreadable"), 1)
        for what, stored in broken_layers(kind, packed):  # the whole archive is such a stream
            path = b.path("file")
            write(path, stored)
            b.look(path)


@case
def gzip_layers():
    check_stream("+gzip", lambda raw: gzip.compress(raw, 6, mtime=0))


def raw_of(n):
    """Another archive each: a layer whose diff ID is known is not read again."""
    return tar(entry("n", b"%d" % n))


@case
def zstd_layers():
    need_tools("zstd")

    def pack(raw):
        return subprocess.run(["zstd", "-q", "-c", "--check"], input=raw, stdout=subprocess.PIPE, check=True).stdout
    check_stream("+zstd", pack)
    with bench() as b:
        # RFC 8878, 3.1.1.1: a frame header that asks for a window of 3.75 TiB
        huge = b"\x28\xb5\x2f\xfd" + b"\x00" + b"\xff" + b"\x01\x00\x00"
        b.both(b.image(tar(), Layer(raw_of(1), "+zstd", stored=huge)), megabytes=200).gap(None, 1)
        skippable = b"\x50\x2a\x4d\x18" + struct.pack("<I", 0xffffffff)
        b.both(b.image(tar(), Layer(raw_of(2), "+zstd", stored=skippable))).gap("broken", 1)


@case
def xz_and_bzip2_archives():
    raw = tar(entry("usr/noise", NOISE))
    with bench() as b:
        for pack in (lzma.compress, bz2.compress):
            packed = pack(raw)
            for what, stored in broken_layers("", packed):
                path = b.path("file")
                write(path, stored)
                b.both(path)
                b.both(b.image(tar(), Layer(raw, LAYER, stored=stored)))


@case
def bombs():
    """Ten gigabytes of zeros in a few megabytes, the same within itself, and a deflate stream at its limit."""
    need_tools("bash")
    with bench() as b:
        squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
        first = header("zeros", size_field=b"\x80" + (10 << 30).to_bytes(11, "big"))
        some = bytes(32 << 20)
        again = zlib.compressobj(9, zlib.DEFLATED, -15)
        piece = again.compress(some) + again.flush(zlib.Z_FULL_FLUSH)
        bomb = squeeze.compress(first) + squeeze.flush(zlib.Z_FULL_FLUSH) + piece * 320
        got = b.look(b.image(tar(), Layer(b"", "+gzip", stored=bomb)), seconds=60, megabytes=120)
        got.gap(None, 1)
        twice = gzip.compress(bomb, 9, mtime=0)
        b.look(b.image(tar(), Layer(b"", "+gzip", stored=twice)), seconds=60, megabytes=120).gap(None, 1)
        path = b.path("file")
        write(path, twice)
        b.look(path, seconds=60, megabytes=120).refused()


# ---- tar ----

@case
def tar_damage():
    good = tar(entry("usr/noise", NOISE))
    with bench() as b:
        for what, raw in {
            "bad checksum": tar(header("x", checksum=b"000000\0 "), entry("y", b"z")),
            "cut header": good[:512 * 7 + 100], "cut body": good[:-100_000], "no end": good[:-1024],
            "garbage": tar(NOISE[:5120]), "only garbage": NOISE, "text": b"hello\n" * 1000,
            "negative size": tar(header("x", size_field=b"\xff" * 12)), "huge size": tar(header("x", size_field=b"\x80" + (1 << 80).to_bytes(11, "big"))),
            "size in letters": tar(header("x", size_field=b"zzzzzzzzzzz\0")),
        }.items():
            got = b.both(b.image(tar(), Layer(raw)))
            # Some readers take what stands beside a size of no digits as 0; the end of an archive may lack.
            assert got.gaps or what in ("no end", "size in letters"), (what, got)
        got = b.both(b.image(Layer(b"")))
        assert got.status in (0, 4) and "Safe to sail" not in got.table, got
        got = b.both(b.image(tar(), Layer(b"")))
        assert "Safe to sail" not in got.table or not got.gaps, got


@case
def odd_entries():
    installed = b"lib/apk/db/installed"
    deep = b"a/" * 2040 + b"b"
    with bench() as b:
        quiet = tar(
            entry("../../../../etc/passwd", b"root"), entry("/abs/path", b"x"), entry("./../lib/../x", b"y"),
            header("dev/zero", kind=b"3", device=(1, 5)), header("dev/sda", kind=b"4", device=(8, 0)), header("fifo", kind=b"6"),
            header("a", kind=b"2", link="b"), header("b", kind=b"2", link="a"), header("self", kind=b"2", link="self"),
            header("up", kind=b"2", link="../../../.."), header("h1", kind=b"1", link="h2"), header("h2", kind=b"1", link="h1"),
            header("nowhere", kind=b"1", link="/not/here"), entry("", b"empty name"), entry("/", b"root as a file"), entry(".", b""),
            entry(b"ctl\x1b[31m\x07\r\nname", b"x"), entry(b"utf8\xff\xfe\x80", b"x"), long_name(deep), entry("x", b"x"),
            long_name(b"n" * 300), entry("x", b"x"), header("unknown", kind=b"Q"), header("volume", kind=b"V"), header("con", kind=b"7"))
        got = b.both(b.image(quiet))
        assert got.names() == ["good"], got
        # A name that nobody can have is told, and never fails what stands beside it.
        for name in (b"n/" * 4000 + b"x", b"x" * 100_000, b"l" * (1 << 20)):
            got = b.both(b.image(tar(long_name(name), entry("x", b"x"))))
            assert got.names() == ["good"], got
            got = b.both(b.image(tar(pax(path=name), entry("x", b"x"))))
            assert got.names() == ["good"], got
        # The package database itself under odd names.
        for name in (b"../lib/apk/db/installed", b"/lib/apk/db/installed", b"./lib//apk/./db/installed"):
            got = b.both(b.image(tar(entry(name, BAD_PACKAGE))))
            assert got.ids() in (["CVE-2020-0001"], []), got
            assert got.ids() or got.gaps or name.startswith(b".."), got
        # and in pieces: what the analyzers want with names of control characters
        got = b.both(b.image(tar(entry(b"usr/lib/sysimage/rpm/\x1b]0;x\x07", b"x"), entry(b"var/lib/dpkg/status.d/\x1b[2J", b"\x1b[2J: \x1b\n"))))
        assert installed and got.status in (0, 4), got


@case
def sizes_of_a_terabyte():
    tera = 1 << 40
    with bench() as b:
        for what, raw in {
            "declared": header("big", size_field=b"\x80" + tera.to_bytes(11, "big")),
            "declared by PAX": pax(size=tera) + header("big"),
            "the database": header("lib/apk/db/installed", size_field=b"\x80" + tera.to_bytes(11, "big")),
            "rpm's": header("var/lib/rpm/rpmdb.sqlite", size_field=b"\x80" + tera.to_bytes(11, "big")),
        }.items():
            b.both(b.image(tar(), Layer(tar() + raw, stored=tar()[:-1024] + raw + bytes(512))), megabytes=120).gap(None, 1)
        sparse = bytearray(header("sparse", kind=b"S", magic=b"ustar  \0"))
        sparse[386:398], sparse[398:410] = octal12(tera - 512), octal12(512)
        sparse[124:136] = octal12(512)
        sparse[483:495] = b"\x80" + tera.to_bytes(11, "big")
        sparse[148:156] = b" " * 8
        sparse[148:156] = b"%06o\0 " % sum(sparse)
        for name in ("sparse", "lib/apk/db/installed", "var/lib/rpm/Packages"):
            one = bytearray(sparse)
            one[0:100] = name.encode().ljust(100, b"\0")
            one[148:156] = b" " * 8
            one[148:156] = b"%06o\0 " % sum(one)
            got = b.both(b.image(tar(bytes(one), bytes(512))), seconds=30, megabytes=200)
            if name != "sparse":
                assert got.gaps and "Safe to sail" not in got.table, got
        for extra in ({"GNU__sparse__major": 1, "GNU__sparse__minor": 0, "GNU__sparse__realsize": tera},
                      {"GNU__sparse__map": "0,1,%d,1" % tera, "GNU__sparse__size": tera, "GNU__sparse__numblocks": 2}):
            for name in ("sparse", "lib/apk/db/installed"):
                body = b"1\n%d\n1\n" % (tera - 1)
                b.both(b.image(tar(pax(GNU__sparse__name=name, **extra), entry("GNUSparseFile.0/" + name, pad(body) + b"x"))),
                       seconds=30, megabytes=200)


def octal12(value):
    return b"%011o\0" % value if value < 1 << 33 else b"\x80" + value.to_bytes(11, "big")


@case
def a_million_entries():
    names = 1_000_000
    one = header("x")
    fixed = one[:148]
    parts = []
    for i in range(names):
        name = b"d%03d/f%06d" % (i % 1000, i)
        h = bytearray(one)
        h[0:len(name)] = name
        h[148:156] = b"%06o\0 " % (sum(fixed) - ord("x") + sum(name) + 256 + sum(one[156:]))
        parts.append(bytes(h))
    with bench() as b:
        got = b.look(b.image(Layer(tar(*parts), "+gzip")), seconds=60, megabytes=150)
        assert got.names() == ["good"], got
        got.clean()


@case
def whiteouts_and_replaced_databases():
    db = "lib/apk/db/installed"
    with bench() as b:
        for what, upper in {
            "deleted": [entry("lib/apk/db/.wh.installed")], "parent deleted": [entry("lib/apk/.wh.db")],
            "all of lib": [entry(".wh.lib")], "opaque": [folder("lib/apk/db"), entry("lib/apk/db/.wh..wh..opq")],
            "opaque root": [entry(".wh..wh..opq")],
        }.items():
            got = b.both(b.image(tar(entry(db, BAD_PACKAGE)), tar(*upper, root=False)))
            assert got.names() == [] and "Safe to sail" not in got.table, (what, got)
        for what, upper in {
            "a symlink": [header(db, kind=b"2", link="/etc/passwd")], "a folder": [folder(db)],
            "a device": [header(db, kind=b"3", device=(1, 5))], "a fifo": [header(db, kind=b"6")],
            "a hard link to nothing": [header(db, kind=b"1", link="nothing")],
            "its folder a file": [entry("lib/apk/db", b"x")], "its folder a symlink": [header("lib/apk/db", kind=b"2", link="/tmp")],
        }.items():
            got = b.both(b.image(tar(entry(db, BAD_PACKAGE)), tar(*upper, root=False)))
            assert "Safe to sail" not in got.table, (what, got)
            got = b.both(b.image(tar(entry("etc/os-release", OS_RELEASE), *upper, root=False)))
            assert "Safe to sail" not in got.table, (what, got)
        # Odd whiteouts take nothing else away.
        for name in (".wh.", "lib/.wh..", "lib/apk/.wh...", ".wh..wh.plnk", ".wh..wh.aufs", "lib/apk/db/.wh..wh..opq/x"):
            got = b.both(b.image(tar(entry(db, BAD_PACKAGE)), tar(entry(name), root=False)))
            assert got.ids() == ["CVE-2020-0001"], (name, got)
        # A whiteout in the layer that has the file: the file stays (the layer's own).
        got = b.both(b.image(tar(entry(db, BAD_PACKAGE), entry("lib/apk/db/.wh..wh..opq"))))
        assert got.ids() == ["CVE-2020-0001"], got


@case
def os_release_missing_huge_binary():
    with bench() as b:
        installed = entry("lib/apk/db/installed", PACKAGES)
        for what, first in {
            "missing": b"", "empty": entry("etc/os-release"), "binary": entry("etc/os-release", NOISE[:5000]),
            "huge": entry("etc/os-release", b"A=" + b"x" * (40 << 20)), "no newline": entry("etc/os-release", b"ID=" + b"a" * 1_000_000),
            "escape": entry("etc/os-release", b'ID=alpine\nVERSION_ID="3.22\x1b[2J"\nPRETTY_NAME="\x1b[31mred\x07\nx"\n'),
            "quotes": entry("etc/os-release", b'ID="alpine\nVERSION_ID=\'\n'), "NULs": entry("etc/os-release", b"ID=al\0pine\n" * 99),
        }.items():
            got = b.both(b.image(tar(first, installed, root=False)), megabytes=200)
            assert "Safe to sail" not in got.table or what == "escape", (what, got)


# ---- package databases ----

def hostile_texts():
    yield b"\0" * 4096
    yield NOISE[:100_000]
    yield b"P:" + b"x" * (1 << 20) + b"\n"
    yield b"Package: " + b"x" * (1 << 20) + b"\nStatus: install ok installed\nVersion: 1\n\n"
    yield b"\n" * 1_000_000
    yield b":\n" * 500_000
    yield b"P:\nV:\n\n" * 100_000
    yield b"P:a\x1b[2J\nV:1\x07\n\nP:\xff\xfe\nV:\x00\n\n"
    yield b"Package: \x1b]0;x\x07\nStatus: install ok installed\nVersion: \x1b[2J\n\n" * 3
    yield b"Package: x\nStatus: install ok installed\n" + b" continued\n" * 300_000
    yield b"Package: x\nStatus: \xff\xff\nVersion: 1:2:3:4-5-6~~\n\n" * 10
    yield b"no colon here\n" * 1000


@case
def text_databases_of_garbage():
    with bench() as b:
        for name, release in (("lib/apk/db/installed", OS_RELEASE), ("var/lib/dpkg/status", b"ID=debian\nVERSION_ID=12\n"),
                              ("var/lib/dpkg/status.d/x", b"ID=debian\nVERSION_ID=12\n")):
            texts = list(hostile_texts())
            layers = [tar(entry("etc/os-release", release), root=False)] + [tar(entry(name, x), root=False) for x in texts]
            b.both(b.image(*layers), seconds=60, megabytes=300)
            for text in texts[:3]:
                got = b.look(b.image(tar(entry("etc/os-release", release), entry(name, text), root=False)))
                assert "Safe to sail" not in got.table, (name, text[:40], got)


@case
def rpm_databases_damaged():
    """Cut and flipped at many places; a layer each, so that one scan tries many."""
    images = need_images("rpmdb")
    found = []
    for folder_name, _, files in os.walk(os.path.join(images, "rpmdb")):
        found += [os.path.join(folder_name, f) for f in files if "csv" not in f]
    rnd = random.Random(11)
    with bench() as b:
        release = tar(entry("etc/os-release", b'ID="sles"\nVERSION_ID="15.4"\n'), root=False)
        for path in sorted(found):
            data = lzma.open(path).read() if path.endswith(".xz") else open(path, "rb").read()
            magic = data[:16]
            name = ("rpmdb.sqlite" if magic.startswith(b"SQLite") else "Packages.db" if magic.startswith(b"RpmP") else "Packages")
            place = "var/lib/rpm/" + name
            cuts = [0, 1, 15, 100, 4095, 4096, len(data) // 3, len(data) // 2, len(data) - 4096, len(data) - 1]
            damaged = [data[:max(n, 0)] for n in cuts]
            for flips in (1, 1, 1, 4, 16, 64, 256, 4096):
                one = bytearray(data)
                for _ in range(flips):
                    one[rnd.randrange(len(one))] ^= 1 << rnd.randrange(8)
                damaged.append(bytes(one))
            for at in (0, 16, 24, 100, 512, 4096, 8192):  # headers, wholly wrong
                damaged.append(data[:at] + rnd.randbytes(64) + data[at + 64:])
            if len(data) > 2_000_000:
                damaged = damaged[::3]
            layers = [Layer(release)] + [Layer(tar(entry(place, x), root=False), "+gzip") for x in damaged]
            b.both(b.image(*layers), seconds=60, megabytes=800)
            for n in (15, 4096, len(data) // 2):
                got = b.look(b.image(Layer(release), Layer(tar(entry(place, data[:n]), root=False), "+gzip")))
                got.gap(None, 1, name)


# ---- documents ----

@case
def documents_cut_nested_mistyped():
    one = Layer(tar())
    deep_list = b"[" * 100_000 + b"]" * 100_000
    deep_dict = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    bodies = [b"", b"{", b"null", b"[]", b"42", b'"text"', b"{}", NOISE[:3000], deep_list, deep_dict, b"\xff\xfe{\0}\0", b'{"layers": "x"}',
              b"<html>no</html>", b'{"schemaVersion": 2, "layers": 7, "config": []}', b'{"a":1}{"b":2}', b'{"a": 1e999999}', b'{"\\ud800": 1}']
    with bench() as b:
        for body in bodies:
            b.both(b.image(one, index=body)).refused()
            b.both(b.image(one, manifest=body)).refused()
            got = b.both(b.image(one, config=body))
            assert got.status == 3 or got.gaps or body in (b"{}", b'{"a":1}{"b":2}', b'{"\\ud800": 1}', b'{"a": 1e999999}',
                                                           b'{"layers": "x"}', b'{"schemaVersion": 2, "layers": 7, "config": []}'), (body, got)
        for change in ({"layers": None}, {"layers": "x"}, {"layers": [1]}, {"layers": [{}]}, {"layers": [{"digest": 5}]}, {"config": None},
                       {"config": {"digest": "sha256:../../../etc/passwd"}}, {"layers": [{"mediaType": 3, "digest": one.descriptor["digest"]}]},
                       {"layers": [{**one.descriptor, "size": -1}]}, {"layers": [{**one.descriptor, "size": "x"}]},
                       {"layers": [{**one.descriptor, "digest": "md5:abc"}]}, {"layers": [{**one.descriptor, "digest": "sha256:" + "Z" * 64}]}):
            got = b.both(b.image(one, manifest=lambda m, change=change: {**m, **change}))
            assert got.status == 3 or got.gaps or "size" in str(change) or "'mediaType': 3" in str(change), (change, got)
        # Both layers and manifests: the OCI specification warns of it (CVE-2021-41190).
        b.both(b.image(one, manifest=lambda m: {**m, "mediaType": None, "manifests": [describe(MANIFEST, b"x")]})).refused()
        b.both(b.image(one, index=lambda i: {**i, "layers": [one.descriptor]})).refused()
        # An index that names itself, many times over.
        path = b.path()
        target = layout(path, [one])
        loop = json.dumps({"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.index.v1+json", "size": 2, "digest": digest(b"{}")}]}).encode()
        write(path + "/blobs/sha256/" + digest(b"{}")[7:], loop)
        write(path + "/index.json", loop)
        b.both(target).refused()
        # A dir: and a docker-archive of the same.
        for body in bodies:
            path = b.path("dir")
            write(path + "/manifest.json", body)
            write(path + "/version", b"Directory Transport Version: 1.1\n")
            b.look("dir:" + path).refused()
            path = b.path("archive")
            write(path, tar(entry("manifest.json", body), root=False))
            b.both("docker-archive:" + path).refused()
            b.look(path).refused()


@case
def wrong_digests_and_sizes():
    with bench() as b:
        one, other = Layer(tar()), tar(entry("lib/apk/db/installed", BAD_PACKAGE))
        path = b.path()
        target = layout(path, [one, Layer(other)])
        write(path + "/blobs/sha256/" + digest(other)[7:], tar(entry("x", b"swapped"), root=False))
        got = b.both(target).gap("broken", 1)
        assert got.ids() == [], got
        b.both(b.image(one, Layer(other, diff_id=digest(b"not it")))).gap("broken", 1)
        for kind in ("config", "manifest"):
            path = b.path()
            target = layout(path, [one])
            manifest = json.load(open(path + "/index.json"))["manifests"][0]["digest"][7:]
            config = json.load(open(path + "/blobs/sha256/" + manifest))["config"]["digest"][7:]
            name = path + "/blobs/sha256/" + (config if kind == "config" else manifest)
            data = open(name, "rb").read()
            write(name, data.replace(b"layers", b"layerz", 1))
            got = b.both(target)
            assert got.status == 3 or got.gaps, (kind, got)
        for size in (0, 1, 10**6, 2**63):
            got = b.both(b.image(one, Layer(other, size=size)))
            assert got.status == 3 or got.gaps or got.ids(), (size, got)
        # Fewer or more diff IDs than layers.
        for n in (0, 1, 3):
            got = b.both(b.image(one, Layer(other), config={"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": ([one.diff_id, digest(other)] * 2)[:n]}}))
            assert got.status == 3 or got.gaps or got.ids() == ["CVE-2020-0001"], (n, got)


@case
def layers_that_are_not_there():
    with bench() as b:
        one = Layer(tar())
        b.both(b.image(manifest=lambda m: m)).gap()
        got = b.both(b.image(one, one, Layer(tar(entry("lib/apk/db/installed", BAD_PACKAGE), root=False)), one))
        assert got.status == 0 and got.names() == ["good"], got
        for kind in ("application/vnd.oci.image.layer.v1.tar+encrypted", "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"):
            b.both(b.image(one, Layer(NOISE, kind))).gap("encrypted", 1)
        for kind in ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"):
            path = b.path()
            lost = Layer(tar(), kind, urls=["https://example.invalid/layer"])
            target = layout(path, [one, lost])
            os.unlink(path + "/blobs/sha256/" + lost.descriptor["digest"][7:]) if lost.descriptor["digest"] != one.descriptor["digest"] else None
            got = b.both(target)
        lost = Layer(tar(entry("x", b"lost")), "application/vnd.oci.image.layer.nondistributable.v1.tar", urls=["https://example.invalid/layer"])
        path = b.path()
        target = layout(path, [one, lost])
        os.unlink(path + "/blobs/sha256/" + lost.descriptor["digest"][7:])
        b.both(target).gap(None, 1)
        second = Layer(tar(entry("x", b"second")))
        for what in ("missing", "folder", "empty", "symlink out", "symlink loop", "fifo", "unreadable link"):
            path = b.path()
            target = layout(path, [one, second])
            name = path + "/blobs/sha256/" + second.descriptor["digest"][7:]
            os.unlink(name)
            if what == "folder":
                os.mkdir(name)
            elif what == "empty":
                write(name, b"")
            elif what == "symlink out":
                outside = b.path("outside")
                write(outside, second.stored)
                os.symlink(outside, name)
            elif what == "symlink loop":
                os.symlink(name, name)
            elif what == "fifo":
                os.mkfifo(name)
            elif what == "unreadable link":
                os.symlink("/dev/zero", name)
            got = b.both(target)
            if what == "symlink out" and not got.gaps:
                raise AssertionError("a blob outside the layout was read")
            got.gap(None, 1)
        gone = b.path()
        target = layout(gone, [one])
        shutil.rmtree(gone + "/blobs")
        b.both(target).refused()


@case
def thousands_of_layers():
    """A process for each that differs; the same one many times costs nothing more."""
    with bench() as b:
        many = [Layer(tar(entry("f%d" % i, b"x"), root=False)) for i in range(2000)]
        got = b.look(b.image(Layer(tar()), *many), seconds=90, megabytes=200).clean()
        print("# 2,001 layers: %.1f s, %d MB" % (got.seconds, got.megabytes))
        same = [Layer(tar(entry("f", b"x"), root=False))] * 10_000
        b.look(b.image(Layer(tar()), *same), seconds=30, megabytes=200).clean()


@case
def targets_that_are_no_image():
    with bench() as b:
        fifo, empty, sparse, silent = b.path("fifo"), b.path("empty"), b.path("sparse"), b.path("silent")
        os.mkfifo(fifo)
        os.mkfifo(silent)
        write(empty, b"")
        with open(sparse, "wb") as f:
            f.truncate(4 << 30)
        b.both(fifo, seconds=10).refused()
        writer = os.open(silent, os.O_RDWR)
        b.both(silent, "--timeout", "1", seconds=5).refused()
        os.close(writer)
        for target in ("/dev/zero", "/dev/null", "docker-archive:/dev/zero", "oci:/dev/zero", "/proc/self/mem", empty, "oci:" + empty,
                       "docker-archive:" + empty, "nothing-here.tar", "oci:nothing", "rootfs:" + empty, "dir:" + empty, "", "oci:", ":", "docker://",
                       "docker://UPPER/case", "a" * 5000, "oci:\x1b[2J\n", "x\xff\x1b]0;t\x07"):
            b.both(target, seconds=10).refused()
        b.both(sparse, seconds=20, megabytes=100).refused()
        b.both("oci-archive:" + sparse, seconds=20, megabytes=100).refused()
        with open("/dev/zero", "rb") as zero:
            b.look("-", seconds=10, stdin=zero).refused()
        with open("/dev/urandom", "rb") as noise:
            b.look("-", seconds=10, stdin=noise).refused()
        b.both("-").refused()
        loop = b.path("loop")
        os.makedirs(loop + "/etc")
        os.symlink("loop", loop + "/loop")
        os.symlink(loop, loop + "/etc/again")
        os.symlink("/proc", loop + "/proc")
        got = b.both("rootfs:" + loop)
        assert "Safe to sail" not in got.table, got


# ---- registries ----

class Wrong(http.server.BaseHTTPRequestHandler):
    """Answers every request by what the server was told to do."""

    def log_message(self, *args):
        pass

    def do_GET(self):
        status, headers, body, wait = self.server.answer
        time.sleep(wait)
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_HEAD = do_GET


@case
def registries_that_misbehave():
    with bench() as b:
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Wrong) as s:
            s.daemon_threads, s.block_on_close = True, False
            threading.Thread(target=s.serve_forever, args=(0.05,), daemon=True).start()
            target = "docker://127.0.0.1:%d/team/app:1" % s.server_port
            for status, headers, body, wait in (
                    (401, {}, b"", 0), (401, {"WWW-Authenticate": "Bearer realm="}, b"", 0), (403, {}, b"", 0), (404, {}, b"", 0), (500, {}, b"", 0),
                    (429, {"Retry-After": "1"}, b"", 0), (302, {"Location": "/v2/team/app/manifests/1"}, b"", 0), (200, {"Content-Type": "text/html"}, b"<html>", 0),
                    (200, {"Content-Type": MANIFEST}, b"{", 0), (200, {"Content-Type": MANIFEST, "Docker-Content-Digest": digest(b"other")}, b"{}", 0),
                    (200, {"Content-Type": MANIFEST}, b"[" * 100_000, 0), (200, {}, b"", 30)):
                s.answer = status, headers, body, wait
                got = b.look(target, "--timeout", "4", seconds=12).refused()
                assert got.seconds < 8, (status, got.seconds)
            s.shutdown()


# ---- the world around ----

def slow_image(b):
    """Some seconds of work: zeros that inflate, in two layers."""
    z = zlib.compressobj(6, zlib.DEFLATED, 31)
    parts = [z.compress(header("zeros", size_field=b"\x80" + (40 << 30).to_bytes(11, "big")))]
    block = random.Random(3).randbytes(1 << 16) + bytes(1 << 20)
    one = zlib.compressobj(6, zlib.DEFLATED, -15)
    piece = b"".join(one.compress(block) for _ in range(4)) + one.flush(zlib.Z_FULL_FLUSH)
    parts += [z.flush(zlib.Z_FULL_FLUSH)] + [piece] * 1000
    stored = b"".join(parts)
    return b.image(tar(), Layer(b"", "+gzip", stored=stored), Layer(b"", "+gzip", stored=stored + piece))


def begin(b, *args, **kw):
    home = b.path("home")
    os.makedirs(home + "/tmp")
    env = dict(os.environ, HOME=home, TMPDIR=home + "/tmp")
    p = subprocess.Popen([RELEASE, "scan", "--db", b.db, "--cache-dir", home + "/cache", *args], env=env, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
    p.home = home
    return p


def children(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
            return [int(x) for x in f.read().split()]
    except OSError:
        return []


def wait_for_children(p):
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and p.poll() is None:
        found = children(p.pid)
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("no child was started")


def gone(pids):
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not any(os.path.exists("/proc/%d" % x) and "Z" not in open("/proc/%d/stat" % x).read().split(")")[1][:3] for x in pids):
            return True
        time.sleep(0.02)
    return False


@case
def signals():
    with bench() as b:
        target = slow_image(b)
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            p = begin(b, "--format", "json", "--output", os.path.join(b.work, "report.json"), target)
            found = wait_for_children(p)
            time.sleep(0.2)
            p.send_signal(number)
            out, err = p.communicate(timeout=10)
            assert p.returncode == status, (p.returncode, err)
            assert out == b"" and gone(found), (out, found)
            assert not os.path.exists(os.path.join(b.work, "report.json"))
            left = os.listdir(p.home + "/tmp") + [f for _, _, files in os.walk(p.home + "/cache") for f in files]
            assert not [f for f in left if f.startswith(".new")] and not os.listdir(p.home + "/tmp"), left
            assert not [f for f in os.listdir(b.work) if f.endswith(".part")]
        p = begin(b, "--format", "json", "--strict", "--jobs", "1", target)
        killed = set()
        deadline = time.monotonic() + 20
        while p.poll() is None and len(killed) < 3 and time.monotonic() < deadline:
            for child in children(p.pid):
                if child not in killed:
                    time.sleep(0.05)
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
                        killed.add(child)
            time.sleep(0.005)
        out, err = p.communicate(timeout=30)
        report = json.loads(out)
        assert p.returncode == 4, (p.returncode, err)
        assert [g for g in report["gaps"] if g["reason"] == "crashed"], report["gaps"]
        # The parent killed: its children go as well.
        p = begin(b, target)
        found = wait_for_children(p)
        p.kill()
        p.wait()
        assert gone(found), found
        p.stdout.close()
        p.stderr.close()


@case
def timeout_holds():
    with bench() as b:
        target = slow_image(b)
        begin_at = time.monotonic()
        got = b.look(target, "--timeout", "1", seconds=10)
        got.gap("timeout")
        assert time.monotonic() - begin_at < 4, got.seconds


@case
def closed_pipe_and_full_disk():
    with bench() as b:
        target = b.image(tar(entry("lib/apk/db/installed", BAD_PACKAGE)))
        base = [RELEASE, "scan", "--db", b.db, "--no-cache"]
        for kind in ("json", "table"):
            r, w = os.pipe()
            os.close(r)
            p = subprocess.run([*base, "--format", kind, target], stdout=w, stderr=subprocess.PIPE, check=False)
            os.close(w)
            assert p.returncode == 3, p
            p = subprocess.run([*base, "--format", kind, "--output", "/dev/full", target], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            assert p.returncode == 3 and b"No space left" in p.stderr and p.stderr.count(b"\n") == 1, p
            with open("/dev/full", "wb") as full:
                p = subprocess.run([*base, "--format", kind, target], stdout=full, stderr=subprocess.PIPE, check=False)
            assert p.returncode == 3 and b"No space left" in p.stderr, p
            p = subprocess.run([*base, "--format", kind, "--output", b.work + "/none/x", target], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            assert p.returncode == 3 and p.stderr.count(b"\n") == 1, p
        p = subprocess.run([*base, target, ], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, close_fds=True, check=False,
                           preexec_fn=lambda: [os.close(x) for x in (0, 1, 2)])  # no standard streams at all
        assert p.returncode in (0, 3), p


def cache_files(folder_name):
    return sorted(os.path.join(d, f) for d, _, files in os.walk(folder_name) for f in files)


def quick(b, target, cache, *args, status=0, **kw):
    p = subprocess.run([RELEASE, "scan", "--db", b.db, "--format", "json", *(["--cache-dir", cache] if cache else []), *args, target],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False, timeout=30, **kw)
    assert p.returncode == status, p
    report = json.loads(p.stdout) if p.stdout else {}
    report.pop("generated_at", None)
    report.get("image", {}).pop("seconds", None)
    return report, p.stderr.decode(errors="replace")


@case
def caches():
    with bench() as b:
        target = b.image(tar(), tar(entry("lib/apk/db/installed", PACKAGES + BAD_PACKAGE), root=False), Layer(tar(entry("x", NOISE)), "+gzip"))
        cache = b.path("cache")
        want, _ = quick(b, target, cache)
        files = cache_files(cache)
        assert len(files) >= 3, files
        whole = {f: open(f, "rb").read() for f in files}
        rnd = random.Random(5)
        for _ in range(12):
            for f in files:
                data = bytearray(whole[f])
                kind = rnd.randrange(4)
                if kind == 0:
                    data = data[:rnd.randrange(len(data))]
                elif kind == 1:
                    data[rnd.randrange(len(data))] ^= 1 << rnd.randrange(8)
                elif kind == 2:
                    data += b"x"
                else:
                    data = bytearray()
                write(f, bytes(data))
            got, _ = quick(b, target, cache)
            assert got == want
            assert {f: open(f, "rb").read() for f in cache_files(cache)} == whole
        for f in files:  # something else where a file should be
            os.unlink(f)
        os.mkdir(files[0])
        os.symlink("/dev/zero", files[1])
        os.mkfifo(files[2])
        got, _ = quick(b, target, cache)
        assert got == want
        # a folder that cannot be one, and none at all
        write(b.work + "/plain", b"x")
        for bad in (b.work + "/plain", b.work + "/plain/below", "/proc/nothing", "/dev/null"):
            got, err = quick(b, target, bad)
            assert got == want and "no cache" in err and err.count("\n") == 1, err
        env = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
        got, err = quick(b, target, None, env=env)
        assert got == want, err
        # many at once over one cold cache
        cache = b.path("cache")
        several = [subprocess.Popen([RELEASE, "scan", "--db", b.db, "--format", "json", "--cache-dir", cache, target], stdout=subprocess.PIPE) for _ in range(6)]
        for p in several:
            got = json.loads(p.communicate(timeout=60)[0])
            got.pop("generated_at")
            assert p.returncode == 0 and got == want
        assert [os.path.basename(f) for f in cache_files(cache)] == [os.path.basename(f) for f in files]


@case
def as_nobody():
    need_tools("setpriv")
    if os.geteuid() != 0:
        raise Skip("only root becomes somebody else")
    with bench() as b:
        os.chmod(b.work, 0o755)
        copy = b.path("program")
        shutil.copy(RELEASE, copy)
        target = b.image(tar())
        cache = b.path("cache")
        os.mkdir(cache)
        os.chown(cache, 65534, 65534)
        p = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", copy, "scan", "--db", b.db, "--cache-dir", cache,
                            "--format", "json", target], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/", check=False)
        assert p.returncode == 0 and not json.loads(p.stdout)["gaps"], p
        assert cache_files(cache)
        os.chmod(target[4:] + "/blobs/sha256/" + digest(tar())[7:], 0o600)  # a blob that only root may read
        p = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copy, "scan", "--db", b.db, "--no-cache", "--strict",
                            "--format", "json", target], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/", check=False)
        assert p.returncode in (3, 4), p


@case
def without_a_sandbox():
    """An outer filter that refuses seccomp and Landlock: the scan goes on and says so, or refuses."""
    need_tools("setpriv")
    with bench() as b:
        target = b.image(tar())
        script = ("import ctypes, os, sys\n"
                  "lib = ctypes.CDLL('libseccomp.so.2')\n"
                  "lib.seccomp_init.restype = ctypes.c_void_p\n"
                  "f = ctypes.c_void_p(lib.seccomp_init(ctypes.c_uint32(0x7fff0000)))\n"
                  "for name in (b'seccomp', b'landlock_create_ruleset', b'landlock_restrict_self'):\n"
                  "    assert lib.seccomp_rule_add(f, ctypes.c_uint32(0x00050001), lib.seccomp_syscall_resolve_name(name), 0) == 0\n"
                  "assert lib.seccomp_load(f) == 0\n"
                  "os.execv(sys.argv[1], sys.argv[1:])\n")
        got = b.look(target, wrap=["python3", "-c", script])
        assert got.names() == ["good"], got


run_cases()
