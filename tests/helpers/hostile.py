#!/usr/bin/python3
"""A scripted WebDAV server: well-behaved until it is told otherwise.

    hostile.py DIR PORT [CERTIFICATE KEY]

serves a small tree on 127.0.0.1:PORT, by https where a certificate is given, for the user `u` with
the password `p`. A second port, whose number is in DIR/other, stands for another origin: it has the
same tree, asks for no password, and is where redirects lead.

Every request is a line of JSON in DIR/requests: port ("main" or "other"), method, path, headers
(their names, lower case), authorization (whether there was one), depth, since (seconds since the
control was set), scenario (what was done to it, or null).

Control, which is not logged and needs no password:

    POST /_control   scenarios, separated by spaces: these and no others; the log begins anew
    PUT /_file/PATH, DELETE /_file/PATH, MKCOL /_file/PATH   changes the tree itself
    POST /_files   several: an object of paths and contents; null: it goes

A scenario is NAME, then @METHOD (only such requests), :/PREFIX (only such paths), *N (only the next
N requests that it fits). Without @METHOD it fits the methods that it is about. Who gives no
password is refused before any scenario. `hostile.py --list` prints their names.
"""

import base64
import gzip
import itertools
import json
import os
import re
import socket
import ssl
import struct
import sys
import threading
import time
import zlib
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote, urlsplit
from xml.sax.saxutils import escape

AUTHORIZATION = "Basic " + base64.b64encode(b"u:p").decode()
GIB = 1 << 30
LIST = ("PROPFIND", "REPORT")
ALL = ("PROPFIND", "REPORT", "GET", "HEAD")
SCENARIOS = {}


def scenario(name, *methods):
    """Registers what a scenario does: called with the request, returns True once it has answered;
    else the request is answered as ever, with what was changed in it."""

    def register(function):
        SCENARIOS[name] = (methods or ("GET",), function)
        return function

    return register


class File:
    def __init__(self, content, version):
        self.content = content  # None: a collection
        self.version = version
        self.modified = 1700000000 + version


class Tree:
    """Paths without a slash at either end; "" is the root."""

    def __init__(self):
        self.lock = threading.Lock()
        self.version = 0
        self.files = {"": File(None, 0)}
        self.gone = {}  # path: version
        self.put("a.md", b"# Alpha\n\nThe first file.\n")
        self.put("b.txt", b"The second file.\n")
        self.put("sub", None)
        self.put("sub/c.md", b"# Gamma\n\nThe file below.\n")

    def put(self, path, content):
        with self.lock:
            self.version += 1
            self.files[path] = File(content, self.version)
            self.gone.pop(path, None)

    def delete(self, path):
        with self.lock:
            self.version += 1
            for name in [n for n in self.files if n == path or n.startswith(path + "/")]:
                del self.files[name]
                self.gone[name] = self.version

    def members(self, path):
        prefix = path + "/" if path else ""
        with self.lock:
            return sorted(n for n in self.files
                          if n and n.startswith(prefix) and "/" not in n[len(prefix):])

    def since(self, version):
        with self.lock:
            changed = sorted(n for n, f in self.files.items() if n and f.version > version)
            gone = sorted(n for n, v in self.gone.items() if v > version)
            return changed, gone, self.version


class Active:
    """A scenario that was asked for."""

    def __init__(self, spec):
        match = re.fullmatch(r"([a-z0-9-]+)(?:@([A-Z]+))?(?::(/[^*]*))?(?:\*(\d+))?", spec)
        if not match or match[1] not in SCENARIOS:
            raise ValueError(spec)
        self.name = match[1]
        methods, self.function = SCENARIOS[self.name]
        self.methods = (match[2],) if match[2] else methods
        self.prefix = match[3] or "/"
        self.left = int(match[4]) if match[4] else None

    def fits(self, method, path):
        return method in self.methods and path.startswith(self.prefix) and self.left != 0


class State:
    def __init__(self, directory):
        self.directory = directory
        self.tree = Tree()
        self.lock = threading.Lock()
        self.active = []
        self.began = time.monotonic()
        self.count = 0
        self.origin = self.other = ""
        self.log = open(os.path.join(directory, "requests"), "w", buffering=1)

    def control(self, specs):
        active = [Active(s) for s in specs]
        with self.lock:
            self.active = active
            self.began = time.monotonic()
            self.log.seek(0)
            self.log.truncate()

    def choose(self, method, path):
        with self.lock:
            for active in self.active:
                if active.fits(method, path):
                    if active.left:
                        active.left -= 1
                    yield active

    def write(self, line):
        with self.lock:
            line["since"] = round(time.monotonic() - self.began, 3)
            self.log.write(json.dumps(line) + "\n")


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "hostile", ""
    disable_nagle_algorithm = True

    # --- answering

    def answer(self, status, body=b"", type_="text/plain", **headers):
        self.send_response(status)
        self.send_header("Content-Type", type_)
        self.send_header("Content-Length", str(len(body)))
        self.headers_of(headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def headers_of(self, headers):
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def begin(self, status=200, **headers):
        """The head of an answer whose body says itself how long it is."""
        self.close_connection = True
        self.send_response(status)
        self.headers_of(headers)

    def multistatus(self, body):
        self.answer(207, body.encode("utf-8", "surrogateescape"), "application/xml; charset=utf-8")

    def etag(self, file):
        kind = self.etag_kind
        text = "c" if file.content is None else f"v{file.version}"
        if kind == "none":
            return None
        if kind == "stuck":
            text = "always"
        if kind == "restless":
            with self.state.lock:
                self.state.count += 1
                text = f"r{self.state.count}"
        if kind == "unquoted":
            return text
        if kind == "long":
            text *= 1000
        if kind == "huge":
            text *= 50000
        if kind == "odd":
            text = 'a"b\u00e9 c\\'
        return f'W/"{text}"' if kind == "weak" else f'"{text}"'

    def href(self, path, file):
        if self.href_kind == "raw":
            text = "/" + path
        else:
            text = "/" + quote(path)
        if file.content is None and path:
            text += "/"
        if self.href_kind == "absolute":
            text = self.origin() + text
        return escape(text)

    def origin(self):
        return self.state.other if self.is_other else self.state.origin

    def element(self, path):
        file = self.state.tree.files.get(path)
        if file is None:
            return self.gone_element(path)
        if path in self.denied:
            return (f"<d:response><d:href>{self.href(path, file)}</d:href>"
                    f"<d:status>HTTP/1.1 {self.denied[path]} No</d:status></d:response>\n")
        prop = ""
        etag = self.etag(file)
        if etag:
            prop += f"<d:getetag>{escape(etag)}</d:getetag>"
        if self.dates:
            date = formatdate(file.modified, usegmt=True)
            prop += f"<d:getlastmodified>{date}</d:getlastmodified>"
        if file.content is None:
            prop += "<d:resourcetype><d:collection/></d:resourcetype>"
            if self.reports and not path:
                token = self.token(self.state.tree.version)
                prop += f"<d:sync-token>{token}</d:sync-token>" + REPORTS
        else:
            prop += f"<d:getcontentlength>{len(file.content)}</d:getcontentlength><d:resourcetype/>"
        return (f"<d:response><d:href>{self.href(path, file)}</d:href><d:propstat><d:prop>{prop}"
                "</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>\n")

    @staticmethod
    def gone_element(path):
        return (f"<d:response><d:href>/{quote(path)}</d:href>"
                "<d:status>HTTP/1.1 404 Not Found</d:status></d:response>\n")

    @staticmethod
    def token(version):
        return f"data:,{version}"

    def listing(self):
        paths = [self.path_]
        if self.headers.get("Depth") != "0":
            paths += self.state.tree.members(self.path_)
        return "".join(self.element(p) for p in paths)

    # --- as it should be

    def do_PROPFIND(self):
        if self.headers.get("Depth", "infinity") == "infinity":
            return self.answer(403, PRECONDITION % "propfind-finite-depth", "application/xml")
        if self.path_ not in self.state.tree.files:
            return self.answer(404)
        self.multistatus(BEGIN + self.listing() + self.more + END)

    def do_REPORT(self):
        if not self.reports:
            return self.answer(501)
        found = re.search(rb"sync-token>\s*data:,(\d+)\s*<", self.body)
        if not found and re.search(rb"sync-token>\s*[^<\s]", self.body):
            return self.answer(403, PRECONDITION % "valid-sync-token", "application/xml")
        changed, gone, version = self.state.tree.since(int(found[1]) if found else 0)
        body = "".join(self.element(p) for p in changed if self.is_below(p))
        body += "".join(self.gone_element(p) for p in gone if self.is_below(p)) if found else ""
        self.multistatus(BEGIN + body + self.more + f"<d:sync-token>{self.token(version)}"
                         "</d:sync-token>" + END)

    def is_below(self, path):
        return not self.path_ or path.startswith(self.path_ + "/")

    def do_GET(self):
        file = self.state.tree.files.get(self.path_)
        if file is None:
            return self.answer(404, b"no such file\n")
        if file.content is None:
            return self.answer(200, b"<html>a collection</html>\n", "text/html")
        more = {"Last_Modified": formatdate(file.modified, usegmt=True)} if self.dates else {}
        etag = self.etag(file)
        if etag:
            more["ETag"] = etag.encode("ascii", "replace").decode()[:4000]
        if etag and etag in self.headers.get("If-None-Match", ""):
            self.send_response(304)
            return self.headers_of(more)
        self.answer(200, file.content, "text/plain", **more)

    do_HEAD = do_GET

    def do_OPTIONS(self):
        self.answer(200, DAV="1, 2", Allow="OPTIONS, GET, HEAD, PROPFIND, REPORT")

    # --- every request

    def prepare(self):
        self.state = self.server.state
        self.is_other = self.server.is_other
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if length else b""
        self.path_ = unquote(urlsplit(self.path).path).strip("/")
        self.more, self.denied = "", {}
        self.etag_kind, self.href_kind, self.dates, self.reports = "strong", "path", True, False

    def log_it(self, names):
        self.state.write({
            "port": "other" if self.is_other else "main",
            "method": self.command,
            "path": self.path,
            "headers": [n.lower() for n in self.headers],
            "authorization": "Authorization" in self.headers,
            "depth": self.headers.get("Depth"),
            "scenario": " ".join(names) or None,
        })

    def handle_control(self):
        path = unquote(self.path[len("/_file/"):])
        try:
            if self.path == "/_control":
                self.state.control(self.body.decode().split())
            elif self.path == "/_files":
                for path, text in json.loads(self.body).items():
                    if text is None:
                        self.state.tree.delete(path)
                    else:
                        self.state.tree.put(path, text.encode())
            elif self.command == "DELETE":
                self.state.tree.delete(path)
            else:
                self.state.tree.put(path, None if self.command == "MKCOL" else self.body)
        except ValueError as e:
            return self.answer(400, f"no such scenario: {e}\n".encode())
        self.answer(204)

    def dispatch(self):
        self.prepare()
        if self.path in ("/_control", "/_files") or self.path.startswith("/_file/"):
            return self.handle_control()
        allowed = self.is_other or self.headers.get("Authorization") == AUTHORIZATION
        scripted = allowed and not self.is_other
        chosen = list(self.state.choose(self.command, self.path)) if scripted else []
        self.log_it([a.name for a in chosen])
        if not allowed:
            return self.answer(401, b"who are you?\n", WWW_Authenticate='Basic realm="test"')
        for active in chosen:
            if active.function(self):
                return None
        do = getattr(self, "do_" + self.command, None)
        return do() if do else self.answer(405)

    def handle_one_request(self):
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self.dispatch()
            self.wfile.flush()
        except (OSError, ValueError):
            self.close_connection = True  # the client had enough

    def log_message(self, *_):
        pass

    def reset(self):
        """The connection ends as when a machine went down."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
        return True

    def hang(self):
        """Until the client goes away."""
        self.wfile.flush()
        self.close_connection = True
        try:
            while self.connection.recv(4096):
                pass
        except OSError:
            pass
        return True


BEGIN = '<?xml version="1.0" encoding="utf-8"?>\n<d:multistatus xmlns:d="DAV:">\n'
END = "</d:multistatus>\n"
PRECONDITION = b'<?xml version="1.0"?>\n<d:error xmlns:d="DAV:"><d:%s/></d:error>\n'.decode()
REPORTS = ("<d:supported-report-set><d:supported-report><d:report><d:sync-collection/></d:report>"
           "</d:supported-report></d:supported-report-set>")


def member(href, size=5):
    return (f"<d:response><d:href>{href}</d:href><d:propstat><d:prop><d:getetag>&quot;m&quot;"
            f"</d:getetag><d:getcontentlength>{size}</d:getcontentlength><d:resourcetype/></d:prop>"
            "<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>\n")


# --- XML

@scenario("xml-entity", *LIST)
def xml_entity(r):
    r.multistatus('<?xml version="1.0"?>\n<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n'
                  '<d:multistatus xmlns:d="DAV:">' + r.listing() + member("/&x;") + END)
    return True


@scenario("xml-dtd", *LIST)
def xml_dtd(r):
    r.multistatus('<?xml version="1.0"?>\n<!DOCTYPE m SYSTEM "%s/m.dtd">\n' % r.state.other +
                  '<d:multistatus xmlns:d="DAV:">' + r.listing() + END)
    return True


@scenario("xml-laughs", *LIST)
def xml_laughs(r):
    entities = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    r.multistatus(f'<?xml version="1.0"?>\n<!DOCTYPE m [{entities}]>\n'
                  '<d:multistatus xmlns:d="DAV:">' + member("/&a11;") + END)
    return True


@scenario("xml-deep", *LIST)
def xml_deep(r):
    r.multistatus(BEGIN + "<d:x>" * 100000 + "</d:x>" * 100000 + END)
    return True


@scenario("xml-many", *LIST)
def xml_many(r):
    chunked(r, 207, itertools.chain(
        [BEGIN.encode()],
        ("".join(member(f"/many-{n * 1000 + i}.md") for i in range(1000)).encode()
         for n in range(10000)),
        [END.encode()]))
    return True


@scenario("xml-bomb", *LIST)
def xml_bomb(r):
    """A listing of 16 GiB of spaces, in gzip."""
    pack = zlib.compressobj(1, wbits=31)
    texts = itertools.chain([BEGIN.encode()], itertools.repeat(b" " * (4 << 20), 4096))
    chunked(r, 207, map(pack.compress, texts), Content_Encoding="gzip")
    return True


@scenario("xml-drip", *LIST)
def xml_drip(r):
    r.begin(207, Content_Length="100000", Content_Type="application/xml")
    return drip(r, BEGIN.encode() + b" " * 100000)


@scenario("xml-cut", *LIST)
def xml_cut(r):
    body = BEGIN + r.listing() + END
    r.multistatus(body[:body.rindex("<d:response>") + 40])
    return True


@scenario("xml-charset", *LIST)
def xml_charset(r):
    r.answer(207, (BEGIN + member("/caf\u00e9.md") + END).encode("latin-1"), "application/xml")
    return True


@scenario("xml-encoding", *LIST)
def xml_encoding(r):
    r.multistatus((BEGIN + r.listing() + END).replace('"utf-8"', '"x-nonsense"'))
    return True


@scenario("xml-empty", *LIST)
def xml_empty(r):
    r.multistatus("")
    return True


@scenario("xml-none", *LIST)
def xml_none(r):
    r.multistatus(BEGIN + END)
    return True


@scenario("xml-html", *LIST)
def xml_html(r):
    r.answer(207, LOGIN, "text/html")
    return True


@scenario("xml-binary", *LIST)
def xml_binary(r):
    r.answer(207, bytes(range(256)) * 64, "application/xml")
    return True


# --- hrefs: members beside the good ones

BAD_HREFS = {
    "parent": lambda r: ["../escaped.md", "/../escaped.md", "/sub/../../escaped.md"],
    "encoded-parent": lambda r: ["/%2e%2e%2fescaped.md", "/%2E%2E/escaped.md"],
    "slash": lambda r: ["/esc%2faped.md"],
    "nul": lambda r: ["/escaped.md%00.txt", "/%00"],
    "host": lambda r: ["//host.example/escaped.md", "http://host.example/escaped.md"],
    "scheme": lambda r: ["file:///etc/passwd", "ftp://127.0.0.1/escaped.md", "javascript:x"],
    "port": lambda r: [r.state.other + "/escaped.md"],
    "above": lambda r: ["/" + r.path_.rpartition("/")[0], "/escaped.md"] if r.path_ else ["/.."],
    "doubled": lambda r: ["/a.md", "//a.md", "/a.md/"],
    "own": lambda r: ["/" + r.path_, "/" + r.path_ + "/", "/" + r.path_ + "/."],
    "empty": lambda r: ["", "?", "#x", "%", "%zz", "/%ff%fe.md"],
    "long": lambda r: ["/" + "long" * 5000 + ".md", "/" + "d/" * 3000 + "x.md"],
}


def bad_href(kind):
    def change(r):
        r.more += "".join(member(escape(h)) for h in BAD_HREFS[kind](r))

    scenario("href-" + kind, *LIST)(change)


for kind_ in BAD_HREFS:
    bad_href(kind_)


@scenario("href-absolute", *LIST)
def href_absolute(r):
    r.href_kind = "absolute"


@scenario("href-raw", *LIST)
def href_raw(r):
    r.href_kind = "raw"


# --- redirects

def redirect(name, target, *methods):
    def answer(r):
        r.answer(302, b"elsewhere\n", Location=target(r))
        return True

    scenario("redirect-" + name, *(methods or ALL))(answer)


redirect("other", lambda r: r.state.other + r.path)
redirect("link-local", lambda r: "http://169.254.169.254/latest/meta-data/")
redirect("file", lambda r: "file:///etc/passwd")
redirect("http", lambda r: "http://" + urlsplit(r.state.origin).netloc + r.path)
redirect("none", lambda r: "")
redirect("loop", lambda r: r.path.partition("?")[0] + f"?{time.monotonic_ns()}")


@scenario("redirect-same", *ALL)
def redirect_same(r):
    if "moved" in urlsplit(r.path).query:
        return False
    r.answer(302, b"here\n", Location=r.path + "?moved")
    return True


# --- bodies

LOGIN = b"<!DOCTYPE html><html><body><form>Please log in: <input name=password></form></html>\n"


def chunked(r, status, blocks, **headers):
    r.begin(status, Transfer_Encoding="chunked", Content_Type="application/xml", **headers)
    for block in blocks:
        if block:
            r.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
    r.wfile.write(b"0\r\n\r\n")


def drip(r, text):
    for byte in text:
        r.wfile.write(bytes([byte]))
        r.wfile.flush()
        time.sleep(1)
    return True


@scenario("body-endless")
def body_endless(r):
    chunked(r, 200, itertools.repeat(b"endless " * 8192))
    return True


@scenario("body-over")
def body_over(r):
    r.begin(Content_Length=str(100 * GIB))
    for _ in range(100 * GIB >> 16):
        r.wfile.write(b"over" * (1 << 14))
    return True


@scenario("body-bomb")
def body_bomb(r):
    bomb = gzip.compress(bytes(16 << 20), 9)
    r.begin(Content_Encoding="gzip", Transfer_Encoding="chunked")
    for _ in range(1024):  # members of one gzip stream: 16 GiB
        r.wfile.write(b"%x\r\n%s\r\n" % (len(bomb), bomb))
    r.wfile.write(b"0\r\n\r\n")
    return True


@scenario("body-long")
def body_long(r):
    r.begin(Content_Length="1000")
    r.wfile.write(b"not a thousand bytes\n")
    return True


@scenario("body-short")
def body_short(r):
    r.begin(Content_Length="3")
    r.close_connection = False
    r.wfile.write(b"more than three\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsmuggle")
    return True


@scenario("body-chunk")
def body_chunk(r):
    r.begin(Transfer_Encoding="chunked")
    r.wfile.write(b"20\r\nhalf of a chunk")
    return True


def half(r):
    """The beginning of what the file is, under its own head."""
    file = r.state.tree.files[r.path_]
    content = file.content or b"a collection"
    r.begin(Content_Length=str(len(content)), ETag=r.etag(file),
            Last_Modified=formatdate(file.modified, usegmt=True))
    r.wfile.write(content[:len(content) // 2])


@scenario("body-half-hang")
def body_half_hang(r):
    half(r)
    return r.hang()


@scenario("body-half-drip")
def body_half_drip(r):
    half(r)
    return drip(r, b"x" * 100000)


@scenario("body-half-reset")
def body_half_reset(r):
    half(r)
    return r.reset()


@scenario("body-half-close")
def body_half_close(r):
    half(r)
    return True


@scenario("body-reset")
def body_reset(r):
    r.begin(Content_Length="1000")
    r.wfile.write(b"the beginning")
    return r.reset()


@scenario("body-drip", *ALL)
def body_drip(r):
    r.begin(Content_Length="100000")
    return drip(r, b"d" * 100000)


@scenario("body-login")
def body_login(r):
    r.answer(200, LOGIN, "text/html; charset=utf-8")
    return True


@scenario("body-binary")
def body_binary(r):
    r.answer(200, bytes(range(256)) * 16, "text/plain")
    return True


@scenario("body-latin1")
def body_latin1(r):
    r.answer(200, "caf\u00e9 cr\u00e8me\n".encode("latin-1"), "text/plain")
    return True


@scenario("body-empty")
def body_empty(r):
    r.answer(200, b"")
    return True


# --- statuses

for code in (301, 400, 401, 403, 404, 405, 410, 423, 429, 500, 501, 502, 503, 507):
    scenario(f"status-{code}", *ALL)(
        lambda r, code=code: r.answer(code, b"<html>404 as content</html>\n", "text/html",
                                      **({"WWW_Authenticate": 'Basic realm="test"'}
                                         if code == 401 else {})) or True)

RETRY = {
    "seconds": lambda: "1",
    "date": lambda: formatdate(time.time() + 2, usegmt=True),
    "negative": lambda: "-5",
    "huge": lambda: "99999999999999999999",
    "garbage": lambda: "soon",
}
for code, word in ((429, "limited"), (503, "busy")):
    for form, value in RETRY.items():
        scenario(f"{word}-{form}", *ALL)(
            lambda r, code=code, value=value: r.answer(code, b"later\n",
                                                       Retry_After=value()) or True)

for code in (403, 404, 507):
    scenario(f"member-{code}", *LIST)(
        lambda r, code=code: r.denied.update({"b.txt": code, "sub/c.md": code}))


# --- ETags and dates

for kind_ in ("none", "weak", "unquoted", "stuck", "restless", "long", "huge", "odd"):
    scenario("etag-" + kind_, *ALL)(lambda r, kind=kind_: setattr(r, "etag_kind", kind))


@scenario("date-none", *ALL)
def date_none(r):
    r.dates = False


# --- sync-collection (RFC 6578)

@scenario("sync", *ALL)
def sync_valid(r):
    r.reports = True


@scenario("sync-invalid", *ALL)
def sync_invalid(r):
    """No token is valid; to begin without one is."""
    r.reports = True
    if r.command == "REPORT" and re.search(rb"sync-token>\s*[^<\s]", r.body):
        r.answer(403, (PRECONDITION % "valid-sync-token").encode(), "application/xml")
        return True
    return False


def pages(r, step):
    """One member a page, and 507 for the collection as long as there are more."""
    found = re.search(rb"data:,(\d+)(?:-(\d+))?\s*<", r.body)
    base, at = int(found[1] or 0) if found else 0, int(found[2] or 0) if found else 0
    changed, _, version = r.state.tree.since(base)
    changed = [p for p in changed if r.is_below(p)]
    body = "".join(r.element(p) for p in changed[at:at + 1])
    token = r.token(version)
    if at + 1 < len(changed):
        body += (f"<d:response><d:href>/{quote(r.path_)}</d:href><d:status>HTTP/1.1 507 More"
                 "</d:status><d:error><d:number-of-matches-within-limits/></d:error></d:response>")
        token = f"data:,{base}-{at + step}"
    r.multistatus(BEGIN + body + f"<d:sync-token>{token}</d:sync-token>" + END)
    return True


@scenario("sync-pages", *ALL)
def sync_pages(r):
    r.reports = True
    return r.command == "REPORT" and pages(r, 1)


@scenario("sync-repeat", *ALL)
def sync_repeat(r):
    r.reports = True
    return r.command == "REPORT" and pages(r, 0)


@scenario("sync-lie", *ALL)
def sync_lie(r):
    """It says that it can, and can't."""
    r.reports = True
    if r.command == "REPORT":
        r.answer(501)
    return r.command == "REPORT"


# --- connections

@scenario("hang", *ALL)
def hang(r):
    return r.hang()


@scenario("hang-head", *ALL)
def hang_head(r):
    r.wfile.write(b"HTTP/1.1 200 OK\r\nContent-")
    return r.hang()


@scenario("hang-body", *ALL)
def hang_body(r):
    r.begin(Content_Length="1000")
    r.wfile.write(b"the beginning")
    return r.hang()


@scenario("close", *ALL)
def close(r):
    r.close_connection = True
    return True


@scenario("reset", *ALL)
def reset(r):
    return r.reset()


@scenario("garbage", *ALL)
def garbage(r):
    r.close_connection = True
    r.wfile.write(b"\x00\xff garbage\r\n" * 100)
    return True


@scenario("head-endless", *ALL)
def head_endless(r):
    r.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for n in itertools.count():
        r.wfile.write(b"X-%d: %s\r\n" % (n, b"x" * 1000))


# --- running

class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, state, port, is_other):
        self.state, self.is_other = state, is_other
        super().__init__(("127.0.0.1", port), Request)

    def handle_error(self, request, client_address):
        pass


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(SCENARIOS))
        return
    directory, port, tls = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    state = State(directory)
    other = Server(state, 0, True)
    state.other = f"http://127.0.0.1:{other.server_port}"
    with open(os.path.join(directory, "other"), "w") as f:
        f.write(f"{other.server_port}\n")
    server = Server(state, port, False)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    state.origin = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    threading.Thread(target=other.serve_forever, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
