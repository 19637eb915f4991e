"""Where the installation put the binary."""

import os
import sys
import sysconfig


def find_lagmap() -> str:
    """The path of the binary of this installation; `FileNotFoundError` if there is none."""
    name = "lagmap" + (sysconfig.get_config_var("EXE") or "")
    folders = [sysconfig.get_path("scripts")]
    # `pip install --user`, and `pip install --target FOLDER`, whose scripts are in FOLDER/bin.
    user = "nt_user" if os.name == "nt" else "posix_user"
    if user in sysconfig.get_scheme_names():
        folders.append(sysconfig.get_path("scripts", scheme=user))
    folders.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bin"))
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    raise FileNotFoundError(f"no {name} in {', '.join(folders)}: install lagmap again, e.g. python -m pip install --force-reinstall lagmap")


def main() -> int:
    """Runs the binary with the arguments of this process."""
    arguments = [find_lagmap(), *sys.argv[1:]]
    if os.name == "nt":
        import subprocess

        return subprocess.run(arguments, check=False).returncode
    os.execv(arguments[0], arguments)
