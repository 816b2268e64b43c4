#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A folder as an image of containers, in the layout of OCI, which containerd and Podman read.

    tiny-image.py FOLDER OUT.tar NAME:TAG
"""

import hashlib
import io
import json
import pathlib
import platform
import sys
import tarfile

TYPE = "application/vnd.oci.image."


def main():
    folder, out, name = sys.argv[1:4]
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for path in sorted(pathlib.Path(folder).rglob("*")):
            tar.add(path, path.relative_to(folder), recursive=False)
    with tarfile.open(out, "w") as tar:
        def put(path, data):
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        def blob(kind, data):
            sha = hashlib.sha256(data).hexdigest()
            put(f"blobs/sha256/{sha}", data)
            return {"mediaType": TYPE + kind, "digest": f"sha256:{sha}", "size": len(data)}

        arch = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
        bottom = blob("layer.v1.tar", layer.getvalue())
        config = blob("config.v1+json", json.dumps({
            "architecture": arch, "os": "linux", "config": {"Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [bottom["digest"]]}}).encode())
        manifest = blob("manifest.v1+json", json.dumps({
            "schemaVersion": 2, "mediaType": TYPE + "manifest.v1+json",
            "config": config, "layers": [bottom]}).encode())
        manifest["annotations"] = {"io.containerd.image.name": name,
                                   "org.opencontainers.image.ref.name": name}
        put("index.json", json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode())
        put("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')


if __name__ == "__main__":
    main()
