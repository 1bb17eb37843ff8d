"""Real Alpine roots against Alpine's secdb: our findings are exactly those that an independent
computation implies, with the root's own `apk version -t` (or, without root, a skip)."""
import glob
import json
import os
import subprocess
import tarfile

from lib import Skip, case, need_feeds, need_images, plimsoll, run_cases, scan, sh, temp_dir

ROOTS = ["3.6.5", "3.9.6", "3.10.9", "3.12.12", "3.16.9", "3.20.3"]


def installed(tarball):
    with tarfile.open(tarball) as tar:
        text = tar.extractfile("./lib/apk/db/installed").read().decode()
    packages = []
    for block in text.split("\n\n"):
        fields = dict(line.split(":", 1) for line in block.splitlines() if line[1:2] == ":" and line[0] in "PVo")
        if "P" in fields:
            packages.append((fields["P"], fields.get("o", fields["P"]), fields["V"]))
    return packages


def ids_of(item):
    words = [w.replace("CVE_", "CVE-") for w in item.split()]
    cves = [w for w in words if w.startswith("CVE-")]
    return cves or words[:1]


def older(root, pairs):
    """Ask the root's own apk which pairs are a < b."""
    with open(os.path.join(root, "tmp/pairs"), "w", encoding="utf-8") as f:
        f.write("".join("%s\t%s\n" % p for p in pairs))
    out = sh("chroot", root, "/bin/sh", "-c",
             "while IFS='\t' read -r a b; do apk version -t \"$a\" \"$b\"; done </tmp/pairs", stderr=subprocess.DEVNULL)
    answers = out.split()
    assert len(answers) == len(pairs), (len(answers), len(pairs))
    return {p for p, a in zip(pairs, answers) if a == "<"}


def implied(version, tarball, feeds, work):
    branch = "v" + ".".join(version.split(".")[:2])
    fixes = []
    by_origin = {}
    for p in installed(tarball):
        by_origin.setdefault(p[1], []).append(p)
    for file in glob.glob(os.path.join(feeds, "alpine-secdb", branch, "*.json")):
        with open(file, encoding="utf-8") as f:
            for entry in json.load(f)["packages"]:
                for fixed, items in (entry["pkg"].get("secfixes") or {}).items():
                    if fixed == "0":
                        continue
                    for name, _, have in by_origin.get(entry["pkg"]["name"], []):
                        fixes += [(name, have, fixed, i) for item in items for i in ids_of(item)]
    root = os.path.join(work, version)
    os.mkdir(root)
    sh("tar", "-xzf", tarball, "-C", root)
    vulnerable = older(root, sorted({(have, fixed) for _, have, fixed, _ in fixes}))
    return {(name, i) for name, have, fixed, i in fixes if (have, fixed) in vulnerable}


def check(version):
    tarball = os.path.join(need_images("alpine"), "alpine/alpine-minirootfs-%s-x86_64.tar.gz" % version)
    feeds = need_feeds("alpine-secdb")
    if os.geteuid():
        raise Skip("chroot into a real Alpine root needs root")
    with temp_dir() as work:
        db = os.path.join(work, "advisories.db")
        plimsoll("db", "build", "--quiet", "--feeds", os.path.join(feeds, "alpine-secdb"), "--output", db)
        want = implied(version, tarball, feeds, work)
        report = scan(tarball, "--db", db, "--no-cache", "--class", "os-vuln")
        names = {p["id"]: p["name"] for p in report["packages"]}
        got = {(names[f["package"]], f["id"]) for f in report["findings"]}
        assert got == want, "missed %s, extra %s" % (sorted(want - got)[:5], sorted(got - want)[:5])
        assert {p["name"] for p in report["packages"] if p["type"] == "apk"} == {p[0] for p in installed(tarball)}
        assert len(report["findings"]) == len(got), "a vulnerability twice on one package"
        for f in report["findings"]:
            assert f["fixed_version"] and f["status"] == "fixed" and f["cause"], f
        return len(got)


for _v in ROOTS:
    def _one(v=_v):
        check(v)
    _one.__name__ = "alpine_%s_as_secdb_implies" % _v.replace(".", "_")
    case(_one)


@case
def the_old_roots_do_have_findings():
    assert check("3.9.6") > 5


run_cases()
