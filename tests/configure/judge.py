"""Writes config files of all kinds, has `anyrole configure` change them, and judges what came of it by botocore's own parser.

Every line that was there is there, in its order, but for the lines of the profile that it writes; and botocore reads all else as before.
"""

import os
import random
import re
import subprocess
import sys

from botocore.configloader import load_config
from botocore.exceptions import ConfigParseError

program, folder, files = sys.argv[1], sys.argv[2], int(sys.argv[3])
random.seed(4711)
home = os.path.join(folder, "home")
os.makedirs(home + "/.aws", exist_ok=True)
os.makedirs(home + "/.config/anyrole", exist_ok=True)
path = home + "/.aws/config"
session = home + "/.config/anyrole/config.toml"
with open(session, "w") as file:
    file.write(
        "version = 1\n[session.a]\ntrust_anchor_arn = 'arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/"
        "a1b2c3d4-0000-4000-8000-000000000001'\nprofile_arn = 'arn:aws:rolesanywhere:eu-central-1:111122223333:profile/"
        "a1b2c3d4-0000-4000-8000-000000000001'\nrole_arn = 'arn:aws:iam::111122223333:role/build'\ncertificate = 'env:HOST'\n"
    )
os.chmod(session, 0o600)
HEADERS = ["default", "profile a", "profile  a", 'profile "a"', "profile b", "profile 'c d'", "sso-session s", "services v", "preview", "profile b.c", "a", "profile ä"]
KEYS = ["region", "output", "s3", "role_arn", "aws_access_key_id", "credential_process", "Region", "cli_pager", "sso_session"]
VALUES = ["x", "eu-west-1", "a = b", "/bin/x --flag y", "", "ü", "x # y", "\n  nested = 1\n  more = 2", "\n    max = 3", "[x]", "a;b"]
OTHERS = ["", "", "# comment", "; other", "   ", "  # indented", "#", "\t"]


def body():
    lines, keys = [], random.sample(KEYS, len(KEYS))
    for _ in range(random.randrange(6)):
        if random.random() < 0.4:
            lines.append(random.choice(OTHERS))
        else:
            between = random.choice([" = ", "=", " =", ": ", "  =  "])
            # Once in a while a key twice, which botocore refuses.
            key = keys.pop() if random.random() < 0.97 else random.choice(KEYS)
            lines.append(key + between + random.choice(VALUES))
    return lines


def generated():
    lines = [random.choice(OTHERS) for _ in range(random.randrange(3))]
    headers = random.sample(HEADERS, random.randrange(len(HEADERS)))
    own = [header for header in headers if re.fullmatch(r"""profile +["']?a["']?""", header)]
    if random.random() < 0.95:
        # Twice is an error, which is worth a few tries only.
        headers = [header for header in headers if header not in own[1:]]
    for header in headers:
        after = random.choice(["", "", "", " ", " # x"])
        lines += [f"[{header}]{after}", *body()]
    ending = random.choice(["\n", "\n", "\r\n"])
    text = "\n".join(lines).replace("\n", ending) + random.choice(["", ending, ending * 2])
    return random.choice(["", "", "", "\ufeff"]) + text


def read(text):
    with open(folder + "/judged", "w", newline="", encoding="utf-8") as file:
        # botocore refuses the mark; the others do not.
        file.write(text.removeprefix("\ufeff"))
    config = load_config(folder + "/judged")
    config.pop("_path", None)
    return config


def without(text):
    """The lines but for those that it may write: the header, credential_process with what goes on with it, and a region that was added."""
    kept, own, skipping = [], False, False
    for line in re.split("\r?\n|\r", text.removeprefix("\ufeff")):
        header = re.match(r"\s*\[(.*)\]", line)
        if header and not (own and line[:1].isspace() and skipping):
            name = re.sub("[\"']", "", header[1]).split()
            own = name == ["profile", "a"]
            skipping = False
            if own:
                continue
        if own and re.match(r"(credential_process\s*[=:]|region = eu-central-1$)", line, re.I):
            skipping = True
            continue
        if own and skipping and line[:1] in (" ", "\t") and line.strip() and not line.strip().startswith(("#", ";")):
            continue
        if line.strip() and not line[:1].isspace():
            skipping = False
        if line.strip():
            kept.append(line)
    return kept


readable = changed = refused = 0
environment = {"HOME": home, "PATH": "/usr/bin:/bin"}
for number in range(files):
    before = generated()
    with open(path, "w", newline="", encoding="utf-8") as file:
        file.write(before)
    # A file that was written just now may be in the hands of its writer.
    old = os.stat(path).st_mtime - 5
    os.utime(path, (old, old))
    done = subprocess.run([program, "configure", "a", "--yes"], env=environment, capture_output=True, text=True, cwd=folder)
    with open(path, newline="", encoding="utf-8") as file:
        after = file.read()
    if done.returncode:
        assert "[ini-section-twice]" in done.stderr, (before, done.stderr)
        assert before == after
        refused += 1
        continue
    changed += 1
    assert without(before) == without(after), (before, after)
    assert before.startswith("\ufeff") == after.startswith("\ufeff")
    try:
        expected = read(before)
    except ConfigParseError:
        continue
    readable += 1
    found = read(after)
    own = found["profiles"].pop("a")
    mine = expected["profiles"].pop("a", {})
    assert own.pop("credential_process") == f"{program} credential-process a", (before, after)
    mine.pop("credential_process", None)
    if "region" not in mine:
        assert own.pop("region") == "eu-central-1", (before, after)
    assert own == mine, (before, after)
    assert found == expected, (before, after)
print(f"{files} files: {changed} changed, {refused} refused with a section twice; botocore read {readable} before, and each of them after")
