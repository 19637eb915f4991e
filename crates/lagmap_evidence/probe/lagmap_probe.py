"""Measures the calls and functions that an audit names, while the program runs. Standard library only, Python 3.8 or newer.

The source of a watched file is changed as it is compiled, in memory: a watched function gets a wrapper as its innermost decorator, a watched
call is made through one. What is not watched runs as ever, at no cost; no tracing or profiling hook is set.

Of each watch are kept: calls, the sum of their times, a histogram of them, and, for what a cache might answer, the hashes of the last
`WINDOW` different arguments with the hash of what came back. Arguments and results are hashed and never kept. A watch that would slow the
program by more than `LIMIT` of its time sleeps in between: then it only counts.

Times are wall time. A coroutine's goes from its first step to its end, waits included, as its caller waits for it; a generator's is what
it runs itself, without what its consumer does between two items.
"""

import ast
import atexit
import builtins
import collections
import functools
import importlib.machinery
import importlib.util
import inspect
import itertools
import json
import os
import signal
import sys
import threading
import time
import types
import weakref

FORMAT = 1
#: Different arguments that are remembered of each watch.
WINDOW = 1000
#: The part of the wall time that each watch may take to time and hash, and what of that it cannot see itself: the way in and out, in seconds.
LIMIT, UNSEEN = 0.05, 0.5e-6
#: Calls of a watch between two looks at what it costs.
BLOCK = 256
#: Parts of arguments that are looked at in one call, and objects whose identity is told.
PARTS, OBJECTS = 400, 4096
#: Seconds between two times that the results are written.
EVERY = 1.0
#: Calls that look at the frame of their caller.
FRAMES = frozenset(["super", "locals", "globals", "vars", "dir", "eval", "exec", "currentframe", "_getframe", "namedtuple", "stack"])

clock = time.perf_counter
watches = []
begun = clock()


class Unknown(Exception):
    """An argument that cannot be told from others."""


class Identities:
    """Numbers of objects that are themselves alone. A number is never given twice, as an address is."""

    def __init__(self):
        self.known = collections.OrderedDict()
        self.numbers = itertools.count()

    def of(self, value):
        known = self.known.get(id(value))
        if known is not None and known[0]() is value:
            return known[1]
        if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType)):
            # They live as long as the program, in general, and not all of them can be referred to weakly.
            return id(value)
        try:
            reference = weakref.ref(value)
        except TypeError:
            raise Unknown from None
        number = next(self.numbers)
        self.known[id(value)] = reference, number
        while len(self.known) > OBJECTS:
            self.known.popitem(last=False)
        return number


identities = Identities()


def fingerprint(value):
    """A hash of a value by its content, of any other object by its identity."""
    return hash(_parts(value, [PARTS], 0))


def _parts(value, budget, depth):
    budget[0] -= 1
    if budget[0] < 0 or depth > 8:
        raise Unknown
    kind = type(value)
    if kind in (str, bytes, int, float, complex, bool) or value is None or value is Ellipsis:
        # The hashes of -1 and -2 are the same.
        return kind.__name__, hash(value), value == -1
    if kind in (tuple, list, collections.deque):
        return kind.__name__, hash(tuple(_parts(item, budget, depth + 1) for item in value))
    if kind in (dict, collections.OrderedDict):
        return kind.__name__, hash(frozenset((_parts(key, budget, depth + 1), _parts(item, budget, depth + 1)) for key, item in value.items()))
    if kind in (set, frozenset):
        return kind.__name__, hash(frozenset(_parts(item, budget, depth + 1) for item in value))
    if kind in (bytearray, memoryview):
        if len(value) > 1 << 20:
            raise Unknown
        return kind.__name__, hash(bytes(value))
    if kind is types.MethodType:
        return "method", _parts(value.__func__, budget, depth + 1), _parts(value.__self__, budget, depth + 1)
    if kind is types.BuiltinMethodType and not isinstance(value.__self__, (types.ModuleType, type(None))):
        return "method", value.__name__, _parts(value.__self__, budget, depth + 1)
    if isinstance(value, (os.PathLike, BaseException)) and kind.__hash__ is not object.__hash__:
        return kind.__name__, hash(value)
    return "object", identities.of(value)


def is_value(value):
    """Whether a result can be compared by its content."""
    return type(value) in (str, bytes, int, float, complex, bool, tuple, list, dict, set, frozenset, bytearray, collections.OrderedDict)


class Watch:
    """What is known of one watched call or function."""

    def __init__(self, kind, path, line, name, keys, findings):
        self.kind, self.path, self.line, self.name, self.keys, self.findings = kind, path, line, name, keys, findings
        # One step of it counts a call, whichever thread takes it.
        self.counter = itertools.count()
        self.tick = self.counter.__next__
        self.clear()
        watches.append(self)

    def clear(self):
        self.lock = threading.RLock()
        self.counted_before = self.counted()
        self.timed = self.raised = 0
        self.spent = self.longest = 0.0
        self.histogram = [0] * 64
        self.hashed = self.repeated = self.changed = self.unknown = 0
        self.saved = 0.0
        self.seen = collections.OrderedDict()
        self.asleep_until = 0
        self.block_from = clock()
        self.block_cost = 0.0
        self.block_calls = 0

    def key(self, callee, arguments, named):
        """A hash of what the call is made with; nothing where that cannot be told."""
        try:
            return fingerprint((callee, arguments, named) if named else (callee, arguments))
        except Exception:  # Foreign `__hash__` and `__fspath__` may raise anything.
            return None

    def counted(self):
        """What the counter says; it gives that away in its representation only."""
        return int(repr(self.counter)[len("count(") : -1])

    def asleep(self):
        """Counts a call; whether that is all."""
        return self.tick() < self.asleep_until

    def record(self, entered, start, end, key, result, raised=False):
        """Keeps a call that was timed. What the watch itself took, before the call and behind it, is looked at, and bounded."""
        answer = None
        if key is not None and not raised:
            try:
                answer = fingerprint(result) if is_value(result) else result is None or "opaque"
            except Exception:
                answer = "opaque"
        spent = end - start
        with self.lock:
            self.timed += 1
            self.spent += spent
            self.raised += raised
            if spent > self.longest:
                self.longest = spent
            self.histogram[min(63, int(spent * 1e9).bit_length())] += 1
            if self.keys and not raised:
                self.remember(key, answer, spent)
            self.block_calls += 1
            now = clock()
            self.block_cost += now - end + start - entered + UNSEEN
            if self.block_calls >= BLOCK:
                self.rest(now)
        if now > state.due:
            state.write(now)
        return result

    def remember(self, key, answer, spent):
        if key is None:
            self.unknown += 1
            return
        self.hashed += 1
        before = self.seen.pop(key, None)
        self.seen[key] = answer
        if before is None:
            if len(self.seen) > WINDOW:
                self.seen.popitem(last=False)
        elif answer is True:
            # Nothing came back: there is nothing that a cache could keep.
            pass
        elif before == answer:
            self.repeated += 1
            self.saved += spent
        else:
            self.changed += 1

    def rest(self, now):
        """Sleeps for as many calls as bring what was spent on the watch down to its part of the time."""
        wall, cost = now - self.block_from, self.block_cost
        if cost > wall * LIMIT:
            # How long the program takes from one call to the next without us.
            between = max(wall - cost, wall * 0.01, 1e-9) / self.block_calls
            self.asleep_until = self.counted() + int((cost / LIMIT - wall) / between)
        self.block_from, self.block_cost, self.block_calls = now, 0.0, 0

    def result(self):
        with self.lock:
            return {
                "kind": self.kind,
                "path": self.path,
                "line": self.line,
                "name": self.name,
                "findings": self.findings,
                "calls": self.counted() - self.counted_before,
                "timed": self.timed,
                "raised": self.raised,
                "total_ms": self.spent * 1e3,
                "longest_ms": self.longest * 1e3,
                "histogram": self.histogram,
                "keys": {
                    "hashed": self.hashed,
                    "repeated": self.repeated,
                    "changed": self.changed,
                    "unknown": self.unknown,
                    "saved_ms": self.saved * 1e3,
                }
                if self.keys
                else None,
            }


def decorate(number):
    """The innermost decorator of a watched function."""
    return functools.partial(watched, watches[number])


def watched(watch, function):
    """The function with a watch around it, of the same kind as it was."""
    tick = watch.tick
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def wrapper(*arguments, **named):
            asleep = watch.asleep()
            # It cannot delegate, as generators can: what is sent in goes through by hand.
            spent, value, thrown, failed = 0.0, None, None, True
            generator = function(*arguments, **named)
            try:
                while True:
                    start = clock()
                    try:
                        item = await (generator.asend(value) if thrown is None else generator.athrow(thrown))
                    except StopAsyncIteration:
                        failed = False
                        return
                    finally:
                        spent += clock() - start
                    value = thrown = None
                    try:
                        value = yield item
                    except GeneratorExit:
                        failed = False
                        raise
                    except BaseException as error:
                        thrown = error
            finally:
                await generator.aclose()
                now = clock()
                if not asleep:
                    watch.record(now - spent, now - spent, now, None, None, failed)

    elif inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*arguments, **named):
            if watch.asleep():
                return await function(*arguments, **named)
            entered = start = clock()
            key = None
            if watch.keys:
                key = watch.key(None, arguments, named)
                start = clock()
            try:
                result = await function(*arguments, **named)
            except BaseException:
                watch.record(entered, start, clock(), key, None, True)
                raise
            return watch.record(entered, start, clock(), key, result)

    elif inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def wrapper(*arguments, **named):
            if watch.asleep():
                return (yield from function(*arguments, **named))
            return (yield from items(watch, function(*arguments, **named)))

    elif watch.keys:

        @functools.wraps(function)
        def wrapper(*arguments, **named):
            if tick() < watch.asleep_until:
                return function(*arguments, **named)
            entered = clock()
            key = watch.key(None, arguments, named)
            start = clock()
            try:
                result = function(*arguments, **named)
            except BaseException:
                watch.record(entered, start, clock(), key, None, True)
                raise
            return watch.record(entered, start, clock(), key, result)

    else:

        @functools.wraps(function)
        def wrapper(*arguments, **named):
            if tick() < watch.asleep_until:
                return function(*arguments, **named)
            start = clock()
            try:
                result = function(*arguments, **named)
            except BaseException:
                watch.record(start, start, clock(), None, None, True)
                raise
            return watch.record(start, start, clock(), None, result)

    return wrapper


def items(watch, generator):
    """What a generator yields; its own time is recorded when it ends."""
    spent, value, thrown, failed = 0.0, None, None, True
    try:
        while True:
            start = clock()
            try:
                item = generator.send(value) if thrown is None else generator.throw(thrown)
            except StopIteration as end:
                failed = False
                return end.value
            finally:
                spent += clock() - start
            value = thrown = None
            try:
                value = yield item
            except GeneratorExit:
                failed = False
                generator.close()
                raise
            except BaseException as error:
                thrown = error
    finally:
        now = clock()
        watch.record(now - spent, now - spent, now, None, None, failed)


def call(number, callee):
    """What stands in the place of the callee of a watched call."""
    watch = watches[number]
    if watch.asleep():
        return callee

    def through(*arguments, **named):
        entered = start = clock()
        key = None
        if watch.keys:
            key = watch.key(callee, arguments, named)
            start = clock()
        try:
            result = callee(*arguments, **named)
        except BaseException:
            watch.record(entered, start, clock(), key, None, True)
            raise
        return watch.record(entered, start, clock(), key, result)

    return through


def awaited(number, callee):
    """The same for a call that is awaited where it stands: its time ends with the wait."""
    watch = watches[number]
    if watch.asleep():
        return callee

    async def through(*arguments, **named):
        entered = start = clock()
        key = None
        if watch.keys:
            key = watch.key(callee, arguments, named)
            start = clock()
        try:
            result = await callee(*arguments, **named)
        except BaseException:
            watch.record(entered, start, clock(), key, None, True)
            raise
        return watch.record(entered, start, clock(), key, result)

    return through


class Changes(ast.NodeTransformer):
    """Puts watches into the tree of one file."""

    def __init__(self, path, text, places):
        self.path, self.lines, self.places = path, text.splitlines(), places
        self.scopes = []
        self.calls = {}
        self.functions = {}

    def position(self, line, column):
        """Columns of the tree are bytes, those of an audit are characters."""
        row = self.lines[line - 1] if line <= len(self.lines) else ""
        return line, len(row.encode()[:column].decode("utf-8", "replace")) + 1

    def find(self, tree):
        """Chooses the call and the function of each place: the outermost call in it, the innermost function around it."""
        calls, functions = [], []
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name_of(node.func) not in FRAMES:
                calls.append((self.position(node.lineno, node.col_offset), self.position(node.end_lineno, node.end_col_offset), node))
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                functions.append((min([node.lineno] + [it.lineno for it in node.decorator_list]), node.end_lineno, node))
        for place in self.places:
            start, end = (place["line"], place["column"]), (place["end_line"], place["end_column"])
            within = [it for it in calls if start <= it[0] and it[1] <= end]
            if within:
                node = max(within, key=lambda it: (it[1][0] - it[0][0], it[1][1] - it[0][1]))[2]
                self.calls.setdefault(node, []).append(place)
            around = [it for it in functions if it[0] <= start[0] and end[0] <= it[1]]
            if around:
                self.functions.setdefault(max(around, key=lambda it: it[0])[2], []).append(place)

    def watch(self, kind, line, name, places):
        keys = any(place["keys"] for place in places)
        Watch(kind, self.path, line, name, keys, [place["fingerprint"] for place in places])
        return len(watches) - 1

    def scope(self, node):
        self.scopes.append(node.name)
        self.generic_visit(node)
        name = ".".join(self.scopes)
        self.scopes.pop()
        return name

    def visit_ClassDef(self, node):
        self.scope(node)
        return node

    def visit_FunctionDef(self, node):
        name = self.scope(node)
        places = self.functions.get(node)
        if places:
            number = self.watch("function", node.lineno, name, places)
            decorator = ast.Call(ast.Name("__lagmap_function__", ast.Load()), [ast.Constant(number)], [])
            node.decorator_list.append(at(decorator, node.body[0] if not node.decorator_list else node.decorator_list[-1], node.lineno))
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Await(self, node):
        if isinstance(node.value, ast.Call) and node.value in self.calls:
            node.value = self.through("__lagmap_await__", node.value)
        else:
            self.generic_visit(node)
        return node

    def visit_Call(self, node):
        return self.through("__lagmap_call__", node) if node in self.calls else self.generic_visit(node)

    def through(self, way, node):
        places = self.calls[node]
        self.generic_visit(node)
        number = self.watch("call", node.lineno, name_of(node.func), places)
        node.func = at(ast.Call(ast.Name(way, ast.Load()), [ast.Constant(number), node.func], []), node.func, node.func.lineno)
        return node


def at(made, like, line):
    """Gives new nodes a place: that of an old one, so that tracebacks stay as they are."""
    for node in ast.walk(made):
        if "lineno" in node._attributes and not hasattr(node, "lineno"):
            ast.copy_location(node, like)
            node.lineno = node.end_lineno = line
            node.end_col_offset = node.col_offset
    return made


def name_of(callee):
    return getattr(callee, "attr", None) or getattr(callee, "id", None) or "call"


def code_of(data, path, places, shown):
    """The code of a source file with watches in it."""
    text = importlib.util.decode_source(data)
    tree = ast.parse(data, path)
    changes = Changes(shown, text, places)
    changes.find(tree)
    tree = changes.visit(tree)
    return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


class State:
    """The plan of this process, and where its results go."""

    def __init__(self):
        self.folder = os.environ.get("LAGMAP_PROBE")
        self.due = float("inf")
        self.lock = threading.RLock()
        self.pid = os.getpid()
        self.plan, self.names = {}, frozenset()

    def start(self):
        with open(os.path.join(self.folder, "plan.json"), encoding="utf-8") as file:
            plan = json.load(file)
        self.root = plan["root"]
        self.plan = {os.path.join(self.root, *path.split("/")): (path, places) for path, places in plan["files"].items()}
        self.names = frozenset(os.path.basename(path) for path in self.plan)
        builtins.__lagmap_function__ = decorate
        builtins.__lagmap_call__ = call
        builtins.__lagmap_await__ = awaited
        loader = importlib.machinery.SourceFileLoader
        usual = loader.get_code

        def get_code(own, name):
            path = own.get_filename(name)
            found = self.places(path)
            return self.compiled(path, own.get_data(path), found) or usual(own, name) if found else usual(own, name)

        loader.get_code = get_code
        atexit.register(self.write)
        usual_exit = os._exit

        def leave(status):
            self.write()
            usual_exit(status)

        os._exit = leave
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forked)
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self.ended)
        self.due = clock() + EVERY

    def places(self, path):
        """The watched places of a file, if it is one of the plan."""
        if os.path.basename(path) not in self.names:
            return None
        return self.plan.get(os.path.realpath(path))

    def compiled(self, path, data, found):
        shown, places = found
        known = len(watches)
        try:
            return code_of(data, path, places, shown)
        except Exception as error:  # Whatever the probe cannot do, the program runs as ever.
            del watches[known:]
            sys.stderr.write(f"lagmap probe: {shown} is not watched: {type(error).__name__}: {error}\n")
            return None

    def forked(self):
        global begun
        self.lock, self.pid, begun = threading.RLock(), os.getpid(), clock()
        for watch in watches:
            watch.clear()
        self.due = clock() + EVERY

    def ended(self, number, frame):
        self.write()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def write(self, now=None):
        """Writes the results, whole or not at all."""
        if not self.lock.acquire(blocking=False):
            return
        try:
            self.due = (now or clock()) + EVERY
            if not watches:
                return
            document = {
                "lagmap_probe": FORMAT,
                "python": ".".join(map(str, sys.version_info[:3])),
                "elapsed_ms": (clock() - begun) * 1e3,
                "window": WINDOW,
                "watches": [watch.result() for watch in watches],
            }
            target = os.path.join(self.folder, "results", f"{self.pid}-{int(begun * 1e6)}.json")
            with open(target + ".part", "w", encoding="utf-8") as file:
                json.dump(document, file)
            os.replace(target + ".part", target)
        except OSError:
            # The folder is gone when lagmap is done before its children are.
            self.due = float("inf")
        finally:
            self.lock.release()


state = State()


def main():
    """Runs a script in the place of the interpreter: `lagmap_probe.py SCRIPT ARGUMENT…`."""
    del sys.argv[0]
    path = sys.argv[0]
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    module = sys.modules["__main__"]
    with open(path, "rb") as file:
        data = file.read()
    probe = sys.modules["lagmap_probe"]
    code = probe.state.compiled(path, data, probe.state.places(path)) or compile(data, path, "exec", dont_inherit=True)
    names = module.__dict__
    kept = {name: names[name] for name in ("__name__", "__builtins__", "__loader__")}
    names.clear()
    names.update(kept, __file__=path, __doc__=None, __package__=None, __spec__=None, __cached__=None)
    exec(code, names)


if __name__ == "__main__":
    main()
