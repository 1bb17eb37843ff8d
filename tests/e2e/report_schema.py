#!/usr/bin/env python3
"""Hold the golden JSON reports (or the files named) against docs/report.schema.json, and what a
schema cannot say: ids are unique, findings name packages that are there, arrays are sorted, the
summary adds up."""
import glob
import json
import os
import sys

import jsonschema

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEVERITIES = ["critical", "high", "medium", "low", "negligible", "unknown"]
CLASSES = ["os-vuln", "app-vuln", "malware", "sensitive", "baseline", "build", "trust"]


def count(findings, key, word):
    return sum(1 for f in findings if f[key] == word and f["suppressed"] is None)


def faults(report):
    """Everything that is wrong with one report beside its shape."""
    ids = [p["id"] for p in report["packages"]]
    if len(set(ids)) != len(ids):
        yield "package ids are not unique"
    keys = [f["key"] for f in report["findings"]]
    if len(set(keys)) != len(keys):
        yield "finding keys are not unique"
    layers = report["image"]["layers"]
    if [l["index"] for l in layers] != list(range(len(layers))):
        yield "layers are not numbered by their place"
    for f in report["findings"]:
        if f["package"] is not None and f["package"] not in ids:
            yield "%s names a package that is not there: %s" % (f["id"], f["package"])
        for name in ("aliases", "references", "cwes"):
            if [x.encode() for x in f[name]] != sorted(x.encode() for x in f[name]):
                yield "%s: %s are not sorted" % (f["id"], name)
        if f["layer"] and f["layer"]["diff_id"] != layers[f["layer"]["index"]]["diff_id"]:
            yield "%s: layer and layers disagree" % f["id"]
    order = [(CLASSES.index(f["class"]), SEVERITIES.index(f["severity"]), f["id"].encode())
             for f in report["findings"]]
    if order != sorted(order):
        yield "findings are not sorted"
    for key, words in (("class", CLASSES), ("severity", SEVERITIES),
                       ("priority", ["high", "medium", "low"])):
        for word in words:
            if report["summary"]["by_" + key][word] != count(report["findings"], key, word):
                yield "summary.by_%s.%s does not add up" % (key, word)


def main():
    with open(os.path.join(ROOT, "docs/report.schema.json"), encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    paths = sys.argv[1:] or sorted(glob.glob(os.path.join(ROOT, "tests/golden/*.json")))
    bad = 0 if paths else 1
    for path in paths:
        with open(path, encoding="utf-8") as f:
            document = json.load(f)
        said = ["%s: %s" % ("/".join(map(str, e.absolute_path)), e.message)
                for report in (document if isinstance(document, list) else [document])
                for e in validator.evolve(schema=dict(schema["$defs"]["report"],
                                                      **{"$defs": schema["$defs"]}))
                .iter_errors(report)]
        if not said:
            said = [s for report in (document if isinstance(document, list) else [document])
                    for s in faults(report)]
        print("%s - schema %s" % ("not ok" if said else "ok", os.path.basename(path)))
        for s in said[:20]:
            print("#   " + s[:300])
        bad += bool(said)
    return 1 if bad else 0


sys.exit(main())
