"""The records in advisories/: what every one must have, and, where the publishers' files are at
hand, that the fixed versions are theirs."""
import glob
import json
import os
import re
import zipfile

from lib import PLIMSOLL, ROOT, case, need_feeds, plimsoll, run_cases, temp_dir

FOLDER = os.path.join(ROOT, "advisories")
LANGUAGES = ("GHSA", "Go", "PyPI", "Rust", "RubyGems", "Packagist", "Bitnami")
DEBIAN = {"10": "buster", "11": "bullseye", "12": "bookworm", "13": "trixie"}


def records():
    for path in sorted(glob.glob(os.path.join(FOLDER, "osv", "*.json"))):
        with open(path, encoding="utf-8") as f:
            yield os.path.basename(path)[:-5], json.load(f)


def kev():
    with open(os.path.join(FOLDER, "kev/known_exploited.json"), encoding="utf-8") as f:
        return json.load(f)


def is_cve(text):
    return re.fullmatch(r"CVE-\d{4}-\d{4,}", text)


def events(ranges):
    return {tuple(pair) for r in ranges if r["type"] != "GIT" for e in r["events"] for pair in e.items()}


@case
def every_record_is_whole():
    n = 0
    for name, r in records():
        n += 1
        assert r["id"] == name and is_cve(name), name
        assert re.match(r"1\.[6-9]\.", r["schema_version"]), name
        for key in ("modified", "published"):
            assert key not in r or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", r[key]), (name, key)
        assert r["database_specific"]["plimsoll"] == "shipped", name
        assert 20 < len(r["summary"]) < 200 and r["summary"].endswith(".") and "\n" not in r["summary"], name
        assert "details" not in r, name
        assert r["affected"], name
        for a in r["affected"]:
            assert a["package"]["ecosystem"] and a["package"]["name"], name
            assert any(k == "introduced" for k, _ in events(a["ranges"])), (name, a)
        for s in r.get("severity", []):
            prefix = {"CVSS_V2": "AV:", "CVSS_V3": "CVSS:3.", "CVSS_V4": "CVSS:4."}[s["type"]]
            assert s["score"].startswith(prefix), (name, s)
    assert n >= 200, n


@case
def summaries_are_all_different():
    said = [r["summary"] for _, r in records()]
    twice = {s for s in said if said.count(s) > 1}
    assert not twice, twice


@case
def exploited_ones_are_shipped_too():
    have = {name for name, _ in records()}
    catalogue = kev()
    ids = [v["cveID"] for v in catalogue["vulnerabilities"]]
    assert set(ids) <= have and len(set(ids)) == len(ids) == catalogue["count"]
    for v in catalogue["vulnerabilities"]:
        assert v["vulnerabilityName"] and v["vendorProject"] and v["product"] and v["dateAdded"], v
        assert v["knownRansomwareCampaignUse"] in ("Known", "Unknown"), v


@case
def exploited_ones_are_those_of_the_catalogue():
    path = os.path.join(need_feeds("kev"), "kev/known_exploited_vulnerabilities.json")
    with open(path, encoding="utf-8") as f:
        theirs = {v["cveID"]: v for v in json.load(f)["vulnerabilities"]}
    ours = {v["cveID"]: v for v in kev()["vulnerabilities"]}
    assert set(ours) == {name for name, _ in records()} & set(theirs)
    for cve, v in ours.items():
        for key in ("vendorProject", "product", "dateAdded", "dueDate", "knownRansomwareCampaignUse"):
            assert v[key] == theirs[cve][key], (cve, key)


@case
def debian_versions_are_the_trackers():
    with open(os.path.join(need_feeds("debian/tracker.json"), "debian/tracker.json"), encoding="utf-8") as f:
        tracker = json.load(f)
    n = 0
    for name, r in records():
        for a in r["affected"]:
            eco, _, release = a["package"]["ecosystem"].partition(":")
            if eco != "Debian" or release not in DEBIAN:
                continue
            theirs = tracker[a["package"]["name"]][name]["releases"][DEBIAN[release]]
            assert events(a["ranges"]) == {("introduced", "0"), ("fixed", theirs["fixed_version"])}, (name, a)
            n += 1
    assert n > 200, n


@case
def alpine_versions_are_secdbs():
    theirs, n = {}, 0
    for path in glob.glob(os.path.join(need_feeds("alpine-secdb"), "alpine-secdb/v*/*.json")):
        with open(path, encoding="utf-8") as f:
            db = json.load(f)
        for p in db["packages"]:
            for version, ids in p["pkg"]["secfixes"].items():
                for cve in re.findall(r"CVE-\d{4}-\d{4,}", " ".join(ids)):
                    if version not in ("0", "0-r0"):
                        theirs.setdefault(("Alpine:" + db["distroversion"], p["pkg"]["name"], cve), set()).add(version)
    for name, r in records():
        for a in r["affected"]:
            p = a["package"]
            if p["ecosystem"].startswith("Alpine:"):
                fixed = {v for k, v in events(a["ranges"]) if k == "fixed"}
                assert fixed == theirs[p["ecosystem"], p["name"], name], (name, p, fixed)
                n += 1
    assert n > 1000, n


def published(folder):
    """(CVE, ecosystem, package) -> events, of the archives of OSV records."""
    theirs = {}
    for eco in LANGUAGES + ("AlmaLinux",):
        with zipfile.ZipFile(os.path.join(folder, "osv", eco, "all.zip")) as z:
            for member in z.namelist():
                d = json.loads(z.read(member))
                names = d.get("related") if eco == "AlmaLinux" else [d["id"]] + (d.get("aliases") or [])
                cves = [x for x in names or [] if is_cve(x)]
                if d.get("withdrawn") or (eco != "AlmaLinux" and len(cves) != 1):
                    continue
                for a in d["affected"]:
                    p = a.get("package")
                    for cve in cves if p else []:
                        theirs.setdefault((cve, p["ecosystem"], p["name"]), set()).update(events(a.get("ranges", [])))
    return theirs


@case
def other_versions_are_the_publishers():
    theirs, n = published(need_feeds("osv")), 0
    for name, r in records():
        for a in r["affected"]:
            key = (name, a["package"]["ecosystem"], a["package"]["name"])
            if key in theirs:
                ours = {e for e in events(a["ranges"]) if e[1] != "0"}
                assert ours <= theirs[key], (key, ours - theirs[key])
                n += 1
    assert n > 500, n


@case
def the_database_is_the_same_whenever_it_is_built():
    """The one that the build made, and one of a copy of the folder, say the same of themselves."""
    with open(os.path.join(FOLDER, "DATE"), encoding="utf-8") as f:
        day = f.read().strip()
    made = os.path.join(os.path.dirname(PLIMSOLL), "advisories.db")
    with temp_dir() as d:
        again = os.path.join(d, "a.db")
        epoch = str(1000 * 86400)
        plimsoll("db", "build", "--quiet", "--feeds", FOLDER, "--output", again, env={"SOURCE_DATE_EPOCH": epoch})
        one, two = (plimsoll("db", "status", "--db", p).out.splitlines() for p in (made, again))
    assert one[1].split() == ["built", day + "T00:00:00Z"], one
    assert two[1].split() == ["built", "1972-09-27T00:00:00Z"], two
    assert one[2:] == two[2:] and one[2].startswith("digest")


run_cases()
