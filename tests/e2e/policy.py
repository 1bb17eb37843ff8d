"""Ignore files, VEX, policies, priority by exposure and base images, on images made here."""
import gzip
import hashlib
import io
import json
import os
import tarfile

import jsonschema

from lib import ROOT, case, plimsoll, run_cases, temp_dir

OS = b'ID=debian\nVERSION_ID="11"\nVERSION_CODENAME=bullseye\nPRETTY_NAME="Debian GNU/Linux 11 (bullseye)"\n'
ADD = "/bin/sh -c #(nop) ADD file:abc in / "
CMD = '/bin/sh -c #(nop)  CMD ["bash"]'


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text if isinstance(text, str) else json.dumps(text))
    return path


def stanza(name, version, source):
    return "Package: %s\nStatus: install ok installed\nSource: %s\nArchitecture: amd64\nVersion: %s\n" % (name, source, version)


def layer(files):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for path, data in files:
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return raw.getvalue()


BASE = layer([("etc/os-release", OS), ("var/lib/dpkg/status", stanza("libc6", "2.31-13", "glibc").encode())])
TOP = layer([("var/lib/dpkg/status", (stanza("libc6", "2.31-13", "glibc") + "\n" + stanza("libssl1.1", "1.1.1k-1", "openssl")
                                      + "\n" + stanza("vim-tiny", "2:8.2.2434-3", "vim")).encode())])


def image(folder, layers, history, ports=(), labels=None, annotations=None):
    """An OCI layout; history: (created_by, empty)."""
    os.makedirs(os.path.join(folder, "blobs/sha256"))

    def blob(data, kind):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(folder, "blobs/sha256", digest), "wb") as f:
            f.write(data)
        return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + digest, "size": len(data)}

    config = {"architecture": "amd64", "os": "linux",
              "config": {"ExposedPorts": {p: {} for p in ports}, "Labels": labels or {}},
              "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(l).hexdigest() for l in layers]},
              "history": [dict({"created_by": by}, **({"empty_layer": True} if empty else {})) for by, empty in history]}
    manifest = {"schemaVersion": 2, "config": blob(json.dumps(config).encode(), "config.v1+json"),
                "layers": [blob(gzip.compress(l, mtime=0), "layer.v1.tar+gzip") for l in layers],
                "annotations": annotations or {}}
    write(folder, "index.json", {"schemaVersion": 2, "manifests": [blob(json.dumps(manifest).encode(), "manifest.v1+json")]})
    write(folder, "oci-layout", '{"imageLayoutVersion":"1.0.0"}')
    return folder


def shop(work, name="shop", **kw):
    return image(os.path.join(work, name), [BASE, TOP], [(ADD, False), (CMD, True), ("RUN apt-get install openssl vim", False),
                                                        ('CMD ["shop"]', True)], **kw)


def base(work, name="debian"):
    return image(os.path.join(work, name), [BASE], [(ADD, False), (CMD, True)])


def database(work):
    path = os.path.join(work, "advisories.db")
    if not os.path.exists(path):
        def record(status, fixed=None, urgency="high"):
            r = {"status": status, "urgency": urgency, "repositories": {"bullseye": "0"}}
            return {"description": "made up", "releases": {"bullseye": dict(r, fixed_version=fixed) if fixed else r}}
        write(work, "feeds/debian/tracker.json", {
            "openssl": {"CVE-2030-1": record("resolved", "1.1.1k-2"), "CVE-2030-3": record("open", urgency="medium")},
            "glibc": {"CVE-2030-2": record("resolved", "2.31-14", "medium")},
            "vim": {"CVE-2030-4": record("resolved", "2:8.2.2434-4", "low")}})
        plimsoll("db", "build", "--quiet", "--feeds", os.path.join(work, "feeds"), "--output", path)
    return path


def run(work, target, *args, **kw):
    p = plimsoll("scan", "--db", database(work), "--class", "os-vuln", "--format", "json", "--cache-dir",
                 os.path.join(work, "cache"), *args, target, **kw)
    report = json.loads(p.out)
    with open(os.path.join(ROOT, "docs/report.schema.json"), encoding="utf-8") as f:
        jsonschema.validate(report, json.load(f))
    return report, p


def by_id(report):
    return {f["id"]: f for f in report["findings"]}


def refused(work, option, text, *words):
    path = write(work, "bad.yaml", text)
    p = plimsoll("scan", "--db", database(work), option, path, work + "/shop", status=2)
    for w in words:
        assert w in p.err, (text, w, p.err)


@case
def ignore_files():
    with temp_dir() as work:
        target = shop(work)
        file = write(work, "ignore.yaml", """
- id: cve-2030-1
  package: libssl*
  reason: behind the proxy
- package: pkg:deb/debian/vim-tiny
- id: CVE-2030-2
  expires: 2020-01-31
- {id: CVE-2030-3, package: curl}
- {id: CVE-2030-3, path: "usr/**", expires: 2999-12-31}
""")
        report, p = run(work, target, "--ignore-file", file, "--fail-on", "high")
        found = by_id(report)
        assert found["CVE-2030-1"]["suppressed"] == {"by": "ignore-file %s line 2" % file, "reason": "behind the proxy"}
        assert found["CVE-2030-4"]["suppressed"] == {"by": "ignore-file %s line 5" % file, "reason": None}
        assert found["CVE-2030-2"]["suppressed"] is None and found["CVE-2030-3"]["suppressed"] is None
        assert p.err.count("expired on 2020-01-31") == 1 and ":6:" in p.err, p.err
        assert report["summary"]["suppressed"] == 2 and report["verdict"]["allowed"]
        assert sum(report["summary"]["by_severity"].values()) == 2
        table = plimsoll("scan", "--db", database(work), "--no-cache", "--ignore-file", file, target).out
        assert "2 suppressed" in table and "CVE-2030-4" not in table


@case
def the_usual_ignore_file_is_taken_and_said():
    with temp_dir() as work:
        target = shop(work)
        write(work, "here/.plimsollignore.yaml", "ignore:\n  - id: CVE-2030-1\n")
        here = os.getcwd()
        os.chdir(os.path.join(work, "here"))
        try:
            report, p = run(work, target)
        finally:
            os.chdir(here)
        assert by_id(report)["CVE-2030-1"]["suppressed"]["by"] == "ignore-file .plimsollignore.yaml line 2"
        assert ".plimsollignore.yaml" in p.err
        assert by_id(run(work, target)[0])["CVE-2030-1"]["suppressed"] is None


@case
def broken_files_are_refused_with_the_place():
    with temp_dir() as work:
        shop(work)
        refused(work, "--ignore-file", "- id: CVE-1\n  reson: x\n", "bad.yaml:2:3:", 'did you mean "reason"?')
        refused(work, "--ignore-file", "- id: CVE-1\n  expires: tomorrow\n", ":2:12:", "2027-01-31")
        refused(work, "--ignore-file", "- id: [a\n", "bad.yaml:")
        refused(work, "--ignore-file", "- reason: x\n", ":1:3:", "at least one of")
        refused(work, "--ignore-file", "a: &x 1\nb: *x\n", ":2:4:", "aliases")
        refused(work, "--ignore-file", "- id: a\n  id: b\n", ":2:3:", "twice")
        refused(work, "--policy", "rules:\n  - match: {severity: [high]}\n    action: deny\n", ":2:13:", 'did you mean "severities"?')
        refused(work, "--policy", "rules:\n  - match: {severities: [important]}\n    action: deny\n", ":2:26:", "critical, high")
        refused(work, "--policy", "rules:\n  - match: {}\n    action: block\n", ":3:13:", "deny, warn or allow")
        refused(work, "--policy", "rules:\n  - match: {coverage: [gaps], fixable: true}\n    action: deny\n", ":2:12:")
        refused(work, "--policy", "", "empty")
        refused(work, "--vex", "{}", "neither OpenVEX")
        refused(work, "--vex", "{", "line 1")
        p = plimsoll("scan", "--policy", work + "/absent", "x", status=2)
        assert "absent" in p.err
        assert "--policy FILE" in plimsoll("scan", "--fail-on", "policy", "x", status=2).err


def openvex(products, status, old=False, **kw):
    return {"@context": "https://openvex.dev/ns" + ("" if old else "/v0.2.0"), "@id": "x", "author": "a",
            "timestamp": "2030-01-01T00:00:00Z", "version": 1 if not old else "1",
            "statements": [dict({"vulnerability": "CVE-2030-1" if old else {"name": "CVE-2030-1"}, "products": products,
                                 "status": status}, **kw)]}


@case
def openvex_of_both_forms():
    with temp_dir() as work:
        target = shop(work)
        digest = run(work, target)[0]["image"]["digest"]

        def suppressed(document):
            file = write(work, "vex.json", document)
            f = by_id(run(work, target, "--vex", file)[0])["CVE-2030-1"]
            return f["suppressed"] and f["suppressed"]["reason"]
        yes = [[{"@id": "pkg:deb/debian/libssl1.1"}], [{"@id": "pkg:deb/debian/libssl1.1@1.1.1k-1?arch=amd64"}],
               [{"@id": "pkg:oci/whatever@" + digest.replace(":", "%3A")}], [{"@id": "other"}, {"@id": digest}],
               [{"@id": "x", "hashes": {"sha-256": digest[7:]}, "subcomponents": [{"@id": "pkg:deb/debian/libssl1.1"}]}],
               [{"@id": "x", "identifiers": {"purl": "pkg:oci/shop"}, "subcomponents": [{"@id": "pkg:deb/debian/libssl1.1"}]}]]
        no = [[{"@id": "pkg:deb/debian/libssl1.1@1.1.1k-2"}], [{"@id": "pkg:deb/ubuntu/libssl1.1"}], [{"@id": "pkg:rpm/debian/libssl1.1"}],
              [{"@id": "pkg:oci/shop@sha256%3A" + "0" * 64}], [{"@id": "pkg:oci/shops"}],
              [{"@id": digest, "subcomponents": [{"@id": "pkg:deb/debian/openssl"}]}], []]
        for products in yes:
            got = suppressed(openvex(products, "not_affected", justification="component_not_present", impact_statement="so it is"))
            assert got == "component_not_present: so it is", (products, got)
        for products in no:
            assert suppressed(openvex(products, "not_affected", justification="component_not_present")) is None, products
        assert suppressed(openvex(["pkg:deb/debian/libssl1.1"], "fixed", old=True)) == "fixed"
        assert suppressed(openvex([digest], "not_affected", old=True, subcomponents=["pkg:deb/debian/libssl1.1"],
                                  impact_statement="no")) == "not_affected: no"
        assert suppressed(openvex(["pkg:deb/debian/libssl1.1"], "affected", old=True)) is None


@case
def later_statements_count_and_others_are_noted():
    with temp_dir() as work:
        target = shop(work)
        document = openvex([{"@id": "pkg:deb/debian/libssl1.1"}], "not_affected", justification="component_not_present")
        document["statements"].append({"vulnerability": {"name": "CVE-2030-1"}, "products": [{"@id": "pkg:deb/debian/libssl1.1"}],
                                       "status": "under_investigation", "timestamp": "2030-02-01T00:00:00Z"})
        file = write(work, "vex.json", document)
        report, p = run(work, target, "--vex", file)
        f = by_id(report)["CVE-2030-1"]
        assert f["suppressed"] is None and "vex %s: under_investigation" % file in f["note"], f["note"]
        document["statements"][0].pop("products")
        assert "no products" in run(work, target, "--vex", write(work, "vex.json", document))[1].err


@case
def cyclonedx_vex():
    with temp_dir() as work:
        target = shop(work)

        def bom(state, affects, ident="CVE-2030-1", **kw):
            return dict({"bomFormat": "CycloneDX", "specVersion": "1.6", "vulnerabilities": [
                {"id": ident, "references": [{"id": "CVE-2030-1"}],
                 "analysis": {"state": state, "justification": "code_not_reachable", "detail": "never called"},
                 **({"affects": affects} if affects is not None else {})}]}, **kw)
        parts = {"components": [{"bom-ref": "ssl", "type": "library", "name": "x", "purl": "pkg:deb/debian/libssl1.1"}]}
        for document, muted in (
                (bom("not_affected", [{"ref": "pkg:deb/debian/libssl1.1"}]), True),
                (bom("false_positive", [{"ref": "ssl"}], **parts), True),
                (bom("resolved", [{"ref": "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#ssl"}], **parts), True),
                (bom("resolved", [{"ref": "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#pkg%3Adeb%2Fdebian%2Flibssl1.1"}]), True),
                (bom("not_affected", None, ident="GHSA-x"), True),
                (bom("not_affected", [{"ref": "pkg:deb/debian/libssl1.1", "versions": [{"version": "1.1.1k-1"}]}]), True),
                (bom("not_affected", [{"ref": "pkg:deb/debian/libssl1.1", "versions": [{"version": "9"}]}]), False),
                (bom("not_affected", [{"ref": "pkg:deb/debian/libssl1.1", "versions": [{"range": "vers:deb/<9"}]}]), False),
                (bom("exploitable", [{"ref": "pkg:deb/debian/libssl1.1"}]), False),
                (bom("not_affected", [{"ref": "pkg:deb/debian/libc6"}]), False)):
            f = by_id(run(work, target, "--vex", write(work, "vex.json", document))[0])["CVE-2030-1"]
            assert (f["suppressed"] is not None) == muted, document
            if muted:
                assert f["suppressed"]["reason"] == "code_not_reachable: never called"


@case
def openvex_written_and_read_back():
    with temp_dir() as work:
        target = shop(work)
        ignore = write(work, "i.yaml", "- {id: CVE-2030-4, reason: accepted}\n")
        vex = write(work, "v.json", openvex([{"@id": "pkg:deb/debian/libssl1.1"}], "not_affected",
                                            justification="component_not_present", impact_statement="gone"))
        out = os.path.join(work, "out.json")
        run(work, target, "--vex", vex, "--ignore-file", ignore, "--format", "openvex=" + out)
        with open(out, encoding="utf-8") as f:
            document = json.load(f)
        said = {s["vulnerability"]["name"]: s for s in document["statements"]}
        assert document["@context"] == "https://openvex.dev/ns/v0.2.0" and len(said) == 4
        for s in document["statements"]:
            assert s["status"] != "affected" or s["action_statement"]
            assert s["status"] != "not_affected" or s.get("justification") or s.get("impact_statement")
            assert all(c["@id"].startswith("pkg:deb/debian/") for c in s["products"][0]["subcomponents"])
        assert said["CVE-2030-1"]["status"] == "not_affected" and said["CVE-2030-1"]["impact_statement"] == "gone"
        assert said["CVE-2030-4"]["status"] == "affected" and "accepted" in said["CVE-2030-4"]["action_statement"]
        found = by_id(run(work, target, "--vex", out)[0])
        assert found["CVE-2030-1"]["suppressed"]["reason"] == "component_not_present: gone"
        assert found["CVE-2030-4"]["suppressed"] is None and "affected" in found["CVE-2030-4"]["note"]


def verdict(work, target, policy, *args, status=0):
    return run(work, target, "--policy", write(work, "p.yaml", policy), *args, status=status)[0]["verdict"]


@case
def policies():
    with temp_dir() as work:
        target = shop(work)

        def rule(match, action="deny"):
            return "name: prod\nrules:\n  - {name: r, match: %s, action: %s}\n" % (match, action)
        deny = ["{severities: [high]}", "{classes: [os-vuln], fixable: false}", "{ids: [CVE-2030-4]}", '{packages: ["vim*"]}',
                "{types: deb}", "{priorities: [high, medium, low]}", "{statuses: [affected]}", "{known_exploited: no}", "{base: yes}",
                "{}", '{packages: ["pkg:deb/debian/**"], fixable: yes}', "{age_days_min: 30}"]
        allow = ["{classes: [malware]}", "{epss_min: 0.5}", "{known_exploited: yes}", "{types: [npm]}", "{ids: [CVE-2030-9]}",
                 "{severities: [critical]}", '{packages: ["vi"]}', "{severities: [high], base: yes}"]
        for match in deny:
            v = verdict(work, target, rule(match), status=1)
            assert not v["allowed"] and v["policy"] == "prod" and v["reasons"][0].startswith('rule "r" denies '), (match, v)
        for match in allow:
            assert verdict(work, target, rule(match)) == {"allowed": True, "policy": "prod", "reasons": []}, match
        v = verdict(work, target, rule("{severities: [high]}", "warn"), "--fail-on", "policy")
        assert v["allowed"] and v["reasons"] == ['warning: rule "r" warns of 1 finding: CVE-2030-1 (libssl1.1)'], v
        v = verdict(work, target, rule("{severities: [high]}"), "--fail-on", "medium", status=1)
        assert v["policy"] == "fail-on medium, prod" and len(v["reasons"]) == 2, v
        exception = ("rules:\n  - {name: known, match: {ids: [CVE-2030-1]}, action: allow}\n"
                     "  - {name: rest, match: {severities: [high]}, action: deny}\n")
        v = verdict(work, target, exception)
        assert v == {"allowed": True, "policy": "p.yaml", "reasons": []}, v
        assert not verdict(work, target, "default: deny\n", status=1)["allowed"]
        table = plimsoll("scan", "--db", database(work), "--no-cache", "--policy", write(work, "p.yaml", rule("{fixable: true}")),
                         target, status=1).out
        assert "Not allowed to sail (prod)" in table and 'rule "r" denies 3 findings' in " ".join(table.split()), table


@case
def policies_on_coverage():
    with temp_dir() as work:
        target = shop(work)
        odd = image(os.path.join(work, "odd"), [layer([("etc/os-release", b"ID=nobodys\nVERSION_ID=1\n"),
                                                       ("var/lib/dpkg/status", stanza("a", "1", "a").encode())])], [("x", False)])

        def rule(match):
            return "rules:\n  - {name: known, match: {coverage: [%s]}, action: deny}\n" % match
        assert verdict(work, target, rule("unsupported"))["allowed"]
        v = verdict(work, odd, rule("unsupported, end_of_life"), status=1)
        assert v["reasons"] and "os-vuln is unsupported" in v["reasons"][0], v
        assert "gap" in verdict(work, odd, rule("gaps"), status=1)["reasons"][0]
        assert not verdict(work, target, rule("skipped"), status=1)["allowed"]
        only = "rules:\n  - {match: {classes: [os-vuln], coverage: [skipped]}, action: deny}\n"
        assert verdict(work, target, only)["allowed"]


@case
def exposure_raises_priority():
    with temp_dir() as work:
        quiet, loud = shop(work), shop(work, "loud", ports=["443/tcp", "80/tcp"])
        quiet, loud = by_id(run(work, quiet)[0]), by_id(run(work, loud)[0])
        assert quiet["CVE-2030-1"]["priority"] == "medium" and loud["CVE-2030-1"]["priority"] == "high"
        assert "exposes 443/tcp and 1 more" in loud["CVE-2030-1"]["priority_reason"], loud["CVE-2030-1"]["priority_reason"]
        assert loud["CVE-2030-2"]["priority"] == quiet["CVE-2030-2"]["priority"]


@case
def base_images():
    with temp_dir() as work:
        target, below = shop(work), base(work)
        first = run(work, target, "--no-cache")[0]
        assert first["image"]["base_image"] == {"reference": None, "digest": None, "how": "history", "layers": 2}
        whose = {i: f["in_base"] for i, f in by_id(first).items()}
        assert whose == {"CVE-2030-1": False, "CVE-2030-2": True, "CVE-2030-3": False, "CVE-2030-4": False}, whose
        of_base = run(work, below)[0]
        assert of_base["image"]["base_image"] is None and of_base["findings"][0]["in_base"] is None
        again = run(work, target)[0]
        assert again["image"]["base_image"] == {"reference": below, "digest": of_base["image"]["digest"], "how": "chain", "layers": 1}
        assert run(work, target)[0]["image"]["base_image"] == again["image"]["base_image"]
        assert run(work, below)[0]["image"]["base_image"] is None
        seen = os.path.join(work, "cache/seen")
        assert os.stat(seen).st_mode & 0o777 == 0o600
        with open(seen, encoding="utf-8") as f:
            assert len(f.read().splitlines()) == 2
        with open(seen, "ab") as f:
            f.write(b"\0garbage\nsha256:\xff 1\n" * 10)
        assert run(work, target)[0]["image"]["base_image"]["how"] == "chain"
        table = plimsoll("scan", "--db", database(work), "--cache-dir", work + "/cache", target).out
        assert "Of these 1 is the base image's" in " ".join(table.split()) and "2.31-14 (base)" in table, table


@case
def base_images_by_name():
    with temp_dir() as work:
        named = {"org.opencontainers.image.base.name": "docker.io/library/debian:11",
                 "org.opencontainers.image.base.digest": "sha256:" + "1" * 64}
        a, b = shop(work, "a", labels=named), shop(work, "b", annotations=named)
        for target, how in ((a, "label"), (b, "annotation")):
            found = run(work, target, "--no-cache")[0]["image"]["base_image"]
            assert found == {"reference": named["org.opencontainers.image.base.name"], "digest": "sha256:" + "1" * 64, "how": how,
                             "layers": 2}, found


run_cases()
