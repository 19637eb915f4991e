//! Facts as indented text, for tests and for people.

use std::fmt::Write;

use crate::{
    BinaryOp, Call, CompareOp, ComprehensionKind, Expr, ExprId, FileFacts, FunctionFacts, Import, Keyword, Op, OpKind,
    ParameterKind, RegionId, RegionKind, ResultUse, ScopeKind,
};

/// All facts of a file as text: scope by scope, its operations in order, indented by the regions around them.
///
/// A region is shown where lowering opened it. Expressions look like the code they come from.
pub fn dump(facts: &FileFacts) -> String {
    let mut dump = Dump { facts, out: String::new() };
    for function in &facts.functions {
        dump.scope(function);
    }
    dump.out
}

struct Dump<'a> {
    facts: &'a FileFacts,
    out: String,
}

impl Dump<'_> {
    fn scope(&mut self, function: &FunctionFacts) {
        let heading = self.heading(function);
        self.line(0, &heading);
        for decorator in &function.decorators {
            let decorator = self.show(*decorator);
            self.line(1, &format!("decorator {decorator}"));
        }
        let used = self.regions_with_operations(function);
        let is_used = |region: u32| used[(region - function.regions.start) as usize];
        let mut shown = function.regions.start + 1;
        for op in self.facts.ops(function) {
            let mut end = shown.max(op.region.0 + 1);
            let starts_before = |region: u32| self.facts.region(RegionId(region)).span.start < op.span.end;
            while end < function.regions.end && !is_used(end) && starts_before(end) {
                end += 1;
            }
            self.regions(&mut shown, end);
            let depth = self.depth(op.region);
            let text = self.op(op);
            self.line(depth, &text);
        }
        self.regions(&mut shown, function.regions.end);
    }

    /// Of each region of a scope: whether operations run in it or inside it. The text of others says where they stand.
    fn regions_with_operations(&self, function: &FunctionFacts) -> Vec<bool> {
        let start = function.regions.start;
        let mut used = vec![false; function.regions.len()];
        for op in self.facts.ops(function) {
            used[(op.region.0 - start) as usize] = true;
        }
        for id in function.regions.clone().rev() {
            if let Some(parent) = self.facts.region(RegionId(id)).parent {
                used[(parent.0 - start) as usize] |= used[(id - start) as usize];
            }
        }
        used
    }

    fn heading(&self, function: &FunctionFacts) -> String {
        let kind = match function.kind {
            ScopeKind::Module => "module",
            ScopeKind::Class => "class",
            ScopeKind::Function => "def",
            ScopeKind::Lambda => "lambda",
        };
        let mut heading = format!("{kind} {}", self.facts.text(function.qualified_name));
        if matches!(function.kind, ScopeKind::Function | ScopeKind::Lambda) {
            let _ = write!(heading, "({})", self.parameters(function));
        }
        if let Some(returns) = function.returns.get() {
            let _ = write!(heading, " -> {}", self.show(returns));
        }
        let class = function.class.filter(|_| function.kind == ScopeKind::Function);
        let class = class.map(|class| format!("method of {}", self.facts.text(self.facts.class(class).qualified_name)));
        let names = |what: &str, names: &[crate::Name]| {
            let names: Vec<_> = names.iter().map(|name| self.facts.text(*name)).collect();
            (!names.is_empty()).then(|| format!("{what} {}", names.join(" ")))
        };
        let notes = [
            function.is_async.then(|| "async".to_owned()),
            function.is_generator.then(|| "generator".to_owned()),
            class,
            names("global", &function.globals),
            names("nonlocal", &function.nonlocals),
        ];
        for note in notes.into_iter().flatten() {
            let _ = write!(heading, " [{note}]");
        }
        heading
    }

    fn parameters(&self, function: &FunctionFacts) -> String {
        let shown = function.parameters.iter().map(|parameter| {
            let stars = match parameter.kind {
                ParameterKind::Positional => "",
                ParameterKind::KeywordOnly => "/",
                ParameterKind::Variadic => "*",
                ParameterKind::VariadicKeyword => "**",
            };
            let mut text = format!("{stars}{}", self.facts.text(parameter.name));
            if let Some(annotation) = parameter.annotation.get() {
                let _ = write!(text, ": {}", self.show(annotation));
            }
            if let Some(default) = parameter.default.get() {
                let _ = write!(text, " = {}", self.show(default));
            }
            text
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// Shows the regions from `shown` up to `end`, which then are.
    fn regions(&mut self, shown: &mut u32, end: u32) {
        while *shown < end {
            let id = RegionId(*shown);
            let text = self.region(id);
            let depth = self.depth(id) - 1;
            self.line(depth, &text);
            *shown += 1;
        }
    }

    fn depth(&self, region: RegionId) -> usize {
        self.facts.enclosing(region).count()
    }

    fn region(&self, id: RegionId) -> String {
        let is_async = |is_async: bool| if is_async { "async " } else { "" };
        match self.facts.region(id).kind {
            RegionKind::Body => "body:".to_owned(),
            RegionKind::For { iterable, is_async: asynchronous } => {
                format!("{}for in {}:", is_async(asynchronous), self.show(iterable))
            }
            RegionKind::While { test } => format!("while {}:", self.show(test)),
            RegionKind::Comprehension { iterable, lazy } => {
                format!("{}comprehension in {}:", if lazy { "lazy " } else { "" }, self.show(iterable))
            }
            RegionKind::If { test, holds, implied } => {
                let implied = if implied { "implied " } else { "" };
                format!("{implied}if {}{}:", if holds { "" } else { "not " }, self.show(test))
            }
            RegionKind::Case { subject, guard } => match guard.get() {
                Some(guard) => format!("case of {} if {}:", self.show(subject), self.show(guard)),
                None => format!("case of {}:", self.show(subject)),
            },
            RegionKind::With { context, is_async: asynchronous } => {
                format!("{}with {}:", is_async(asynchronous), self.show(context))
            }
            RegionKind::Try { has_except, has_finally } => {
                let except = if has_except { " except" } else { "" };
                format!("try{except}{}:", if has_finally { " finally" } else { "" })
            }
            RegionKind::Except { caught, .. } => match caught.get() {
                Some(caught) => format!("except {}:", self.show(caught)),
                None => "except:".to_owned(),
            },
            RegionKind::TryElse { .. } => "try else:".to_owned(),
            RegionKind::Finally { .. } => "finally:".to_owned(),
            RegionKind::LoopElse => "loop else:".to_owned(),
        }
    }

    fn op(&self, op: &Op) -> String {
        let show = |id| self.show(id);
        match op.kind {
            OpKind::Call(call) => {
                let call = self.facts.call(call);
                let result = match call.result {
                    ResultUse::Discarded => " -> discarded",
                    ResultUse::Awaited => " -> awaited",
                    ResultUse::AwaitedDiscarded => " -> awaited, discarded",
                    ResultUse::Entered => " -> entered",
                    ResultUse::Used => "",
                };
                format!("call {}{result}", self.call(call))
            }
            OpKind::Assign { target, value } => format!("assign {} = {}", show(target), show(value)),
            OpKind::Annotate { target, annotation, value } => {
                let value = value.get().map_or_else(String::new, |value| format!(" = {}", show(value)));
                format!("annotate {}: {}{value}", show(target), show(annotation))
            }
            OpKind::Augment { target, op, value } => {
                format!("augment {} {}= {}", show(target), binary(op), show(value))
            }
            OpKind::Iterate { target, iterable } => format!("iterate {} in {}", show(target), show(iterable)),
            OpKind::Enter { context, target, is_async, .. } => {
                let target = target.get().map_or_else(String::new, |target| format!(" as {}", show(target)));
                format!("{}enter {}{target}", if is_async { "async " } else { "" }, show(context))
            }
            OpKind::Catch { target, caught } => format!("catch {} as {}", show(caught), show(target)),
            OpKind::Capture { target, subject, class: ExprId::NONE } => {
                format!("capture {} of {}", show(target), show(subject))
            }
            OpKind::Capture { target, subject, class } => {
                format!("capture {} of {} as {}", show(target), show(subject), show(class))
            }
            OpKind::Expr(value) => format!("expr {}", show(value)),
            OpKind::Return(value) => format!("return {}", show(value)),
            OpKind::Raise(value) => format!("raise {}", show(value)),
            OpKind::Delete(target) => format!("delete {}", show(target)),
            OpKind::Assert(test) => format!("assert {}", show(test)),
            OpKind::Import(index) => import(self.facts, &self.facts.imports[index.0 as usize]),
            OpKind::DefineFunction(index) => {
                format!("define {}", self.facts.text(self.facts.function(index).qualified_name))
            }
            OpKind::DefineClass(index) => {
                let class = self.facts.class(index);
                let mut text = format!("define class {}", self.facts.text(class.qualified_name));
                let keywords = &self.facts.keywords[class.keywords_start as usize..][..class.keywords_len as usize];
                let _ = write!(text, "({})", self.arguments(self.facts.list(class.bases), keywords));
                for decorator in &class.decorators {
                    let _ = write!(text, " @{}", show(*decorator));
                }
                text
            }
            OpKind::Break => "break".to_owned(),
            OpKind::Continue => "continue".to_owned(),
        }
    }

    fn call(&self, call: &Call) -> String {
        let arguments = self.arguments(self.facts.arguments(call), self.facts.keywords(call));
        format!("{}({arguments})", self.show(call.callee))
    }

    fn arguments(&self, arguments: &[ExprId], keywords: &[Keyword]) -> String {
        let keywords = keywords.iter().map(|keyword| match keyword.name {
            Some(name) => format!("{}={}", self.facts.text(name), self.show(keyword.value)),
            None => format!("**{}", self.show(keyword.value)),
        });
        arguments.iter().map(|id| self.show(*id)).chain(keywords).collect::<Vec<_>>().join(", ")
    }

    /// An expression as code; compound operands in parentheses.
    fn show(&self, id: ExprId) -> String {
        if id == ExprId::NONE {
            return "-".to_owned();
        }
        let show = |id| self.show(id);
        match self.facts.expr(id) {
            Expr::Name(name) => self.facts.text(name).to_owned(),
            Expr::Attribute { value, attribute } => format!("{}.{}", show(value), self.facts.text(attribute)),
            Expr::Call(call) => self.call(self.facts.call(call)),
            Expr::Subscript { value, index } => format!("{}[{}]", show(value), show(index)),
            Expr::Slice { lower, upper, step } => format!("{}:{}:{}", show(lower), show(upper), show(step)),
            Expr::Str(text) => format!("{:?}", self.facts.text(text)),
            Expr::Bytes(length) => format!("bytes<{length}>"),
            Expr::Int(value) => value.to_string(),
            Expr::Float(value) => format!("{value:?}"),
            Expr::Bool(value) => if value { "True" } else { "False" }.to_owned(),
            Expr::None => "None".to_owned(),
            Expr::Ellipsis => "...".to_owned(),
            Expr::FString(list) => format!("f<{}>", self.join(self.facts.list(list))),
            Expr::List(list) => format!("[{}]", self.join(self.facts.list(list))),
            Expr::Tuple(list) => format!("({})", self.join(self.facts.list(list))),
            Expr::Set(list) => format!("{{{}}}", self.join(self.facts.list(list))),
            Expr::Dict(list) => {
                let pairs = self.facts.list(list).chunks(2).map(|pair| match pair {
                    [ExprId::NONE, value] => format!("**{}", show(*value)),
                    [key, value] => format!("{}: {}", show(*key), show(*value)),
                    _ => String::new(),
                });
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
            }
            Expr::Compare { op, left, right } => format!("({} {} {})", show(left), compare(op), show(right)),
            Expr::Boolean { and, values } => {
                let values: Vec<_> = self.facts.list(values).iter().map(|id| show(*id)).collect();
                format!("({})", values.join(if and { " and " } else { " or " }))
            }
            Expr::Binary { op, left, right } => format!("({} {} {})", show(left), binary(op), show(right)),
            Expr::Not(value) => format!("(not {})", show(value)),
            Expr::Unary(value) => format!("(unary {})", show(value)),
            Expr::IfElse { test, body, orelse } => format!("({} if {} else {})", show(body), show(test), show(orelse)),
            Expr::Lambda(index) => format!("<lambda {}>", index.0),
            Expr::Await(value) => format!("(await {})", show(value)),
            Expr::Yield(value) => format!("(yield {})", show(value)),
            Expr::YieldFrom(value) => format!("(yield from {})", show(value)),
            Expr::Comprehension { kind, element, key } => {
                let key = key.get().map_or_else(String::new, |key| format!("{}: ", show(key)));
                let kind = match kind {
                    ComprehensionKind::List => "list",
                    ComprehensionKind::Set => "set",
                    ComprehensionKind::Dict => "dict",
                    ComprehensionKind::Generator => "generator",
                };
                format!("{kind}<{key}{} ...>", show(element))
            }
            Expr::Starred(value) => format!("*{}", show(value)),
            Expr::Named { target, value } => format!("({} := {})", show(target), show(value)),
            Expr::Other => "?".to_owned(),
        }
    }

    fn join(&self, items: &[ExprId]) -> String {
        items.iter().map(|id| self.show(*id)).collect::<Vec<_>>().join(", ")
    }

    fn line(&mut self, depth: usize, text: &str) {
        for _ in 0..depth {
            self.out.push_str("  ");
        }
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }
}

fn import(facts: &FileFacts, import: &Import) -> String {
    let module = facts.text(import.module);
    let binds = facts.text(import.binds);
    let dots = ".".repeat(import.level as usize);
    match import.member {
        Some(member) => format!("import {} from {dots}{module} as {binds}", facts.text(member)),
        None if import.aliased => format!("import {module} as {binds}"),
        None => format!("import {module} binding {binds}"),
    }
}

fn binary(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mult => "*",
        BinaryOp::MatMult => "@",
        BinaryOp::Div => "/",
        BinaryOp::FloorDiv => "//",
        BinaryOp::Mod => "%",
        BinaryOp::Pow => "**",
        BinaryOp::LeftShift => "<<",
        BinaryOp::RightShift => ">>",
        BinaryOp::BitOr => "|",
        BinaryOp::BitXor => "^",
        BinaryOp::BitAnd => "&",
    }
}

fn compare(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Equal => "==",
        CompareOp::NotEqual => "!=",
        CompareOp::Less => "<",
        CompareOp::LessEqual => "<=",
        CompareOp::Greater => ">",
        CompareOp::GreaterEqual => ">=",
        CompareOp::Is => "is",
        CompareOp::IsNot => "is not",
        CompareOp::In => "in",
        CompareOp::NotIn => "not in",
    }
}
