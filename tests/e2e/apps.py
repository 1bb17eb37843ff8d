"""Packages of applications, installed by their own managers: what is found is what the published
records say, by a reading of them that shares no code with the program; and what a distribution's
packages own is judged once."""
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import zipfile

from lib import RELEASE, Skip, case, need_feeds, need_tools, plimsoll, run_cases, scan, temp_dir

# ---- an independent reading of OSV records ----


def records(feeds):
    for folder in ("GHSA", "PyPI", "RubyGems", "Packagist"):
        path = os.path.join(feeds, "osv", folder, "all.zip")
        if not os.path.exists(path):
            continue
        with zipfile.ZipFile(path) as z:
            for name in z.namelist():
                if name.endswith(".json"):
                    r = json.loads(z.read(name))
                    if not r.get("withdrawn") and not r["id"].startswith("MAL-"):
                        yield r


def semver(v):
    m = re.fullmatch(r"[v=]?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+.*)?", v)
    if not m:
        m = re.fullmatch(r"(\d+)(?:\.(\d+))?", v)
        return (int(m[1]), int(m[2] or 0), 0, (1,))
    pre = (0, [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in m[4].split(".")]) if m[4] else (1,)
    return (int(m[1]), int(m[2]), int(m[3]), pre)


def pep440(v):
    try:
        from packaging.version import InvalidVersion, Version
    except ImportError:
        try:
            from pip._vendor.packaging.version import InvalidVersion, Version
        except ImportError:
            raise Skip("neither packaging nor pip's copy of it is here to compare versions")
    try:
        return Version(v)
    except InvalidVersion:
        return None


def affects(affected, version, key):
    v = key(version)
    for r in affected.get("ranges", []):
        if r["type"] == "GIT":
            continue
        state = False
        events = [(k, x) for e in r["events"] for k, x in e.items() if k != "limit"]
        rank = {"introduced": 0, "fixed": 1, "last_affected": 2}
        if any(x != "0" and key(x) is None for _, x in events):
            continue
        zero = [e for e in events if e[1] == "0"]
        rest = sorted((e for e in events if e[1] != "0"), key=lambda e: (key(e[1]), rank[e[0]]))
        for kind, x in zero + rest:
            if kind == "introduced" and (x == "0" or v >= key(x)):
                state = True
            elif kind == "fixed" and v >= key(x):
                state = False
            elif kind == "last_affected" and v > key(x):
                state = False
        if state:
            return True
    return any(x == version or (key(x) is not None and key(x) == v) for x in affected.get("versions", []))


KINDS = {"npm": ("npm", semver, lambda n: n),
         "pypi": ("PyPI", pep440, lambda n: re.sub(r"[-_.]+", "-", n).lower())}


def implied(feeds, packages):
    """{(type, name, version): [set of the ids of a vulnerability]}"""
    wanted = {}
    for p in packages:
        ecosystem, _, norm = KINDS[p["type"]]
        wanted.setdefault((ecosystem, norm(p["name"])), set()).add((p["type"], p["name"], p["version"]))
    out = {}
    for r in records(feeds):
        for a in r.get("affected", []):
            ecosystem = a.get("package", {}).get("ecosystem")
            for kind, (eco, key, norm) in KINDS.items():
                if eco != ecosystem:
                    continue
                for what in wanted.get((eco, norm(a["package"]["name"])), ()):
                    if affects(a, what[2], key):
                        out.setdefault(what, []).append({r["id"], *r.get("aliases", [])})
    return out


def check_findings(report, want):
    by_id = {p["id"]: p for p in report["packages"]}
    got = {}
    for f in report["findings"]:
        assert f["class"] == "app-vuln", f
        p = by_id[f["package"]]
        got.setdefault((p["type"], p["name"], p["version"]), {}).setdefault(p["path"], []).append(
            {f["id"], *f["aliases"]})
    for what, sets in want.items():
        paths = [p["path"] for p in report["packages"] if (p["type"], p["name"], p["version"]) == what]
        for path in paths:
            found = got.get(what, {}).get(path, [])
            for ids in sets:
                assert sum(bool(ids & f) for f in found) == 1, "%s: %s is found %d times" % (
                    what, ids, sum(bool(ids & f) for f in found))
    for what, paths in got.items():
        for found in paths.values():
            for f in found:
                assert any(ids & f for ids in want.get(what, [])), "%s: nobody says %s" % (what, f)
    assert want and got


def check_mends(report, feeds):
    """What is recommended has none of the package's findings any more."""
    by_id = {p["id"]: p for p in report["packages"]}
    target = []
    for f in report["findings"]:
        p = by_id[f["package"]]
        if f["fix"]["version"]:
            target.append((dict(p, version=f["fix"]["version"]), f))
            target.append((dict(p, version=f["fixed_version"]), dict(f, only=True)))
    want = implied(feeds, [p for p, _ in target])
    for p, f in target:
        left = want.get((p["type"], p["name"], p["version"]), [])
        assert not any(ids & {f["id"], *f["aliases"]} for ids in left), (p["name"], p["version"], f["id"])


# ---- what is looked at ----


def run_manager(command, cwd):
    run = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         stdin=subprocess.DEVNULL, timeout=150, check=False)
    if run.returncode:
        raise Skip("%s cannot install here: %s" % (command[0], run.stdout.decode(errors="replace")[-200:].strip()))


def install_node(root):
    need_tools("npm")
    app = os.path.join(root, "srv/app")
    os.makedirs(app)
    run_manager(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error",
                 "lodash@4.17.4", "minimist@0.0.8", "express@4.16.0"], app)


def install_python(root):
    need_tools("pip")
    site = os.path.join(root, "usr/local/lib/python3.8/site-packages")
    os.makedirs(site)
    run_manager(["pip", "install", "--quiet", "--target", site, "--no-compile", "--no-deps", "--only-binary=:all:",
                 "--python-version", "3.8", "--platform", "manylinux2014_x86_64", "--platform", "manylinux1_x86_64",
                 "django==2.2", "pillow==8.0.0", "requests==2.19.1", "urllib3==1.23", "jinja2==2.10",
                 "pyyaml==5.4"], root)


def blob(folder, data):
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(folder, "blobs/sha256", digest), "wb") as f:
        f.write(data)
    return "sha256:" + digest, len(data)


def oci_image(folder, tars):
    """An OCI layout whose layers are these tar files' bytes."""
    os.makedirs(os.path.join(folder, "blobs/sha256"))
    layers, diff_ids = [], []
    for tar in tars:
        digest, size = blob(folder, gzip.compress(tar, 1, mtime=0))
        layers.append({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest, "size": size})
        diff_ids.append("sha256:" + hashlib.sha256(tar).hexdigest())
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": diff_ids},
                         "history": [{"created_by": "COPY layer%d" % i} for i in range(len(tars))]}).encode()
    digest, size = blob(folder, config)
    manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                           "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest,
                                      "size": size}, "layers": layers}).encode()
    digest, size = blob(folder, manifest)
    with open(os.path.join(folder, "index.json"), "w", encoding="utf-8") as f:
        json.dump({"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json",
                                                      "digest": digest, "size": size}]}, f)
    with open(os.path.join(folder, "oci-layout"), "w", encoding="utf-8") as f:
        json.dump({"imageLayoutVersion": "1.0.0"}, f)
    return "oci:" + folder


def tar_of(root):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in sorted(os.listdir(root)):
            tar.add(os.path.join(root, name), name)
    return out.getvalue()


def tar_files(files, links=()):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, target in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def build_db(feeds, work):
    """Records of languages, and Debian's tracker for what the distribution judges."""
    db, chosen = os.path.join(work, "advisories.db"), os.path.join(work, "feeds")
    os.makedirs(os.path.join(chosen, "osv"))
    for folder in ("osv/GHSA", "osv/PyPI", "osv/RubyGems", "osv/Packagist", "debian"):
        if os.path.exists(os.path.join(feeds, folder)):
            shutil.copytree(os.path.join(feeds, folder), os.path.join(chosen, folder))
    plimsoll("db", "build", "--quiet", "--feeds", chosen, "--output", db, binary=RELEASE, seconds=300)
    return db


def check_installed(install):
    feeds = need_feeds("osv/GHSA/all.zip", "osv/PyPI/all.zip")
    with temp_dir() as work:
        root = os.path.join(work, "root")
        os.makedirs(root)
        install(root)
        db = build_db(feeds, work)
        tree = scan("rootfs:" + root, "--db", db, "--no-cache")
        want = implied(feeds, tree["packages"])
        check_findings(tree, want)
        check_mends(tree, feeds)
        image = scan(oci_image(os.path.join(work, "image"), [tar_of(root)]), "--db", db, "--no-cache")
        check_findings(image, want)
        assert [p["path"] for p in tree["packages"]] == [p["path"] for p in image["packages"]]
        assert {(f["package"], f["id"]) for f in tree["findings"]} == {(f["package"], f["id"]) for f in image["findings"]}
        coverage = {c["class"]: c for c in image["coverage"]}["app-vuln"]
        assert coverage["state"] == "assessed" and coverage["as_of"] >= "2024", coverage
        os_only = scan("rootfs:" + root, "--db", db, "--no-cache", "--class", "os-vuln")
        assert not os_only["findings"]
        return tree


@case
def npm_tree_as_the_records_imply():
    report = check_installed(install_node)
    names = {(p["name"], p["version"]) for p in report["packages"]}
    assert {("lodash", "4.17.4"), ("minimist", "0.0.8"), ("express", "4.16.0")} <= names, names
    ids = {f["id"] for f in report["findings"]}
    assert {"CVE-2019-10744", "CVE-2021-44906"} <= ids, ids
    commands = {f["fix"]["command"] for f in report["findings"]}
    assert "npm install lodash@4.17.21" in commands, commands


@case
def python_site_packages_as_the_records_imply():
    report = check_installed(install_python)
    django = [f for f in report["findings"] if f["package"].startswith("pypi/Django/")]
    assert {f["fix"]["version"] for f in django} == {"2.2.28"}, {f["fix"]["version"] for f in django}
    assert {"CVE-2019-14234", "CVE-2022-28346"} <= {f["id"] for f in django}


STATUS = """Package: %s
Status: install ok installed
Maintainer: Debian Somebody <somebody@lists.debian.org>
Architecture: all
Version: 1.0-1

"""
RELEASE_FILE = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'


@case
def an_owner_is_found_behind_links_and_lost_under_a_newer_file():
    feeds = need_feeds("osv/GHSA/all.zip", "osv/PyPI/all.zip")
    metadata = "Name: Django\nVersion: 2.2\n"
    npm = '{"name": "lodash", "version": "%s"}'
    site = "usr/lib/python3/dist-packages"
    base = tar_files({
        "etc/os-release": RELEASE_FILE,
        "var/lib/dpkg/status": STATUS % "python3-django" + STATUS % "npm",
        # as packages from before the merged /usr list it, through lib -> usr/lib
        "var/lib/dpkg/info/python3-django.list": "/.\n/lib\n/lib/python3/dist-packages/Django-2.2.egg-info/PKG-INFO\n"
                                                 "/opt/link/x-1.egg-info/PKG-INFO\n",
        "var/lib/dpkg/info/npm.list": "/usr/lib/node_modules/lodash/package.json\n",
        site + "/Django-2.2.egg-info/PKG-INFO": metadata,
        "srv/real/x-1.egg-info/PKG-INFO": metadata,
        "usr/lib/node_modules/lodash/package.json": npm % "4.17.4",
        "srv/app/node_modules/lodash/package.json": npm % "4.17.5",
    }, [("lib", "usr/lib"), ("opt/link", "../srv/real"), ("opt/loop", "loop/x")])
    newer = tar_files({"usr/lib/node_modules/lodash/package.json": npm % "4.17.10"})
    with temp_dir() as work:
        db = build_db(feeds, work)
        report = scan(oci_image(os.path.join(work, "a"), [base]), "--db", db, "--no-cache")
        owners = {p["path"]: p["owner"] for p in report["packages"] if p["type"] != "deb"}
        assert owners == {site + "/Django-2.2.egg-info/PKG-INFO": "deb/python3-django",
                          "srv/real/x-1.egg-info/PKG-INFO": "deb/python3-django",
                          "usr/lib/node_modules/lodash/package.json": "deb/npm",
                          "srv/app/node_modules/lodash/package.json": None}, owners
        assert {f["package"] for f in report["findings"] if f["class"] == "app-vuln"} == {"npm/lodash/4.17.5"}
        report = scan(oci_image(os.path.join(work, "b"), [base, newer]), "--db", db, "--no-cache")
        judged = {f["package"] for f in report["findings"] if f["class"] == "app-vuln"}
        assert judged == {"npm/lodash/4.17.5", "npm/lodash/4.17.10"}, judged


@case
def what_debian_owns_is_judged_once():
    """This machine's own packages: hundreds, with their Python, Perl, Ruby and Node parts."""
    feeds = need_feeds("osv/GHSA/all.zip", "osv/PyPI/all.zip")
    need_tools("dpkg-query")
    if not os.path.exists("/var/lib/dpkg/status") or not os.path.exists("/etc/debian_version"):
        raise Skip("this machine is no Debian")
    listed = subprocess.run(["dpkg-query", "-W", "-f", "${Package}\t${Maintainer}\n"], stdout=subprocess.PIPE, check=True)
    rows = [line.split("\t") for line in listed.stdout.decode().splitlines()]
    if len(rows) < 300:
        raise Skip("only %d packages are installed here" % len(rows))
    folders = [f for f in ("etc/os-release", "usr/lib/os-release", "lib", "var/lib/dpkg/status", "var/lib/dpkg/info",
                           "usr/lib/python3", "usr/share/nodejs", "usr/lib/node_modules", "usr/lib/ruby",
                           "usr/share/rubygems-integration", "var/lib/gems", "usr/share/php", "usr/share/perl5")
               if os.path.lexists("/" + f)]
    with temp_dir() as work:
        db, tar = build_db(feeds, work), os.path.join(work, "root.tar")
        subprocess.run(["tar", "-cf", tar, "-C", "/", *folders], check=True, stderr=subprocess.DEVNULL)
        report = scan(tar, "--db", db, "--no-cache", binary=RELEASE)
    debian = {name for name, maintainer in rows if "debian.org" in maintainer}
    owned = [p for p in report["packages"] if p["owner"]]
    assert owned, "no package of an application is owned here"
    by_id = {p["id"]: p for p in report["packages"]}
    wrong = [f for f in report["findings"] if f["class"] == "app-vuln"
             and (by_id[f["package"]]["owner"] or "").partition("/")[2] in debian]
    assert not wrong, wrong[:3]
    # and nothing that dpkg lists is without its owner
    for p in report["packages"]:
        if p["type"] == "deb" or p["owner"]:
            continue
        known = subprocess.run(["dpkg-query", "-S", "/" + p["path"]], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               check=False)
        assert known.returncode, "%s is owned: %s" % (p["path"], known.stdout.decode().strip())


@case
def hostile_files_are_gaps():
    feeds = need_feeds("osv/GHSA/all.zip", "osv/PyPI/all.zip")
    deep = '{"a":' + "[" * 100000 + "]" * 100000 + ',"name":"deep","version":"1.0.0"}'
    files = {
        "srv/node_modules/deep/package.json": deep,
        "srv/node_modules/long/package.json": '{"name":"long","version":"%s"}' % ("9" * 1000000),
        "srv/node_modules/huge/package.json": '{"name":"huge","x":"%s"}' % ("x" * (9 << 20)),
        "srv/node_modules/ok/package.json": '{"name":"lodash","version":"4.17.4"}',
    }
    with temp_dir() as work:
        db = build_db(feeds, work)
        links = [("srv/node_modules/loop", "../node_modules"), ("srv/a", "b"), ("srv/b", "a")]
        report = scan(oci_image(os.path.join(work, "i"), [tar_files(files, links)]), "--db", db, "--no-cache")
        assert {p["name"] for p in report["packages"]} == {"deep", "lodash"}, report["packages"]
        gaps = {(g["path"].split("/")[2], g["reason"]) for g in report["gaps"] if g["path"]}
        assert gaps == {("long", "broken"), ("huge", "limit")}, gaps
        assert report["findings"]


run_cases()
