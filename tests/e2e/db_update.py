#!/usr/bin/env python3
"""`db update` against a mirror of our own that speaks the protocol, and breaks it."""
import contextlib
import hashlib
import http.server
import json
import os
import subprocess
import threading
import time

from lib import ROOT, Skip, case, plimsoll, run_cases, temp_dir

UPDATE = os.path.join(os.environ.get("PLIMSOLL_TESTBUILD", os.path.join(ROOT, "build-test")), "tests/update")


class Mirror(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, files):
        self.files, self.seen, self.do = dict(files), [], {}
        self.ranges = True
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/" % self.server_port

    def handle_error(self, request, client_address):
        pass

    def asked(self, path):
        return [h for p, h in self.seen if p == path]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", length=None, **headers):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        if status != 304:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        s = self.server
        path = self.path.lstrip("/")
        s.seen.append((path, dict(self.headers)))
        if path in s.do:
            done = s.do[path](self)
            if done is not False:
                return None
        data = s.files.get(path)
        if data is None:
            return self.answer(404, b"no such file")
        tag = '"%s"' % hashlib.md5(data).hexdigest()
        if self.headers.get("If-None-Match") == tag:
            return self.answer(304, ETag=tag)
        wanted = self.headers.get("Range")
        if wanted and s.ranges and self.headers.get("If-Range", tag) == tag:
            at = int(wanted.split("=")[1].rstrip("-"))
            if at >= len(data):
                return self.answer(416)
            return self.answer(206, data[at:], ETag=tag,
                               Content_Range="bytes %d-%d/%d" % (at, len(data) - 1, len(data)))
        return self.answer(200, data, ETag=tag)


@contextlib.contextmanager
def mirror(files):
    s = Mirror(files)
    threading.Thread(target=s.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield s
    finally:
        s.shutdown()
        s.server_close()


def update(m, folder, only="", stall="20", status=0):
    env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    env["PLIMSOLL_FEEDS_MIRROR"] = m if isinstance(m, str) else m.url
    p = subprocess.run([UPDATE, folder, only, stall], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       env=env, timeout=120, check=False)
    assert "Sanitizer" not in p.stderr and "runtime error" not in p.stderr, p.stderr
    assert p.returncode == status, (p.returncode, p.stdout, p.stderr)
    return p.stdout + p.stderr


def read(*parts):
    with open(os.path.join(*parts), "rb") as f:
        return f.read()


def litter(folder):
    """Unfinished downloads below the folder."""
    return [f for _, _, files in os.walk(folder) for f in files if f.endswith((".part", ".new"))]


KEV = "www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
KEV_FILE = "kev/known_exploited_vulnerabilities.json"
DEBIAN = "security-tracker.debian.org/tracker/data/json"


@case
def unchanged_files_are_not_sent_again():
    with temp_dir() as d, mirror({KEV: b'{"vulnerabilities":[]}'}) as m:
        assert "fetched 1 unchanged 0 failed 0" in update(m, d, "kev")
        assert read(d, KEV_FILE) == m.files[KEV]
        assert "fetched 0 unchanged 1 failed 0" in update(m, d, "kev")
        assert "If-None-Match" in m.asked(KEV)[-1]
        m.files[KEV] = b'{"vulnerabilities":[1]}'
        assert "fetched 1 unchanged 0" in update(m, d, "kev")
        assert read(d, KEV_FILE) == m.files[KEV]
        os.unlink(os.path.join(d, KEV_FILE))  # gone: no condition may stand in the way
        assert "fetched 1 unchanged 0" in update(m, d, "kev")
        assert not litter(d)


@case
def last_modified_is_a_condition_too():
    when = "Mon, 02 Nov 2026 10:00:00 GMT"

    def dated(h):
        if h.headers.get("If-Modified-Since") == when:
            h.answer(304)
        else:
            h.answer(200, b"[1]", Last_Modified=when)
    with temp_dir() as d, mirror({}) as m:
        m.do[KEV] = dated
        assert "fetched 1" in update(m, d, "kev")
        assert "unchanged 1" in update(m, d, "kev")


def cut_once(m, path, part):
    """The first answer ends after part of it; so do the retries until `path` is set free."""
    def cut(h):
        data = m.files[path]
        at = int((h.headers.get("Range") or "bytes=0-").split("=")[1].rstrip("-"))
        h.close_connection = True
        tag = '"%s"' % hashlib.md5(data).hexdigest()
        if at:
            return h.answer(206, b"", length=len(data) - at, ETag=tag,
                            Content_Range="bytes %d-%d/%d" % (at, len(data) - 1, len(data)))
        return h.answer(200, data[:part], length=len(data), ETag=tag)
    m.do[path] = cut


@case
def cut_downloads_go_on():
    data = os.urandom(3_000_000)
    with temp_dir() as d, mirror({DEBIAN: data}) as m:
        n = [0]

        def cut(h):
            n[0] += 1
            if n[0] > 3:
                return False
            at = int((h.headers.get("Range") or "bytes=0-").split("=")[1].rstrip("-"))
            h.close_connection = True
            tag = '"%s"' % hashlib.md5(data).hexdigest()
            if at:
                h.answer(206, data[at:at + 700_000], length=len(data) - at, ETag=tag,
                         Content_Range="bytes %d-%d/%d" % (at, len(data) - 1, len(data)))
            else:
                h.answer(200, data[:700_000], length=len(data), ETag=tag)
            return True
        m.do[DEBIAN] = cut
        assert "fetched 1" in update(m, d, "debian")
        assert read(d, "debian/tracker.json") == data and not litter(d)
        assert len([1 for h in m.asked(DEBIAN) if "If-Range" in h]) == 3


@case
def a_later_run_goes_on_where_it_stopped():
    data = os.urandom(1_000_000)
    for changed, ranges in ((False, True), (True, True), (False, False)):
        with temp_dir() as d, mirror({DEBIAN: data, KEV: b"{}"}) as m:
            cut_once(m, DEBIAN, 600_000)
            out = update(m, d, "debian,kev")
            assert "failed 1" in out and "warning debian" in out, out
            assert not os.path.exists(os.path.join(d, "debian/tracker.json")) and litter(d)
            del m.do[DEBIAN]
            m.ranges = ranges
            if changed:
                m.files[DEBIAN] = os.urandom(1_000_000)
            assert "fetched 1 unchanged 1 failed 0" in update(m, d, "debian,kev")
            assert read(d, "debian/tracker.json") == m.files[DEBIAN] and not litter(d)
            assert m.asked(DEBIAN)[-1]["Range"] == "bytes=600000-"


@case
def a_feed_that_fails_leaves_yesterdays():
    for wrong in (lambda h: h.answer(500, b"oops"), lambda h: h.answer(403, b"no"), lambda h: h.answer(404, b"gone"),
                  lambda h: h.answer(200, b"<html>login", Content_Type="text/html; charset=utf-8"),
                  lambda h: h.answer(200, b""), lambda h: h.answer(302, Location="file:///etc/passwd"),
                  lambda h: h.answer(429, Retry_After="90000"), lambda h: time.sleep(4)):
        with temp_dir() as d, mirror({DEBIAN: b"old", KEV: b"{}"}) as m:
            update(m, d, "debian,kev")
            m.do[DEBIAN] = wrong
            out = update(m, d, "debian,kev", stall="1")
            assert "unchanged 1 failed 1" in out and "what was fetched before stays" in out, out
            assert read(d, "debian/tracker.json") == b"old" and not litter(d), out


@case
def nothing_at_all_is_a_failure():
    with temp_dir() as d, mirror({}) as m:
        assert "no feed could be fetched" in update(m, d, "debian,kev", status=3)
        assert "there is no feed \"nonsense\"" in update(m, d, "kev,nonsense", status=2)
    with temp_dir() as d:
        out = update("http://127.0.0.1:9/", d, "alpine,kev,nvd", status=3)
        assert "no feed could be fetched" in out


@case
def two_updates_do_not_meet():
    with temp_dir() as d, mirror({DEBIAN: b"x"}) as m:
        m.do[DEBIAN] = lambda h: (time.sleep(3), False)[1]
        t = threading.Thread(target=update, args=(m, d, "debian"))
        t.start()
        deadline = time.monotonic() + 5
        while not m.seen and time.monotonic() < deadline:
            time.sleep(0.02)
        assert "another update" in update(m, d, "debian", status=3)
        t.join()
        assert read(d, "debian/tracker.json") == b"x"


@case
def alpine_releases_are_found_on_the_page():
    host = "secdb.alpinelinux.org/"
    index = b'<a href="../">..</a><a href="v3.9/">v3.9/</a> <a href="v3.20/">v3.20/</a><a href="edge/">edge/</a><a href="old/">'
    with temp_dir() as d, mirror({host: index, host + "v3.9/main.json": b"{}", host + "v3.20/main.json": b"{}",
                                  host + "v3.20/community.json": b"{1}", host + "edge/main.json": b"{}"}) as m:
        out = update(m, d, "alpine")
        assert "fetched 4 unchanged 0 failed 0 absent 2" in out, out
        assert read(d, "alpine-secdb/v3.20/community.json") == b"{1}"
        assert sorted(os.listdir(os.path.join(d, "alpine-secdb"))) == ["edge", "v3.20", "v3.9"]


def repomd(name, data, checksum=None):
    return ('<?xml version="1.0"?><repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary">'
            '<checksum type="sha256">%s</checksum><location href="repodata/primary.xml.gz"/></data><data type="updateinfo">'
            '<checksum type="sha256">%s</checksum><open-checksum type="sha256">%s</open-checksum>'
            '<location href="%s"/></data></repomd>'
            % ("0" * 64, checksum or hashlib.sha256(data).hexdigest(), "1" * 64, name)).encode()


@case
def repositories_name_their_updateinfo():
    base = "dl.rockylinux.org/pub/rocky/9/BaseOS/x86_64/os/"
    data = os.urandom(5000)
    with temp_dir() as d, mirror({base + "repodata/repomd.xml": repomd("repodata/u.xml.gz", data),
                                  base + "repodata/u.xml.gz": data}) as m:
        assert "fetched 1 unchanged 0 failed 0 absent 5" in update(m, d, "rocky")
        assert read(d, "updateinfo/rocky-9-baseos.xml") == data
        n = len(m.asked(base + "repodata/u.xml.gz"))
        assert "unchanged 1" in update(m, d, "rocky")
        assert len(m.asked(base + "repodata/u.xml.gz")) == n  # its checksum is known
        new = os.urandom(5000)
        m.files[base + "repodata/repomd.xml"] = repomd("repodata/u.xml.gz", new)  # but not yet the file
        out = update(m, d, "rocky", status=3)
        assert "publisher names" in out
        assert read(d, "updateinfo/rocky-9-baseos.xml") == data and not litter(d)
        for odd in ("../../../etc/passwd", "/etc/passwd", "http://evil.test/x", "a b"):
            m.files[base + "repodata/repomd.xml"] = repomd(odd, new)
            assert "odd place" in update(m, d, "rocky", status=3)
        m.files[base + "repodata/repomd.xml"] = b"<repomd><data type='updateinfo'>"
        assert "broken" in update(m, d, "rocky", status=3)


@case
def amazon_by_mirror_list():
    data = os.urandom(100)
    where = "cdn.amazonlinux.com/al2023/core/"
    with temp_dir() as d, mirror({where + "mirrors/latest/x86_64/mirror.list":
                                  b"# mirrors\nhttps://gone.test/x/\r\nhttps://cdn.amazonlinux.com/al2023/core/guids/1/$basearch\n",
                                  where + "guids/1/x86_64/repodata/repomd.xml": repomd("repodata/u.xml", data),
                                  where + "guids/1/x86_64/repodata/u.xml": data}) as m:
        out = update(m, d, "amazon")
        assert "fetched 1 unchanged 0 failed 1 absent 2" in out, out  # Amazon Linux 2 must be there
        assert read(d, "updateinfo/amazon-2023.xml") == data


@case
def redhat_archive_by_its_pointer():
    base = "security.access.redhat.com/data/csaf/v2/vex/"
    data = os.urandom(100)
    with temp_dir() as d, mirror({base + "archive_latest.txt": b"csaf_vex_2026-11-20.tar.zst\n",
                                  base + "csaf_vex_2026-11-20.tar.zst": data}) as m:
        assert "fetched 1" in update(m, d, "redhat")
        assert read(d, "redhat-vex/csaf_vex.tar.zst") == data
        m.files[base + "csaf_vex_2026-11-20.tar.zst.sha256"] = b"0" * 64 + b"  csaf_vex_2026-11-20.tar.zst\n"
        m.files[base + "csaf_vex_2026-11-20.tar.zst"] = os.urandom(100)
        assert "publisher names" in update(m, d, "redhat", status=3)
        assert read(d, "redhat-vex/csaf_vex.tar.zst") == data
        m.files[base + "archive_latest.txt"] = b"../../secret\n"
        assert "names no file" in update(m, d, "redhat", status=3)


@case
def names_on_a_page():
    base = "ftp.suse.com/pub/projects/security/oval/"
    page = (b'<a href="suse.linux.enterprise.server.15.xml.gz">x</a> suse.linux.enterprise.server.15.xml.bz2 '
            b'"suse.linux.enterprise.server.15-affected.xml.gz" opensuse.leap.15.6.xml.gz '
            b'opensuse.leap.15.6-patch.xml.gz suse.linux.enterprise.micro.5.xml.gz suse.linux.enterprise.micro.5-affected.xml.gz')
    files = {base: page}
    for n in ("suse.linux.enterprise.server.15.xml.gz", "opensuse.leap.15.6.xml.gz", "suse.linux.enterprise.micro.5.xml.gz"):
        files[base + n] = n.encode()
    with temp_dir() as d, mirror(files) as m:
        assert "fetched 3 unchanged 0 failed 0" in update(m, d, "suse")
        assert "opensuse.leap.15.6.xml.gz" in os.listdir(os.path.join(d, "suse-oval"))


@case
def lists_and_years():
    osv = "osv-vulnerabilities.storage.googleapis.com/"
    with temp_dir() as d, mirror({osv + "Go/all.zip": b"z", osv + "crates%2Eio/all.zip": b"c",
                                  "nvd.nist.gov/feeds/json/cve/2.0/nvdcve-2.0-2002.json.gz": b"n"}) as m:
        out = update(m, d, "osv,nvd")
        assert "fetched 3 " in out, out
        assert read(d, "osv/Go/all.zip") == b"z" and read(d, "nvd/nvdcve-2.0-2002.json.gz") == b"n"


@case
def odd_state_files_do_no_harm():
    with temp_dir() as d, mirror({KEV: b"{}"}) as m:
        update(m, d, "kev")
        state = os.path.join(d, "kev/.known_exploited_vulnerabilities.json.state")
        for text in (b"", b"\xff" * 100, b"etag " + b"x" * 5000, b"url " + m.url.encode() + b"\netag \"a\"\n"):
            with open(state, "wb") as f:
                f.write(text)
            assert "fetched 1" in update(m, d, "kev")
        os.unlink(state)
        os.symlink("/dev/zero", state)
        assert "fetched 1" in update(m, d, "kev")


@case
def the_command_builds_and_swaps():
    with temp_dir() as d, mirror({KEV: json.dumps(
            {"title": "Known Exploited Vulnerabilities", "catalogVersion": "1", "dateReleased": "2026-01-01T00:00:00Z", "count": 1,
             "vulnerabilities": [{"cveID": "CVE-2021-44228", "dateAdded": "2021-12-10", "knownRansomwareCampaignUse": "Known"}]})
            .encode()}) as m:
        if plimsoll("db", "update", "--help", status=None).returncode != 0:
            raise Skip("this build has no `db update`")
        db = os.path.join(d, "advisories.db")
        env = {"PLIMSOLL_FEEDS_MIRROR": m.url}
        args = ("db", "update", "--only", "kev", "--feeds", os.path.join(d, "feeds"), "--output", db)
        plimsoll(*args, env=env, home=d)
        first = os.stat(db).st_ino
        plimsoll(*args, env=env, home=d)  # nothing new: nothing is built
        assert os.stat(db).st_ino == first and not os.path.exists(db + ".new")


run_cases()
