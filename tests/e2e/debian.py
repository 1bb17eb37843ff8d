"""Debian roots made by mmdebstrap from the mirror, against the tracker: exactly what it implies."""
import json
import os
import subprocess
import tarfile
import time

from lib import ROOT, Skip, case, need_feeds, need_tools, plimsoll, run_cases, scan, sh, temp_dir

CACHE = os.path.join(os.environ.get("PLIMSOLL_TESTBUILD", os.path.join(ROOT, "build-test")), "roots")


def root_tar(codename):
    """A minbase root of main only, so that security updates are missing; kept for a day."""
    need_tools("mmdebstrap")
    if os.geteuid():
        raise Skip("mmdebstrap in root mode needs root")
    path = os.path.join(CACHE, codename + ".tar")
    if os.path.exists(path) and time.time() - os.path.getmtime(path) < 86400:
        return path
    os.makedirs(CACHE, exist_ok=True)
    targets = sh("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages").splitlines()
    mirrors = [t.split()[0] for t in targets if "security" not in t]
    if not mirrors:
        raise Skip("apt knows no mirror (apt-get update)")
    run = subprocess.run(["mmdebstrap", "--variant=minbase", "--mode=root", "--quiet", codename, path[:-4] + ".new.tar",
                          "deb %s %s main" % (mirrors[0], codename)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         stdin=subprocess.DEVNULL, timeout=300, check=False)
    if run.returncode:
        raise AssertionError(run.stdout.decode(errors="replace")[-1500:])
    os.rename(path[:-4] + ".new.tar", path)
    return path


def stanzas(tarball):
    with tarfile.open(tarball) as tar:
        text = tar.extractfile("./var/lib/dpkg/status").read().decode()
    for block in text.split("\n\n"):
        fields, key = {}, None
        for line in block.splitlines():
            if line[:1] in " \t":
                continue
            key, _, value = line.partition(":")
            fields[key] = value.strip()
        if fields.get("Status", "").split()[-1:] == ["installed"]:
            source, _, version = fields.get("Source", fields["Package"]).partition(" ")
            yield fields["Package"], source, version.strip("()") or fields["Version"]


def less(a, b):
    return subprocess.run(["dpkg", "--compare-versions", a, "lt", b], check=False).returncode == 0


def implied(packages, tracker, codename):
    want = {}
    for name, source, version in packages:
        for cve, record in tracker.get(source, {}).items():
            r = record["releases"].get(codename)
            if not r:
                continue
            fixed = r.get("fixed_version")
            if r["status"] == "resolved" and (fixed in (None, "0") or not less(version, fixed)):
                continue
            want[(name, cve)] = fixed if r["status"] == "resolved" else None
    return want


def check(codename):
    feeds = need_feeds("debian/tracker.json")
    tarball = root_tar(codename)
    with open(os.path.join(feeds, "debian/tracker.json"), encoding="utf-8") as f:
        tracker = json.load(f)
    packages = list(stanzas(tarball))
    want = implied(packages, tracker, codename)
    with temp_dir() as work:
        db = os.path.join(work, "advisories.db")
        plimsoll("db", "build", "--quiet", "--feeds", os.path.join(feeds, "debian"), "--output", db)
        report = scan(tarball, "--db", db, "--no-cache", "--class", "os-vuln")
        names = {p["id"]: p["name"] for p in report["packages"]}
        got = {(names[f["package"]], f["id"]): f["fixed_version"] for f in report["findings"]}
        assert set(got) == set(want), "missed %s, extra %s" % (sorted(set(want) - set(got))[:5],
                                                               sorted(set(got) - set(want))[:5])
        assert got == want, [(k, got[k], want[k]) for k in want if got[k] != want[k]][:5]
        assert sorted(p["name"] for p in report["packages"]) == sorted(p[0] for p in packages)


@case
def debian_11_as_the_tracker_implies():
    check("bullseye")


@case
def debian_12_as_the_tracker_implies():
    check("bookworm")


run_cases()
