"""Runs at the old hoster's place: sends what a sender should not. ``ADDRESS HOST_KEY wrong|large FOLDER``.

Answers in JSON. ``upload``: how sending the folder went; ``sums`` by name; ``expected``: the verdict by name; and as
``tried`` what must be refused by the server itself.
"""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

SECONDS = 60


def zipped(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(name: str, link: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        if link:
            member.type, member.linkname = tarfile.SYMTYPE, link
        archive.addfile(member)
    return buffer.getvalue()


def bomb() -> bytes:
    zeros = zipped(("zeros", bytes(40 * 2**20)))
    return zipped(*((f"{number}.zip", zeros) for number in range(3)))


def wrong() -> dict[str, tuple[bytes, str]]:
    """Content and verdict by name."""
    return {
        "Akte\nzwei.pdf": (b"newline", "unclear"),
        "..Akte": (b"two dots", "clean"),
        "ä" * 125 + "x.pdf": (b"255 bytes", "clean"),
        "Gr\u00fcn.txt": (b"composed", "clean"),
        "Gru\u0308n.txt": (b"decomposed", "clean"),
        "H\u00e4user & ; $(id) 'x'.txt": (b"signs", "clean"),
        "C:Akte": (b"colon", "unclear"),
        "nul.txt": (b"device", "unclear"),
        "Akte.": (b"dot", "unclear"),
        "bomb.zip": (bomb(), "unclear"),
        "absolute.zip": (zipped(("/etc/cron.d/x", b"")), "unclear"),
        "upwards.zip": (zipped(("../../x", b"")), "unclear"),
        "absolute.tgz": (tarred("/etc/cron.d/x"), "unclear"),
        "link.tgz": (tarred("Akte", "../../../etc/passwd"), "unclear"),
    }


def main() -> None:
    address, key, order, folder = sys.argv[1:]
    files = wrong() if order == "wrong" else {"large.bin": (bytes(5 * 2**20), "clean")}
    with tempfile.TemporaryDirectory() as scratch:
        known = Path(scratch, "known")
        known.write_text(f"{address} {key}\n")
        options = ["-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes"]

        def sftp(batch: str) -> dict[str, object]:
            done = subprocess.run(
                ["sftp", *options, "-b", "-", f"old-hoster@{address}"],
                input=batch, capture_output=True, text=True, errors="replace", timeout=SECONDS,
            )  # fmt: skip
            return {"status": done.returncode, "text": (done.stdout + done.stderr)[-500:]}

        Path(scratch, folder).mkdir()
        sums, lines = {}, []
        for name, (content, _) in files.items():
            Path(scratch, folder, name).write_bytes(content)
            sums[name] = hashlib.sha256(content).hexdigest()
            escaped = name.replace("\n", "\\n")
            lines.append(f"{'' if escaped == name else chr(92)}{sums[name]}  {escaped}\n")
        Path(scratch, folder, "SHA256SUMS").write_text("".join(lines))
        small = Path(scratch, "small")
        small.write_bytes(b"x")
        attempts = {
            "256 bytes": f"put {small} /incoming/{'a' * 256}\n",
            "above its folder": f"put {small} /incoming/../x\n",
            "far above": f"put {small} /incoming/../../../../tmp/x\n",
            "its folder opened to others": "chmod 777 /incoming\n",
            "its folder away": "rename /incoming /other\n",
            "a link": "symlink /etc/passwd /incoming/link\n",
        }
        answer = {
            "upload": sftp(f"put -R {scratch}/{folder} /incoming/\n"),
            "sums": sums,
            "expected": {name: verdict for name, (_, verdict) in files.items()},
            "tried": {name: sftp(batch) for name, batch in attempts.items()} if order == "wrong" else {},
        }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
