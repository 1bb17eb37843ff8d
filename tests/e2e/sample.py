"""The sample image, judged by the records that ship: the findings are those that the records imply,
computed here from the image's bytes; layers are right; and nobody takes the selection for all."""
import functools
import glob
import gzip
import io
import json
import os
import subprocess
import sys
import tarfile

import jsonschema

from lib import PLIMSOLL, ROOT, case, need_tools, plimsoll, run_cases, sh, temp_dir

DB = os.path.join(os.path.dirname(PLIMSOLL), "advisories.db")


def blob(image, digest):
    with open(os.path.join(image, "blobs", *digest.split(":")), "rb") as f:
        return f.read()


def stanzas(text):
    out = {}
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(" "))
        source, _, version = fields.get("Source", fields["Package"]).partition(" ")
        out[fields["Package"]] = (fields["Version"], source, version.strip("()") or fields["Version"])
    return out


def databases(image):
    """The package database after each layer that holds one: (layer, {name: (version, source, its version)})."""
    with open(os.path.join(image, "index.json"), encoding="ascii") as f:
        manifest = json.loads(blob(image, json.load(f)["manifests"][0]["digest"]))
    for index, layer in enumerate(manifest["layers"]):
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob(image, layer["digest"])))) as tar:
            if "var/lib/dpkg/status" in tar.getnames():
                yield index, stanzas(tar.extractfile("var/lib/dpkg/status").read().decode())


@functools.lru_cache(None)
def less(a, b):
    return subprocess.run(["dpkg", "--compare-versions", a, "lt", b], check=False).returncode == 0


def implied(image):
    """{(CVE, package): (fixed version, layer)}"""
    states = list(databases(image))
    final = states[-1][1]
    came = {name: next(i for i, s in states if s.get(name, [None])[0] == p[0]) for name, p in final.items()}
    want = {}
    for path in glob.glob(os.path.join(ROOT, "advisories/osv/*.json")):
        with open(path, encoding="utf-8") as f:
            record = json.load(f)
        fixed = {a["package"]["name"]: r["events"][1]["fixed"] for a in record["affected"]
                 if a["package"]["ecosystem"] == "Debian:11" for r in a["ranges"]}
        for name, (_, source, version) in final.items():
            if source in fixed and less(version, fixed[source]):
                want[record["id"], name] = (fixed[source], came[name])
    return want


def made(folder):
    image = os.path.join(folder, "sample")
    sh(sys.executable, os.path.join(ROOT, "build-aux/sample"), image)
    return image


def report_of(image, folder):
    return json.loads(plimsoll("scan", "--db", DB, "--format", "json", "oci:" + image, home=folder).out)


@case
def findings_are_those_implied():
    need_tools("dpkg")
    with temp_dir() as d:
        image = made(d)
        want, report = implied(image), report_of(image, d)
    packages = {p["id"]: p for p in report["packages"]}
    got = {(f["id"], packages[f["package"]]["name"]): (f["fixed_version"], f["layer"]["index"])
           for f in report["findings"] if f["class"] == "os-vuln"}
    assert len(want) > 50
    assert got == want, (sorted(got.items() - want.items())[:5], sorted(want.items() - got.items())[:5])
    assert {layer for _, layer in got.values()} == {0, 1, 2}
    assert any(f["known_exploited"] for f in report["findings"])


@case
def what_is_gone_is_not_reported():
    with temp_dir() as d:
        report = report_of(made(d), d)
    names = {p["name"]: p for p in report["packages"]}
    assert "vim-tiny" not in names
    assert names["openssl"]["version"] == "1.1.1k-1+deb11u1" and names["openssl"]["layer"] == 2
    assert len([p for p in report["packages"] if p["name"] == "openssl"]) == 1
    assert "CVE-2021-3711" not in {f["id"] for f in report["findings"]}  # mended by the upgrade


@case
def the_report_fits_its_schema():
    with open(os.path.join(ROOT, "docs/report.schema.json"), encoding="utf-8") as f:
        schema = json.load(f)
    with temp_dir() as d:
        report = report_of(made(d), d)
    whole = dict(schema["$defs"]["report"], **{"$defs": schema["$defs"]})
    said = ["%s: %s" % ("/".join(map(str, e.absolute_path)), e.message[:200])
            for e in jsonschema.Draft202012Validator(whole).iter_errors(report)]
    assert not said, said[:5]


@case
def a_selection_is_never_called_clean():
    """Even an image without a finding is not safe to sail by some hundreds of records."""
    with temp_dir() as d:
        root = os.path.join(d, "root")
        os.makedirs(os.path.join(root, "var/lib/dpkg"))
        os.makedirs(os.path.join(root, "etc"))
        with open(os.path.join(root, "etc/os-release"), "w", encoding="ascii") as f:
            f.write('ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n')
        with open(os.path.join(root, "var/lib/dpkg/status"), "w", encoding="ascii") as f:
            f.write("Package: hello\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.10-3\n"
                    "Description: x\n")
        text = plimsoll("scan", "--db", DB, "rootfs:" + root, home=d).out
        report = json.loads(plimsoll("scan", "--db", DB, "--format", "json", "rootfs:" + root, home=d).out)
        strict = plimsoll("scan", "--db", DB, "--strict", "rootfs:" + root, home=d, status=4)
    flat = " ".join(text.split())
    assert report["findings"] == [], report["findings"]
    assert "Safe to sail" not in text, text
    assert "Only the best-known vulnerabilities were looked for." in flat, text
    assert "`plimsoll db update` brings the rest" in flat, text
    assert "Plimsoll's shipped records (" in flat, text
    os_vuln = next(c for c in report["coverage"] if c["class"] == "os-vuln")
    assert os_vuln["state"] == "partial", os_vuln
    assert [g["reason"] for g in report["gaps"]] == ["few-advisories"], report["gaps"]
    assert strict.returncode == 4


run_cases()
