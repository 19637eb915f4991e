x[key()] = first(second(a), k=third()).fourth(*rest, **more)
a = b, c = value()
total += price()
async def f():
    discarded()
    await awaited_discarded()
    x = await awaited()
    with entered() as y, await opened():
        used(inner())
    x and used()
if a():
    b()
elif c():
    d()
else:
    e()
f()
def f(a, b):
    if not a:
        return
    first()
    if b:
        second()
    else:
        raise E
    third()
    if c:
        sys.exit(1)
    elif d:
        os._exit(2)
    else:
        fourth()
    assert e, message()
    fifth()
sixth()
for x in y:
    if x:
        continue
def f():
    if a:
        if b:
            return 1
        else:
            raise E
    rest()
if a:
    pass
elif b:
    raise E
rest()
def f():
    if a:
        with suppress(E):
            raise E
    first()
    if b:
        with lock:
            return
    second()
def f():
    if a:
        try:
            return g()
        except E:
            return None
    first()
    if b:
        try:
            return g()
        except E:
            pass
    second()
    if c:
        match d:
            case 1:
                return 1
            case _:
                return 2
    third()
for i, j in pairs():
    if stop():
        break
    continue
else:
    done()
while more():
    step()
else:
    over()
async def f():
    async for x in stream():
        async with session() as s:
            yield x
with a() as x, b(x) as (y, z):
    c()
d()
try:
    a()
except (K, V) as e:
    b(e)
except:
    c()
else:
    d()
finally:
    e()
match subject():
    case Point(x=0, y=row) | [row, *rest] if row > limit():
        a()
    case {"key": [value], **others}:
        b()
    case Color.RED as c:
        d()
    case None | _:
        pass
x = a() and b() and c()
y = a() or b()
z = b() if a() else c()
w = a() < b() < c()
a = [f(x) for row in rows() if row.ok() if big for x in row.items()]
b = {k(): v() for k in keys}
c = (x async for x in stream())
d = {x for x in y}
@register("a")
class A(Base, Generic[T], metaclass=Meta):
    limit = compute()
    @property
    def method(self, a, /, b=default(), *args, c: int = 1, **rest) -> "dict[str, Foo]":
        def inner():
            nonlocal b
            global count
        key = lambda item=start(): item.name
        class Local:
            def deep(self): ...
    if DEBUG:
        async def other(self):
            return [(yield)]
def outer():
    def inner():
        yield 1
def delegating():
    yield from outer()
f = lambda: (yield)
import os
import os.path
import numpy.linalg as la
from . import sibling
from ..pkg.mod import a as b, c
from x import *
a: Optional["Foo"] = make()
b: "list[pkg.Foo | None]"
c: Literal["Foo", 1]
d: Annotated["Foo", Depends(get())]
e: "Callable[[int, 'Foo'], Literal['x']]"
f: "not a type!"
g: "None" = None
type Alias = "list[Foo]"
a = "one " "two"
b = f"x{first()}y{second()!r:>{width()}}" "z"
c = b"ab" b"c"
d = t"{x}"
a = [1, 2.5, 99999999999999999999, 1j, True, None, ...]
b = {"k": 1, **other, 2: (3, 4)}
c = items[1:2], items[::step], items[:, 0]
d = not -x ** 2 // y @ z
e = (n := size()) + n
del a, b[0]
