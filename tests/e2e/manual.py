"""The manual: every command has a page, --help is cut from it, it renders without a warning, and its
examples run as they stand, with the sample image in the place of the images they name."""
import glob
import os
import re
import shutil
import subprocess
import sys

from lib import PLIMSOLL, ROOT, case, need_tools, plimsoll, run_cases, sh, temp_dir

# What the examples name and a test has not: a registry's image, an engine, a folder of feeds.
STAND_INS = [("docker save shop/api:1.4", "cat shop.tar"), ("debian:12", "oci:sample"), ("oci:build/image", "oci:sample")]


def pages():
    return sorted(glob.glob(os.path.join(ROOT, "man/*.1")))


def commands():
    with open(os.path.join(ROOT, "src/cmd/commands.def"), encoding="ascii") as f:
        return re.findall(r"^COMMAND\((\w+)\)", f.read(), re.M)


def examples(page):
    """(command, output that the page shows) of its EXAMPLES."""
    with open(page, encoding="utf-8") as f:
        section = f.read().partition(".SH EXAMPLES")[2].partition("\n.SH")[0]
    out = []
    for block in re.findall(r"^\.(?:EX|nf)\n(.*?)^\.(?:EE|fi)", section, re.M | re.S):
        for line in block.replace(r"\-", "-").replace(r"\e", "\\").splitlines():
            if line.startswith("$ ") or re.match(r"plimsoll |.*\| plimsoll ", line):
                out.append([line.removeprefix("$ "), []])
            elif out:
                out[-1][1].append(line)
    return out


@case
def every_command_has_a_page_and_help():
    names = commands()
    assert names
    with open(os.path.join(ROOT, "man/plimsoll.1"), encoding="utf-8") as f:
        top = f.read()
    for name in names:
        assert os.path.exists(os.path.join(ROOT, "man/plimsoll-%s.1" % name)), "no page of %s" % name
        assert re.search(r"^\.B %s$" % name, top, re.M), "plimsoll(1) does not name " + name
        text = plimsoll(name, "--help").out
        assert "plimsoll-%s - " % name in text and "SYNOPSIS" in text, text[:200]
        assert all(len(line) <= 100 for line in text.splitlines()), name
    assert "SYNOPSIS" in plimsoll("--help").out
    assert plimsoll(status=2).err.startswith("  plimsoll - ")


@case
def pages_render():
    need_tools("man")
    for page in pages():
        run = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", page], env=dict(os.environ, MANWIDTH="80", LC_ALL="C.UTF-8"),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False)
        text = run.stdout.decode(errors="replace")
        assert run.returncode == 0 and not run.stderr, (page, run.stderr.decode(errors="replace"))
        assert "SYNOPSIS" in text and "NAME" in text, page


def run_example(command, shown, folder, bin_dir):
    for words, ours in STAND_INS:
        command = command.replace(words, ours)
    env = dict(os.environ, PATH=bin_dir + ":" + os.environ["PATH"], HOME=folder, NO_COLOR="1")
    env.pop("XDG_DATA_HOME", None)
    run = subprocess.run(["sh", "-c", command], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         stdin=subprocess.DEVNULL, timeout=120, check=False)
    wanted = 1 if "--fail-on" in command and "diff" not in command else 0
    assert run.returncode == wanted, (command, run.returncode, run.stderr.decode(errors="replace")[-800:])
    if shown:
        assert run.stdout.decode().splitlines() == shown, (command, run.stdout)


@case
def examples_run():
    n = 0
    with temp_dir() as d:
        bin_dir = os.path.join(d, "bin")
        os.mkdir(bin_dir)
        os.symlink(PLIMSOLL, os.path.join(bin_dir, "plimsoll"))
        sh(sys.executable, os.path.join(ROOT, "build-aux/sample"), os.path.join(d, "sample"))
        sh("tar", "-cf", os.path.join(d, "shop.tar"), "-C", os.path.join(d, "sample"), ".")
        shutil.copytree(os.path.join(ROOT, "advisories"), os.path.join(d, "feeds"))
        for name in ("shop-1.4", "shop-1.5"):
            shutil.copy(os.path.join(d, "shop.tar"), os.path.join(d, name + ".tar"))
            plimsoll("scan", "--quiet", "--format", "json=" + os.path.join(d, name + ".json"), os.path.join(d, "shop.tar"), home=d)
        plimsoll("scan", "--quiet", "--format", "cyclonedx=" + os.path.join(d, "shop.cdx.json"), os.path.join(d, "shop.tar"), home=d)
        plimsoll("scan", "--quiet", "--format", "openvex=" + os.path.join(d, "shop.vex.json"), os.path.join(d, "shop.tar"), home=d)
        with open(os.path.join(d, "policy.yaml"), "w", encoding="ascii") as f:
            f.write("name: warn only\nrules:\n  - match: {severities: [critical]}\n    action: warn\n")
        with open(os.path.join(d, "ignore.yaml"), "w", encoding="ascii") as f:
            f.write("- id: CVE-2021-44228\n  reason: not reachable\n")
        for page in pages():
            for command, shown in examples(page):
                run_example(command, shown, d, bin_dir)
                n += 1
    assert n >= 10, n


run_cases()
