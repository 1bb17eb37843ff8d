"""What the end-to-end scripts share: cases that print ok / not ok / skip, the program under test,
temporary folders, free ports, servers that are ended by the id of the process we started."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLIMSOLL = os.environ.get("PLIMSOLL", os.path.join(ROOT, "build-test/plimsoll"))
RELEASE = os.environ.get("PLIMSOLL_RELEASE", os.path.join(ROOT, "build/plimsoll"))
FEEDS = os.environ.get("PLIMSOLL_TEST_FEEDS")
IMAGES = os.environ.get("PLIMSOLL_TEST_IMAGES")

_cases = []


class Skip(Exception):
    """Raised by a case that cannot run here; the text says why."""


def case(fn):
    _cases.append(fn)
    return fn


def need_feeds(*folders):
    if not FEEDS:
        raise Skip("PLIMSOLL_TEST_FEEDS is not set: no advisory files of the publishers here")
    for f in folders:
        if not os.path.exists(os.path.join(FEEDS, f)):
            raise Skip("%s is not among the publishers' files here" % f)
    return FEEDS


def need_images(*files):
    if not IMAGES:
        raise Skip("PLIMSOLL_TEST_IMAGES is not set: no real root filesystems here")
    for f in files:
        if not os.path.exists(os.path.join(IMAGES, f)):
            raise Skip("%s is not among the root filesystems here" % f)
    return IMAGES


def need_tools(*names):
    for n in names:
        if not shutil.which(n):
            raise Skip("%s is not installed (build-aux/deps test)" % n)


def run_cases():
    """Run the script's cases (or those named on the command line); exit 1 when one fails."""
    failed = 0
    words = sys.argv[1:]
    for fn in _cases:
        if words and not any(w in fn.__name__ for w in words):
            continue
        try:
            fn()
            print("ok %s" % fn.__name__, flush=True)
        except Skip as why:
            print("skip %s: %s" % (fn.__name__, why), flush=True)
        except Exception:  # a failed case must not stop the others
            failed += 1
            traceback.print_exc(file=sys.stdout)
            print("not ok %s" % fn.__name__, flush=True)
    sys.exit(1 if failed else 0)


@contextlib.contextmanager
def temp_dir():
    path = tempfile.mkdtemp(prefix="plimsoll-test-")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def server(command, port=None, seconds=20, **popen):
    """A process that listens on a loopback port; ended by its own id."""
    popen.setdefault("stdout", subprocess.DEVNULL)
    popen.setdefault("stderr", subprocess.DEVNULL)
    p = subprocess.Popen(command, **popen)
    try:
        deadline = time.monotonic() + seconds
        while port:
            if p.poll() is not None:
                raise AssertionError("%s ended with %d before it listened" % (command[0], p.returncode))
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if time.monotonic() > deadline:
                raise AssertionError("%s does not listen" % command[0])
            time.sleep(0.05)
        yield p
    finally:
        p.terminate()
        try:
            p.wait(10)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


def plimsoll(*args, binary=None, status=0, seconds=120, env=None, stdin=None, home=None):
    """Run the program; returns the finished process. status None: any."""
    e = dict(os.environ, NO_COLOR="1")
    e.pop("XDG_DATA_HOME", None)
    if home:
        e.update(HOME=home, XDG_CACHE_HOME=os.path.join(home, "cache"))
    e.update(env or {})
    p = subprocess.run([binary or PLIMSOLL, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=seconds, env=e, input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                       check=False)
    out, err = p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")
    if "ERROR: AddressSanitizer" in err or "runtime error:" in err or "LeakSanitizer" in err:
        raise AssertionError("sanitizer: %s" % err[-4000:])
    if status is not None and p.returncode != status:
        raise AssertionError("plimsoll %s: exit %d, wanted %d\n%s\n%s"
                             % (" ".join(map(str, args)), p.returncode, status, out[-2000:], err[-2000:]))
    p.out, p.err = out, err
    return p


def scan(target, *args, **kw):
    """The JSON report of one target."""
    p = plimsoll("scan", "--format", "json", *args, target, **kw)
    return json.loads(p.out)


def finding_set(report, keys=("id", "package")):
    return {tuple(str(f[k]) for k in keys) for f in report["findings"]}


def sh(*command, **kw):
    kw.setdefault("check", True)
    kw.setdefault("stdout", subprocess.PIPE)
    kw.setdefault("stderr", subprocess.STDOUT)
    kw.setdefault("stdin", subprocess.DEVNULL)
    p = subprocess.run([str(c) for c in command], **{**kw, "check": False})
    if kw["check"] and p.returncode:
        raise AssertionError("%s: exit %d: %s" % (command[0], p.returncode, (p.stdout or b"")[-1500:]))
    return (p.stdout or b"").decode(errors="replace")
