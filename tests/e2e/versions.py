"""Version orders against the package managers' own comparers, on many random pairs each. The seed
is fixed, so that a failure can be met again."""
import os
import random
import re
import shutil
import subprocess

from lib import Skip, case, need_images, need_tools, plimsoll, run_cases, sh, temp_dir

RANDOM = random.Random(20)


def ours(scheme, pairs):
    text = "".join("%s\t%s\n" % p for p in pairs)
    return plimsoll("version", "compare", scheme, stdin=text.encode()).out.split()


def agree(scheme, pairs, theirs):
    got = ours(scheme, pairs)
    assert len(got) == len(theirs) == len(pairs), (len(got), len(theirs), len(pairs))
    wrong = [(p, g, t) for p, g, t in zip(pairs, got, theirs) if g != t]
    assert not wrong, "%d of %d differ (pair, ours, theirs): %s" % (len(wrong), len(pairs), wrong[:5])


def some(n, one, near):
    """n pairs; most differ in one place only, where orders are decided."""
    pairs = []
    while len(pairs) < n:
        a = one()
        if RANDOM.random() < 0.4:
            b = one()
        else:
            at = RANDOM.randrange(len(a))
            b = a[:at] + RANDOM.choice(near) + a[at + 1:]
        if b and not set("\t\n") & set(a + b):
            pairs.append((a, b))
    return pairs


def word(alphabet, most):
    return "".join(RANDOM.choice(alphabet) for _ in range(RANDOM.randint(1, most)))


@case
def deb_as_dpkg():
    def one():
        revision = RANDOM.choice(["", "-" + word("019a+~.", 4)])
        return RANDOM.choice(["", "", "0:", "1:", "10:"]) + RANDOM.choice("0129") + word("0011229abzA.+~", 7) + revision
    need_tools("dpkg", "perl")
    pairs = some(3000, one, "012.a~+")
    pairs = [p for p in pairs if all(re.fullmatch(r"(\d+:)?\d[0-9A-Za-z.+~]*(-[0-9A-Za-z.+~]+)?", v) for v in p)]
    answers = []
    for a, b in pairs:
        less = subprocess.run(["dpkg", "--compare-versions", a, "lt", b], check=False).returncode == 0
        more = not less and subprocess.run(["dpkg", "--compare-versions", a, "gt", b], check=False).returncode == 0
        answers.append("<" if less else ">" if more else "=")
    agree("deb", pairs, answers)


@case
def rpm_as_rpm():
    need_tools("rpm")

    def one():
        return RANDOM.choice(["", "", "0:", "1:"]) + word("0019abA._+~^", 8) + RANDOM.choice(["", "-" + word("019a+~.^", 4)])
    pairs = [p for p in some(30000, one, "012.a~^_") if not any(v.endswith(("-", ":")) or '"' in v for v in p)]
    with temp_dir() as work:
        script = os.path.join(work, "compare.lua")
        with open(script, "w", encoding="ascii") as f:
            f.write("local t = {\n%s}\nfor i = 1, #t do local good, c = pcall(rpm.vercmp, t[i][1], t[i][2])\n"
                    "print(not good and 'refused' or c < 0 and '<' or c > 0 and '>' or '=') end\n" % "".join('{"%s","%s"},\n' % p for p in pairs))
        answers = sh("rpm", "--eval", "%%{lua:dofile('%s')}" % script, stderr=subprocess.DEVNULL)
        answers = re.findall("refused|[<=>]", answers)  # rpm's print() gives no newlines
    kept = [(p, a) for p, a in zip(pairs, answers) if a != "refused"]
    assert len(kept) > 10000, len(kept)
    agree("rpm", [k[0] for k in kept], [k[1] for k in kept])


@case
def apk_as_apk():
    """Alpine 3.20's apk-tools 2.14 orders components with leading zeros otherwise than apk-tools 3,
    which we follow: such pairs are left out."""
    images = need_images("alpine")
    if os.geteuid():
        raise Skip("chroot into a real Alpine root needs root")

    def one():
        v = ".".join(str(RANDOM.choice([0, 1, 2, 9, 10, 11])) for _ in range(RANDOM.randint(1, 4))) + RANDOM.choice(["", "", "a", "b"])
        for _ in range(RANDOM.choice([0, 0, 1, 2])):
            v += "_" + RANDOM.choice("alpha beta pre rc cvs svn git hg p".split()) + RANDOM.choice(["", "1", "2", "10"])
        return v + RANDOM.choice(["", "-r0", "-r1", "-r10"])
    pairs = [(one(), one()) for _ in range(1500)]
    pairs += [(a, re.sub(r"\d+", lambda m: str(int(m[0]) + RANDOM.choice([0, 0, 1])), a)) for a, _ in pairs]
    with temp_dir() as work:
        root = os.path.join(work, "root")
        os.mkdir(root)
        sh("tar", "-xzf", os.path.join(images, "alpine/alpine-minirootfs-3.20.3-x86_64.tar.gz"), "-C", root)
        with open(os.path.join(root, "tmp/pairs"), "w", encoding="ascii") as f:
            f.write("".join("%s\t%s\n" % p for p in pairs))
        answers = sh("chroot", root, "/bin/sh", "-c",
                     "while IFS='\t' read -r a b; do apk version -t \"$a\" \"$b\"; done </tmp/pairs").split()
    agree("apk", pairs, answers)


@case
def semver_as_npm():
    need_tools("node", "npm")
    module = os.path.join(os.path.dirname(os.path.realpath(shutil.which("npm"))), "../node_modules/semver")
    if not os.path.isdir(module):
        raise Skip("npm's own semver is not where it usually is")
    ids = ["alpha", "beta", "1", "10", "2", "rc", "0", "x-y", "A", "a1"]

    def one():
        v = "%d.%d.%d" % (RANDOM.randrange(3), RANDOM.randrange(12), RANDOM.randrange(3))
        if RANDOM.random() < 0.6:
            v += "-" + ".".join(RANDOM.choice(ids) for _ in range(RANDOM.randint(1, 3)))
        return v + RANDOM.choice(["", "", "", "+b1"])
    pairs = [(one(), one()) for _ in range(30000)]
    program = ("const s=require(process.argv[1]);const t=require('fs').readFileSync(0,'utf8').trim().split('\\n');"
               "console.log(t.map(l=>{const[a,b]=l.split('\\t');const c=s.compare(a,b);return c<0?'<':c>0?'>':'='}).join('\\n'))")
    answers = subprocess.run(["node", "-e", program, module], input="".join("%s\t%s\n" % p for p in pairs), text=True,
                             stdout=subprocess.PIPE, check=True).stdout.split()
    agree("semver", pairs, answers)


@case
def pep440_as_packaging():
    try:
        from packaging.version import Version
    except ImportError:
        try:
            from pip._vendor.packaging.version import Version
        except ImportError as e:
            raise Skip("neither packaging nor pip is installed for this Python") from e

    def one():
        v = RANDOM.choice(["", "", "1!", "v"]) + ".".join(str(RANDOM.choice([0, 1, 2, 10])) for _ in range(RANDOM.randint(1, 4)))
        if RANDOM.random() < 0.4:
            v += RANDOM.choice(["", ".", "-", "_"]) + RANDOM.choice("a b rc alpha beta c pre preview".split()) + RANDOM.choice(["", "1", "2"])
        v += RANDOM.choice(["", "", ".post1", "-1", ".post", ".rev1"]) + RANDOM.choice(["", "", ".dev0", "dev1"])
        return v + RANDOM.choice(["", "", "", "+abc", "+abc.1", "+1"])
    pairs = [(one(), one()) for _ in range(20000)]
    answers = []
    for a, b in pairs:
        x, y = Version(a), Version(b)
        answers.append("<" if x < y else ">" if x > y else "=")
    agree("pep440", pairs, answers)


@case
def maven_as_maven():
    need_tools("java", "javac")
    jars = ["/usr/share/maven/lib/maven-artifact-3.x.jar", "/usr/share/maven/lib/commons-lang3.jar"]
    if not all(map(os.path.exists, jars)):
        raise Skip("Maven's own library is not installed here")
    tokens = ["1", "2", "0", "00", "10", "alpha", "a", "b", "m", "beta", "rc", "cr", "ga", "final", "release", "sp", "snapshot",
              "x", "foo", "RELEASE", ".", "-", ".", "-", ".", "_", "jre"]

    def one():
        return RANDOM.choice(["1", "2", "1.0", "0"]) + "".join(RANDOM.choice(tokens) for _ in range(RANDOM.randint(0, 7)))
    pairs = [(one(), one()) for _ in range(20000)]
    pairs += [(a, a.replace(RANDOM.choice(tokens), RANDOM.choice(tokens), 1)) for a, _ in pairs]
    with temp_dir() as work:
        with open(os.path.join(work, "Compare.java"), "w", encoding="ascii") as f:
            f.write("import java.io.*;import org.apache.maven.artifact.versioning.ComparableVersion;public class Compare{"
                    "public static void main(String[] x)throws Exception{BufferedReader r=new BufferedReader(new InputStreamReader(System.in));"
                    "String l;StringBuilder o=new StringBuilder();while((l=r.readLine())!=null){String[] p=l.split(\"\\t\",-1);"
                    "int c=new ComparableVersion(p[0]).compareTo(new ComparableVersion(p[1]));o.append(c<0?'<':c>0?'>':'=').append('\\n');}"
                    "System.out.print(o);}}")
        path = ":".join(jars + [work])
        sh("javac", "-cp", path, "-d", work, os.path.join(work, "Compare.java"))
        answers = subprocess.run(["java", "-cp", path, "Compare"], input="".join("%s\t%s\n" % p for p in pairs), text=True,
                                 stdout=subprocess.PIPE, check=True).stdout.split()
    agree("maven", pairs, answers)


@case
def gem_as_rubygems():
    need_tools("ruby")

    def one():
        return ".".join(RANDOM.choice(["0", "1", "2", "10", "a", "rc1", "pre", "beta2"]) if i else str(RANDOM.randrange(4))
                        for i in range(RANDOM.randint(1, 5))) + RANDOM.choice(["", "", "-1", ".0", ".0.0"])
    pairs = [(one(), one()) for _ in range(20000)]
    pairs += [(a, a + ".0") for a, _ in pairs[:2000]]
    program = "STDIN.each_line{|l| a,b=l.chomp.split(\"\\t\"); c=Gem::Version.new(a)<=>Gem::Version.new(b); puts(c<0 ? '<' : c>0 ? '>' : '=')}"
    answers = subprocess.run(["ruby", "-e", program], input="".join("%s\t%s\n" % p for p in pairs), text=True,
                             stdout=subprocess.PIPE, check=True).stdout.split()
    agree("gem", pairs, answers)


@case
def a_million_pairs_in_seconds():
    pairs = [("1.%d.%d-%d" % (i % 7, i % 31, i % 5), "1.%d.%d-%d" % (i % 5, i % 29, i % 7)) for i in range(1000000)]
    assert len(ours("deb", pairs)) == len(pairs)


@case
def wrong_words_are_told():
    for args in ([], ["compare"], ["compare", "nonsense"], ["compare", "deb", "1"], ["compare", "deb", "1", "2", "3"]):
        assert plimsoll("version", *args, status=2).err.count("\n") == 1
    assert plimsoll("version", "compare", "deb", stdin=b"no tab\n", status=2).err


run_cases()
