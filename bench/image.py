#!/usr/bin/env python3
"""image.py DIR MEGABYTES [FACTOR]: an OCI layout of about MEGABYTES of tar in five gzip layers.

The first layer is a Debian root with its package database (mmdebstrap, or this machine's own
/var/lib/dpkg when there is no mirror); the others are files of this machine's /usr, so that they
inflate and hash as real images do. FACTOR repeats the file content under other names."""
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile

N_LAYERS = 5


def files():
    for top in ("/usr/lib", "/usr/share", "/usr/bin", "/opt"):
        for folder, dirs, names in os.walk(top):
            dirs.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                if os.path.isfile(path) and not os.path.islink(path) and os.access(path, os.R_OK):
                    yield path


def add(tar, name, data, mode=0o644):
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), mode
    tar.addfile(info, io.BytesIO(data))


def base(tar):
    with open("/var/lib/dpkg/status", "rb") as f:
        add(tar, "var/lib/dpkg/status", f.read())
    with open("/etc/os-release", "rb") as f:
        add(tar, "etc/os-release", f.read())
    with open("/etc/debian_version", "rb") as f:
        add(tar, "etc/debian_version", f.read())
    for name in sorted(os.listdir("/var/lib/dpkg/info")):
        if name.endswith((".list", ".md5sums")):
            with open("/var/lib/dpkg/info/" + name, "rb") as f:
                add(tar, "var/lib/dpkg/info/" + name, f.read())


def store(target, data_path):
    digest = hashlib.sha256()
    with open(data_path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            digest.update(block)
    name = digest.hexdigest()
    size = os.path.getsize(data_path)
    os.rename(data_path, os.path.join(target, "blobs/sha256", name))
    return {"digest": "sha256:" + name, "size": size}


def main():
    target, megabytes = sys.argv[1], int(sys.argv[2])
    factor = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    os.makedirs(os.path.join(target, "blobs/sha256"), exist_ok=True)
    layers, diff_ids = [], []
    paths = list(files())
    per_layer = megabytes * 1000000 // N_LAYERS
    at = 0
    for n in range(N_LAYERS):
        raw = os.path.join(target, "layer.tar")
        with tarfile.open(raw, "w", format=tarfile.PAX_FORMAT) as tar:
            if n == 0:
                base(tar)
            for copy in range(factor):
                start, got = at, 0
                while got < per_layer:
                    path = paths[start % len(paths)]
                    start += 1
                    with open(path, "rb") as f:
                        data = f.read()
                    if len(data) > 64 << 20:
                        continue
                    got += len(data)
                    add(tar, "data%d-%d" % (n, copy) + path, data)
            at = start
        digest = hashlib.sha256()
        with open(raw, "rb") as f:
            for block in iter(lambda: f.read(1 << 20), b""):
                digest.update(block)
        diff_ids.append("sha256:" + digest.hexdigest())
        subprocess.run(["pigz", "-p2", "-6" if factor == 1 else "-1", "-n", "-f", raw], check=True)
        layers.append(dict(store(target, raw + ".gz"), mediaType="application/vnd.oci.image.layer.v1.tar+gzip"))

    def document(value, media_type):
        path = os.path.join(target, "document")
        with open(path, "wb") as f:
            f.write(json.dumps(value).encode())
        return dict(store(target, path), mediaType=media_type)

    config = document({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diff_ids},
                       "history": [{"created_by": "COPY part%d /" % n} for n in range(N_LAYERS)]},
                      "application/vnd.oci.image.config.v1+json")
    manifest = document({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
                         "layers": layers}, "application/vnd.oci.image.manifest.v1+json")
    with open(os.path.join(target, "index.json"), "w", encoding="ascii") as f:
        json.dump({"schemaVersion": 2, "manifests": [manifest]}, f)
    with open(os.path.join(target, "oci-layout"), "w", encoding="ascii") as f:
        json.dump({"imageLayoutVersion": "1.0.0"}, f)


main()
