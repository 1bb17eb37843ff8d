#!/usr/bin/env python3
"""Programs by their own bytes: those installed here, and Go programs built on the spot."""
import json
import os
import re
import shutil
import subprocess

from lib import Skip, case, need_tools, plimsoll, run_cases, temp_dir

# program, name of the package, how it tells its version itself
INSTALLED = [
    ("bash", "bash", ["--version"], r"version (\d+\.\d+\.\d+)"),
    ("openssl", "openssl", ["version"], r"OpenSSL (\S+)"),
    ("curl", "curl", ["--version"], r"curl (\d+\.\d+\.\d+)"),
    ("git", "git", ["--version"], r"version (\d+\.\d+\.\d+)"),
    ("xz", "xz", ["--version"], r"XZ Utils\) (\S+)"),
    ("zstd", "zstd", ["--version"], r"v(\d+\.\d+\.\d+)"),
    ("gzip", "gzip", ["--version"], r"gzip (\S+)"),
    ("jq", "jq", ["--version"], r"jq-(\S+)"),
    ("perl", "perl", ["-e", "print $^V"], r"v(\S+)"),
    ("node", "node", ["--version"], r"v(\S+)"),
    ("ssh", "openssh", ["-V"], r"OpenSSH_([0-9.]+p\d+)"),
    ("getopt", "util-linux", ["--version"], r"util-linux (\S+)"),
    ("busybox", "busybox", [], r"BusyBox v(\d+\.\d+\.\d+)"),
    ("nginx", "nginx", ["-v"], r"nginx/(\d+\.\d+\.\d+)"),
    ("redis-check-rdb", "redis", ["--version"], r"(\d+\.\d+\.\d+)"),
]


def packages(root):
    out = plimsoll("scan", "rootfs:" + root, "--class", "app-vuln", "--format", "json", "--no-cache")
    report = json.loads(out.stdout)
    return {(p["type"], p["name"], p["version"]) for p in report["packages"]}


@case
def installed_programs():
    seen = 0
    for program, name, args, pattern in INSTALLED:
        path = shutil.which(program)
        if not path or not open(path, "rb").read(4) == b"\x7fELF":
            continue
        said = subprocess.run([path] + args, capture_output=True, text=True, check=False)
        version = re.search(pattern, said.stdout + said.stderr)
        if not version:
            continue
        with temp_dir() as d:
            os.makedirs(d + "/opt/bin")
            shutil.copy(os.path.realpath(path), d + "/opt/bin/" + program)
            found = packages(d)
        assert ("generic", name, version.group(1)) in found, (program, version.group(1), found)
        seen += 1
    if not seen:
        raise Skip("none of the programs is installed")


@case
def go_programs():
    need_tools("go")
    version = re.search(r"go(\d+\.\d+(?:\.\d+)?)", subprocess.check_output(["go", "version"], text=True))
    version = version.group(1) + (".0" if version.group(1).count(".") == 1 else "")
    for flags in ([], ["-ldflags=-s -w"], ["-buildmode=pie"], ["-ldflags=-s -w -X main.version=1.2.3"]):
        with temp_dir() as d:
            os.makedirs(d + "/src")
            os.makedirs(d + "/root/opt")
            with open(d + "/src/go.mod", "w", encoding="ascii") as f:
                f.write("module example.com/shop\n")
            with open(d + "/src/main.go", "w", encoding="ascii") as f:
                f.write("package main\n\nvar version = \"dev\"\n\nfunc main() { println(version) }\n")
            env = dict(os.environ, GOFLAGS="-mod=mod", GOTOOLCHAIN="local", CGO_ENABLED="0",
                       GOCACHE=d + "/cache", GOPATH=d + "/go")
            built = subprocess.run(["go", "build", "-o", d + "/root/opt/shop"] + flags + ["."],
                                   cwd=d + "/src", env=env, capture_output=True, text=True, check=False)
            if built.returncode:
                raise Skip("go build: " + built.stderr[-200:])
            found = packages(d + "/root")
        assert ("golang", "stdlib", version) in found, (flags, found)
        wanted = "v1.2.3" if any("1.2.3" in f for f in flags) else None
        if wanted:
            assert ("golang", "example.com/shop", wanted) in found, found
        else:
            assert any(n == "example.com/shop" for _, n, _ in found), found


run_cases()
