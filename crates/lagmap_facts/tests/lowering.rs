//! What lowering makes of each construct of the language, as [`lagmap_facts::dump`] shows it.

use lagmap_facts::{Expr, FileFacts, MAX_LITERAL, RegionId, RegionKind, check, dump, lower};
use lagmap_source::Span;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, proptest};
use ruff_python_ast::PySourceType;
use ruff_python_parser::parse_unchecked_source;

fn facts(text: &str) -> FileFacts {
    let parsed = parse_unchecked_source(text, PySourceType::Python);
    let facts = lower(parsed.syntax(), text);
    assert_eq!(check(&facts), Ok(()));
    facts
}

/// Checks the facts of `source`; both texts without their common indentation.
#[track_caller]
fn shows(source: &str, expected: &str) {
    let shown = dump(&facts(&dedent(source)));
    assert_eq!(shown, dedent(expected), "instead:\n{shown}");
}

fn dedent(text: &str) -> String {
    let lines = || text.lines().skip(1).filter(|line| !line.trim().is_empty());
    let indent = lines().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    lines().flat_map(|line| [&line[indent..], "\n"]).collect()
}

#[test]
fn calls_come_in_evaluation_order_before_their_statement() {
    shows(
        "
        x[key()] = first(second(a), k=third()).fourth(*rest, **more)
        a = b, c = value()
        total += price()
        ",
        "
        module <module>
          call second(a)
          call third()
          call first(second(a), k=third())
          call first(second(a), k=third()).fourth(*rest, **more)
          call key()
          assign x[key()] = first(second(a), k=third()).fourth(*rest, **more)
          call value()
          assign a = value()
          assign (b, c) = value()
          call price()
          augment total += price()
        ",
    );
}

#[test]
fn the_use_of_a_calls_result_is_told() {
    shows(
        "
        async def f():
            discarded()
            await awaited_discarded()
            x = await awaited()
            with entered() as y, await opened():
                used(inner())
            x and used()
        ",
        "
        module <module>
          define f
        def f() [async]
          call discarded() -> discarded
          expr discarded()
          call awaited_discarded() -> awaited, discarded
          expr (await awaited_discarded())
          call awaited() -> awaited
          assign x = (await awaited())
          call entered() -> entered
          enter entered() as y
          with entered():
            call opened() -> awaited
            enter (await opened())
            with (await opened()):
              call inner()
              call used(inner()) -> discarded
              expr used(inner())
          if x:
            call used()
          expr (x and used())
        ",
    );
}

#[test]
fn if_chains_nest_and_branches_know_their_test() {
    shows(
        "
        if a():
            b()
        elif c():
            d()
        else:
            e()
        f()
        ",
        "
        module <module>
          call a()
          if a():
            call b() -> discarded
            expr b()
          if not a():
            call c()
            if c():
              call d() -> discarded
              expr d()
            if not c():
              call e() -> discarded
              expr e()
          call f() -> discarded
          expr f()
        ",
    );
}

#[test]
fn an_early_exit_implies_its_test_for_the_rest_of_the_block() {
    shows(
        "
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
        ",
        "
        module <module>
          define f
          call sixth() -> discarded
          expr sixth()
        def f(a, b)
          if (not a):
            return -
          implied if not (not a):
            call first() -> discarded
            expr first()
            if b:
              call second() -> discarded
              expr second()
            if not b:
              raise E
            implied if b:
              call third() -> discarded
              expr third()
              if c:
                call sys.exit(1) -> discarded
                expr sys.exit(1)
              if not c:
                if d:
                  call os._exit(2) -> discarded
                  expr os._exit(2)
                if not d:
                  call fourth() -> discarded
                  expr fourth()
              implied if not c:
                implied if not d:
                  if not e:
                    call message()
                  assert e
                  implied if e:
                    call fifth() -> discarded
                    expr fifth()
        ",
    );
}

#[test]
fn an_exit_that_ends_its_block_implies_nothing() {
    shows(
        "
        for x in y:
            if x:
                continue
        ",
        "
        module <module>
          for in y:
            iterate x in y
            if x:
              continue
        ",
    );
}

#[test]
fn branches_that_all_leave_imply_nothing_but_an_exit_of_the_whole() {
    shows(
        "
        def f():
            if a:
                if b:
                    return 1
                else:
                    raise E
            rest()
        ",
        "
        module <module>
          define f
        def f()
          if a:
            if b:
              return 1
            if not b:
              raise E
          implied if not a:
            call rest() -> discarded
            expr rest()
        ",
    );
}

#[test]
fn a_branch_that_goes_on_before_one_that_leaves_implies_nothing() {
    shows(
        "
        if a:
            pass
        elif b:
            raise E
        rest()
        ",
        "
        module <module>
          if a:
          if not a:
            if b:
              raise E
          call rest() -> discarded
          expr rest()
        ",
    );
}

#[test]
fn a_with_may_swallow_an_exception_but_not_a_return() {
    shows(
        "
        def f():
            if a:
                with suppress(E):
                    raise E
            first()
            if b:
                with lock:
                    return
            second()
        ",
        "
        module <module>
          define f
        def f()
          if a:
            call suppress(E) -> entered
            enter suppress(E)
            with suppress(E):
              raise E
          call first() -> discarded
          expr first()
          if b:
            enter lock
            with lock:
              return -
          implied if not b:
            call second() -> discarded
            expr second()
        ",
    );
}

#[test]
fn try_and_match_leave_only_if_every_way_leaves() {
    shows(
        "
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
        ",
        "
        module <module>
          define f
        def f()
          if a:
            try except:
              call g()
              return g()
            except E:
              return None
          implied if not a:
            call first() -> discarded
            expr first()
            if b:
              try except:
                call g()
                return g()
              except E:
            call second() -> discarded
            expr second()
            if c:
              case of d:
                return 1
              case of d:
                return 2
            implied if not c:
              call third() -> discarded
              expr third()
        ",
    );
}

#[test]
fn loops() {
    shows(
        "
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
        ",
        "
        module <module>
          call pairs()
          for in pairs():
            iterate (i, j) in pairs()
            call stop()
            if stop():
              break
            implied if not stop():
              continue
          loop else:
            call done() -> discarded
            expr done()
          while more():
            call more()
            call step() -> discarded
            expr step()
          loop else:
            call over() -> discarded
            expr over()
        ",
    );
}

#[test]
fn async_statements() {
    shows(
        "
        async def f():
            async for x in stream():
                async with session() as s:
                    yield x
        ",
        "
        module <module>
          define f
        def f() [async] [generator]
          call stream()
          async for in stream():
            iterate x in stream()
            call session() -> entered
            async enter session() as s
            async with session():
              expr (yield x)
        ",
    );
}

#[test]
fn each_item_of_a_with_surrounds_the_next() {
    shows(
        "
        with a() as x, b(x) as (y, z):
            c()
        d()
        ",
        "
        module <module>
          call a() -> entered
          enter a() as x
          with a():
            call b(x) -> entered
            enter b(x) as (y, z)
            with b(x):
              call c() -> discarded
              expr c()
          call d() -> discarded
          expr d()
        ",
    );
}

#[test]
fn try_parts() {
    shows(
        "
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
        ",
        "
        module <module>
          try except finally:
            call a() -> discarded
            expr a()
          except (K, V):
            catch (K, V) as e
            call b(e) -> discarded
            expr b(e)
          except:
            call c() -> discarded
            expr c()
          try else:
            call d() -> discarded
            expr d()
          finally:
            call e() -> discarded
            expr e()
        ",
    );
}

#[test]
fn match_binds_what_its_patterns_capture() {
    shows(
        r#"
        match subject():
            case Point(x=0, y=row) | [row, *rest] if row > limit():
                a()
            case {"key": [value], **others}:
                b()
            case Color.RED as c:
                d()
            case None | _:
                pass
        "#,
        "
        module <module>
          call subject()
          case of subject() if (row > limit()):
            capture row of subject()
            capture row of subject()
            capture rest of subject()
            call limit()
            call a() -> discarded
            expr a()
          case of subject():
            capture value of subject()
            capture others of subject()
            call b() -> discarded
            expr b()
          case of subject():
            capture c of subject()
            call d() -> discarded
            expr d()
          case of subject():
        ",
    );
}

#[test]
fn operands_behind_the_first_run_under_a_condition() {
    shows(
        "
        x = a() and b() and c()
        y = a() or b()
        z = b() if a() else c()
        w = a() < b() < c()
        ",
        "
        module <module>
          call a()
          if a():
            call b()
            if b():
              call c()
          assign x = (a() and b() and c())
          call a()
          if not a():
            call b()
          assign y = (a() or b())
          call a()
          if a():
            call b()
          if not a():
            call c()
          assign z = (b() if a() else c())
          call a()
          call b()
          if (a() < b()):
            call c()
          assign w = ((a() < b()) and (b() < c()))
        ",
    );
}

#[test]
fn comprehensions() {
    shows(
        "
        a = [f(x) for row in rows() if row.ok() if big for x in row.items()]
        b = {k(): v() for k in keys}
        c = (x async for x in stream())
        d = {x for x in y}
        ",
        "
        module <module>
          call rows()
          comprehension in rows():
            iterate row in rows()
            call row.ok()
            if row.ok():
              if big:
                call row.items()
                comprehension in row.items():
                  iterate x in row.items()
                  call f(x)
          assign a = list<f(x) ...>
          comprehension in keys:
            iterate k in keys
            call k()
            call v()
          assign b = dict<k(): v() ...>
          call stream()
          lazy comprehension in stream():
            iterate x in stream()
          assign c = generator<x ...>
          comprehension in y:
            iterate x in y
          assign d = set<x ...>
        ",
    );
}

#[test]
fn scopes_nest_and_know_their_class() {
    shows(
        r#"
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
        "#,
        r#"
        module <module>
          call register("a")
          define class A(Base, Generic[T], metaclass=Meta) @register("a")
        class A
          call compute()
          assign limit = compute()
          call default()
          define A.method
          if DEBUG:
            define A.other
        def A.method(self, a, b = default(), *args, /c: int = 1, **rest) -> dict[(str, Foo)] [method of A]
          decorator property
          define A.method.inner
          call start()
          assign key = <lambda 5>
          define class A.method.Local()
        def A.other(self) [async] [generator] [method of A]
          return [(yield -)]
        def A.method.inner() [global count] [nonlocal b]
        lambda A.method.<lambda>(item = start())
          return item.name
        class A.method.Local
          define A.method.Local.deep
        def A.method.Local.deep(self) [method of A.method.Local]
          expr ...
        "#,
    );
}

#[test]
fn generators_own_their_yields_only() {
    shows(
        "
        def outer():
            def inner():
                yield 1
        def delegating():
            yield from outer()
        f = lambda: (yield)
        ",
        "
        module <module>
          define outer
          define delegating
          assign f = <lambda 3>
        def outer()
          define outer.inner
        def delegating() [generator]
          call outer()
          expr (yield from outer())
        lambda <lambda>() [generator]
          return (yield -)
        def outer.inner() [generator]
          expr (yield 1)
        ",
    );
}

#[test]
fn imports() {
    shows(
        "
        import os
        import os.path
        import numpy.linalg as la
        from . import sibling
        from ..pkg.mod import a as b, c
        from x import *
        ",
        "
        module <module>
          import os binding os
          import os.path binding os
          import numpy.linalg as la
          import sibling from . as sibling
          import a from ..pkg.mod as b
          import c from ..pkg.mod as c
          import * from x as *
        ",
    );
}

#[test]
fn annotations_are_types_not_operations() {
    shows(
        r#"
        a: Optional["Foo"] = make()
        b: "list[pkg.Foo | None]"
        c: Literal["Foo", 1]
        d: Annotated["Foo", Depends(get())]
        e: "Callable[[int, 'Foo'], Literal['x']]"
        f: "not a type!"
        g: "None" = None
        type Alias = "list[Foo]"
        "#,
        r#"
        module <module>
          call make()
          annotate a: Optional[Foo] = make()
          annotate b: list[(pkg.Foo | None)]
          annotate c: Literal[("Foo", 1)]
          annotate d: Annotated[(Foo, Depends(get()))]
          annotate e: Callable[([int, Foo], Literal["x"])]
          annotate f: "not a type!"
          annotate g: None = None
          assign Alias = list[Foo]
        "#,
    );
}

#[test]
fn strings() {
    shows(
        r#"
        a = "one " "two"
        b = f"x{first()}y{second()!r:>{width()}}" "z"
        c = b"ab" b"c"
        d = t"{x}"
        "#,
        r#"
        module <module>
          assign a = "one two"
          call first()
          call second()
          call width()
          assign b = f<"x", first(), "y", second(), width(), "z">
          assign c = bytes<3>
          assign d = f<x>
        "#,
    );
}

#[test]
fn other_expressions() {
    shows(
        r#"
        a = [1, 2.5, 99999999999999999999, 1j, True, None, ...]
        b = {"k": 1, **other, 2: (3, 4)}
        c = items[1:2], items[::step], items[:, 0]
        d = not -x ** 2 // y @ z
        e = (n := size()) + n
        del a, b[0]
        "#,
        r#"
        module <module>
          assign a = [1, 2.5, 9223372036854775807, ?, True, None, ...]
          assign b = {"k": 1, **other, 2: (3, 4)}
          assign c = (items[1:2:-], items[-:-:step], items[(-:-:-, 0)])
          assign d = (not (((unary (x ** 2)) // y) @ z))
          call size()
          assign e = ((n := size()) + n)
          delete a
          delete b[0]
        "#,
    );
}

#[test]
fn error_recovery_leaves_what_can_be_read() {
    shows(
        "
        def f(
            x = g(
        class :
        import
        from . import
        x = self.
        for in y:
            h()
        try:
            k()
        ",
        "
        module <module>
          call g()
          define f
          define class ()
          assign x = self.
          for in y:
            iterate ? in y
            call h() -> discarded
            expr h()
          try:
            call k() -> discarded
            expr k()
        def f(x = g())
        class
        ",
    );
}

/// Runs on a stack as large as the audit's threads have.
fn on_a_large_stack(test: fn()) {
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(test).unwrap();
    thread.join().unwrap();
}

#[test]
fn definitions_end_where_they_end_and_start_behind_their_decorators() {
    let text = "@a\n@b(1) # why\n\\\n\n# so\nasync def f(): pass\n\n@c\nclass D: pass\n";
    let facts = facts(text);
    let of = |span: lagmap_source::Span| &text[span.start as usize..span.end as usize];
    assert_eq!(of(facts.functions[1].span), "async def f(): pass");
    assert_eq!(of(facts.functions[1].name_span), "f");
    assert_eq!(of(facts.classes[0].span), "class D: pass");
    assert_eq!(of(facts.classes[0].name_span), "D");
}

#[test]
fn an_implied_region_covers_the_rest_of_its_block_only() {
    let text = "def f():\n    if a:\n        return\n    b()\n    c()\nd()\n";
    let facts = facts(text);
    let implied = facts.regions.iter().find(|region| matches!(region.kind, RegionKind::If { implied: true, .. }));
    let span = implied.unwrap().span;
    assert_eq!(&text[span.start as usize..span.end as usize], "\n    b()\n    c()");
}

#[test]
fn links_of_a_comparison_chain_share_their_middle() {
    let facts = facts("x = a < b() < c");
    let links: Vec<_> = facts
        .exprs
        .iter()
        .filter_map(|node| match node.expr {
            Expr::Compare { left, right, .. } => Some((left, right, node.span)),
            _ => None,
        })
        .collect();
    let [(_, middle, first), (shared, _, second)] = links[..] else { panic!("two links") };
    assert_eq!(middle, shared);
    assert_eq!((first, second), (Span::new(4, 11), Span::new(8, 15)));
    assert_eq!(facts.calls.len(), 1);
}

#[test]
fn long_literals_are_cut_at_a_character() {
    let long = format!("x{}", "é".repeat(150));
    for source in [format!("s = '{long}'"), format!("s = '{}' '{}'", &long[..101], &long[101..]), format!("f'{long}'")]
    {
        let facts = facts(&source);
        let texts = facts.exprs.iter().filter_map(|node| match node.expr {
            Expr::Str(text) => Some(facts.text(text)),
            _ => None,
        });
        assert_eq!(texts.collect::<Vec<_>>(), [&long[..MAX_LITERAL - 1]]);
    }
}

#[test]
fn nodes_of_a_string_annotation_stand_where_the_string_stands() {
    let text = "x: 'pkg.Foo[int]'";
    let facts = facts(text);
    let spans = facts.exprs.iter().filter(|node| node.span == Span::new(3, 17)).count();
    assert_eq!(spans, 4, "pkg, pkg.Foo, int, pkg.Foo[int]");
}

#[test]
fn the_facts_of_equal_texts_are_equal() {
    let text = "import a\nclass B(a.C):\n    def d(self): return [e for e in self.f if e]\n";
    assert_eq!(facts(text), facts(text));
}

#[test]
fn conditions_nest_only_so_deep() {
    for text in ["assert a\n".repeat(5_000), format!("if a: b\n{}", "elif a: b\n".repeat(5_000))] {
        let facts = facts(&text);
        let deepest = (0..facts.regions.len()).map(|id| facts.enclosing(RegionId(id as u32)).count()).max();
        assert!(deepest.unwrap() < 250, "{deepest:?}");
    }
}

#[test]
fn names_of_scopes_nested_without_end_stay_short() {
    on_a_large_stack(|| {
        let facts = facts(&format!("x = {}0", "lambda: ".repeat(2_000)));
        assert_eq!(facts.functions.len(), 2_001);
        assert!(facts.functions.iter().all(|function| facts.text(function.qualified_name).len() < 1_100));
    });
}

#[test]
fn deep_trees_need_no_more_stack_than_a_thread_of_the_audit_has() {
    on_a_large_stack(|| {
        for text in [
            format!("a{}", " + a".repeat(50_000)),
            format!("a{}", ".b".repeat(50_000)),
            format!("a{}", "()".repeat(50_000)),
        ] {
            assert!(facts(&text).exprs.len() > 50_000);
        }
    });
}

#[test]
fn damaged_facts_are_told_from_whole_ones() {
    let whole = facts("@d\ndef f(a=1):\n    for x in g(a, k=x): yield x\nclass C(B): y = [1]\nimport m\n");
    let damages: [fn(&mut FileFacts); 12] = [
        |facts| facts.names = lagmap_facts::Names::default(),
        |facts| facts.exprs.truncate(3),
        |facts| facts.lists.clear(),
        |facts| facts.calls.clear(),
        |facts| facts.keywords.clear(),
        |facts| facts.regions.truncate(1),
        |facts| facts.ops.clear(),
        |facts| facts.functions.truncate(1),
        |facts| facts.classes.clear(),
        |facts| facts.imports.clear(),
        |facts| facts.exprs.swap(0, 4),
        |facts| facts.functions[1].body = RegionId(0),
    ];
    for (index, damage) in damages.into_iter().enumerate() {
        let mut facts = whole.clone();
        damage(&mut facts);
        assert!(check(&facts).is_err(), "damage {index} goes unseen");
    }
}

#[test]
fn regions_cover_what_recovery_hangs_into_them() {
    // `facts` checks that they do.
    let recovered = facts(include_str!("../../lagmap_fuzz/corpus/audit/recovered_parts.py"));
    assert!(recovered.regions.len() > 8);
    facts(include_str!("../../lagmap_fuzz/corpus/audit/recovered_expressions.py"));
}

const MIXTURE: &str = include_str!("mixture.py");

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever a broken file parses to, its facts hold together.
    #[test]
    fn broken_files_have_whole_facts(cuts in vec((0..MIXTURE.len(), 0..40_usize, 0..FRAGMENTS.len()), 1..8)) {
        let mut text = MIXTURE.to_owned();
        for (start, len, fragment) in cuts {
            let start = start.min(text.len());
            let end = (start + len).min(text.len());
            text.replace_range(start..end, FRAGMENTS[fragment]);
        }
        dump(&facts(&text));
    }
}

const FRAGMENTS: [&str; 14] =
    ["", "(", ")", "\n", "    ", ":", "'", "if ", "else:", "lambda ", "match x:\n case ", "f\"{", "@", "class "];
