"""Measures what lagmap's catalogue assumes, on this machine, with the interpreter that runs it. Prints one JSON document.

Standard library only; other libraries are measured where they are installed. Talks to the loopback interface only, writes below a temporary
folder only, and ends within the time that it is given (the first argument, in seconds). Further arguments are modules whose import is
timed, each in a process of its own.

Operations that depend on a size are measured with a small and a large one: those that the catalogue's interval stands for.
"""

import base64
import collections
import concurrent.futures
import configparser
import copy
import csv
import dataclasses
import difflib
import gc
import glob
import gzip
import hashlib
import http.client
import http.server
import io
import json
import logging
import logging.config
import os
import pathlib
import pickle
import platform
import queue
import random
import re
import shutil
import socket
import sqlite3
import ssl
import statistics
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import xml.etree.ElementTree
import zlib

try:
    import resource
except ImportError:  # Windows does not tell who was interrupted.
    resource = None

FORMAT = 1
TOTAL = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
# The standard library comes with the interpreter: nobody can leave it away.
MODULES = [name for name in sys.argv[2:] if name not in getattr(sys, "stdlib_module_names", ())]
BEGUN = time.perf_counter()
OPERATIONS = {}
SKIPPED = {}
# Time for one size of one operation, and the fewest and most samples of it.
SHARE = TOTAL / 160
FEWEST, MOST = 5, 200


def left():
    return TOTAL - (time.perf_counter() - BEGUN)


def interruptions():
    """How often the system took the processor away from us for somebody else. To wait for a disk or a peer is none."""
    if resource is None:
        return 0
    return resource.getrusage(getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)).ru_nivcsw


def undisturbed(samples):
    """The times that other work of the machine disturbed least: a quarter of them, or all with no more interruptions than those have."""
    counts = sorted(count for count, _ in samples)
    most = counts[max(FEWEST, len(counts) // 4) - 1] if len(counts) > FEWEST else counts[-1]
    return sorted(elapsed for count, elapsed in samples if count <= most)


def sample(run, before=None):
    """Median, low and high decile in milliseconds, and the number of samples. Quick operations are timed in batches."""
    if before:
        before()
    start = time.perf_counter()
    run()
    once = time.perf_counter() - start
    batch = 1 if before or once > 2e-4 else max(1, min(10_000, int(2e-3 / max(once, 1e-7))))
    times = []
    end = time.perf_counter() + SHARE
    while len(times) < FEWEST or time.perf_counter() < end and len(times) < MOST:
        if left() < 0 and len(times) >= 3:
            break
        if before:
            before()
        count, start = interruptions(), time.perf_counter()
        for _ in range(batch):
            run()
        elapsed = time.perf_counter() - start
        times.append((interruptions() - count, elapsed / batch * 1e3))
    times = undisturbed(times)
    tenth = len(times) // 10
    return {"median_ms": statistics.median(times), "low_ms": times[tenth], "high_ms": times[-1 - tenth], "samples": len(times)}


def measure(name, small, large=None, before=None):
    if left() < 0:
        SKIPPED[name] = "no time was left"
        return
    # What other operations keep is nothing that the collector should look through in this one.
    gc.collect()
    gc.freeze()
    try:
        sizes = [sample(small, before)]
        if large:
            sizes.append(sample(large, before))
        OPERATIONS[name] = {"sizes": sizes}
    except Exception as error:  # One operation that does not work here says nothing of the others.
        SKIPPED[name] = f"{type(error).__name__}: {error}"[:200]


def files(folder):
    small, large = folder / "small.txt", folder / "large.txt"
    line = "2026-01-01 12:00:00 INFO a line of a log file of usual length\n"
    small.write_text(line * 16)
    large.write_text(line * 16_000)
    few, many = folder / "few", folder / "many"
    for where, number in ((few, 10), (many, 1000)):
        where.mkdir()
        for index in range(number):
            (where / f"{index}.txt").touch()
    measure("file-open", lambda: open(small).close())
    measure("file-read-text", lambda: read(small, "r"), lambda: read(large, "r"))
    measure("file-read-bytes", lambda: read(small, "rb"), lambda: read(large, "rb"))
    measure("file-read-lines", lambda: lines(small), lambda: lines(large))
    block, blocks = b"x" * 1000, b"x" * 1_000_000
    target = folder / "written"
    measure("file-write", lambda: write(target, block), lambda: write(target, blocks))
    with open(target, "wb", buffering=0) as file:
        measure("fsync", lambda: os.fsync(file.fileno()), None, lambda: file.write(block))
    measure("path-read-text", lambda: small.read_text(), lambda: large.read_text())
    # To cut a file and write it anew may wait for the disk, on ext4 for one: a new file is the quick case, a large old one the slow one.
    text, texts = "x" * 1000, "x" * 1_000_000
    fresh = folder / "fresh"
    anew = sample(lambda: fresh.write_text(text), lambda: fresh.unlink(missing_ok=True))
    again = sample(lambda: target.write_text(texts))
    OPERATIONS["path-write-text"] = {"sizes": [anew, again]}
    measure("path-rewrite-text", lambda: target.write_text(text), lambda: target.write_text(texts))
    measure("stat", lambda: os.path.exists(small))
    measure("file-size", lambda: os.path.getsize(small))
    measure("list-folder", lambda: os.listdir(few), lambda: os.listdir(many))
    measure("scan-folder", lambda: list(os.scandir(few)), lambda: list(os.scandir(many)))
    measure("glob", lambda: glob.glob(f"{few}/*.txt"), lambda: glob.glob(f"{many}/*.txt"))
    tree = folder / "tree"
    for index in range(20):
        (tree / f"{index}").mkdir(parents=True)
        for number in range(20):
            (tree / f"{index}" / f"{number}.txt").touch()
    measure("walk", lambda: list(os.walk(tree)), lambda: [list(os.walk(tree)) for _ in range(25)])
    measure("remove-file", lambda: os.remove(target), None, lambda: target.write_bytes(block))
    made = folder / "made"
    measure("make-folder", lambda: made.mkdir(), None, lambda: made.rmdir() if made.exists() else None)
    # Some file systems write a file out at once when it is cut to be written anew.
    copies = (lambda: shutil.copyfile(small, target), lambda: shutil.copyfile(large, target))
    measure("copy-file", *copies, before=lambda: target.unlink(missing_ok=True))
    measure("temporary-file", lambda: tempfile.NamedTemporaryFile().close())
    measure("temporary-folder", lambda: tempfile.TemporaryDirectory().cleanup())
    measure("real-path", lambda: os.path.realpath(small))
    descriptor = os.open(small, os.O_RDONLY)
    measure("os-open", lambda: os.close(os.open(small, os.O_RDONLY)))
    measure("os-read", lambda: os.pread(descriptor, 1024, 0))
    os.close(descriptor)
    with gzip.open(folder / "packed.gz", "wb") as file:
        file.write(blocks)
    measure("gzip-open", lambda: gzip.open(folder / "packed.gz").close())
    measure("log-file", lambda: logging.FileHandler(folder / "service.log").close())
    # How fast models load from this disk is how fast it reads: the cache is passed by where the system allows it.
    model = folder / "model.bin"
    model.write_bytes(os.urandom(1 << 20) * 64)
    rate = OPERATIONS.setdefault("sequential-read-64-mib", {})
    descriptor = os.open(model, os.O_RDONLY)
    os.fsync(descriptor)

    def drop():
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    rate["sizes"] = [sample(lambda: model.read_bytes(), drop)]
    os.close(descriptor)


def read(path, mode):
    with open(path, mode) as file:
        return file.read()


def lines(path):
    with open(path) as file:
        return file.readlines()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def records(number):
    return [{"id": index, "name": f"user {index}", "tags": ["a", "b"], "score": index / 7} for index in range(number)]


def data(folder):
    few, many = records(12), records(12_000)
    text, texts = json.dumps(few), json.dumps(many)
    measure("json-loads", lambda: json.loads(text), lambda: json.loads(texts))
    measure("json-dumps", lambda: json.dumps(few), lambda: json.dumps(many))
    small, large = folder / "small.json", folder / "large.json"
    small.write_text(text)
    large.write_text(texts)
    measure("json-load", lambda: load(small, json.load, "r"), lambda: load(large, json.load, "r"))
    packed, packed_many = pickle.dumps(few), pickle.dumps(many)
    measure("pickle-loads", lambda: pickle.loads(packed), lambda: pickle.loads(packed_many))
    measure("pickle-dumps", lambda: pickle.dumps(few), lambda: pickle.dumps(many))
    table = "\n".join(f"{index},user {index},3.5" for index in range(10))
    tables = "\n".join(f"{index},user {index},3.5" for index in range(10_000))
    measure("csv-read", lambda: list(csv.reader(io.StringIO(table))), lambda: list(csv.reader(io.StringIO(tables))))
    settings = "\n".join(f"[section{index}]\nport = {index}\nname = x" for index in range(30))
    measure("ini-read", lambda: configparser.ConfigParser().read_string(settings))
    markup = "<a>" + "<b c='d'>text</b>" * 20 + "</a>"
    markups = "<a>" + "<b c='d'>text</b>" * 20_000 + "</a>"
    measure("xml-parse", lambda: xml.etree.ElementTree.fromstring(markup), lambda: xml.etree.ElementTree.fromstring(markups))
    measure("deep-copy", lambda: copy.deepcopy(few[0]), lambda: copy.deepcopy(many[:1000]))
    measure("base64-encode", lambda: base64.b64encode(b"x" * 1000), lambda: base64.b64encode(b"x" * 1_000_000))
    noise = random.Random(1).randbytes(300) * 4
    noises = random.Random(1).randbytes(250_000) * 4
    measure("sha256", lambda: hashlib.sha256(noise).digest(), lambda: hashlib.sha256(noises).digest())
    measure("zlib-compress", lambda: zlib.compress(noise), lambda: zlib.compress(noises))
    deflated, deflated_many = zlib.compress(text.encode()), zlib.compress(texts.encode())
    measure("zlib-decompress", lambda: zlib.decompress(deflated), lambda: zlib.decompress(deflated_many))
    measure("mean", lambda: statistics.mean(range(20)), lambda: statistics.mean(range(10_000)))
    words = "a number of words that are wrapped to lines of some length "
    measure("text-wrap", lambda: textwrap.wrap(words), lambda: textwrap.wrap(words * 300))
    names = [f"the song number {index}" for index in range(100)]
    many_names = [f"the song number {index}" for index in range(5000)]
    measure(
        "close-matches",
        lambda: difflib.get_close_matches("the song nr 7", names),
        lambda: difflib.get_close_matches("the song nr 7", many_names),
    )
    measure("text-ratio", lambda: difflib.SequenceMatcher(None, words, words[7:]).ratio())
    measure("named-tuple", lambda: collections.namedtuple("Point", "x y"))

    @dataclasses.dataclass
    class Item:
        name: str
        tags: list

    item, items = Item("a", ["b"]), Item("a", [Item(str(index), ["b"]) for index in range(300)])
    measure("as-dict", lambda: dataclasses.asdict(item), lambda: dataclasses.asdict(items))
    pattern, large_pattern = r"(\d+)-(\w+)", "|".join(rf"\bword{index}\b" for index in range(60))

    def compiled(text):
        re.purge()
        re.compile(text)

    measure("regex-compile", lambda: compiled(pattern), lambda: compiled(large_pattern))
    code = "def f(x):\n    return [y * 2 for y in x]\n"
    measure("compile", lambda: compile(code, "x", "exec"), lambda: compile(code * 100, "x", "exec"))


def load(path, parse, mode):
    with open(path, mode) as file:
        return parse(file)


def database(folder):
    path = folder / "rows.db"
    connection = sqlite3.connect(path)
    connection.execute("create table rows (number integer primary key, name text)")
    connection.executemany("insert into rows values (?, ?)", ((index, f"row {index}") for index in range(2000)))
    connection.commit()
    measure("sqlite-connect", lambda: sqlite3.connect(path).close())
    measure(
        "sqlite-query",
        lambda: connection.execute("select name from rows where number = 700").fetchone(),
        lambda: connection.execute("select count(*) from rows where name like '%7%'").fetchone(),
    )
    numbers = iter(range(10_000, 10_000_000))
    measure(
        "sqlite-commit", lambda: connection.commit(), None, lambda: connection.execute("insert into rows values (?, 'x')", (next(numbers),))
    )
    connection.close()


def work(_folder):
    measure("process-spawn", lambda: subprocess.run(["/bin/true" if os.path.exists("/bin/true") else sys.executable, "--version"], capture_output=True))
    measure("interpreter-start", lambda: subprocess.run([sys.executable, "-S", "-c", ""], check=True))

    def thread():
        started = threading.Thread(target=int)
        started.start()
        return started

    measure("thread-start", lambda: thread())

    def pool(number):
        with concurrent.futures.ThreadPoolExecutor(number) as made:
            list(made.map(int, range(number)))

    measure("thread-pool", lambda: pool(1), lambda: pool(10))
    lock = threading.Lock()

    def uncontended():
        lock.acquire()
        lock.release()

    measure("lock", uncontended)
    asked, answered = queue.Queue(), queue.Queue()

    def echo():
        while (item := asked.get()) is not None:
            answered.put(item)

    server = threading.Thread(target=echo, daemon=True)
    server.start()

    def hand_over():
        asked.put(1)
        answered.get()

    measure("queue-hand-over", hand_over)
    asked.put(None)
    local = queue.Queue()
    measure("queue-put", lambda: (local.put(1), local.get()))


CERTIFICATE = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost"]


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self):
        body = b'{"ok": true}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def network(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = server.server_address
    measure("tcp-connect", lambda: socket.create_connection(address).close())
    kept = http.client.HTTPConnection(*address)

    def ask(connection):
        connection.request("GET", "/")
        return connection.getresponse().read()

    def ask_anew():
        connection = http.client.HTTPConnection(*address)
        ask(connection)
        connection.close()

    measure("http-round-trip", lambda: ask(kept))
    measure("http-connect-and-ask", ask_anew)
    kept.close()
    measure("tls-context", lambda: ssl.create_default_context())
    openssl = shutil.which("openssl")
    if not openssl:
        SKIPPED["tls-handshake"] = "openssl is not installed, which makes the certificate"
    else:
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        made = subprocess.run(
            [openssl, *CERTIFICATE, "-keyout", str(key), "-out", str(certificate)],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False,
        )
        if made.returncode != 0:
            SKIPPED["tls-handshake"] = "openssl could not make a certificate"
        else:
            inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            inside.load_cert_chain(certificate, key)
            listener = socket.create_server(("127.0.0.1", 0))

            def serve():
                while True:
                    plain, _ = listener.accept()
                    try:
                        inside.wrap_socket(plain, server_side=True).close()
                    except OSError:
                        plain.close()

            threading.Thread(target=serve, daemon=True).start()
            outside = ssl.create_default_context(cafile=str(certificate))
            outside.check_hostname = False

            def handshake():
                with socket.create_connection(listener.getsockname()) as plain:
                    outside.wrap_socket(plain).close()

            measure("tls-handshake", handshake)
    try:
        with socket.create_connection(("127.0.0.1", 6379), timeout=0.2) as redis:
            redis.settimeout(1)

            def ping():
                redis.sendall(b"PING\r\n")
                redis.recv(64)

            measure("redis-round-trip", ping)
    except OSError:
        SKIPPED["redis-round-trip"] = "no Redis answers at 127.0.0.1:6379"


def installed(name):
    try:
        return __import__(name)
    except Exception as error:
        return SKIPPED.setdefault(name, f"{type(error).__name__}: {error}"[:200]) and None


def libraries(_folder):
    if yaml := installed("yaml"):
        few, many = yaml.safe_dump(records(4)), yaml.safe_dump(records(150))
        measure("yaml-load", lambda: yaml.safe_load(few), lambda: yaml.safe_load(many))
        measure("yaml-dump", lambda: yaml.safe_dump(records(4)), lambda: yaml.safe_dump(records(150)))
    if zmq := installed("zmq"):
        context = zmq.Context()
        server = context.socket(zmq.REP)
        port = server.bind_to_random_port("tcp://127.0.0.1")
        stop = threading.Event()

        def serve():
            while not stop.is_set():
                if server.poll(50):
                    server.send(server.recv())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        client = context.socket(zmq.REQ)
        client.connect(f"tcp://127.0.0.1:{port}")

        def ask():
            client.send(b"x")
            client.recv()

        def connect():
            made = context.socket(zmq.REQ)
            made.connect(f"tcp://127.0.0.1:{port}")
            made.close(0)

        measure("zmq-context", lambda: zmq.Context().destroy(0))
        measure("zmq-socket", lambda: context.socket(zmq.REQ).close(0))
        # Sockets are closed by a thread of the context, which needs its time.
        measure("zmq-connect", connect, None, lambda: time.sleep(0.002))
        measure("zmq-round-trip", ask)
        stop.set()
        thread.join()
        context.destroy(0)
    if numpy := installed("numpy"):
        few, many = numpy.random.rand(1000), numpy.random.rand(1_000_000)
        measure("numpy-sum", lambda: few.sum(), lambda: many.sum())
        measure("numpy-zeros", lambda: numpy.ones(1000), lambda: numpy.ones(1_000_000))
        measure("numpy-astype", lambda: few.astype("float32"), lambda: many.astype("float32"))
        measure("numpy-sort", lambda: numpy.sort(few), lambda: numpy.sort(many))
        measure("numpy-append", lambda: numpy.append(few, 1.0), lambda: numpy.append(many, 1.0))
        measure("numpy-tolist", lambda: few.tolist(), lambda: many.tolist())
        measure("numpy-norm", lambda: numpy.linalg.norm(few), lambda: numpy.linalg.norm(many))
    if pandas := installed("pandas"):
        few, many = pandas.DataFrame(records(10)), pandas.DataFrame(records(10_000))
        measure("pandas-frame", lambda: pandas.DataFrame(records(10)), lambda: pandas.DataFrame(records(10_000)))
        measure("pandas-iterrows", lambda: list(few.iterrows()), lambda: list(many.iterrows()))
        measure("pandas-concat", lambda: pandas.concat([few, few]), lambda: pandas.concat([many, many]))
        measure("pandas-copy", lambda: few.copy(), lambda: many.copy())


def imports():
    """Each in a process of its own, without what the start of an interpreter takes."""
    timer = "import sys, time; start = time.perf_counter(); __import__(sys.argv[1]); print((time.perf_counter() - start) * 1e3)"
    found = {}
    for module in MODULES:
        if left() < 0:
            SKIPPED[f"import {module}"] = "no time was left"
            continue
        times = []
        try:
            for _ in range(3):
                done = subprocess.run(
                    [sys.executable, "-c", timer, module], capture_output=True, text=True, timeout=max(1.0, min(30.0, left() + 5)), check=False
                )
                if done.returncode != 0:
                    SKIPPED[f"import {module}"] = (done.stderr.strip().splitlines() or ["it failed"])[-1][:200]
                    break
                times.append(float(done.stdout.split()[-1]))
            else:
                times.sort()
                found[module] = {"median_ms": statistics.median(times), "low_ms": times[0], "high_ms": times[-1], "samples": len(times)}
        except (subprocess.TimeoutExpired, ValueError, IndexError) as error:
            SKIPPED[f"import {module}"] = f"{type(error).__name__}"
    return found


def main():
    with tempfile.TemporaryDirectory(prefix="lagmap-calibrate-") as name:
        folder = pathlib.Path(name)
        for part in (files, data, database, work, network, libraries):
            (folder / part.__name__).mkdir()
            try:
                part(folder / part.__name__)
            except Exception as error:  # The rest can be measured all the same.
                SKIPPED[part.__name__] = f"{type(error).__name__}: {error}"[:200]
    document = {
        "format": FORMAT,
        "machine": {"python": platform.python_version(), "system": platform.system(), "processor": platform.machine()},
        "operations": dict(sorted(OPERATIONS.items())),
        "imports": imports(),
        "skipped": dict(sorted(SKIPPED.items())),
    }
    json.dump(document, sys.stdout, indent=1)
    sys.stdout.write("\n")
    sys.stdout.flush()
    # Servers of the measurement may still wait for a last client.
    os._exit(0)


if __name__ == "__main__":
    main()
