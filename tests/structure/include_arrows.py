#!/usr/bin/env python3
"""Fails if a source file includes across an arrow that the design does not draw.

Usage: include_arrows.py ROOT. Prints each offending line; exit 0 when there is none.
"""
import pathlib
import re
import sys

# Folder -> folders it may include from, itself apart. The longest matching folder name counts.
ARROWS = {
    "protocol/types": [],
    "protocol/wire": ["protocol/types"],
    "protocol/net": ["protocol/types"],
    "protocol/client": ["protocol/wire", "protocol/net", "protocol/types"],
    "segment": ["protocol/types"],
    "raftlog/core": ["protocol/types"],
    "raftlog": ["raftlog/core", "segment", "protocol/types"],
    "metrics": ["protocol/types"],
    "broker": ["raftlog", "raftlog/core", "segment", "metrics", "protocol/wire", "protocol/net", "protocol/types"],
    "producer": ["protocol/client", "protocol/wire", "protocol/net", "protocol/types"],
    "consumer": ["protocol/client", "protocol/wire", "protocol/net", "protocol/types"],
    # Programs of users, who include both libraries.
    "producer/examples": ["producer", "consumer", "protocol/client", "protocol/types"],
    "consumer/examples": ["producer", "consumer", "protocol/client", "protocol/types"],
    "cli": ["producer", "consumer", "protocol/client", "protocol/wire", "protocol/net", "protocol/types", "segment"],
}
# A library's header -> the only folder that may include it (clients of tests excepted).
ONLY_IN = {
    r"uv\.h": "protocol/net",
    r"(capnp|kj)/.*": "protocol/wire",
    r".*\.capnp\.h": "protocol/wire",
    r"prometheus/.*": "metrics",
    r"microhttpd\.h": "metrics",
    r"(xxhash|xxh3|xxh_x86dispatch)\.h": "protocol/types",
    r"(zstd|lz4|lz4frame)\.h": "protocol/types",
}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def folder_of(path: str):
    return max((f for f in ARROWS if path == f or path.startswith(f + "/")), key=len, default=None)


def public_headers(root: pathlib.Path):
    """raftmq/x.h -> the folder whose include/raftmq holds it."""
    found = {}
    for header in root.glob("*/include/raftmq/*.h"):
        found["raftmq/" + header.name] = folder_of(header.relative_to(root).as_posix())
    for header in root.glob("*/*/include/raftmq/*.h"):
        found["raftmq/" + header.name] = folder_of(header.relative_to(root).as_posix())
    return found


def offences(root: pathlib.Path):
    public = public_headers(root)
    for top in sorted({f.split("/")[0] for f in ARROWS}):
        for source in sorted((root / top).rglob("*")):
            if source.suffix not in (".h", ".cc"):
                continue
            name = source.relative_to(root).as_posix()
            here = folder_of(name)
            for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                target = match.group(1)
                there = public.get(target) or folder_of(target)
                if target.startswith("tests/"):
                    yield f"{name}:{number}: nothing includes tests: {target}"
                elif there and there != here and there not in ARROWS[here]:
                    yield f"{name}:{number}: no arrow from {here} to {there}: {target}"
                for pattern, only in ONLY_IN.items():
                    if re.fullmatch(pattern, target) and here != only:
                        yield f"{name}:{number}: only {only} may include {target}"


def main():
    root = pathlib.Path(sys.argv[1])
    found = list(offences(root))
    print("\n".join(found) if found else "every include follows the arrows")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
