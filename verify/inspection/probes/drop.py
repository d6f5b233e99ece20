"""Probe: drops files as the old hoster does, and tries what its account must not be able to do.

Orders: ``{"folder": str, "user": str, "expansion": bytes}``, and either ``"local"``, a folder into which the files are
written here, or ``"address"``, ``"host_key"`` (``ssh-ed25519 AAAA…``) and ``"inside"`` (a ``HOST:PORT`` to try to
reach) of an SFTP server. This place must have the old hoster's key as ssh's default key.
``"names"`` may select some of the files; then nothing but dropping them is tried.
Answer: ``{"sums": {name: sha256}, "upload": outcome}``, and over SFTP also ``listing``, ``above``, ``link``,
``shell``, ``forwarding`` and ``other_key``: the outcome of listing the root, leaving it, making a link (which is
removed again), running a command, connecting through to another host, and logging in with another key. Each outcome is
``{"status": int, "text": str}``.
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

SECONDS = 30
TEST_FILE = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!$H+H*"
"""The antivirus industry's harmless test file, in pieces: in one piece, a scanner would find it in this source."""
ZEROS = 40 * 2**20


def zipped(*members: tuple) -> bytes:  # type: ignore[type-arg]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def linked_out() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("Akte")
        member.type, member.linkname = tarfile.SYMTYPE, "../../../etc/passwd"
        archive.addfile(member)
    return buffer.getvalue()


def files(request: dict) -> dict:  # type: ignore[type-arg]
    makers = {
        "Übersicht.txt": lambda: f"readiness {request['folder']}\n".encode(),
        "plain.com": lambda: TEST_FILE.encode(),
        "nested.zip": lambda: zipped(("inner.zip", zipped(("plain.com", TEST_FILE)))),
        "bomb.zip": lambda: bomb(request["expansion"]),
        "link.tar": linked_out,
    }
    return {name: makers[name]() for name in makers if name in (request.get("names") or makers)}


def bomb(expansion: int) -> bytes:
    """An archive of archives that unpack to more than ``expansion`` bytes."""
    zeros = zipped(("zeros", bytes(ZEROS)))
    return zipped(*((f"{number}.zip", zeros) for number in range(expansion // ZEROS + 2)))


def outcome(argv: list, batch: str = "") -> dict:  # type: ignore[type-arg]
    try:
        done = subprocess.run(argv, input=batch, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return {"status": 124, "text": f"no end after {SECONDS} s"}
    return {"status": done.returncode, "text": (done.stdout + done.stderr).strip()[-1500:]}


def write(folder: Path, contents: dict) -> dict:  # type: ignore[type-arg]
    """Write the files and their manifest; returns the sums by name."""
    sums = {}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        sums[name] = hashlib.sha256(content).hexdigest()
    (folder / "SHA256SUMS").write_text("".join(f"{sum_}  {name}\n" for name, sum_ in sums.items()))
    return sums


def over_sftp(request: dict, scratch: Path) -> dict:  # type: ignore[type-arg]
    known = scratch / "known_hosts"
    known.write_text(f"{request['address']} {request['host_key']}\n")
    options = ["-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes"]
    options += ["-o", "ConnectTimeout=10"]
    account = f"{request['user']}@{request['address']}"
    other = str(scratch / "other")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    (scratch / request["folder"]).mkdir()
    sums = write(scratch / request["folder"], files(request))
    sftp = ["sftp", *options, "-b", "-", account]
    sent = {"sums": sums, "upload": outcome(sftp, f"put -R {scratch}/{request['folder']} /incoming/\n")}
    if request.get("names"):
        return sent
    return {
        **sent,
        "listing": outcome(sftp, "ls -1 /\n"),
        "above": outcome(sftp, f"get /../../../etc/passwd {scratch}/passwd\n"),
        "link": outcome(sftp, "ln -s /etc/passwd /incoming/link\n-rm /incoming/link\n"),
        "shell": outcome(["ssh", *options, account, "id"]),
        "forwarding": outcome(["ssh", *options, "-W", request["inside"], account]),
        "other_key": outcome(["sftp", *options, "-o", "IdentitiesOnly=yes", "-i", other, "-b", "-", account], "ls\n"),
    }


def main() -> None:
    request = json.loads(sys.argv[1])
    if "local" in request:
        folder = Path(request["local"]) / request["folder"]
        folder.mkdir()
        print(json.dumps({"sums": write(folder, files(request)), "upload": {"status": 0, "text": "written here"}}))
        return
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(over_sftp(request, Path(scratch))))


if __name__ == "__main__":
    main()
