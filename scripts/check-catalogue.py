#!/usr/bin/env python3
"""Checks the API catalogue against the real libraries: does each module, class, function, method and argument exist?

    scripts/check-catalogue.py                      # everything: the standard library and all pinned packages
    scripts/check-catalogue.py --stdlib             # the running Python's own library alone (no network)
    scripts/check-catalogue.py --only redis --only httpx
    scripts/check-catalogue.py --quick              # the standard library, and a few small packages if PyPI answers
    scripts/check-catalogue.py --docs docs/catalogue-check.md

Packages are downloaded as wheels (`pip download --no-deps`) in the versions that `check-catalogue.toml` pins, unpacked into a cache
folder outside the tree and *read*: nothing of them is installed, imported or run. What a name means is followed through
re-exports, star imports, aliases, base classes and `.pyi` stubs. A name is

found         its definition is there;
weakly known  it may be there, but is made at run time: behind `__getattr__`, a generated class, compiled code without stubs;
missing       it is not there, and nothing dynamic could make it.

Exit code: 0 all is well, 1 a name is missing (or an argument, or a coroutine is called blocking) that `check-catalogue.toml` does
not allow with a reason, 2 the check could not be done.
"""

from __future__ import annotations

import argparse
import ast
import concurrent.futures
import dataclasses
import gc
import importlib
import inspect
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap
import tomllib
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
MODELS = HERE.parent / "crates" / "lagmap_models" / "models"
PINS = HERE / "check-catalogue.toml"
# Wheels are asked for one platform, so that the check says the same on every machine.
PLATFORMS = [
    "manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_24_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64",
    "manylinux_2_12_x86_64", "manylinux2010_x86_64", "manylinux_2_5_x86_64", "manylinux1_x86_64", "linux_x86_64", "any",
]  # fmt: skip
# The same sources without 800 MB of CUDA.
SMALLER = {"torch": ["macosx_11_0_arm64", "macosx_12_0_arm64", "macosx_13_0_arm64", "macosx_14_0_arm64"]}
FOUND, WEAK, MISSING = "found", "weak", "missing"


# ---- what names mean in source text ----------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Binding:
    """One way in which a module or class binds a name."""

    kind: str  # "function", "class", "module", "from", "value"
    node: ast.AST | None = None
    target: str = ""  # module and name, of imports
    scope: "Module | None" = None


class Module:
    """One module: the names that its source and its stub bind, read when first asked for."""

    def __init__(self, name: str, files: list[pathlib.Path], compiled: bool, package: bool):
        self.name, self.compiled, self.package = name, compiled, package
        self.bindings: dict[str, list[Binding]] = {}
        self.stars: list[str] = []
        self.listed: set[str] = set()  # texts that stand in `__all__` and in tables of lazily imported names
        self.dynamic = ""
        self.changed_later: set[str] = set()  # classes that get methods by `setattr`
        for file in files:
            try:
                tree = ast.parse(file.read_bytes())
            except (SyntaxError, ValueError):
                self.dynamic = f"{file.name} does not parse"
                continue
            self._statements(tree.body)
        if compiled and not any(file.suffix == ".pyi" for file in files):
            self.dynamic = "compiled code"

    def _bind(self, name: str, kind: str, node: ast.AST | None = None, target: str = "") -> None:
        self.bindings.setdefault(name, []).append(Binding(kind, node, target, self))

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        keep = len(parts) - node.level + (1 if self.package else 0)
        return ".".join(parts[:keep] + ([node.module] if node.module else []))

    def _statements(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self._statement(statement)
            for field in ("body", "orelse", "finalbody"):
                inner = getattr(statement, field, None)
                if inner and not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    self._statements(inner)
            for handler in getattr(statement, "handlers", []):
                self._statements(handler.body)

    def _statement(self, statement: ast.stmt) -> None:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                self._bind(name, "function", statement)
                if name == "__getattr__":
                    self.dynamic = "the module has a `__getattr__`"
            case ast.ClassDef(name=name):
                self._bind(name, "class", statement)
            case ast.Import(names=names):
                for alias in names:
                    target = alias.name if alias.asname else alias.name.partition(".")[0]
                    self._bind(alias.asname or target, "module", target=target)
            case ast.ImportFrom(names=names):
                source = self._absolute(statement)
                for alias in names:
                    if alias.name == "*":
                        self.stars.append(source)
                    else:
                        self._bind(alias.asname or alias.name, "from", target=f"{source}:{alias.name}")
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._target(target, value)
                self.listed.update(texts_of(value) if isinstance(value, (ast.List, ast.Tuple, ast.Dict)) else ())
            case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
                self._target(target, statement)
            case ast.For(target=target) | ast.AsyncFor(target=target):
                self._target(target, None)
            case ast.With(items=items):
                for item in items:
                    if item.optional_vars:
                        self._target(item.optional_vars, None)
            case _:
                pass
        if isinstance(statement, (ast.Expr, ast.Assign, ast.AugAssign, ast.For)):
            self._dynamics(statement)

    def _target(self, target: ast.expr, value: ast.AST | None) -> None:
        if isinstance(target, ast.Name):
            self._bind(target.id, "value", value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self._target(element, None)
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            # `Class.method = function`, after the class
            self.changed_later.add(target.value.id)

    def _dynamics(self, statement: ast.stmt) -> None:
        for node in ast.walk(statement):
            match node:
                case ast.Call(func=ast.Name(id="setattr"), args=[ast.Name(id=name), *_]):
                    self.changed_later.add(name)
                case ast.Call(func=ast.Name(id="setattr" | "exec" as name)):
                    self.dynamic = f"the module calls `{name}`"
                case ast.Subscript(value=ast.Call(func=ast.Name(id="globals" | "vars"))):
                    self.dynamic = "the module writes to `globals()`"
                case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="globals")))):
                    self.dynamic = "the module writes to `globals()`"
                case ast.Attribute(value=ast.Name(id="sys"), attr="modules") if isinstance(statement, ast.Assign):
                    self.dynamic = "the module replaces itself in `sys.modules`"


def texts_of(node: ast.AST) -> set[str]:
    """All string constants inside."""
    return {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}


# What a name can turn out to be.
@dataclasses.dataclass(frozen=True)
class Class:
    node: ast.ClassDef
    module: Module


@dataclasses.dataclass(frozen=True)
class Functions:
    """The definitions of one name: more than one with overloads and platform branches."""

    nodes: tuple[ast.FunctionDef | ast.AsyncFunctionDef, ...]
    module: Module
    method: bool = False


@dataclasses.dataclass(frozen=True)
class Instance:
    of: Class


@dataclasses.dataclass(frozen=True)
class Value:
    """A variable or attribute of which no more is known than that it exists."""


@dataclasses.dataclass(frozen=True)
class Unknown:
    why: str


Entity = Module | Class | Functions | Instance | Value | Unknown | None


class Sources:
    """Folders of unpacked packages, looked through like `sys.path`."""

    _parsed: dict[tuple, Module] = {}
    _listed: dict[pathlib.Path, tuple[list[str], bool]] = {}

    def __init__(self, roots: list[pathlib.Path]):
        self._tops: dict[str, list[pathlib.Path]] = {}  # which roots have something of a top-level name
        for root in roots:
            if root not in self._listed:
                self._listed[root] = sorted({entry.split(".")[0] for entry in os.listdir(root)}), (root / ".stubs").is_file()
            for top in self._listed[root][0]:
                self._tops.setdefault(top, []).append(root)
        self._modules: dict[str, Module | None] = {}
        self._texts: dict[str, bytes] = {}
        self._answers: dict[tuple, Entity] = {}  # of each name asked for; a name that is asked for again on the way has none

    def module(self, name: str) -> Module | None:
        if name not in self._modules:
            self._modules[name] = self._load(name)
        return self._modules[name]

    def _load(self, name: str) -> Module | None:
        relative = name.replace(".", "/")
        namespace = False
        roots = self._tops.get(name.partition(".")[0], [])
        stubs = [f for root in roots if self._listed[root][1] for f in (root / relative / "__init__.pyi", root / f"{relative}.pyi") if f.is_file()]
        for root in roots:
            base = root / relative
            if not base.parent.is_dir():
                continue
            inits = [f for f in (base / "__init__.py", base / "__init__.pyi") if f.is_file()]
            plain = [f for f in (base.with_name(base.name + ".py"), base.with_name(base.name + ".pyi")) if f.is_file()]
            binary = any(f.suffix in (".so", ".pyd") for f in base.parent.glob(base.name + ".*") if f.name.split(".")[0] == base.name)
            if inits:
                return self._read(name, (*inits, *(f for f in stubs if f not in inits)), compiled=False, package=True)
            if plain or binary:
                return self._read(name, (*plain, *(f for f in stubs if f not in plain)), compiled=binary, package=False)
            namespace |= base.is_dir()
        return Module(name, [], compiled=False, package=True) if namespace else None

    @classmethod
    def _read(cls, name: str, files: tuple[pathlib.Path, ...], *, compiled: bool, package: bool) -> Module:
        key = (name, files, compiled)
        if key not in cls._parsed:
            cls._parsed[key] = Module(name, list(files), compiled, package)
        return cls._parsed[key]

    def resolve(self, path: str) -> tuple[str, Entity, str]:
        """What a dotted path means: its status, what it is, and why that is all one can say."""
        first, *rest = path.split(".")
        entity: Entity = self.module(first)
        if entity is None:
            return MISSING, None, f"no module `{first}`"
        done = first
        for part in rest:
            inner = self.attribute(entity, part)
            if inner is None and not isinstance(entity, Module) and (hidden := self.module(done)) is not None:
                # `a.b` is both a function of `a` and a module: `from a.b import name` means the module
                inner = self.attribute(hidden, part)
            if inner is None:
                return MISSING, None, f"`{done}` has no `{part}`"
            if isinstance(inner, Unknown):
                return WEAK, inner, inner.why
            entity, done = inner, f"{done}.{part}"
        return FOUND, entity, ""

    def attribute(self, entity: Entity, name: str) -> Entity:
        match entity:
            case Module():
                return self._of_module(entity, name)
            case Class():
                return self._of_class(entity, name)
            case Instance(of=cls):
                return self._of_class(cls, name)
            case Functions(nodes=nodes) if any(node.decorator_list for node in nodes):
                return Unknown("made by a decorator")
            case Functions():
                return None
            case Unknown():
                return entity
            case _:
                return Unknown("an attribute of a value made at run time")

    def _of_module(self, module: Module, name: str) -> Entity:
        key = (module.name, name)
        if key not in self._answers:
            self._answers[key] = None
            self._answers[key] = self._search_module(module, name)
        return self._answers[key]

    def _search_module(self, module: Module, name: str) -> Entity:
        entity = self._bound(module.bindings.get(name, []), module)
        if entity is not None and not isinstance(entity, (Unknown, Value)):
            return entity
        if (submodule := self.module(f"{module.name}.{name}")) is not None:
            return submodule
        if entity is not None:
            return entity
        opaque = ""
        for star in reversed(module.stars):  # the last one wins
            source = self.module(star)
            if source is None:
                opaque = f"star import of `{star}`, which is not here"
            elif (inner := self._of_module(source, name)) is not None:
                if not isinstance(inner, Unknown):
                    return inner
                opaque = inner.why
        if name in module.listed and (inner := self._lazy(module, name)):
            return inner
        if opaque or module.dynamic:
            return Unknown(opaque or module.dynamic)
        return None

    def _lazy(self, module: Module, name: str) -> Entity:
        """A name that stands in a table of names to import when asked for: the module that defines it stands there, too."""
        if not module.dynamic:
            return None
        for text in sorted(module.listed):
            inner_name = text.lstrip(".")
            if inner_name == name or not inner_name.replace(".", "").isidentifier():
                continue
            for candidate in (f"{module.name}.{inner_name}", inner_name):
                if candidate == module.name or not self._mentions(candidate, name):
                    continue
                if (source := self.module(candidate)) and name in source.bindings:
                    return self._of_module(source, name)
        return None

    def _mentions(self, module: str, name: str) -> bool:
        """Whether the text of a module has a name in it: cheaper than to parse it."""
        if module not in self._texts:
            relative = module.replace(".", "/")
            files = (root / end for root in self._tops.get(module.partition(".")[0], []) for end in (f"{relative}.py", f"{relative}/__init__.py", f"{relative}.pyi"))
            self._texts[module] = next((file.read_bytes() for file in files if file.is_file()), b"")
        return name.encode() in self._texts[module]

    def _bound(self, bindings: list[Binding], module: Module, method: bool = False) -> Entity:
        functions = tuple(b.node for b in bindings if b.kind == "function")
        weakest: Entity = None
        for binding in bindings:
            match binding.kind:
                case "class":
                    return Class(binding.node, binding.scope or module)
                case "function":
                    return Functions(functions, binding.scope or module, method)
                case "module":
                    inner = self.module(binding.target) or Unknown(f"`{binding.target}` is not here")
                case "from":
                    source_name, _, wanted = binding.target.partition(":")
                    source = self.module(source_name)
                    if source is None:
                        inner = Unknown(f"`{source_name}` is not here")
                    else:
                        inner = self._of_module(source, wanted)
                case _:
                    inner = self._value(binding.node, binding.scope or module)
            if inner is not None and not isinstance(inner, (Unknown, Value)):
                return inner
            if weakest is None or isinstance(inner, Value):
                weakest = inner
        if weakest is None and bindings:
            return Unknown("bound to something that is not here")
        # that a variable exists is certain, even if its value is not known
        if isinstance(weakest, Unknown) and any(b.kind == "value" for b in bindings):
            return Value()
        return weakest

    def _value(self, node: ast.AST | None, module: Module) -> Entity:
        match node:
            case ast.AnnAssign(value=ast.expr() as value):
                inner = self._value(value, module)
                return inner if not isinstance(inner, Value) else self._annotation(node.annotation, module)
            case ast.AnnAssign(annotation=annotation):
                return self._annotation(annotation, module)
            case ast.Name() | ast.Attribute():
                return self.expression(node, module) or Value()
            case ast.Subscript(value=value):
                inner = self.expression(value, module)
                return inner if isinstance(inner, Class) else Value()
            case ast.Call(func=ast.Name(id="partial") | ast.Attribute(attr="partial"), args=[first, *_]):
                inner = self.expression(first, module)
                return inner if isinstance(inner, (Class, Functions)) else Value()
            case ast.Call(func=function):
                made = self.expression(function, module)
                return Instance(made) if isinstance(made, Class) else Value()
            case _:
                return Value()

    def _annotation(self, node: ast.expr, module: Module) -> Entity:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                node = ast.parse(node.value, mode="eval").body
            except SyntaxError:
                return Value()
        if isinstance(node, ast.Subscript):
            if isinstance(node.value, ast.Name) and node.value.id in ("type", "Type"):
                return self._class_only(self.expression(node.slice, module), instance=False)
            return self._class_only(self.expression(node.value, module), instance=True)
        return self._class_only(self.expression(node, module), instance=True)

    @staticmethod
    def _class_only(entity: Entity, instance: bool) -> Entity:
        if not isinstance(entity, Class):
            return Value()
        return Instance(entity) if instance else entity

    def expression(self, node: ast.expr, module: Module) -> Entity:
        """What a name, a dotted name or a subscripted class means in a module."""
        match node:
            case ast.Name(id=name):
                return self._of_module(module, name)
            case ast.Attribute(value=value, attr=name):
                return self.attribute(self.expression(value, module), name)
            case ast.Subscript(value=value):
                return self.expression(value, module)
            case _:
                return None

    def _of_class(self, cls: Class, name: str) -> Entity:
        key = (cls.module.name, cls.node.name, cls.node.lineno, name)
        if key not in self._answers:
            self._answers[key] = None
            self._answers[key] = self._search_class(cls, name)
        return self._answers[key]

    def _search_class(self, cls: Class, name: str) -> Entity:
        body = Body(cls)
        entity = self._bound(body.bindings.get(name, []), cls.module, method=True)
        if entity is not None:
            return entity
        opaque = body.dynamic
        for base in cls.node.bases:
            inner = self.expression(base, cls.module)
            if isinstance(inner, Class):
                found = self._of_class(inner, name)
                if found is not None and not isinstance(found, Unknown):
                    return found
                opaque = opaque or (found.why if found else "")
            elif not is_plain_base(base):
                opaque = opaque or f"base class `{ast.unparse(base)[:40]}` is not here"
        if any(name in texts_of(decorator) for decorator in cls.node.decorator_list if isinstance(decorator, ast.Call)):
            return Unknown("made by a class decorator")
        if cls.node.name in cls.module.changed_later:
            opaque = opaque or "methods are added to the class after it is made"
        for keyword in cls.node.keywords:
            if keyword.arg == "metaclass" and not ast.unparse(keyword.value).endswith(("ABCMeta", "type", "EnumMeta")):
                opaque = opaque or f"metaclass `{ast.unparse(keyword.value)[:40]}`"
        return Unknown(opaque) if opaque else None

    def signature(self, entity: Entity) -> "Signature | None":
        """The parameters of a function, or those with which a class is made; `None` if they are not known."""
        match entity:
            case Functions(nodes=nodes, method=method):
                return Signature.of(nodes, method)
            case Class(node=node):
                for maker in ("__init__", "__new__"):
                    inner = self._of_class(entity, maker)
                    if isinstance(inner, Functions):
                        return Signature.of(inner.nodes, method=True)
                    if isinstance(inner, Unknown):
                        return None
                if any("dataclass" in ast.unparse(d) or "define" in ast.unparse(d) for d in node.decorator_list):
                    return None
                return None
            case _:
                return None


def is_plain_base(node: ast.expr) -> bool:
    """A base class of the standard library that adds no methods which a catalogue would name."""
    return ast.unparse(node).partition("[")[0].rpartition(".")[2] in {
        "object", "Generic", "Protocol", "ABC", "Enum", "IntEnum", "Exception", "TypedDict", "NamedTuple", "Hashable", "Sized",
    }  # fmt: skip


class Body:
    """The names that a class body and `self.name = ...` in its methods bind."""

    _known: dict[int, "Body"] = {}

    def __new__(cls, of: Class):
        if id(of.node) not in cls._known:
            body = cls._known[id(of.node)] = super().__new__(cls)
            body._read(of)
        return cls._known[id(of.node)]

    def _read(self, of: Class) -> None:
        scope = Module.__new__(Module)
        scope.name, scope.package, scope.compiled = of.module.name, of.module.package, False
        scope.bindings, scope.stars, scope.listed, scope.dynamic, scope.changed_later = {}, [], set(), "", set()
        scope._statements(of.node.body)
        self.node = of.node  # keeps the node, and so its id, alive
        self.bindings = {
            name: [dataclasses.replace(b, scope=of.module) for b in bindings] for name, bindings in scope.bindings.items()
        }
        self.dynamic = ""
        if "__getattr__" in self.bindings or "__getattribute__" in self.bindings:
            self.dynamic = f"`{of.node.name}` has a `__getattr__`"
        for method in of.node.body:
            if not isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            for node in ast.walk(method):
                targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
                for target in targets:
                    for element in getattr(target, "elts", [target]):
                        if isinstance(element, ast.Attribute) and isinstance(element.value, ast.Name) and element.value.id == "self":
                            value = node.value if isinstance(node, ast.Assign) else node
                            self.bindings.setdefault(element.attr, []).append(Binding("value", value, scope=of.module))


@dataclasses.dataclass
class Signature:
    """Names of parameters: by position, all, and whether there are `*args` and `**kwargs`."""

    positional: list[list[str]]
    names: set[str]
    open_positions: bool
    open_names: bool
    coroutine: bool

    @classmethod
    def of(cls, nodes: tuple, method: bool) -> "Signature":
        result = cls([], set(), False, False, all(isinstance(n, ast.AsyncFunctionDef) for n in nodes))
        for node in nodes:
            decorators = {ast.unparse(d) for d in node.decorator_list}
            names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
            if method and "staticmethod" not in decorators:
                names = names[1:]
            result.positional.append(names)
            result.names.update(names, (a.arg for a in node.args.kwonlyargs))
            result.open_positions |= node.args.vararg is not None
            result.open_names |= node.args.kwarg is not None
            # an asynchronous generator, or a context manager made of one, is not awaited
            result.coroutine &= not any(isinstance(n, ast.Yield) for n in ast.walk(node))
            result.coroutine &= not decorators - {"staticmethod", "classmethod", "override", "overload", "abc.abstractmethod"}
        return result


# ---- the standard library, by looking at the running one -----------------------------------------------------------------


class Running:
    """Names of the running Python's own library."""

    def resolve(self, path: str) -> tuple[str, object, str]:
        parts = path.split(".")
        for cut in range(len(parts), 0, -1):
            name = ".".join(parts[:cut])
            if parts[0] not in sys.stdlib_module_names and parts[0] != "builtins":
                return MISSING, None, f"`{parts[0]}` is no module of the standard library"
            try:
                entity = importlib.import_module(name)
            except ImportError:
                continue
            break
        else:
            return MISSING, None, f"no module `{parts[0]}`"
        for index, part in enumerate(parts[cut:], cut):
            try:
                entity = inspect.getattr_static(entity, part) if index + 1 == len(parts) else getattr(entity, part)
            except AttributeError:
                if inspect.isclass(entity) and part in instance_attributes(entity):
                    return FOUND, None, ""
                if hasattr(entity, part):  # attributes of a metaclass, and what `__getattr__` gives
                    entity = getattr(entity, part)
                    continue
                if inspect.isfunction(entity) or inspect.isdatadescriptor(entity) or inspect.isbuiltin(entity):
                    return WEAK, None, f"`{'.'.join(parts[:index])}` is no class but makes or holds an object"
                return MISSING, None, f"`{'.'.join(parts[:index])}` has no `{part}`"
        return FOUND, entity, ""

    def signature(self, entity: object) -> Signature | None:
        method = isinstance(entity, (staticmethod, classmethod))
        function = entity.__func__ if method else entity
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (ValueError, TypeError, AttributeError):  # of compiled code; some texts of it cannot be read
            return None
        # The receiver of a plain function is dropped by its name: what was looked up on the class is no bound method.
        if parameters and parameters[0].name in ("self", "cls") and not isinstance(entity, staticmethod):
            parameters = parameters[1:]
        kinds = {p.kind for p in parameters}
        positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        names = {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        return Signature(
            [positional],
            names,
            inspect.Parameter.VAR_POSITIONAL in kinds,
            inspect.Parameter.VAR_KEYWORD in kinds,
            inspect.iscoroutinefunction(function),
        )


def instance_attributes(cls: type) -> set[str]:
    """What the methods of a class set on `self`."""
    names: set[str] = set()
    for base in cls.__mro__:
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        except (OSError, TypeError, SyntaxError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and getattr(node.value, "id", "") == "self":
                names.add(node.attr)
    return names


# ---- the check of one library -----------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Library:
    file: str
    name: str
    apis: list[dict]
    versions: str = ""
    counts: dict[str, int] = dataclasses.field(default_factory=lambda: dict.fromkeys(("found", "weak", "missing", "arguments", "allowed"), 0))
    problems: list[str] = dataclasses.field(default_factory=list)
    allowed: list[str] = dataclasses.field(default_factory=list)
    weak: dict[str, int] = dataclasses.field(default_factory=dict)
    skipped: str = ""


class Check:
    """One catalogue file against one or more sets of sources: a name that any of them has is there."""

    def __init__(self, library: Library, worlds: list, rules: dict):
        self.library, self.worlds = library, worlds
        self.allow: dict[str, str] = rules.get("allow", {})
        for name, version in rules.get("removed", {}).items():
            if sys.version_info >= tuple(int(part) for part in version.split(".")):
                self.allow = {**self.allow, name: f"until Python {version}"}
        self.dynamic: str = rules.get("dynamic", "")
        self.same: dict[str, str] = rules.get("same", {})
        self.arguments: dict[str, str] = rules.get("arguments", {})
        self.used: set[str] = set()

    def run(self) -> None:
        for api in self.library.apis:
            self.missing_runs = [(run["argument"], run.get("position")) for run in api.get("runs", []) if "argument" in run]
            self.signatures = 0
            for path in api["paths"]:
                self._path(path, api)
            if self.signatures == len(api["paths"]):
                for argument, _ in self.missing_runs:
                    self._problem(f"{api['paths'][0]}({argument})", f"no argument `{argument}`: {', '.join(api['paths'])}")
            self._receiver(api)
        for unused in sorted(set(self.allow) - self.used):
            self.library.problems.append(f"allowed but not missing (remove it from {PINS.name}): {unused}")

    def _allowed(self, path: str) -> bool:
        for prefix in self.allow:
            if path == prefix or path.startswith((prefix + ".", prefix + "(")):
                self.used.add(prefix)
                self.library.counts["allowed"] += 1
                return True
        return False

    def _problem(self, path: str, text: str) -> None:
        if not self._allowed(path):
            self.library.problems.append(text)

    def _in_world(self, world, path: str) -> tuple[str, object, str]:
        for factory, made in self.same.items():
            if path.startswith(factory + "."):
                path = made + path.removeprefix(factory)
        return world.resolve(path)

    def _resolve(self, path: str):
        best = None
        for world in self.worlds:
            status, entity, why = self._in_world(world, path)
            if best is None or (status, best[1]) in ((FOUND, WEAK), (FOUND, MISSING), (WEAK, MISSING)):
                best = (world, status, entity, why)
            if status == FOUND:
                break
        return best

    def _path(self, path: str, api: dict) -> None:
        world, status, entity, why = self._resolve(path)
        counts = self.library.counts
        if status == MISSING and self._allowed(path):
            return
        if status == MISSING and self.dynamic:
            status, why = WEAK, self.dynamic
        if status == WEAK:
            self.library.weak[why] = self.library.weak.get(why, 0) + 1
        counts[status] += 1
        if status == MISSING:
            self.library.problems.append(f"missing: {path} ({why})")
        if status != FOUND:
            return
        if api.get("class") and isinstance(entity, (Functions, Module)):
            self._problem(f"{path}(class)", f"no class: {path}")
        fewest = self._signature(path, api, world.signature(entity))
        for other in self.worlds:
            if fewest and other is not world and (resolved := self._in_world(other, path))[0] == FOUND:
                fewest = min(fewest, self._signature(path, api, other.signature(resolved[1])), key=len)
        for key, problem in fewest:
            self._problem(key, problem)

    def _signature(self, path: str, api: dict, signature: Signature | None) -> list[tuple[str, str]]:
        """What is wrong with the named arguments of an entry: what to allow, and the message."""
        problems = []
        if signature is None:
            return problems
        self.signatures += not signature.open_names
        if signature.coroutine and api.get("effect") and not api.get("async"):
            problems.append((f"{path}(async)", f"a coroutine function, but not `async` in the catalogue: {path}"))
        timeout = api.get("timeout", {})
        wanted = [(timeout.get("argument"), timeout.get("position")), (timeout.get("needs"), None), (api.get("file"), None)]
        # Of the callables that an entry runs, some paths take the one, some the other.
        runs = [(run["argument"], run.get("position")) for run in api.get("runs", []) if "argument" in run]
        known = [run for run in runs if run[0] in signature.names]
        self.missing_runs = [run for run in self.missing_runs if run not in known]
        wanted += known or ([] if signature.open_names else runs)
        for argument, position in wanted:
            if argument is None:
                continue
            self.library.counts["arguments"] += 1
            if argument not in signature.names and not signature.open_names:
                if argument not in self.arguments:
                    problems.append((f"{path}({argument})", f"no argument `{argument}`: {path}({', '.join(sorted(signature.names))})"))
            elif position is not None and argument in signature.names:
                places = {names.index(argument) for names in signature.positional if argument in names}
                if position not in places and not (signature.open_positions and not places):
                    where = f"at {sorted(places)}" if places else "by keyword alone"
                    problems.append((f"{path}({argument})", f"argument `{argument}` stands {where}, not at {position}: {path}"))
        return problems

    def _receiver(self, api: dict) -> None:
        """Arguments of the receiver's constructor, and its methods, must exist for one of the classes of an entry at least."""
        timeout = api.get("timeout", {})
        owners = sorted({path.rpartition(".")[0] for path in api["paths"]})
        if "keeps-bounds" in api.get("tags", []) and "returns" in api:
            owners.append(api["returns"])  # it is the same thing in a new coat: a socket with TLS
        for owner in owners:  # `client.chat.completions` is bounded by what bounds the client
            parts = (p for other in self.library.apis for p in other["paths"] if other.get("returns") == owner and "attribute" in other.get("tags", []))
            owners += [part.rpartition(".")[0] for part in parts if part.rpartition(".")[0] not in owners]
        resolved = [self._resolve(owner) for owner in owners]
        if any(status == WEAK for _, status, _, _ in resolved):
            return
        classes = [(world, entity) for world, status, entity, _ in resolved if status == FOUND and isinstance(entity, (Class, type))]
        if not classes:
            return
        made_by = [path for other in self.library.apis if other.get("returns") in owners for path in other["paths"]]
        others = [(world, self._in_world(world, owner)) for world in self.worlds[1:] for owner in owners]
        classes += [(world, entity) for world, (status, entity, _) in others if status == FOUND and isinstance(entity, Class)]
        factories = [(world, entity) for world, status, entity, _ in map(self._resolve, made_by) if status == FOUND]
        arguments = [*timeout.get("receiver-arguments", []), *filter(None, [timeout.get("receiver-limit")])]
        for argument in arguments:
            signatures = [world.signature(entity) for world, entity in classes + factories]
            self.library.counts["arguments"] += 1
            if not any(s is None or s.open_names or argument in s.names for s in signatures) and argument not in self.arguments:
                self._problem(f"{owners[0]}({argument})", f"no constructor argument `{argument}`: {', '.join(owners)}")
        for method in timeout.get("receiver-methods", []):
            self.library.counts["arguments"] += 1
            if not any(world.resolve(f"{owner}.{method}")[0] != MISSING for owner, (world, _, _, _) in zip(owners, resolved)):
                self._problem(f"{owners[0]}({method})", f"no method `{method}` that would bound it: {', '.join(owners)}")
        for path in timeout.get("process-wide", []):
            if path.partition(".")[0] == owners[0].partition(".")[0] and self._resolve(path)[1] == MISSING:
                self._problem(path, f"missing: {path} (named by `process-wide`)")


# ---- packages ----------------------------------------------------------------------------------------------------------------


class CannotDownload(Exception):
    pass


def unpacked(pin: str, cache: pathlib.Path, timeout: float) -> pathlib.Path:
    """The folder with the sources of one pinned package, downloaded if the cache has it not."""
    folder = cache / pin
    if folder.is_dir():
        return folder
    parts = cache / f".{pin}.part"
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir(parents=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
    platforms = SMALLER.get(pin.partition("==")[0], PLATFORMS)
    command += ["--python-version", "3.11", "--implementation", "cp", *(f"--platform={p}" for p in platforms), "--dest", str(parts), pin]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotDownload(f"{pin}: {error}") from error
    wheels = list(parts.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        last = done.stderr.strip().splitlines()[-1:] or ["pip gave no wheel"]
        raise CannotDownload(f"{pin}: {last[0]}")
    unpack(wheels[0], parts / "tree")
    (parts / "tree").rename(folder)
    shutil.rmtree(parts)
    return folder


def unpack(wheel: pathlib.Path, folder: pathlib.Path) -> None:
    """Writes the Python sources and stubs of a wheel; of compiled modules only an empty file of that name."""
    folder.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        for item in archive.infolist():
            path = pathlib.PurePosixPath(item.filename)
            if path.is_absolute() or ".." in path.parts or path.suffix not in (".py", ".pyi", ".so"):
                continue
            # a wheel may keep its modules in `name-version.data/purelib`
            inner = path.parts[2:] if len(path.parts) > 2 and path.parts[0].endswith(".data") else path.parts
            if len(inner) > 1 and inner[0].endswith("-stubs"):
                inner = (inner[0].removesuffix("-stubs"), *inner[1:])
                (folder / ".stubs").touch()  # its files go with those of the package that it describes
            target = folder.joinpath(*inner)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(b"" if path.suffix == ".so" else archive.read(item))


def worlds_for(rules: dict, folders: dict[str, pathlib.Path], shared: list[str]) -> list[Sources]:
    """The sets of sources to look through: the pinned packages, and again with each of the older versions put before them."""
    pins = [folders[pin] for pin in rules.get("packages", [])]
    others = [folders[pin] for pin in shared if pin in folders and folders[pin] not in pins]
    return [Sources(pins + others)] + [Sources([folders[pin], *pins, *others]) for pin in rules.get("older", [])]


# ---- output ------------------------------------------------------------------------------------------------------------------


def table(libraries: list[Library]) -> list[str]:
    lines = ["| library | checked against | names | found | weakly known | allowed | missing | arguments |", "|---|---|--:|--:|--:|--:|--:|--:|"]
    total = dict.fromkeys(("found", "weak", "allowed", "missing", "arguments"), 0)
    for library in libraries:
        c = library.counts
        if library.skipped:
            lines.append(f"| {library.file} | {library.skipped} | {paths_in(library)} | | | | | |")
            continue
        for key in total:
            total[key] += c[key]
        lines.append(
            f"| {library.file} | {library.versions} | {paths_in(library)} | {c['found']} | {c['weak']} | {c['allowed']} |"
            f" {c['missing']} | {c['arguments']} |"
        )
    names = sum(paths_in(library) for library in libraries if not library.skipped)
    lines.append(
        f"| **all** | {sum(not lib.skipped for lib in libraries)} files | {names} | {total['found']} | {total['weak']} |"
        f" {total['allowed']} | {total['missing']} | {total['arguments']} |"
    )
    return lines


def paths_in(library: Library) -> int:
    return sum(len(api["paths"]) for api in library.apis)


def document(stdlib: list[Library], packages: list[Library], rules: dict) -> str:
    lines = [
        "# The catalogue against the real libraries",
        "",
        "Made by `scripts/check-catalogue.py --docs docs/catalogue-check.md`; do not edit. Each path of `crates/lagmap_models/models`",
        "is looked up in the sources of the library that it describes (wheels from PyPI, read and never run; the standard library: the",
        "running Python's). *Found*: its definition is there. *Weakly known*: made at run time, so that reading the sources can",
        "neither find nor miss it. *Allowed*: not there, with a reason in `scripts/check-catalogue.toml`. *Arguments*: named arguments",
        "(time-outs, callbacks) that were looked up in signatures too.",
        "",
    ]
    if stdlib:
        lines += [f"## The standard library of Python {sys.version_info.major}.{sys.version_info.minor}", "", *table(stdlib), ""]
    lines += ["## Packages", "", *table([lib for lib in packages if not lib.skipped]), ""]
    skipped = [lib for lib in packages if lib.skipped]
    if skipped:
        lines += ["## Not checked", "", *(f"- {lib.file}: {lib.skipped}" for lib in skipped), ""]
    lines += ["## Why names are only weakly known", "", "| library | reason | names |", "|---|---|--:|"]
    for library in stdlib + packages:
        for why, count in sorted(library.weak.items(), key=lambda item: (-item[1], item[0])):
            lines.append(f"| {library.file} | {why} | {count} |")
    lines += ["", "## Allowed", ""]
    for library in stdlib + packages:
        entry = rules.get(library.file, {})
        if not library.skipped:
            lines += [f"- {library.file}: `{name}`: {why}" for name, why in entry.get("allow", {}).items()]
    problems = [f"- {lib.file}: {problem}" for lib in stdlib + packages for problem in lib.problems]
    lines += ["", "## Missing", "", *(problems or ["Nothing."]), ""]
    return "\n".join(lines)


# ---- command line ------------------------------------------------------------------------------------------------------------


def read_libraries(folder: pathlib.Path) -> list[Library]:
    libraries = []
    for file in sorted(folder.glob("*.toml")):
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        libraries.append(Library(file.stem, data["library"]["name"], data.get("api", [])))
    return libraries


def check_stdlib(models: pathlib.Path, rules: dict) -> list[Library]:
    libraries = read_libraries(models / "stdlib")
    for library in libraries:
        library.versions = f"Python {sys.version_info.major}.{sys.version_info.minor}"
        Check(library, [Running()], rules.get(library.file, {})).run()
    return libraries


def check_packages(models: pathlib.Path, rules: dict, wanted: list[str], quick: bool, cache: pathlib.Path, seconds: float) -> list[Library]:
    libraries = read_libraries(models / "libraries")
    unknown = sorted(set(wanted) - {library.file for library in libraries})
    if unknown:
        raise SystemExit(f"check-catalogue: no catalogue file for {', '.join(unknown)} in {models / 'libraries'}")
    chosen = [lib for lib in libraries if (not wanted or lib.file in wanted) and (not quick or rules.get(lib.file, {}).get("quick"))]
    pins = sorted({pin for lib in chosen for key in ("packages", "older") for pin in rules.get(lib.file, {}).get(key, [])})
    folders: dict[str, pathlib.Path] = {}
    failed: dict[str, str] = {}
    cache.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = {pin: pool.submit(unpacked, pin, cache, seconds) for pin in pins}
        for pin, job in jobs.items():
            try:
                folders[pin] = job.result()
            except (CannotDownload, OSError, zipfile.BadZipFile) as error:
                failed[pin] = str(error)
    shared = [pin for lib in libraries for pin in rules.get(lib.file, {}).get("packages", [])]
    for library in chosen:
        entry = rules.get(library.file, {})
        needed = entry.get("packages", []) + entry.get("older", [])
        missing = [failed[pin] for pin in needed if pin in failed]
        if not library.apis or not needed:
            library.skipped = entry.get("skip", "no wheel is pinned")
        elif missing:
            library.skipped = f"skipped: {missing[0]}"
        else:
            library.versions = ", ".join(pin.replace("==", " ") for pin in needed)
            Check(library, worlds_for(entry, folders, shared), entry).run()
    return chosen


def main() -> int:
    default_cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "lagmap-catalogue"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stdlib", action="store_true", help="check the standard library's files alone")
    parser.add_argument("--quick", action="store_true", help="the standard library, and the packages marked quick; those that PyPI does not give are skipped")
    parser.add_argument("--only", action="append", default=[], metavar="FILE", help="check this file of libraries/ alone (without .toml; may be repeated)")
    parser.add_argument("--cache", type=pathlib.Path, default=default_cache, help=f"where unpacked packages are kept (default: {default_cache})")
    parser.add_argument("--models", type=pathlib.Path, default=MODELS, help="the catalogue's folder")
    parser.add_argument("--docs", type=pathlib.Path, metavar="FILE", help="write the result as a page of documentation")
    parser.add_argument("--seconds", type=float, default=600, help="how long one download may take (default: 600; with --quick at most 30)")
    arguments = parser.parse_args()
    if not (arguments.models / "libraries").is_dir():
        print(f"check-catalogue: no folder {arguments.models / 'libraries'}: give the catalogue's folder with --models", file=sys.stderr)
        return 2
    gc.disable()  # millions of nodes that all stay: looking for garbage among them takes longer than the check
    rules = tomllib.loads(PINS.read_text(encoding="utf-8"))
    seconds = min(arguments.seconds, 30) if arguments.quick else arguments.seconds
    stdlib = [] if arguments.only else check_stdlib(arguments.models, rules)
    packages = []
    if not arguments.stdlib:
        packages = check_packages(arguments.models, rules, arguments.only, arguments.quick, arguments.cache, seconds)
    print("\n".join(table(stdlib + packages)))
    problems = [f"{lib.file}: {problem}" for lib in stdlib + packages for problem in lib.problems]
    failed = [lib.file for lib in packages if lib.skipped.startswith("skipped")]
    for library in packages:
        if library.skipped:
            print(f"{library.file}: {library.skipped}")
    print("\n".join(["", f"{len(problems)} problems", *problems]))
    if arguments.docs:
        arguments.docs.write_text(document(stdlib, packages, rules), encoding="utf-8")
    if problems:
        return 1
    return 2 if failed and not arguments.quick else 0


if __name__ == "__main__":
    sys.exit(main())
