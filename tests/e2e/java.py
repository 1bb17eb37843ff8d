"""Java archives: real artefacts, fetched by Maven itself, on their own, nested, and copied into
other jars with and without their metadata; findings by the advisories of GitHub in OSV's form."""
import io
import os
import resource
import struct
import subprocess
import time
import zipfile

from lib import RELEASE, Skip, case, need_feeds, need_tools, plimsoll, run_cases, scan, temp_dir

LOG4J = "org.apache.logging.log4j:log4j-core"
ARTEFACTS = """
com.alibaba:fastjson:1.2.24 com.alibaba:fastjson:1.2.80 com.alibaba:fastjson:1.2.83
org.apache.logging.log4j:log4j-core:2.0 org.apache.logging.log4j:log4j-core:2.3
org.apache.logging.log4j:log4j-core:2.3.1 org.apache.logging.log4j:log4j-core:2.3.2
org.apache.logging.log4j:log4j-core:2.8.2 org.apache.logging.log4j:log4j-core:2.12.2
org.apache.logging.log4j:log4j-core:2.12.3 org.apache.logging.log4j:log4j-core:2.12.4
org.apache.logging.log4j:log4j-core:2.14.1 org.apache.logging.log4j:log4j-core:2.15.0
org.apache.logging.log4j:log4j-core:2.16.0 org.apache.logging.log4j:log4j-core:2.17.0
org.apache.logging.log4j:log4j-core:2.17.1 org.apache.logging.log4j:log4j-core:2.24.1
org.springframework:spring-beans:5.3.17 org.springframework:spring-beans:5.3.18
org.springframework.cloud:spring-cloud-function-context:3.2.2
org.springframework.cloud:spring-cloud-gateway-server:3.1.0
org.apache.tomcat:tomcat-catalina:9.0.50 org.apache.tomcat:tomcat-coyote:9.0.50
org.apache.tomcat.embed:tomcat-embed-core:9.0.50
org.apache.hadoop:hadoop-common:3.2.1 org.apache.shiro:shiro-core:1.2.4
org.apache.struts:struts2-core:2.3.31 com.fasterxml.jackson.core:jackson-databind:2.9.8
org.apache.commons:commons-text:1.9 org.apache.commons:commons-text:1.10.0
com.thoughtworks.xstream:xstream:1.4.17 io.netty:netty-codec-http:4.1.42.Final
org.yaml:snakeyaml:1.33 org.yaml:snakeyaml:2.2
""".split()
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>t</groupId><artifactId>t</artifactId><version>1</version><packaging>pom</packaging><build><plugins><plugin>
<artifactId>maven-dependency-plugin</artifactId><configuration><outputDirectory>%s</outputDirectory>
<artifactItems>%s</artifactItems></configuration></plugin></plugins></build></project>"""
ITEM = "<artifactItem><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></artifactItem>"

_have = {}


def artefacts():
    """The folder with the jars of ARTEFACTS, fetched once for all cases."""
    need_tools("mvn")
    if "why" in _have:
        raise Skip(_have["why"])
    if "dir" not in _have:
        work = _have["temp"] = temp_dir()
        folder = work.__enter__()
        items = "".join(ITEM % tuple(a.split(":")) for a in ARTEFACTS)
        with open(os.path.join(folder, "pom.xml"), "w", encoding="utf-8") as f:
            f.write(POM % (os.path.join(folder, "jars"), items))
        p = subprocess.run(["mvn", "-q", "-B", "dependency:copy"], cwd=folder, check=False, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if p.returncode:
            _have["why"] = "Maven could not fetch the artefacts: %s" % p.stdout.decode()[-300:].strip()
            raise Skip(_have["why"])
        _have["dir"] = os.path.join(folder, "jars")
    return _have["dir"]


def database():
    feeds = need_feeds("osv/GHSA/all.zip")
    if "db" not in _have:
        _have["db-temp"] = temp_dir()
        work = _have["db-temp"].__enter__()
        db = os.path.join(work, "db")
        os.makedirs(os.path.join(work, "feeds/osv/GHSA"))
        os.symlink(os.path.join(feeds, "osv/GHSA/all.zip"), os.path.join(work, "feeds/osv/GHSA/all.zip"))
        plimsoll("db", "build", "--feeds", os.path.join(work, "feeds"), "--output", db, binary=fast())
        _have["db"] = db
    return _have["db"]


def fast():
    """The database is not what is under test here."""
    return RELEASE if os.path.exists(RELEASE) else None


def jar(name):
    with open(os.path.join(artefacts(), name), "rb") as f:
        return f.read()


def pack(files, stored=False):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as z:
        for name, data in files.items():
            z.writestr(name, data)
    return out.getvalue()


class Pipe(io.RawIOBase):
    """Where a zip writer cannot go back to fill in sizes, as behind Java's own stream classes."""

    def __init__(self):
        super().__init__()
        self.data = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def pack_streaming(files):
    out = Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in files.items():
            z.writestr(name, data)
    return bytes(out.data)


def relocated(data, old, new):
    """A class file with another package name in its text constants, as a relocating build writes it."""
    out, at = bytearray(data[:10]), 10
    count, i = struct.unpack(">H", data[8:10])[0], 1
    sizes = {7: 2, 8: 2, 16: 2, 19: 2, 20: 2, 15: 3, 3: 4, 4: 4, 9: 4, 10: 4, 11: 4, 12: 4, 17: 4, 18: 4, 5: 8, 6: 8}
    while i < count:
        tag = data[at]
        if tag == 1:
            end = at + 3 + struct.unpack(">H", data[at + 1:at + 3])[0]
            text = data[at + 3:end].replace(old.encode(), new.encode())
            text = text.replace(old.replace("/", ".").encode(), new.replace("/", ".").encode())
            out += bytes([1]) + struct.pack(">H", len(text)) + text
        else:
            end = at + 1 + sizes[tag]
            out += data[at:end]
        at = end
        i += 2 if tag in (5, 6) else 1
    return bytes(out) + data[at:]


def shade(name, metadata=False, relocate=None):
    """The classes of an artefact as a build tool copies them into another jar."""
    files = {"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\r\n\r\n",
             "META-INF/maven/org.example/shop/pom.properties": b"groupId=org.example\nartifactId=shop\nversion=1\n"}
    with zipfile.ZipFile(io.BytesIO(jar(name))) as z:
        for entry in z.namelist():
            data = z.read(entry)
            if entry.endswith("/") or entry.endswith("MANIFEST.MF") or (not metadata and entry.startswith("META-INF/")):
                continue
            if relocate:
                old, new = relocate
                entry = entry.replace(old, new)
                data = relocated(data, old, new) if entry.endswith(".class") else data
            files[entry] = data
    return files


def scan_files(files, *args, **kw):
    with temp_dir() as d:
        for path, data in files.items():
            path = os.path.join(d, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(data)
        return scan("rootfs:" + d, "--db", database(), "--no-cache", *args, **kw)


def found(report):
    """path -> {name version: {id}} of all packages, also those with nothing found."""
    names = {p["id"]: p for p in report["packages"]}
    out = {}
    for p in report["packages"]:
        out.setdefault(p["path"], {})["%s %s" % (p["name"], p["version"])] = set()
    for f in report["findings"]:
        p = names[f["package"]]
        out[p["path"]]["%s %s" % (p["name"], p["version"])].add(f["id"])
    return out


@case
def the_ones_that_users_name():
    folder = artefacts()
    report = scan_files({"app/lib/" + n: jar(n) for n in os.listdir(folder)})
    got = found(report)
    assert not [g for g in report["gaps"] if g["path"]], report["gaps"]
    wanted = {
        "com.alibaba:fastjson 1.2.24": {"CVE-2017-18349", "CVE-2022-25845"},
        "com.alibaba:fastjson 1.2.80": {"CVE-2022-25845"},
        "com.alibaba:fastjson 1.2.83": set(),
        LOG4J + " 2.14.1": {"CVE-2021-44228", "CVE-2021-45046", "CVE-2021-45105", "CVE-2021-44832"},
        LOG4J + " 2.15.0": {"CVE-2021-45046", "CVE-2021-45105", "CVE-2021-44832"},
        LOG4J + " 2.16.0": {"CVE-2021-45105", "CVE-2021-44832"},
        LOG4J + " 2.17.0": {"CVE-2021-44832"},
        LOG4J + " 2.17.1": set(),
        "org.springframework:spring-beans 5.3.17": {"CVE-2022-22965"},
        "org.springframework:spring-beans 5.3.18": set(),
        "org.springframework.cloud:spring-cloud-function-context 3.2.2": {"CVE-2022-22963"},
        "org.apache.tomcat:tomcat-catalina 9.0.50": {"CVE-2025-24813"},
        "org.apache.tomcat:tomcat-coyote 9.0.50": {"CVE-2023-44487"},
        "org.apache.tomcat.embed:tomcat-embed-core 9.0.50": {"CVE-2025-24813", "CVE-2023-44487"},
        "org.apache.hadoop:hadoop-common 3.2.1": {"CVE-2022-26612"},
        "org.apache.shiro:shiro-core 1.2.4": {"CVE-2016-4437"},
        "org.apache.struts:struts2-core 2.3.31": {"CVE-2017-5638"},
        "com.fasterxml.jackson.core:jackson-databind 2.9.8": {"CVE-2019-12384"},
        "org.apache.commons:commons-text 1.9": {"CVE-2022-42889"},
        "org.apache.commons:commons-text 1.10.0": set(),
        "io.netty:netty-codec-http 4.1.42.Final": {"CVE-2019-20444"},
        "org.yaml:snakeyaml 1.33": {"CVE-2022-1471"},
        "org.yaml:snakeyaml 2.2": set(),
        "com.thoughtworks.xstream:xstream 1.4.17": set(),
        "org.springframework.cloud:spring-cloud-gateway-server 3.1.0": {"CVE-2022-22947"},
    }
    all_found = {k: v for packages in got.values() for k, v in packages.items()}
    named = set().union(*wanted.values())
    for name, ids in wanted.items():
        assert name in all_found, (name, sorted(all_found))
        assert ids <= all_found[name], (name, ids - all_found[name])
        wrong = (all_found[name] & named) - ids
        assert not wrong or "tomcat" in name, (name, wrong)
    for a in ARTEFACTS:
        group, artifact, version = a.split(":")
        assert "%s:%s %s" % (group, artifact, version) in all_found, a


@case
def log4j_wherever_it_lies():
    core = jar("log4j-core-2.14.1.jar")
    war = pack({"WEB-INF/lib/log4j-core-2.14.1.jar": core, "index.html": b"hello"})
    boot = b"#!/bin/bash\n" + b"# launch script\n" * 600 + pack(
        {"META-INF/MANIFEST.MF": b"Implementation-Title: shop\nImplementation-Version: 1\n",
         "BOOT-INF/lib/log4j-core-2.14.1.jar": core}, stored=True)
    got = found(scan_files({
        "app/a.war": war,
        "app/all.zip": pack({"dist/inner.jar": pack({"x/outer.war": war}), "README": b"x"}),
        "app/streamed.zip": pack_streaming({"b.war": pack_streaming({"WEB-INF/lib/l.jar": core})}),
        "app/boot.jar": boot,
        "app/renamed.jar": core,
    }))
    want = {"CVE-2021-44228", "CVE-2021-45046", "CVE-2021-45105", "CVE-2021-44832"}
    for path in ("app/a.war!/WEB-INF/lib/log4j-core-2.14.1.jar",
                 "app/all.zip!/dist/inner.jar!/x/outer.war!/WEB-INF/lib/log4j-core-2.14.1.jar",
                 "app/streamed.zip!/b.war!/WEB-INF/lib/l.jar", "app/renamed.jar",
                 "app/boot.jar!/BOOT-INF/lib/log4j-core-2.14.1.jar"):
        assert want <= got[path][LOG4J + " 2.14.1"], (path, got)


@case
def copies_without_metadata():
    relocations = [None, ("org/apache/logging/log4j", "shaded/org/apache/logging/log4j"),
                   ("org/apache/logging/log4j", "x/l")]
    shown = {"2.0": "2.0.2", "2.3": "2.14.1", "2.8.2": "2.14.1", "2.14.1": "2.14.1", "2.15.0": "2.15.0",
             "2.16.0": "2.16.0", "2.17.0": "2.17.0", "2.12.2": "2.12.2", "2.12.3": "2.17.0", "2.3.1": "2.17.0"}
    mended = ["2.17.1", "2.24.1", "2.12.4", "2.3.2"]
    files = {}
    for version in list(shown) + mended:
        for i, r in enumerate(relocations):
            files["app/%s-%d.jar" % (version, i)] = pack(shade("log4j-core-%s.jar" % version, relocate=r))
    files["app/with-pom.jar"] = pack(shade("log4j-core-2.17.1.jar", metadata=True))
    files["app/with-old-pom.jar"] = pack_streaming(shade("log4j-core-2.14.1.jar", metadata=True))
    report = scan_files(files)
    got = found(report)
    for version, told in shown.items():
        for i in range(len(relocations)):
            packages = got["app/%s-%d.jar" % (version, i)]
            assert LOG4J + " " + told in packages, (version, packages)
            if told in ("2.0.2", "2.14.1"):
                assert {"CVE-2021-44228", "CVE-2021-45046"} <= packages[LOG4J + " " + told]
            assert "CVE-2021-44832" in packages[LOG4J + " " + told]
    for version in mended:
        for i in range(len(relocations)):
            path = "app/%s-%d.jar" % (version, i)
            assert list(got[path]) == ["org.example:shop 1"], got[path]
            assert any(g["path"] == path and "log4j-core" in g["detail"] for g in report["gaps"]), path
    assert "CVE-2021-44228" not in got["app/with-pom.jar"][LOG4J + " 2.17.1"]
    assert "CVE-2021-44228" in got["app/with-old-pom.jar"][LOG4J + " 2.14.1"]


@case
def other_copies_without_metadata():
    report = scan_files({
        "f24.jar": pack(shade("fastjson-1.2.24.jar")),
        "f80.jar": pack(shade("fastjson-1.2.80.jar", relocate=("com/alibaba/fastjson", "y/fastjson"))),
        "f83.jar": pack(shade("fastjson-1.2.83.jar")),
        "t9.jar": pack(shade("commons-text-1.9.jar")),
        "t10.jar": pack(shade("commons-text-1.10.0.jar")),
        "y1.jar": pack(shade("snakeyaml-1.33.jar")),
        "y2.jar": pack(shade("snakeyaml-2.2.jar")),
    })
    got = found(report)
    ids = {path: set().union(*packages.values()) for path, packages in got.items()}
    assert {"CVE-2017-18349", "CVE-2022-25845"} <= ids["f24.jar"], got["f24.jar"]
    assert "CVE-2022-25845" in ids["f80.jar"] and "CVE-2017-18349" not in ids["f80.jar"], got["f80.jar"]
    assert not ids["f83.jar"], got["f83.jar"]
    assert "CVE-2022-42889" in ids["t9.jar"] and "CVE-2022-1471" in ids["y1.jar"]
    assert not ids["t10.jar"] and not ids["y2.jar"]
    assert {g["path"] for g in report["gaps"] if g["path"]} == {"t10.jar", "y2.jar"}, report["gaps"]


@case
def tomcat_unpacked():
    """The server's tarball calls its jars otherwise than Maven does, and puts no version there."""
    catalina, coyote = jar("tomcat-catalina-9.0.50.jar"), jar("tomcat-coyote-9.0.50.jar")
    got = found(scan_files({"opt/tomcat/lib/catalina.jar": catalina, "opt/tomcat/lib/tomcat-coyote.jar": coyote}))
    lib = got["opt/tomcat/lib/catalina.jar"]
    assert "CVE-2025-24813" in lib["org.apache.tomcat:tomcat-catalina 9.0.50"], lib
    assert lib["org.apache.tomcat:tomcat 9.0.50"], lib
    assert "CVE-2023-44487" in got["opt/tomcat/lib/tomcat-coyote.jar"]["org.apache.tomcat:tomcat-coyote 9.0.50"], got


@case
def hostile_archives():
    inner = pack({"META-INF/maven/g/a/pom.properties": b"groupId=g\nartifactId=a\nversion=1\n"})
    for _ in range(50):
        inner = pack({"i.jar": inner}, stored=True)
    core = jar("log4j-core-2.14.1.jar")
    encrypted = bytearray(pack({"lib/x.jar": core}))
    encrypted[6] |= 1
    bomb = pack_streaming({"zeros": bytes(64 << 20)})
    bombs = pack_streaming({"%d.jar" % i: bomb for i in range(40)})
    report = scan_files({"deep.jar": inner, "locked.zip": bytes(encrypted), "cut.war": pack({"l.jar": core})[:900000],
                         "bomb.zip": bombs})
    gaps = {(g["path"], g["reason"]) for g in report["gaps"]}
    assert ("locked.zip", "encrypted") in gaps, gaps
    assert any(p.startswith("deep.jar!/i.jar") and r == "limit" for p, r in gaps), gaps
    assert ("cut.war!/l.jar", "broken") in gaps and ("cut.war", "broken") in gaps, gaps
    assert any(p.startswith("bomb.zip") and r == "limit" for p, r in gaps), gaps


@case
def a_large_jar_in_flat_memory():
    if not fast():
        raise Skip("there is no release build")
    db = database()
    with temp_dir() as d:
        path = os.path.join(d, "large.jar")
        piece = os.urandom(8 << 20)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as z:
            for i in range(128):
                z.writestr("data/%d.bin" % i, piece)
            z.writestr("BOOT-INF/lib/log4j-core-2.14.1.jar", jar("log4j-core-2.14.1.jar"))
        begin = time.monotonic()
        report = scan("rootfs:" + d, "--db", db, "--no-cache", binary=RELEASE)
        seconds = time.monotonic() - begin
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print("# %d MiB in %.2f s; largest process so far %d MiB" % (1024, seconds, peak >> 10))
    ids = {f["id"] for f in report["findings"]}
    assert "CVE-2021-44228" in ids, ids


run_cases()
