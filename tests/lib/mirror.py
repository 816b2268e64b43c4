#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
# A mirror on loopback that behaves well or badly, as the path says; http, and https with a certificate of ours.
"""
mirror.py DIR: writes DIR/ports ("HTTP HTTPS") and DIR/ca.pem, then serves until it is ended. Each request is a
line of DIR/requests. Paths: /HOW/NAME serves DIR/NAME; HOW is one of

  ok            as it should be, with ranges and an ETag
  plain         without ranges and ETag
  cut/N         closes after N bytes, once per name; later requests are ok
  cutlength/N   the same without a Content-Length
  endless       never stops
  slow          a byte now and then
  html          a page that says sorry, status 200
  status/N      status N
  later/N       503 with Retry-After: 1, N times per name, then ok
  pause         ok, after a moment; DIR/most is how many were answered at once, at most
  drop/N        closes at once, N times per name, then ok
  toredirect    to https, ok
  tohttp tofile toloop   redirects that must not be followed
  changed       the ETag and the bytes are others at each request
  wrongrange    answers a range with another one
"""
import http.server
import ssl
import subprocess
import sys
import threading
from pathlib import Path

TOP = Path(sys.argv[1])
COUNTS = {}
PORTS = {}
NOW, LOCK = [], threading.Lock()


class Mirror(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def times(self):
        COUNTS[self.path] = COUNTS.get(self.path, 0) + 1
        return COUNTS[self.path]

    def redirect(self, where):
        self.send_response(302)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def part(self, data):
        ask = self.headers.get("Range", "")
        if not ask.startswith("bytes="):
            return None
        start = int(ask[6:].split("-")[0])
        return start if start < len(data) else -1

    def whole(self, data, etag='"one"', ranges=True, length=True):
        start = self.part(data) if ranges else None
        if start is not None and self.headers.get("If-Range", etag) != etag:
            start = None
        if start == -1:
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200 if start is None else 206)
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            data = data[start:]
        if etag:
            self.send_header("ETag", etag)
        if length:
            self.send_header("Content-Length", str(len(data)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(data)

    def cut(self, data, most, length=True, always=False):
        if not always and self.times() > 1:
            return self.whole(data)
        self.send_response(200)
        self.send_header("ETag", '"one"')
        if length:
            self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data[:most])
        self.wfile.flush()
        self.close_connection = True
        return None

    def endless(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        while True:
            self.wfile.write(bytes(1 << 16))

    def slow(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        while True:
            self.wfile.write(b"x")
            self.wfile.flush()
            threading.Event().wait(0.2)

    def pause(self, data):
        with LOCK:
            NOW.append(self)
            most = TOP / "most"
            before = int(most.read_text(encoding="utf-8")) if most.exists() else 0
            most.write_text(str(max(before, len(NOW))), encoding="utf-8")
        threading.Event().wait(0.3)
        with LOCK:
            NOW.remove(self)
        self.whole(data)

    def do_GET(self):
        with open(TOP / "requests", "a", encoding="utf-8") as log:
            log.write(f"{self.path} {self.headers.get('Range', '-')} {self.headers.get('Host')}\n")
        how, *more = self.path.split("?")[0].strip("/").split("/")
        try:
            data = (TOP / more[-1]).read_bytes() if more and (TOP / more[-1]).is_file() else b""
            self.answer(how, more, data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    def answer(self, how, more, data):
        if how == "ok":
            self.whole(data)
        elif how == "plain":
            self.whole(data, etag=None, ranges=False)
        elif how == "cut":
            self.cut(data, int(more[0]))
        elif how == "cutlength":
            self.cut(data, int(more[0]), length=False)
        elif how == "endless":
            self.endless()
        elif how == "slow":
            self.slow()
        elif how == "pause":
            self.pause(data)
        elif how == "html":
            self.whole(b"<html>Sorry.</html>\n")
        elif how == "status":
            self.send_error(int(more[0]))
        elif how in ("later", "drop") and self.times() <= int(more[0]):
            self.close_connection = True
            if how == "later":
                self.send_response(503)
                self.send_header("Retry-After", "1")
                self.send_header("Content-Length", "0")
                self.end_headers()
        elif how in ("later", "drop"):
            self.whole(data)
        elif how == "toredirect":
            self.redirect(f"https://localhost:{PORTS['https']}/ok/{more[-1]}")
        elif how == "tohttp":
            self.redirect(f"http://localhost:{PORTS['http']}/ok/{more[-1]}")
        elif how == "tofile":
            self.redirect(f"file://{TOP}/{more[-1]}")
        elif how == "toloop":
            self.redirect(f"https://localhost:{PORTS['https']}{self.path}")
        elif how == "changed":
            n = self.times()
            self.cut(data, len(data) // 2, always=True) if n == 1 else self.whole(bytes([n]) + data[1:], etag=f'"{n}"')
        elif how == "wrongrange":
            start = self.part(data)
            if start is None:
                self.cut(data, len(data) // 2, always=True)
            else:
                self.send_response(206)
                self.send_header("Content-Range", f"bytes 0-{len(data) - 1}/{len(data)}")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
        else:
            self.send_error(404)


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # clients go away in the middle; that is what they are for


def certificate():
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", str(TOP / "key.pem"), "-out", str(TOP / "ca.pem")],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main():
    certificate()
    plain = Server(("127.0.0.1", 0), Mirror)
    safe = Server(("127.0.0.1", 0), Mirror)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(TOP / "ca.pem", TOP / "key.pem")
    safe.socket = tls.wrap_socket(safe.socket, server_side=True, do_handshake_on_connect=False)
    PORTS.update(http=plain.server_address[1], https=safe.server_address[1])
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    (TOP / "ports.new").write_text(f"{PORTS['http']} {PORTS['https']}\n")
    (TOP / "ports.new").rename(TOP / "ports")
    safe.serve_forever()


main()
