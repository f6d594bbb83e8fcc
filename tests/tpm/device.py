"""Makes a character device of a software TPM, as the kernel has one: a terminal without the ways of a terminal.

device.py SOCKET LINK: prints a line as soon as LINK names the device, and serves it until it is killed.
"""
import os
import pty
import socket
import struct
import sys
import tty


def message(read):
    header = exactly(10, read)
    return header + exactly(struct.unpack(">I", header[2:6])[0] - 10, read)


def exactly(count, read):
    octets = b""
    while len(octets) < count:
        octets += read(count - len(octets))
    return octets


ours, theirs = pty.openpty()
tty.setraw(theirs)
os.symlink(os.ttyname(theirs), sys.argv[2])
print("ready", flush=True)
while True:
    command = message(lambda count: os.read(ours, count))
    with socket.socket(socket.AF_UNIX) as tpm:
        tpm.connect(sys.argv[1])
        tpm.sendall(command)
        os.write(ours, message(tpm.recv))
