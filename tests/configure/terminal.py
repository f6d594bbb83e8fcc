"""Runs `anyrole configure` as a person at a terminal does, first answering no and then yes, and prints its exit statuses."""

import os
import pty
import select
import sys
import time


def run(answers):
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.argv[1], [sys.argv[1], "configure", "deploy", *sys.argv[2:]])
    seen, end = b"", time.monotonic() + 60
    for question, answer in answers:
        while question not in seen and time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    seen += os.read(terminal, 4096)
                except OSError:
                    break
        seen = seen.split(question, 1)[-1]
        os.write(terminal, answer + b"\n")
    while time.monotonic() < end:
        try:
            more = os.read(terminal, 4096)
        except OSError:
            break
        if not more:
            break
        seen += more
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    print(seen.decode(), file=sys.stderr)
    return status


missing = [(b"(role_arn): ", b"arn:aws:iam::111122223333:role/build"), (b"(certificate): ", b"host.pem")]
print("no", run([*missing, (b"[y/N]: ", b"n")]))
print("yes", run([*missing, (b"[y/N]: ", b"y")]))
