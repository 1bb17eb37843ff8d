"""Real rpm databases: the packages are those that `rpm -qa` named, and on CBL-Mariner the findings
those that the publisher's OVAL implies (it names source packages)."""
import lzma
import os
import re
import xml.etree.ElementTree as ElementTree

from lib import case, need_feeds, need_images, plimsoll, run_cases, scan, temp_dir

OS_RELEASE = {
    "mariner": 'ID=mariner\nVERSION_ID="2.0"\nPRETTY_NAME="CBL-Mariner/Linux"\n',
    "amzn": 'ID="amzn"\nVERSION_ID="2023"\nPRETTY_NAME="Amazon Linux 2023"\n',
    "sles": 'ID="sles"\nVERSION_ID="15.4"\nPRETTY_NAME="SUSE Linux Enterprise Server 15 SP4"\n',
}


def make_root(work, database, name, family):
    root = os.path.join(work, "root")
    os.makedirs(os.path.join(root, "etc"))
    os.makedirs(os.path.join(root, "var/lib/rpm"))
    with open(os.path.join(root, "etc/os-release"), "w", encoding="utf-8") as f:
        f.write(OS_RELEASE[family])
    with open(os.path.join(root, "var/lib/rpm", name), "wb") as f, \
            (lzma.open(database) if database.endswith(".xz") else open(database, "rb")) as data:
        f.write(data.read())
    return "rootfs:" + root


def nevra(p):
    return (p["name"], p["version"])


def expected(path):
    """What `rpm -qa` printed there: epoch, name, version, release, ... apart by pilcrows."""
    want = []
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            if line.count("\u00b6") < 4:
                continue
            epoch, name, version, release = line.rstrip("\n").split("\u00b6")[:4]
            if name == "gpg-pubkey":
                continue
            epoch = "" if epoch in ("", "0", "(none)") else epoch + ":"
            want.append((name, "%s%s-%s" % (epoch, version, release)))
    return sorted(want)


def check_packages(database, name, family, want):
    images = need_images("rpmdb")
    with temp_dir() as work:
        target = make_root(work, os.path.join(images, "rpmdb", database), name, family)
        report = scan(target, "--no-cache", "--class", "os-vuln")
        got = sorted(nevra(p) for p in report["packages"])
        assert got == expected(os.path.join(images, "rpmdb/expected-csv", want)), got[:3]


@case
def ndb_of_suse_as_rpm_qa():
    check_packages("sle15-bci/Packages-older.db.xz", "Packages.db", "sles", "sle15-bci_packages.csv")


@case
def sqlite_of_amazon_2023_as_rpm_qa():
    check_packages("amazonlinux2023-plain/rpmdb.sqlite.xz", "rpmdb.sqlite", "amzn", "amazonlinux2023-plain_packages.csv")


def rpmvercmp(a, b):
    """rpm-version(7), from its text."""
    ra, rb = (re.findall(r"[0-9]+|[A-Za-z]+|~|\^", s) for s in (a, b))
    for i in range(max(len(ra), len(rb)) + 1):
        x = ra[i] if i < len(ra) else ""
        y = rb[i] if i < len(rb) else ""
        if x == y == "":
            return 0
        if x == y:
            continue
        if "~" in (x, y):
            return -1 if x == "~" else 1
        if "^" in (x, y):
            if x == "" or y == "":
                return -1 if x == "" else 1
            return -1 if x == "^" else 1
        if x == "" or y == "":
            return -1 if x == "" else 1
        if x.isdigit() != y.isdigit():
            return 1 if x.isdigit() else -1
        if x.isdigit():
            if int(x) != int(y):
                return -1 if int(x) < int(y) else 1
        else:
            return -1 if x < y else 1
    return 0


def evr(text):
    epoch, _, rest = text.rpartition(":")
    version, _, release = rest.partition("-")
    return int(epoch or 0), version, release


def less(a, b):
    x, y = evr(a), evr(b)
    if x[0] != y[0]:
        return x[0] < y[0]
    return (rpmvercmp(x[1], y[1]) or (rpmvercmp(x[2], y[2]) if x[2] and y[2] else 0)) < 0


def oval_rules(path):
    """(source package, "less than"|..., evr, CVE) of each definition of a Mariner OVAL file."""
    with lzma.open(path) as f:
        tree = ElementTree.parse(f).getroot()
    local = lambda e: e.tag.rsplit("}", 1)[-1]
    objects, states, tests, rules = {}, {}, {}, []
    for e in tree.iter():
        kind = local(e)
        if kind == "rpminfo_object":
            objects[e.get("id")] = next(c.text for c in e if local(c) == "name")
        elif kind == "rpminfo_state":
            states[e.get("id")] = next(((c.get("operation"), c.text) for c in e if local(c) == "evr"), None)
        elif kind == "rpminfo_test":
            refs = {local(c): c for c in e}
            tests[e.get("id")] = (refs["object"].get("object_ref"), [c.get("state_ref") for c in e if local(c) == "state"])
    for d in tree.iter():
        if local(d) != "definition":
            continue
        cves = [r.get("ref_id") for r in d.iter() if local(r) == "reference" and r.get("source") == "CVE"]
        criteria = [c.get("test_ref") for c in d.iter() if local(c) == "criterion"]
        rules.append((cves, [(objects[tests[t][0]], [states[s] for s in tests[t][1]]) for t in criteria]))
    return rules


@case
def mariner_2_as_its_oval_implies():
    images, feeds = need_images("rpmdb"), need_feeds("azurelinux-oval")
    with temp_dir() as work:
        target = make_root(work, os.path.join(images, "rpmdb/cbl-mariner-2.0/rpmdb.sqlite.xz"), "rpmdb.sqlite", "mariner")
        db = os.path.join(work, "advisories.db")
        plimsoll("db", "build", "--quiet", "--feeds", os.path.join(feeds, "azurelinux-oval"), "--output", db)
        report = scan(target, "--db", db, "--no-cache", "--class", "os-vuln")
        want = set()
        for cves, tests in oval_rules(os.path.join(feeds, "azurelinux-oval/cbl-mariner-2.0-oval.xml.xz")):
            for p in report["packages"]:
                source = p["source"] or p
                held = [all(less(source["version"], s[1]) if s[0] == "less than" else not less(s[1], source["version"])
                            for s in states) for name, states in tests if name == source["name"]]
                if held and all(held):
                    want |= {(p["id"], c) for c in cves}
        got = {(f["package"], f["id"]) for f in report["findings"]}
        assert len(want) > 50, len(want)
        assert got == want, "missed %s, extra %s" % (sorted(want - got)[:5], sorted(got - want)[:5])


run_cases()
