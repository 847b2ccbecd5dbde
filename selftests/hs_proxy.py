#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A UDP relay between one STT client and a server that misbehaves on purpose.

    hs_proxy.py PORT SERVER_PORT MODE

It listens on 127.0.0.1:PORT and forwards to 127.0.0.1:SERVER_PORT. MODE:

    drop N    the first frame of type N is lost
    spoil N   the first frame of type N arrives with one byte changed
    flip      before each handshake frame come copies of it, one for every byte,
              with that byte changed
    replay    two seconds after the handshake its HELLO is sent again, from
              another port, and its AUTH_PROOF; "answers to HELLO: N" is printed

    divert HOST PORT
              the first HELLO goes to another holder of the seed as well, and that
              one's RESPONSE reaches the client before the server's; no more of
              what the client says goes there

It ends when nothing comes for five seconds after the first frame.
"""
import select
import socket
import sys

HELLO, AUTH_PROOF, FINAL = 1, 3, 4


class Proxy:
    def __init__(self, port, server_port, mode, arg):
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", port))
        self.back.connect(("127.0.0.1", server_port))
        self.server = ("127.0.0.1", server_port)
        self.mode, self.arg = mode, arg
        self.client = None
        self.done = False
        self.recorded = {}
        self.other = None
        self.held = []
        if mode == "divert":
            self.other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.other.connect((arg[0], int(arg[1])))

    def variants(self, frame):
        """What goes on in the place of a frame."""
        kind = frame[0]
        if kind > FINAL:
            return [frame]
        if kind not in self.recorded and kind == HELLO and self.other:
            self.other.send(frame)
        self.recorded.setdefault(kind, frame)
        if self.mode == "flip":
            return self.flipped(frame) + [frame]
        if self.mode in ("drop", "spoil") and kind == self.arg and not self.done:
            self.done = True
            return [] if self.mode == "drop" else [self.change(frame, len(frame) // 2, 1)]
        return [frame]

    @staticmethod
    def change(frame, at, by):
        return frame[:at] + bytes([frame[at] ^ by]) + frame[at + 1:]

    def flipped(self, frame):
        return [self.change(frame, at, by) for at in range(len(frame)) for by in (1, 0x80)]

    def forward(self, sock):
        frame, sender = sock.recvfrom(65536)
        if sock is self.front:
            self.client = sender
            for variant in self.variants(frame):
                self.back.send(variant)
        elif sock is self.other:
            for late in [frame] + self.held:
                self.front.sendto(late, self.client)
            self.done = True
        elif self.other and not self.done:
            self.held.append(frame)
        elif self.client:
            for variant in self.variants(frame):
                self.front.sendto(variant, self.client)

    def replay(self):
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stranger.settimeout(2)
        stranger.sendto(self.recorded[HELLO], self.server)
        answers = 0
        try:
            stranger.recvfrom(65536)
            answers += 1
        except socket.timeout:
            pass
        stranger.sendto(self.recorded[AUTH_PROOF], self.server)
        print(f"answers to HELLO: {answers}", flush=True)

    def run(self):
        socks = [s for s in (self.front, self.back, self.other) if s]
        while True:
            timeout = None if not self.client else 2 if self.mode == "replay" else 5
            ready = select.select(socks, [], [], timeout)[0]
            if not ready:
                break
            for sock in ready:
                try:
                    self.forward(sock)
                except ConnectionRefusedError:
                    pass
        if self.mode == "replay":
            self.replay()


def main():
    mode = sys.argv[3]
    arg = sys.argv[4:] if mode == "divert" else int(sys.argv[4]) if len(sys.argv) > 4 else 0
    Proxy(int(sys.argv[1]), int(sys.argv[2]), mode, arg).run()


main()
