#!/usr/bin/env python3
"""What other tools say of our documents: each format of the golden reports is held against its
published schema or read by a real consumer. Those come from the registries into a folder beside
the program under test, once; without them a case is skipped."""
import csv
import glob
import io
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

from lib import PLIMSOLL, ROOT, Skip, case, need_tools, plimsoll, run_cases, sh, temp_dir

TOOLS = os.path.join(os.path.dirname(os.path.abspath(PLIMSOLL)), "consumers")
PYTHON = ["cyclonedx-python-lib[json-validation]==11.*", "spdx-tools==0.8.*", "junitparser", "html5lib"]
NODE = ["@microsoft/sarif-multitool-linux", "playwright-core"]
GOLDEN = sorted(glob.glob(os.path.join(ROOT, "tests/golden/*.json")))


def need_python():
    """The interpreter of a venv that has the consumers."""
    python = os.path.join(TOOLS, "venv/bin/python")
    stamp = os.path.join(TOOLS, "venv.done")
    if not os.path.exists(stamp):
        p = subprocess.run([sys.executable, "-m", "venv", os.path.join(TOOLS, "venv")], capture_output=True, check=False)
        if p.returncode == 0:
            p = subprocess.run([python, "-m", "pip", "install", "--quiet", *PYTHON], capture_output=True, check=False)
        if p.returncode:
            raise Skip("the Python consumers are not to be had here: %s" % p.stderr.decode()[-200:])
        with open(stamp, "w", encoding="ascii"):
            pass
    return python


def need_node():
    need_tools("node", "npm")
    folder = os.path.join(TOOLS, "node")
    if not os.path.exists(os.path.join(folder, "done")):
        os.makedirs(folder, exist_ok=True)
        p = subprocess.run(["npm", "install", "--prefix", folder, "--no-fund", "--no-audit", "--silent", *NODE],
                           capture_output=True, check=False)
        if p.returncode:
            raise Skip("the Node consumers are not to be had here: %s" % p.stderr.decode()[-200:])
        with open(os.path.join(folder, "done"), "w", encoding="ascii"):
            pass
    return os.path.join(folder, "node_modules")


def large_report(path):
    """A report beyond the limits that services have."""
    with open(os.path.join(ROOT, "tests/golden/shop.json"), encoding="utf-8") as f:
        report = json.load(f)
    first = report["findings"][0]
    report["findings"] = [dict(first, key="k%d" % i, id="CVE-2024-%d" % (10000 + i),
                               severity="critical" if i < 10 else "low") for i in range(6000)]
    with open(path, "w", encoding="utf-8") as f:
        json.dump(report, f)


def documents(form, folder):
    """(golden report, document) of every golden report."""
    out = []
    for path in GOLDEN:
        # Some readers go by the ending.
        ending = {"spdx": "spdx.json", "cyclonedx": "cdx.json"}.get(form, form)
        to = os.path.join(folder, "%s.%s" % (os.path.basename(path)[:-5], ending))
        plimsoll("convert", path, "--format", form, "--output", to)
        with open(path, encoding="utf-8") as f:
            out.append((json.load(f), to))
    assert out
    return out


def inside(python, program, *files):
    """Run a program text under the consumers' interpreter."""
    p = subprocess.run([python, "-c", program, *files], capture_output=True, check=False, timeout=300)
    assert p.returncode == 0, p.stdout.decode()[-3000:] + p.stderr.decode()[-3000:]
    return p.stdout.decode()


@case
def cyclonedx_holds_to_its_schema():
    python = need_python()
    with temp_dir() as t:
        docs = documents("cyclonedx", t)
        inside(python, """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
for path in sys.argv[1:]:
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(path, encoding="utf-8").read())
    assert wrong is None, (path, str(wrong)[:2000])
""", *[d for _, d in docs])
        for report, path in docs:
            with open(path, encoding="utf-8") as f:
                bom = json.load(f)
            components = [c for c in bom["components"] if c["type"] != "operating-system"]
            assert [c["purl"] for c in components] == [p["purl"] for p in report["packages"]], path
            refs = {c["bom-ref"] for c in bom["components"]} | {"image"}
            assert len(refs) == len(bom["components"]) + 1, path
            affected = [(v["id"], a["ref"]) for v in bom["vulnerabilities"] for a in v["affects"]]
            assert all(ref in refs for _, ref in affected), path
            wanted = [f for f in report["findings"] if f["class"] in ("os-vuln", "app-vuln")]
            assert len(affected) == len(wanted), path
            assert sorted(i for i, _ in affected) == sorted(f["id"] for f in wanted), path
            assert len({v["bom-ref"] for v in bom["vulnerabilities"]}) == len(bom["vulnerabilities"]), path
            for d in bom["dependencies"]:
                assert set(d["dependsOn"]) <= refs | {"os"}, path


@case
def spdx_holds_to_its_validator():
    python = need_python()
    with temp_dir() as t:
        docs = documents("spdx", t)
        inside(python, """
import sys
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
for path in sys.argv[1:]:
    wrong = validate_full_spdx_document(parse_file(path), "SPDX-2.3")
    assert not wrong, (path, [w.validation_message for w in wrong][:5])
""", *[d for _, d in docs])
        for report, path in docs:
            with open(path, encoding="utf-8") as f:
                doc = json.load(f)
            purls = [r["referenceLocator"] for p in doc["packages"] for r in p.get("externalRefs", [])
                     if r["referenceType"] == "purl" and p["primaryPackagePurpose"] in ("LIBRARY", "APPLICATION")]
            assert purls == [p["purl"] for p in report["packages"]], path


@case
def sarif_passes_the_services_rules():
    modules = need_node()
    tool = os.path.join(modules, "@microsoft/sarif-multitool-linux/Sarif.Multitool")
    with temp_dir() as t:
        large_report(os.path.join(t, "large.json"))
        plimsoll("convert", os.path.join(t, "large.json"), "--format", "sarif", "--output", os.path.join(t, "large.sarif"))
        paths = [d for _, d in documents("sarif", t)] + [os.path.join(t, "large.sarif")]
        for path in paths:
            log = path + ".log"
            sh(tool, "validate", path, "--rule-kind", "Sarif;Ghas", "--output", log, "--log", "ForceOverwrite",
               check=False, timeout=300)
            with open(log, encoding="utf-8-sig") as f:
                run = json.load(f)["runs"][0]
            # SARIF2005 asks for a home page of the tool.
            wrong = [r for r in run.get("results", []) if r["ruleId"] != "SARIF2005" and r.get("level") != "note"]
            assert not wrong, (path, json.dumps(wrong[:3])[:2000])
        with open(paths[-1], encoding="utf-8") as f:
            run = json.load(f)["runs"][0]
        assert len(run["results"]) == 5000
        assert sum(r["level"] == "error" for r in run["results"]) == 10
        assert "1000 findings" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


@case
def sarif_says_what_services_ask_for():
    with temp_dir() as t:
        for report, path in documents("sarif", t):
            with open(path, encoding="utf-8") as f:
                run = json.load(f)["runs"][0]
            rules = [r["id"] for r in run["tool"]["driver"]["rules"]]
            assert len(rules) == len(set(rules))
            assert len(run["results"]) == len(report["findings"])
            for r in run["results"]:
                assert rules[r["ruleIndex"]] == r["ruleId"]
                where = r["locations"][0]["physicalLocation"]
                uri = where["artifactLocation"]["uri"]
                assert uri and not uri.startswith("/") and ".." not in uri.split("/"), uri
                assert where["region"]["startLine"] >= 1
                assert r["message"]["text"] and r["partialFingerprints"]["primaryLocationLineHash"]
            for rule in run["tool"]["driver"]["rules"]:
                score = rule["properties"].get("security-severity")
                assert score is None or 0 < float(score) <= 10
                assert "security" in rule["properties"]["tags"] and len(rule["properties"]["tags"]) <= 10
            notes = run["invocations"][0]["toolExecutionNotifications"]
            assert sum(n["descriptor"]["id"] == "gap" for n in notes) == len(report["gaps"])


@case
def junit_is_read_by_a_parser():
    python = need_python()
    with temp_dir() as t:
        for report, path in documents("junit", t):
            inside(python, "import sys, junitparser; junitparser.JUnitXml.fromfile(sys.argv[1])", path)
            root = ET.parse(path).getroot()
            cases = root.findall("testsuite/testcase")
            failures = root.findall("testsuite/testcase/failure")
            skips = root.findall("testsuite/testcase/skipped")
            assert int(root.get("tests")) == len(cases), path
            assert int(root.get("failures")) == len(failures), path
            assert int(root.get("skipped")) == len(skips), path
            assert len(failures) == sum(f["suppressed"] is None for f in report["findings"]), path
            for suite in root.findall("testsuite"):
                assert int(suite.get("tests")) == len(suite.findall("testcase")) > 0, path
                assert int(suite.get("skipped")) == len(suite.findall("testcase/skipped")), path
                assert set(suite.keys()) >= {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"}


# What GitLab's container scanning schema 15 requires, from its description.
GITLAB = {
    "type": "object", "required": ["scan", "version", "vulnerabilities"],
    "properties": {
        "version": {"pattern": r"^15\.\d+\.\d+$"},
        "scan": {
            "required": ["analyzer", "end_time", "scanner", "start_time", "status", "type"],
            "properties": {
                "start_time": {"pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"},
                "end_time": {"pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"},
                "status": {"enum": ["success", "failure"]}, "type": {"const": "container_scanning"},
                "analyzer": {"$ref": "#/$defs/tool"}, "scanner": {"$ref": "#/$defs/tool"},
                "messages": {"items": {"required": ["level", "value"],
                                       "properties": {"level": {"enum": ["info", "warn", "fatal"]},
                                                      "value": {"type": "string", "minLength": 1}}}}}},
        "vulnerabilities": {"type": "array", "items": {
            "required": ["id", "identifiers", "location"],
            "properties": {
                "id": {"type": "string", "minLength": 1}, "name": {"type": "string", "maxLength": 255},
                "description": {"type": "string", "maxLength": 1048576},
                "severity": {"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
                "solution": {"type": "string", "maxLength": 7000},
                "identifiers": {"type": "array", "minItems": 1, "maxItems": 20, "items": {
                    "required": ["type", "name", "value"],
                    "properties": {k: {"type": "string", "minLength": 1} for k in ("type", "name", "value")}}},
                "links": {"items": {"required": ["url"], "properties": {"url": {"pattern": "^(https?|ftp)://.+"}}}},
                "location": {
                    "required": ["dependency", "image", "operating_system"],
                    "properties": {
                        "image": {"type": "string", "minLength": 1, "pattern": r"^[^:]+(:\d+[^:]*)?:[^:]+(:\d+[^:]*)?$"},
                        "operating_system": {"type": "string", "minLength": 1, "maxLength": 255},
                        "dependency": {"required": ["package", "version"],
                                       "properties": {"package": {"required": ["name"]},
                                                      "version": {"type": "string"}}}}},
                "details": {"additionalProperties": {"required": ["type", "name", "value"]}}}}}},
    "$defs": {"tool": {"required": ["id", "name", "version", "vendor"],
                       "properties": {"vendor": {"required": ["name"]}}}},
}


@case
def gitlab_has_what_its_schema_asks_for():
    import jsonschema
    with temp_dir() as t:
        for report, path in documents("gitlab", t):
            with open(path, encoding="utf-8") as f:
                doc = json.load(f)
            jsonschema.Draft202012Validator(GITLAB).validate(doc)
            ids = [v["id"] for v in doc["vulnerabilities"]]
            assert len(ids) == len(set(ids))
            wanted = sum(f["suppressed"] is None and f["class"].endswith("-vuln") for f in report["findings"])
            assert len(ids) == wanted, path


@case
def csv_is_a_table():
    with temp_dir() as t:
        for report, path in documents("csv", t):
            with open(path, encoding="utf-8", newline="") as f:
                rows = list(csv.DictReader(io.StringIO(f.read(), newline="")))
            assert all(None not in r and None not in r.values() for r in rows), path
            of = lambda kind: [r for r in rows if r["record"] == kind]
            assert [r["key"] for r in of("finding")] == [f["key"] for f in report["findings"]], path
            assert len(of("gap")) == len(report["gaps"]) and len(of("coverage")) == 7, path
            for r in rows:
                assert not any(v[:1] in tuple("=+-@") for v in r.values() if v), r


@case
def several_images_make_one_document():
    paths = [os.path.join(ROOT, "tests/golden", n) for n in ("shop.json", "clean.json")]
    with temp_dir() as t:
        both = os.path.join(t, "both.json")
        with open(both, "w", encoding="utf-8") as f:
            json.dump([json.load(open(p, encoding="utf-8")) for p in paths], f)
        out = lambda form: plimsoll("convert", both, "--format", form).out
        assert len(json.loads(out("sarif"))["runs"]) == 2
        assert len(json.loads(out("json"))) == 2
        assert len(ET.fromstring(out("junit")).findall("testsuite")) == 14
        assert out("html").count("<article ") == 2
        assert out("markdown").count("\n## ") + out("markdown").startswith("## ") == 2
        for form in ("cyclonedx", "spdx", "gitlab"):
            p = plimsoll("convert", both, "--format", form, status=2)
            assert "describes one image, not 2" in p.err and "=FILE" in p.err, p.err
            # Before anything is scanned.
            p = plimsoll("scan", "--format", form, "/nowhere/a", "/nowhere/b", status=2)
            assert "describes one image, not 2" in p.err, p.err


@case
def json_comes_back_the_same():
    with temp_dir() as t:
        for path in GOLDEN:
            once = os.path.join(t, "once.json")
            plimsoll("convert", path, "--format", "json", "--output", once)
            with open(path, "rb") as a, open(once, "rb") as b:
                assert a.read() == b.read(), path
        p = plimsoll("convert", os.path.join(ROOT, "docs/report.schema.json"), status=3)
        assert "schema" in p.err, p.err
        plimsoll("convert", "/nowhere.json", status=3)
        plimsoll("convert", GOLDEN[0], "--format", "nonsense", status=2)
        plimsoll("convert", status=2)


@case
def differences_are_told():
    shop = os.path.join(ROOT, "tests/golden/shop.json")
    with temp_dir() as t:
        less = os.path.join(t, "less.json")
        with open(shop, encoding="utf-8") as f:
            report = json.load(f)
        gone = report["findings"].pop(0)
        with open(less, "w", encoding="utf-8") as f:
            json.dump(report, f)
        p = plimsoll("diff", "--format", "json", "--fail-on", "critical", shop, less)
        d = json.loads(p.out)
        assert d["schema"] == "plimsoll.diff/1" and not d["new"] and [g["key"] for g in d["gone"]] == [gone["key"]]
        p = plimsoll("diff", "--fail-on", "critical", less, shop, status=1)
        assert "1 new (1 %s)" % gone["severity"] in p.out, p.out
        assert all(len(line) <= 100 for line in p.out.splitlines()), p.out
        plimsoll("diff", shop, status=2)
        plimsoll("diff", shop, "/nowhere/x.tar", status=3)
        # A report beside a target that is scanned now.
        root = os.path.join(t, "root")
        for name, text in (("etc/os-release", "ID=debian\nVERSION_ID=12\n"),
                           ("var/lib/dpkg/status", "Package: a\nStatus: install ok installed\n"
                                                   "Architecture: amd64\nVersion: 1\n\n")):
            os.makedirs(os.path.dirname(os.path.join(root, name)))
            with open(os.path.join(root, name), "w", encoding="ascii") as f:
                f.write(text)
        empty = os.path.join(t, "feeds")
        os.makedirs(empty)
        plimsoll("db", "build", "--feeds", empty, "--output", os.path.join(t, "empty.db"), status=None)
        p = plimsoll("diff", "--format", "json", "--db", os.path.join(t, "empty.db"), shop, "rootfs:" + root,
                     "--no-cache", status=None, home=t)
        assert p.returncode in (0, 3), p.err
        if p.returncode == 0:
            assert len(json.loads(p.out)["gone"]) == sum(f["suppressed"] is None for f in report["findings"]) + 1


def words_of_the_page(text):
    return set(re.findall(r"<[a-z0-9]+ data-t(?: class=\"[^\"]*\")?>([^<]*)<", text)) | set(
        re.findall(r"data-t>([^<]*)<", text)) | set(re.findall(r"data-t-[a-z-]+=\"([^\"]*)\"", text))


@case
def html_parses_and_speaks_chinese():
    python = need_python()
    with open(os.path.join(ROOT, "src/report/html/page.js"), encoding="utf-8") as f:
        known = set(re.findall(r'"([^"]+)": "', f.read()))
    with temp_dir() as t:
        docs = documents("html", t)
        inside(python, """
import sys, html5lib
for path in sys.argv[1:]:
    html5lib.HTMLParser(strict=True).parse(open(path, encoding="utf-8"))
""", *[d for _, d in docs])
        for _, path in docs:
            with open(path, encoding="utf-8") as f:
                text = f.read()
            body = text[text.index("<body>"):text.rindex("<script>")]
            missing = words_of_the_page(body) - known - {"EPSS", "CVSS"}
            assert not missing, missing
            assert not re.search(r"<(script|iframe|object|img|link)\b", body)
            assert not re.search(r"\son[a-z]+=", re.sub(r'"[^"]*"', '""', body))
            assert " style=" not in re.sub(r'"[^"]*"', '""', body)
            for url in re.findall(r'href="([^"]*)"', body):
                assert url.startswith(("http://", "https://", "#")), url


@case
def html_works_in_a_browser():
    modules = need_node()
    need_tools("chromium")
    with temp_dir() as t:
        paths = [d for _, d in documents("html", t)]
        shots = os.environ.get("PLIMSOLL_TEST_SHOTS", t)
        p = subprocess.run(["node", os.path.join(ROOT, "tests/e2e/html_page.mjs"), shots, *paths],
                           env=dict(os.environ, PLAYWRIGHT_CORE=os.path.join(modules, "playwright-core/index.mjs")),
                           capture_output=True, check=False, timeout=300)
        assert p.returncode == 0, p.stdout.decode()[-3000:] + p.stderr.decode()[-3000:]


if __name__ == "__main__":
    run_cases()
