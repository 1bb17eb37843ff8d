"""Bills of materials as targets: those of other makers, and our own there and back again."""
import json
import os

from lib import ROOT, Skip, case, need_feeds, need_images, plimsoll, run_cases, scan, \
    sh, temp_dir

SYFT = {
    "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6",
    "version": 1,
    "metadata": {"component": {"bom-ref": "af63", "type": "container", "name": "shop", "version": "sha256:ab"}},
    "components": [
        {"bom-ref": "pkg:deb/debian/libc6@2.31-13?arch=amd64&upstream=glibc&distro=debian-11&package-id=1",
         "type": "library", "publisher": "GNU Libc Maintainers <debian-glibc@lists.debian.org>", "name": "libc6",
         "version": "2.31-13", "cpe": "cpe:2.3:a:libc6:libc6:2.31-13:*:*:*:*:*:*:*",
         "purl": "pkg:deb/debian/libc6@2.31-13?arch=amd64&upstream=glibc&distro=debian-11",
         "properties": [{"name": "syft:package:type", "value": "deb"},
                        {"name": "syft:location:0:path", "value": "/var/lib/dpkg/status"},
                        {"name": "syft:metadata:source", "value": "glibc"}]},
        {"type": "library", "name": "zlib1g", "version": "1:1.2.11.dfsg-2",
         "purl": "pkg:deb/debian/zlib1g@1%3A1.2.11.dfsg-2?arch=amd64&distro=debian-11&upstream=zlib"},
        {"type": "library", "name": "bash", "version": "5.1-2+b3",
         "purl": "pkg:deb/debian/bash@5.1-2%2Bb3?arch=amd64&distro=debian-11&upstream=bash%405.1-2"},
        {"type": "library", "group": "org.apache.logging.log4j", "name": "log4j-core", "version": "2.14.1",
         "purl": "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",
         "components": [{"type": "library", "name": "lodash", "version": "4.17.4", "purl": "pkg:npm/lodash@4.17.4"}]},
        {"type": "library", "name": "nameless", "version": "1"},
        {"type": "application", "name": "broken", "version": "1", "purl": "pkg:npm/%zz"},
        {"type": "file", "name": "/etc/passwd"},
        {"type": "operating-system", "name": "debian", "version": "11", "description": "Debian GNU/Linux 11 (bullseye)",
         "properties": [{"name": "syft:distro:id", "value": "debian"},
                        {"name": "syft:distro:versionID", "value": "11"}]},
    ],
}
TRIVY = {
    "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
    "metadata": {"component": {"type": "container", "name": "rocky:8",
                               "purl": "pkg:oci/rocky@sha256%3A11?arch=amd64&repository_url=index.docker.io%2Frocky"}},
    "components": [
        {"bom-ref": "os", "type": "operating-system", "name": "redhat", "version": "8.4",
         "properties": [{"name": "aquasecurity:trivy:Class", "value": "os-pkgs"},
                        {"name": "aquasecurity:trivy:Type", "value": "redhat"}]},
        {"type": "library", "name": "openssl-libs", "version": "1.1.1g-15.el8_3",
         "purl": "pkg:rpm/redhat/openssl-libs@1.1.1g-15.el8_3?arch=x86_64&distro=redhat-8.4&epoch=1",
         "properties": [{"name": "aquasecurity:trivy:SrcName", "value": "openssl"},
                        {"name": "aquasecurity:trivy:SrcVersion", "value": "1.1.1g"},
                        {"name": "aquasecurity:trivy:SrcRelease", "value": "15.el8_3"},
                        {"name": "aquasecurity:trivy:SrcEpoch", "value": "1"}]},
        {"type": "library", "name": "nginx", "version": "1.14.1-9.module+el8",
         "purl": "pkg:rpm/redhat/nginx@1.14.1-9.module%2Bel8?arch=x86_64&distro=redhat-8.4&epoch=1"
                 "&modularitylabel=nginx%3A1.14%3A8000020190830002848%3Af8e95b4e"},
        {"type": "application", "name": "app/package-lock.json",
         "properties": [{"name": "aquasecurity:trivy:Class", "value": "lang-pkgs"}]},
        {"type": "library", "group": "@babel", "name": "core", "version": "7.0.0", "purl": "pkg:npm/%40babel/core@7.0.0",
         "properties": [{"name": "aquasecurity:trivy:FilePath", "value": "app/node_modules/@babel/core/package.json"}]},
    ],
}
SPDX_SYFT = {
    "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "alpine",
    "documentNamespace": "https://example.org/x",
    "packages": [
        {"SPDXID": "SPDXRef-Root", "name": "alpine", "versionInfo": "3.9", "primaryPackagePurpose": "CONTAINER",
         "downloadLocation": "NOASSERTION"},
        {"SPDXID": "SPDXRef-Package-apk-musl", "name": "musl", "versionInfo": "1.1.20-r5", "supplier": "Person: Natanael",
         "sourceInfo": "acquired package info from APK DB: /lib/apk/db/installed", "downloadLocation": "NONE",
         "externalRefs": [{"referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:a"},
                          {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                           "referenceLocator": "pkg:apk/alpine/musl@1.1.20-r5?arch=x86_64&distro=alpine-3.9.6"}]},
        {"SPDXID": "SPDXRef-Package-apk-libssl", "name": "libssl1.1", "versionInfo": "1.1.1g-r0",
         "downloadLocation": "NONE",
         "externalRefs": [{"referenceCategory": "PACKAGE_MANAGER", "referenceType": "purl",
                           "referenceLocator": "pkg:apk/alpine/libssl1.1@1.1.1g-r0?arch=x86_64&upstream=openssl"
                                               "&distro=alpine-3.9.6"}]},
        {"SPDXID": "SPDXRef-x", "name": "mystery", "versionInfo": "1", "downloadLocation": "NONE"},
    ],
    "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                       "relatedSpdxElement": "SPDXRef-Root"}],
}
SPDX_TRIVY = {
    "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "x",
    "packages": [
        {"SPDXID": "SPDXRef-OperatingSystem-1", "name": "debian", "versionInfo": "11.1",
         "primaryPackagePurpose": "OPERATING-SYSTEM"},
        {"SPDXID": "SPDXRef-Application-1", "name": "go.mod", "primaryPackagePurpose": "APPLICATION"},
        {"SPDXID": "SPDXRef-Package-1", "name": "libssl1.1", "versionInfo": "1.1.1k-1",
         "sourceInfo": "built package from: openssl 1.1.1k-1", "supplier": "Organization: Debian OpenSSL Team",
         "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                           "referenceLocator": "pkg:deb/debian/libssl1.1@1.1.1k-1?arch=amd64&distro=debian-11.1"}]},
    ],
}


def write(work, name, document):
    path = os.path.join(work, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(document if isinstance(document, str) else json.dumps(document))
    return path


def read(work, document, *args, **kw):
    return scan("sbom:" + write(work, "bom.json", document), "--no-cache", "--db", empty_db(work), *args, **kw)


def empty_db(work):
    """A database of two invented advisories, so that matching runs."""
    path = os.path.join(work, "advisories.db")
    if not os.path.exists(path):
        feeds = os.path.join(work, "feeds")
        os.makedirs(os.path.join(feeds, "debian"))
        write(os.path.join(feeds, "debian"), "tracker.json", {
            "openssl": {"CVE-2030-1": {"description": "x", "releases": {"bullseye": {
                "status": "resolved", "fixed_version": "1.1.1k-2", "urgency": "high",
                "repositories": {"bullseye": "1.1.1k-1"}}}}},
            "glibc": {"CVE-2030-2": {"description": "y", "releases": {"bullseye": {
                "status": "open", "urgency": "low", "repositories": {"bullseye": "2.31-13"}}}}}})
        plimsoll("db", "build", "--quiet", "--feeds", feeds, "--output", path)
    return path


def packages(report, *keys):
    return sorted(tuple(str(p[k]) for k in keys) for p in report["packages"])


@case
def cyclonedx_as_syft_writes_it():
    with temp_dir() as work:
        report = read(work, SYFT)
        assert packages(report, "type", "name", "version") == [
            ("deb", "bash", "5.1-2+b3"), ("deb", "libc6", "2.31-13"), ("deb", "zlib1g", "1:1.2.11.dfsg-2"),
            ("maven", "org.apache.logging.log4j:log4j-core", "2.14.1"), ("npm", "lodash", "4.17.4")], report["packages"]
        sources = {p["name"]: p["source"] for p in report["packages"]}
        assert sources["libc6"]["name"] == "glibc" and sources["bash"] == {"name": "bash", "version": "5.1-2"}, sources
        assert report["image"]["os"]["family"] == "debian" and report["image"]["os"]["version"].startswith("11")
        assert [f["id"] for f in report["findings"]] == ["CVE-2030-2"], report["findings"]
        reasons = {g["path"]: (g["reason"], g["detail"]) for g in report["gaps"]}
        assert "1 component has no package URL" in reasons["components without a package URL"][1], reasons
        assert reasons["components with a broken package URL"][0] == "broken", reasons


@case
def cyclonedx_as_trivy_writes_it():
    with temp_dir() as work:
        report = read(work, TRIVY)
        assert packages(report, "type", "name", "version", "arch") == [
            ("npm", "@babel/core", "7.0.0", "None"), ("rpm", "nginx", "1:1.14.1-9.module+el8", "x86_64"),
            ("rpm", "openssl-libs", "1:1.1.1g-15.el8_3", "x86_64")], report["packages"]
        by = {p["name"]: p for p in report["packages"]}
        assert by["openssl-libs"]["source"] == {"name": "openssl", "version": "1:1.1.1g-15.el8_3"}, by["openssl-libs"]
        assert "modularitylabel=nginx" in by["nginx"]["purl"]
        assert by["@babel/core"]["path"] == "app/node_modules/@babel/core/package.json"
        assert (report["image"]["os"]["family"], report["image"]["os"]["version"]) == ("rhel", "8.4")
        assert not [g for g in report["gaps"] if g["reason"] in ("missing", "broken")], report["gaps"]


@case
def spdx_as_syft_writes_it():
    with temp_dir() as work:
        report = read(work, SPDX_SYFT)
        assert packages(report, "type", "name", "version", "path") == [
            ("apk", "libssl1.1", "1.1.1g-r0", "lib/apk/db/installed"), ("apk", "musl", "1.1.20-r5", "lib/apk/db/installed")]
        assert {p["name"]: p["source"]["name"] for p in report["packages"]} == {"libssl1.1": "openssl", "musl": "musl"}
        assert (report["image"]["os"]["family"], report["image"]["os"]["version"]) == ("alpine", "3.9.6")
        assert [g["reason"] for g in report["gaps"] if "package URL" in (g["path"] or "")] == ["missing"], report["gaps"]


@case
def spdx_as_trivy_writes_it():
    with temp_dir() as work:
        report = read(work, SPDX_TRIVY)
        assert packages(report, "name", "version") == [("libssl1.1", "1.1.1k-1")]
        assert [(f["id"], f["fixed_version"]) for f in report["findings"]] == [("CVE-2030-1", "1.1.1k-2")]
        assert report["image"]["os"]["version"] == "11.1" and not [g for g in report["gaps"] if g["path"]]


@case
def what_is_no_bill_is_said():
    with temp_dir() as work:
        db = empty_db(work)
        for text, word in (("{}", "no bill of materials"), ("[]", "no bill of materials"), ("{", "line 1"),
                           ("<bom/>", "XML"), ("SPDXVersion: SPDX-2.3\n", "tag-value"), ('{"@graph": []}', "another version"),
                           ("", "empty")):
            path = write(work, "x.json", text)
            p = plimsoll("scan", "--db", db, "--no-cache", "sbom:" + path, status=3)
            assert word in p.err, (text, p.err)
        assert "no such file" in plimsoll("scan", "--db", db, "sbom:" + work + "/absent", status=3).err.lower()
        report = scan(write(work, "bare.json", SPDX_TRIVY), "--db", db, "--no-cache")  # sniffed
        assert len(report["packages"]) == 1
        p = plimsoll("scan", "--db", db, "--no-cache", "--format", "json", "sbom:-", stdin=json.dumps(SYFT).encode())
        assert len(json.loads(p.out)["packages"]) == 5
        deep = '{"bomFormat":"CycloneDX","components":' + '[{"components":' * 900 + "[]" + "}]" * 900 + "}"
        assert any(g["reason"] == "limit" for g in read(work, deep)["gaps"])


@case
def attestations_are_unwrapped():
    with temp_dir() as work:
        statement = {"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document",
                     "predicate": SPDX_TRIVY}
        assert len(read(work, statement)["packages"]) == 1


def known_formats():
    p = plimsoll("scan", "--format", "none", "x", status=2)
    return p.err


def there_and_back(target, db, formats):
    keys = ("id", "status", "severity", "installed_version", "fixed_version", "priority")
    with temp_dir() as work:
        args = ["--db", db, "--no-cache", "--class", "os-vuln,app-vuln"]
        files = {f: os.path.join(work, f + ".json") for f in formats}
        out = plimsoll("scan", *args, "--format", "json", *[w for f in formats for w in ("--format", f + "=" + files[f])],
                       target)
        first = json.loads(out.out)
        assert first["packages"], "nothing to carry"

        def shape(r):
            names = {p["id"]: p for p in r["packages"]}
            return sorted(tuple(str(f[k]) for k in keys) + (names[f["package"]]["purl"],) for f in r["findings"])
        for f in formats:
            second = scan("sbom:" + files[f], *args)
            want = packages(first, "type", "name", "version", "arch", "purl", "source", "path", "owner", "licenses")
            got = packages(second, "type", "name", "version", "arch", "purl", "source", "path", "owner", "licenses")
            assert want == got, (f, [w for w in want if w not in got][:3], [g for g in got if g not in want][:3])
            assert shape(first) == shape(second), (f, set(shape(first)) ^ set(shape(second)))
        return first


def formats_to_try():
    known = known_formats()
    formats = [f for f in ("cyclonedx", "spdx") if f in known]
    if not formats:
        raise Skip("this program writes no bill of materials")
    return formats


@case
def the_sample_there_and_back():
    formats = formats_to_try()
    with temp_dir() as work:
        sample = os.path.join(work, "sample")
        sh(os.path.join(ROOT, "build-aux/sample"), sample)
        there_and_back(sample, empty_db(work), formats)


@case
def an_alpine_root_there_and_back():
    formats = formats_to_try()
    root = os.path.join(need_images("alpine"), "alpine/alpine-minirootfs-3.9.6-x86_64.tar.gz")
    feeds = need_feeds("alpine-secdb")
    with temp_dir() as work:
        db = os.path.join(work, "advisories.db")
        plimsoll("db", "build", "--quiet", "--feeds", os.path.join(feeds, "alpine-secdb"), "--output", db)
        assert len(there_and_back(root, db, formats)["findings"]) > 5


run_cases()
