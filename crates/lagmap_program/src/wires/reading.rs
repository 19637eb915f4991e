//! Reading: which text an expression is in one service, its calls, its classes and its configuration considered.

use std::{cell::RefCell, sync::Arc};

use lagmap_facts::{BinaryOp, CallId, CompareOp, Expr, ExprId, FunctionIndex, NameHash, OpKind, ParameterKind};
use rustc_hash::FxHashMap;

use crate::{
    CallSite, CallView, Cell, ClassId, EdgeKind, FileId, FunctionId, MethodKind, Program, Reach, Source, Value,
    method_kind,
    scopes::Binding,
};

/// How far names, attributes and calls are followed.
const DEEPEST: u32 = 28;
/// How many texts an expression may be; one that may be more is not known.
const MOST_TEXTS: usize = 6;
/// How many callers of a function are considered.
const MOST_CALLERS: usize = 32;
/// How many expressions are looked at for one.
const MOST_STEPS: u32 = 4000;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is written in the code.
    Known(String),
    /// A configuration, the environment or the command line says it.
    Setting(Setting),
    /// It says where a service is, which a look-up gave for its name: index into the system's services.
    Service(usize),
    /// Nothing is known of it.
    Unknown,
}

/// What a configuration, the environment or the command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Under which key; those around it in front, with dots.
    pub key: String,
    /// What it is where nothing is said.
    pub default: Option<String>,
    /// What is added to the number that it says.
    pub offset: i64,
}

/// A text, from its parts.
pub type Text = Vec<Part>;

/// What an expression may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// `None`.
    Nothing,
    /// A text or number.
    Text(Text),
}

impl Reading {
    fn unknown() -> Vec<Self> {
        vec![Self::Text(vec![Part::Unknown])]
    }

    fn known(text: impl Into<String>) -> Vec<Self> {
        vec![Self::Text(vec![Part::Known(text.into())])]
    }

    fn service(service: usize) -> Vec<Self> {
        vec![Self::Text(vec![Part::Service(service)])]
    }

    /// The text, if all of it is written in the code.
    pub fn text(&self) -> Option<String> {
        let Self::Text(parts) = self else { return None };
        parts
            .iter()
            .map(|part| match part {
                Part::Known(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The text where the configuration says nothing.
    pub fn default_text(&self) -> Option<String> {
        match self {
            Self::Text(parts) => match parts.as_slice() {
                [Part::Setting(setting)] => setting.default.clone(),
                _ => self.text(),
            },
            Self::Nothing => None,
        }
    }

    fn number(&self) -> Option<i64> {
        self.text()?.parse().ok()
    }

    fn is_unknown(&self) -> bool {
        matches!(self, Self::Text(parts) if parts.iter().all(|part| *part == Part::Unknown))
    }
}

/// A function as it runs: for which object, called from where.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The function.
    pub function: FunctionId,
    /// The class of `self`.
    pub receiver: Option<ClassId>,
    /// From where it is called.
    pub caller: Caller,
}

/// From where a function is called.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Nobody asked yet: whoever needs it is told so.
    Open,
    /// From anywhere.
    Any,
    /// By this call of this function.
    Call(CallSite, Arc<Frame>),
}

impl Frame {
    /// The calls that lead to it, the outermost last.
    pub fn calls(&self) -> Vec<CallSite> {
        let mut calls = Vec::new();
        let mut at = &self.caller;
        while let Caller::Call(call, frame) = at {
            calls.push(*call);
            at = &frame.caller;
        }
        calls
    }

    /// The outermost function.
    pub fn root(&self) -> &Self {
        match &self.caller {
            Caller::Call(_, frame) => frame.root(),
            _ => self,
        }
    }

    /// The same with another caller of the outermost function.
    pub fn called(&self, by: &Caller) -> Arc<Self> {
        let caller = match &self.caller {
            Caller::Call(call, frame) => Caller::Call(*call, frame.called(by)),
            _ => by.clone(),
        };
        Arc::new(Self { caller, ..*self })
    }
}

/// The caller of the outermost function has to be known first.
#[derive(Debug)]
pub struct NeedsCaller;

/// A dict display: its file, itself, and how its function runs.
pub type Message = (FileId, ExprId, Arc<Frame>);

type Readings = Result<Vec<Reading>, NeedsCaller>;

/// Reads expressions as one service runs them.
pub struct Reader<'a> {
    program: &'a Program,
    reach: &'a Reach,
    script: Option<&'a str>,
    names: &'a FxHashMap<&'a str, usize>,
    attributes: RefCell<FxHashMap<(ClassId, NameHash), Option<Vec<Reading>>>>,
    steps: std::cell::Cell<u32>,
}

impl<'a> Reader<'a> {
    /// A reader for a service; `names` are those of all services, with their indices.
    pub fn new(program: &'a Program, service: usize, names: &'a FxHashMap<&'a str, usize>) -> Self {
        Self {
            program,
            reach: &program.reaches[service],
            script: program.system.services[service].script.as_deref(),
            names,
            attributes: RefCell::default(),
            steps: std::cell::Cell::new(0),
        }
    }

    /// What an expression may be; an error if that depends on who calls the outermost function of the frame.
    pub fn read(&self, file: FileId, id: ExprId, frame: &Arc<Frame>) -> Readings {
        self.steps.set(0);
        self.expression(file, id, frame, DEEPEST)
    }

    /// Whether the service runs a function.
    pub fn reaches(&self, function: FunctionId) -> bool {
        self.reach.functions.contains(function.0 as usize)
    }

    /// The classes that `self` may be of in a function.
    pub fn receivers(&self, function: FunctionId) -> Vec<Option<ClassId>> {
        let Some(class) = self.program.class_of(function) else { return vec![None] };
        let (unit, facts) = self.program.function(function);
        let name = unit.facts.names.hash(facts.name);
        let is_method = facts.class.is_some();
        let family = std::iter::once(class).chain(self.program.linked.classes.subclasses(class).iter().copied());
        let made: Vec<Option<ClassId>> = family
            .filter(|class| self.reach.classes.contains(class.0 as usize))
            .filter(|class| !is_method || self.runs(*class, name, function))
            .map(Some)
            .collect();
        if made.is_empty() { vec![Some(class)] } else { made }
    }

    /// Whether objects of a class run a method, and not another one in its place.
    fn runs(&self, class: ClassId, name: NameHash, method: FunctionId) -> bool {
        let classes = &self.program.linked.classes;
        classes.method(class, name).is_none_or(|own| {
            own == method
                || self.program.incoming(method).any(|edge| {
                    let from = self.program.class_of(edge.from);
                    from.is_some_and(|from| classes.lookup_order(class).contains(&from)) && self.reaches(edge.from)
                })
        })
    }

    /// The calls of a function, each with the frame that it stands in; that frame's own caller is `outer`.
    pub fn callers(&self, function: FunctionId, receiver: Option<ClassId>, outer: &Caller) -> Vec<(CallSite, Arc<Frame>)> {
        let classes = &self.program.linked.classes;
        let mut found: Vec<(CallSite, Arc<Frame>)> = Vec::new();
        for edge in self.program.incoming(function) {
            let is_call = matches!(edge.kind, EdgeKind::Call { .. } | EdgeKind::Construct(_));
            let other = matches!(edge.kind, EdgeKind::Construct(made) if receiver.is_some_and(|class| class != made));
            if !is_call || other || !self.reaches(edge.from) {
                continue;
            }
            let (file, id) = self.program.linked.ids.of_site(edge.site);
            let unit = self.program.linked.file(file);
            let Expr::Call(call) = unit.facts.expr(id) else { continue };
            if self.program.graph.around(file, edge.region).main_guard && self.script != Some(unit.path.as_str()) {
                continue;
            }
            let site = self.program.linked.ids.call(file, call);
            let receivers = match receiver {
                Some(class) if is_on_self(&unit.facts, call) => {
                    let own = self.program.class_of(edge.from);
                    if own.is_none_or(|own| !classes.lookup_order(class).contains(&own)) {
                        continue;
                    }
                    vec![Some(class)]
                }
                _ => self.receivers(edge.from),
            };
            for receiver in receivers {
                if found.len() >= MOST_CALLERS {
                    return found;
                }
                if !found.iter().any(|(call, frame)| *call == site && frame.receiver == receiver) {
                    let frame = Frame { function: edge.from, receiver, caller: outer.clone() };
                    found.push((site, Arc::new(frame)));
                }
            }
        }
        found
    }

    fn expression(&self, file: FileId, id: ExprId, frame: &Arc<Frame>, depth: u32) -> Readings {
        self.steps.set(self.steps.get() + 1);
        let Some(depth) = depth.checked_sub(1).filter(|_| self.steps.get() < MOST_STEPS) else {
            return Ok(Reading::unknown());
        };
        let facts = &self.program.linked.file(file).facts;
        let read = |id: ExprId| self.expression(file, id, frame, depth);
        Ok(match facts.expr(id) {
            Expr::Str(text) => Reading::known(facts.text(text)),
            Expr::Int(number) => Reading::known(number.to_string()),
            Expr::Float(number) => Reading::known(number.to_string()),
            Expr::None => vec![Reading::Nothing],
            Expr::FString(parts) => {
                let mut texts = Reading::known("");
                for part in facts.list(parts) {
                    texts = joined(&texts, &read(*part)?);
                }
                texts
            }
            Expr::Binary { op: op @ (BinaryOp::Add | BinaryOp::Sub), left, right } => sum(op, &read(left)?, &read(right)?),
            Expr::Binary { op: BinaryOp::Mod, left, right } => {
                let arguments = match facts.expr(right) {
                    Expr::Tuple(list) => facts.list(list).to_vec(),
                    _ => vec![right],
                };
                let arguments: Result<Vec<_>, _> = arguments.into_iter().map(read).collect();
                filled(&read(left)?, &["%s", "%d", "%i", "%r"], &arguments?)
            }
            Expr::Boolean { and: false, values } => {
                let mut found = Vec::new();
                for value in facts.list(values) {
                    let texts = read(*value)?;
                    // What is certainly something ends it.
                    let certain = !texts.is_empty() && texts.iter().all(|text| text.text().is_some_and(|text| !text.is_empty()));
                    found.extend(texts.into_iter().filter(|text| *text != Reading::Nothing));
                    if certain {
                        break;
                    }
                }
                merged(found)
            }
            Expr::IfElse { test, body, orelse } => match self.is_nothing(file, test, frame, depth)? {
                Some(true) => read(body)?,
                Some(false) => read(orelse)?,
                None => merged(read(body)?.into_iter().chain(read(orelse)?)),
            },
            Expr::Await(value) | Expr::Named { value, .. } => read(value)?,
            Expr::Name(_) => self.name(file, id, frame, depth)?,
            Expr::Attribute { value, attribute } => {
                self.attribute(file, value, facts.names.hash(attribute), facts.text(attribute), frame, depth)?
            }
            Expr::Subscript { value, index } => {
                let mut found = Vec::new();
                for key in read(index)? {
                    match key.text() {
                        Some(key) => found.extend(self.entry(file, value, &key, None, frame, depth)?),
                        None => found.extend(Reading::unknown()),
                    }
                }
                merged(found)
            }
            Expr::Call(call) => self.call(file, call, frame, depth)?,
            _ => Reading::unknown(),
        })
    }

    /// Whether a test holds because something is `None` (or fails because it is not), if that is known.
    fn is_nothing(&self, file: FileId, test: ExprId, frame: &Arc<Frame>, depth: u32) -> Result<Option<bool>, NeedsCaller> {
        let facts = &self.program.linked.file(file).facts;
        let (value, negated) = match facts.expr(test) {
            Expr::Compare { op: CompareOp::Is, left, right } if facts.expr(right) == Expr::None => (left, false),
            Expr::Compare { op: CompareOp::IsNot, left, right } if facts.expr(right) == Expr::None => (left, true),
            Expr::Name(_) | Expr::Attribute { .. } => (test, true),
            Expr::Not(value) => (value, false),
            _ => return Ok(None),
        };
        let texts = self.expression(file, value, frame, depth)?;
        let nothing = texts.iter().filter(|text| **text == Reading::Nothing).count();
        let known = texts.iter().all(|text| !text.is_unknown());
        Ok(match nothing {
            0 if known && !texts.is_empty() => Some(negated),
            all if all == texts.len() && all > 0 => Some(!negated),
            _ => None,
        })
    }

    fn name(&self, file: FileId, id: ExprId, frame: &Arc<Frame>, depth: u32) -> Readings {
        let unit = self.program.linked.file(file);
        let facts = &unit.facts;
        let Expr::Name(name) = facts.expr(id) else { return Ok(Reading::unknown()) };
        let name = facts.names.hash(name);
        let node = &facts.exprs[id.0 as usize];
        let own = facts.region(node.region).function;
        let mut scope = Some(own);
        while let Some(index) = scope {
            let function = facts.function(index);
            let visible = index == own || function.kind != lagmap_facts::ScopeKind::Class;
            if visible && !unit.scopes.named(index, name).is_empty() {
                let bindings: Vec<Binding> = if index == own {
                    unit.scopes.reaching(facts, own, name, node.span.start, node.region).copied().collect()
                } else {
                    unit.scopes.named(index, name).to_vec()
                };
                return self.bindings(file, index, &bindings, frame, depth);
            }
            scope = function.parent;
        }
        Ok(Reading::unknown())
    }

    fn bindings(&self, file: FileId, scope: FunctionIndex, bindings: &[Binding], frame: &Arc<Frame>, depth: u32) -> Readings {
        let function = self.program.linked.ids.function(file, scope);
        let frame = if function == frame.function {
            Arc::clone(frame)
        } else {
            Arc::new(Frame { function, receiver: frame.receiver, caller: Caller::Any })
        };
        let mut found = Vec::new();
        for binding in bindings {
            let texts = match binding.source {
                Source::Value(value) if binding.path.is_whole() => self.expression(file, value, &frame, depth)?,
                Source::Value(value) => self.element(file, value, binding.path.indices(), &frame, depth)?,
                Source::Parameter(place) => self.parameter(function, place as usize, &frame, depth)?,
                Source::Import(import) => {
                    let mut found = Vec::new();
                    for (scope, name) in &self.program.linked.imported(file, import).variables {
                        found.extend(self.variable(*scope, *name, depth)?);
                    }
                    found
                }
                _ => Reading::unknown(),
            };
            found.extend(texts);
        }
        let some = found.iter().any(|text| *text != Reading::Nothing);
        Ok(merged(found.into_iter().filter(|text| !some || bindings.len() < 2 || *text != Reading::Nothing)))
    }

    /// A part of what an expression gives: `host, port = discover("Router")`.
    fn element(&self, file: FileId, id: ExprId, path: &[i8], frame: &Arc<Frame>, depth: u32) -> Readings {
        let Some(depth) = depth.checked_sub(1) else { return Ok(Reading::unknown()) };
        let facts = &self.program.linked.file(file).facts;
        let [first, rest @ ..] = path else { return self.expression(file, id, frame, depth) };
        match facts.expr(id) {
            Expr::Tuple(list) | Expr::List(list) => {
                let list = facts.list(list);
                let place = usize::try_from(*first).ok();
                match place.and_then(|place| list.get(place)) {
                    Some(item) => self.element(file, *item, rest, frame, depth),
                    None => Ok(Reading::unknown()),
                }
            }
            Expr::Await(value) => self.element(file, value, path, frame, depth),
            Expr::Call(call) => {
                let site = self.program.linked.ids.call(file, call);
                let mut found = Vec::new();
                for (target, inner) in self.callees(site, frame) {
                    for value in self.returns(target) {
                        let (file, _) = self.program.linked.ids.of_function(target);
                        found.extend(self.element(file, value, path, &inner, depth)?);
                    }
                }
                if found.iter().all(Reading::is_unknown) {
                    found = self.expression(file, id, frame, depth)?;
                    found.retain(|text| matches!(text, Reading::Text(parts) if matches!(parts.as_slice(), [Part::Service(_)])));
                }
                Ok(merged(found))
            }
            _ => {
                let found = self.expression(file, id, frame, depth)?;
                Ok(merged(found.into_iter().filter(
                    |text| matches!(text, Reading::Text(parts) if matches!(parts.as_slice(), [Part::Service(_)])),
                )))
            }
        }
    }

    fn variable(&self, scope: FunctionId, name: NameHash, depth: u32) -> Readings {
        let (file, index) = self.program.linked.ids.of_function(scope);
        let bindings = self.program.linked.file(file).scopes.named(index, name).to_vec();
        let frame = Arc::new(Frame { function: scope, receiver: None, caller: Caller::Any });
        self.bindings(file, index, &bindings, &frame, depth)
    }

    fn parameter(&self, function: FunctionId, place: usize, frame: &Arc<Frame>, depth: u32) -> Readings {
        match &frame.caller {
            Caller::Open => Err(NeedsCaller),
            Caller::Call(call, outer) => self.argument(*call, function, place, outer, depth),
            Caller::Any => {
                let mut found = Vec::new();
                for (call, outer) in self.callers(function, frame.receiver, &Caller::Any) {
                    found.extend(self.argument(call, function, place, &outer, depth)?);
                }
                if found.is_empty() {
                    found = self.default(function, place, depth)?;
                }
                Ok(merged(found))
            }
        }
    }

    fn default(&self, function: FunctionId, place: usize, depth: u32) -> Readings {
        let (file, index) = self.program.linked.ids.of_function(function);
        let facts = &self.program.linked.file(file).facts;
        let scope = facts.function(index);
        match (scope.parameters.get(place).and_then(|parameter| parameter.default.get()), scope.parent) {
            (Some(default), Some(parent)) => {
                let function = self.program.linked.ids.function(file, parent);
                let frame = Arc::new(Frame { function, receiver: None, caller: Caller::Any });
                self.expression(file, default, &frame, depth)
            }
            _ => Ok(Reading::unknown()),
        }
    }

    /// What a call gives a function for a parameter.
    fn argument(&self, call: CallSite, function: FunctionId, place: usize, outer: &Arc<Frame>, depth: u32) -> Readings {
        let view = self.program.call(call);
        let skipped = skipped(&view, function, self.program);
        let given = self.program.linked.arguments(function, skipped, view.facts(), view.call);
        if let Some((_, value)) = given.iter().find(|(own, _)| *own as usize == place) {
            return self.expression(view.file, *value, outer, depth);
        }
        let (unit, facts) = self.program.function(function);
        let Some(parameter) = facts.parameters.get(place) else { return Ok(Reading::unknown()) };
        let name = unit.facts.text(parameter.name);
        match self.passed_on(&view, name, outer, depth)? {
            Some(texts) => Ok(texts),
            None => self.default(function, place, depth),
        }
    }

    /// What a call passes under a name by `**keywords`.
    fn passed_on(
        &self,
        view: &CallView<'_>,
        name: &str,
        frame: &Arc<Frame>,
        depth: u32,
    ) -> Result<Option<Vec<Reading>>, NeedsCaller> {
        for keyword in view.facts().keywords(view.call).iter().filter(|keyword| keyword.name.is_none()) {
            if let Some(texts) = self.keyword(view.file, keyword.value, name, frame, depth)? {
                return Ok(Some(texts));
            }
        }
        Ok(None)
    }

    /// What a `**keywords` parameter holds under a name.
    fn keyword(
        &self,
        file: FileId,
        id: ExprId,
        key: &str,
        frame: &Arc<Frame>,
        depth: u32,
    ) -> Result<Option<Vec<Reading>>, NeedsCaller> {
        let Some(depth) = depth.checked_sub(1) else { return Ok(None) };
        let facts = &self.program.linked.file(file).facts;
        let Expr::Name(name) = facts.expr(id) else { return Ok(None) };
        let (owner, function) = self.program.function(frame.function);
        let named = |parameter: &&lagmap_facts::Parameter| {
            parameter.kind == ParameterKind::VariadicKeyword
                && owner.facts.names.hash(parameter.name) == facts.names.hash(name)
        };
        if function.parameters.iter().find(named).is_none() {
            return Ok(None);
        }
        let given = |call: CallSite, outer: &Arc<Frame>| -> Result<Option<Vec<Reading>>, NeedsCaller> {
            let view = self.program.call(call);
            let own = view.argument(Some(key), None);
            match own {
                Some(value) => self.expression(view.file, value, outer, depth).map(Some),
                None => self.passed_on(&view, key, outer, depth),
            }
        };
        match &frame.caller {
            Caller::Open => Err(NeedsCaller),
            Caller::Call(call, outer) => given(*call, outer),
            Caller::Any => {
                let mut found = Vec::new();
                for (call, outer) in self.callers(frame.function, frame.receiver, &Caller::Any) {
                    found.extend(given(call, &outer)?.unwrap_or_else(|| vec![Reading::Nothing]));
                }
                Ok((!found.is_empty()).then(|| merged(found)))
            }
        }
    }

    fn is_keywords(&self, file: FileId, id: ExprId, frame: &Arc<Frame>) -> bool {
        let facts = &self.program.linked.file(file).facts;
        let Expr::Name(name) = facts.expr(id) else { return false };
        let (owner, function) = self.program.function(frame.function);
        function.parameters.iter().any(|parameter| {
            parameter.kind == ParameterKind::VariadicKeyword
                && owner.facts.names.hash(parameter.name) == facts.names.hash(name)
        })
    }

    fn attribute(
        &self,
        file: FileId,
        value: ExprId,
        name: NameHash,
        text: &str,
        frame: &Arc<Frame>,
        depth: u32,
    ) -> Readings {
        let facts = &self.program.linked.file(file).facts;
        let is_self = matches!(facts.expr(value), Expr::Name(own) if facts.text(own) == "self");
        if let (true, Some(class)) = (is_self, frame.receiver) {
            return self.member(class, name, depth);
        }
        let mut found = Vec::new();
        let mut is_known = false;
        for value in self.program.evaluator(file).values(value).iter() {
            match value {
                Value::Module(module) => {
                    let scope = self.program.linked.ids.function(module, FunctionIndex::MODULE);
                    found.extend(self.variable(scope, name, depth)?);
                    is_known = true;
                }
                Value::Instance { class, exact } => {
                    let family = self.program.linked.classes.subclasses(class).iter().copied().filter(|_| !exact);
                    let made = family.filter(|class| self.reach.classes.contains(class.0 as usize));
                    for class in std::iter::once(class).chain(made).take(4) {
                        found.extend(self.member(class, name, depth)?);
                    }
                    is_known = true;
                }
                Value::Class(class) => {
                    found.extend(self.member(class, name, depth)?);
                    is_known = true;
                }
                _ => {}
            }
        }
        if is_known && !found.iter().all(Reading::is_unknown) {
            return Ok(merged(found));
        }
        self.setting(file, value, text, None, frame, depth)
    }

    /// An attribute of the objects of a class, as this service makes them.
    fn member(&self, class: ClassId, name: NameHash, depth: u32) -> Readings {
        match self.attributes.borrow().get(&(class, name)) {
            Some(Some(known)) => return Ok(known.clone()),
            // It depends on itself.
            Some(None) => return Ok(Reading::unknown()),
            None => {}
        }
        self.attributes.borrow_mut().insert((class, name), None);
        let found = self.member_anew(class, name, depth).unwrap_or_else(|NeedsCaller| Reading::unknown());
        self.attributes.borrow_mut().insert((class, name), Some(found.clone()));
        Ok(found)
    }

    fn member_anew(&self, class: ClassId, name: NameHash, depth: u32) -> Readings {
        let Some(depth) = depth.checked_sub(1) else { return Ok(Reading::unknown()) };
        let linked = &self.program.linked;
        let order = linked.classes.lookup_order(class);
        let mut found = Vec::new();
        let mut is_written = false;
        for owner in order {
            for write in self.program.uses.writes.get(&Cell::Attribute(*owner, name)).into_iter().flatten() {
                let Some(value) = write.value.filter(|_| self.reaches(write.function)) else { continue };
                is_written = true;
                let (file, value) = linked.ids.of_site(value);
                let own = self.program.class_of(write.function).filter(|own| order.contains(own));
                let frame = Frame { function: write.function, receiver: own.map(|_| class), caller: Caller::Any };
                found.extend(self.expression(file, value, &Arc::new(frame), depth)?);
            }
        }
        if !is_written {
            for owner in order {
                let (file, index) = linked.ids.of_class(*owner);
                let body = linked.file(file).facts.class(index).body;
                let scope = linked.ids.function(file, body);
                if !linked.file(file).scopes.named(body, name).is_empty() {
                    found = match linked.classes.own_method(*owner, name) {
                        Some(method) => self.property(method, class, depth)?,
                        None => self.variable(scope, name, depth)?,
                    };
                    break;
                }
            }
        }
        let some = found.iter().any(|text| *text != Reading::Nothing && !text.is_unknown());
        Ok(merged(found.into_iter().filter(|text| !some || *text != Reading::Nothing)))
    }

    fn property(&self, method: FunctionId, class: ClassId, depth: u32) -> Readings {
        let (unit, facts) = self.program.function(method);
        if method_kind(&unit.facts, facts) != MethodKind::Property {
            return Ok(Reading::unknown());
        }
        let frame = Arc::new(Frame { function: method, receiver: Some(class), caller: Caller::Any });
        let (file, _) = self.program.linked.ids.of_function(method);
        let mut found = Vec::new();
        for value in self.returns(method) {
            found.extend(self.expression(file, value, &frame, depth)?);
        }
        Ok(merged(found))
    }

    fn returns(&self, function: FunctionId) -> Vec<ExprId> {
        let (unit, facts) = self.program.function(function);
        let value = |op: &lagmap_facts::Op| match op.kind {
            OpKind::Return(value) => value.get(),
            _ => None,
        };
        unit.facts.ops(facts).iter().filter_map(value).collect()
    }

    /// The functions that a call runs, as they run then; none if they are too many to tell apart.
    fn callees(&self, site: CallSite, frame: &Arc<Frame>) -> Vec<(FunctionId, Arc<Frame>)> {
        let found = self.runs_in(site, frame);
        if found.len() > 3 { Vec::new() } else { found }
    }

    /// All functions that a call runs, as they run then.
    pub fn runs_in(&self, site: CallSite, frame: &Arc<Frame>) -> Vec<(FunctionId, Arc<Frame>)> {
        let view = self.program.call(site);
        let on_self = is_on_self(view.facts(), view.id);
        let targets = self.program.callees(site).into_iter().filter(|target| self.reaches(*target));
        let mut found = Vec::new();
        for target in targets {
            let receivers = match frame.receiver {
                Some(class) if on_self => {
                    let (unit, facts) = self.program.function(target);
                    if !self.runs(class, unit.facts.names.hash(facts.name), target) {
                        continue;
                    }
                    vec![Some(class)]
                }
                _ => self.receivers(target),
            };
            for receiver in receivers {
                let caller = Caller::Call(site, Arc::clone(frame));
                found.push((target, Arc::new(Frame { function: target, receiver, caller })));
            }
        }
        found
    }

    /// The dict display that an expression stands for, however it is encoded, and where.
    pub fn message(&self, file: FileId, id: ExprId, frame: &Arc<Frame>, depth: u32) -> Result<Option<Message>, NeedsCaller> {
        let Some(depth) = depth.checked_sub(1) else { return Ok(None) };
        let unit = self.program.linked.file(file);
        let facts = &unit.facts;
        match facts.expr(id) {
            Expr::Dict(_) => Ok(Some((file, id, Arc::clone(frame)))),
            Expr::Await(value) => self.message(file, value, frame, depth),
            Expr::List(list) => match facts.list(list).last() {
                Some(last) => self.message(file, *last, frame, depth),
                None => Ok(None),
            },
            Expr::Call(call) => {
                let call = facts.call(call);
                let name = facts.last_name(call.callee).map(|name| facts.text(name)).unwrap_or_default();
                match (name, facts.expr(call.callee), facts.arguments(call)) {
                    ("dumps" | "packb" | "bytes" | "dict", _, [first, ..]) => self.message(file, *first, frame, depth),
                    ("encode" | "copy", Expr::Attribute { value, .. }, _) => self.message(file, value, frame, depth),
                    _ => Ok(None),
                }
            }
            Expr::Name(name) => {
                let node = &facts.exprs[id.0 as usize];
                let scope = facts.region(node.region).function;
                let name = facts.names.hash(name);
                let mut bindings = unit.scopes.reaching(facts, scope, name, node.span.start, node.region);
                let (Some(binding), None) = (bindings.next(), bindings.next()) else { return Ok(None) };
                match binding.source {
                    Source::Value(value) if binding.path.is_whole() && value != id => self.message(file, value, frame, depth),
                    Source::Parameter(place) if self.program.linked.ids.function(file, scope) == frame.function => {
                        match &frame.caller {
                            Caller::Open => Err(NeedsCaller),
                            Caller::Any => Ok(None),
                            Caller::Call(call, outer) => {
                                let view = self.program.call(*call);
                                let skipped = skipped(&view, frame.function, self.program);
                                let given = self.program.linked.arguments(frame.function, skipped, view.facts(), view.call);
                                match given.iter().find(|(own, _)| *own == place) {
                                    Some((_, value)) => self.message(view.file, *value, outer, depth),
                                    None => Ok(None),
                                }
                            }
                        }
                    }
                    _ => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    /// The texts that a dict display holds under constant keys.
    pub fn fields(&self, message: &Message) -> Result<Vec<(String, String)>, NeedsCaller> {
        let (file, id, frame) = message;
        let facts = &self.program.linked.file(*file).facts;
        let Expr::Dict(list) = facts.expr(*id) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for pair in facts.list(list).chunks_exact(2) {
            let Some(Expr::Str(key)) = pair[0].get().map(|key| facts.expr(key)) else { continue };
            if !matches!(facts.expr(pair[1]), Expr::Str(_) | Expr::Name(_) | Expr::Attribute { .. } | Expr::FString(_)) {
                continue;
            }
            let texts = self.read(*file, pair[1], frame)?;
            if let [text] = texts.as_slice() {
                found.extend(text.text().map(|text| (facts.text(key).to_owned(), text)));
            }
        }
        Ok(found)
    }

    fn call(&self, file: FileId, call: CallId, frame: &Arc<Frame>, depth: u32) -> Readings {
        let site = self.program.linked.ids.call(file, call);
        let view = self.program.call(site);
        let facts = view.facts();
        let arguments = facts.arguments(view.call);
        let read = |id: ExprId| self.expression(file, id, frame, depth);
        let name = facts.last_name(view.call.callee).map(|name| facts.text(name)).unwrap_or_default();
        let receiver = match facts.expr(view.call.callee) {
            Expr::Attribute { value, .. } => Some(value),
            _ => None,
        };
        let is_environment =
            view.has_tag("environment") || facts.dotted(view.call.callee).is_some_and(|name| name.ends_with("environ.get"));
        match (receiver, name, arguments) {
            _ if is_environment => {
                let Some(name) = arguments.first() else { return Ok(Reading::unknown()) };
                let default = view.argument(Some("default"), Some(1));
                let default = default.map(read).transpose()?.unwrap_or_default();
                return Ok(merged(read(*name)?.iter().flat_map(|name| match name.text() {
                    Some(key) => defaulted(&key, &default),
                    None => Reading::unknown(),
                })));
            }
            (None, "int" | "str" | "float" | "cast", [.., value]) => return read(*value),
            (None, "getattr", [object, key, rest @ ..]) => {
                let default = rest.first().map(|default| read(*default)).transpose()?;
                let Some(key) = read(*key)?.first().and_then(Reading::text) else { return Ok(Reading::unknown()) };
                let found = self.attribute(file, *object, NameHash::of(&key), &key, frame, depth)?;
                return Ok(match default {
                    Some(default) if found.iter().all(Reading::is_unknown) => default,
                    Some(default) => with_default(found, &default),
                    None => found,
                });
            }
            (Some(text), "format", _) => {
                let values: Result<Vec<_>, _> = arguments.iter().map(|argument| read(*argument)).collect();
                let mut texts = read(text)?;
                for keyword in facts.keywords(view.call) {
                    let Some(name) = keyword.name else { continue };
                    let mark = format!("{{{}}}", facts.text(name));
                    texts = filled(&texts, &[mark.as_str()], &[read(keyword.value)?]);
                }
                return Ok(filled(&texts, &["{}", "{0}", "{1}", "{2}"], &values?));
            }
            (Some(text), "strip" | "lower" | "encode" | "decode" | "lstrip" | "as_posix" | "unicode_string", _) => {
                return read(text);
            }
            (Some(text), "rstrip", _) => return Ok(read(text)?.into_iter().map(without_slash).collect()),
            (Some(container), "get" | "pop" | "getint" | "setdefault", [key, rest @ ..]) if view.models().all(|(model, _)| self.is_plain(model)) => {
                let default = rest.first().copied().or_else(|| view.argument(Some("default"), None));
                let default = default.map(read).transpose()?;
                let mut found = Vec::new();
                for key in read(*key)? {
                    match key.text() {
                        Some(key) => found.extend(self.entry(file, container, &key, default.as_deref(), frame, depth)?),
                        None => found.extend(Reading::unknown()),
                    }
                }
                let found = merged(found);
                if !found.iter().all(Reading::is_unknown) {
                    return Ok(found);
                }
            }
            _ => {}
        }
        let mut found = Vec::new();
        for (target, inner) in self.callees(site, frame) {
            let (file, _) = self.program.linked.ids.of_function(target);
            for value in self.returns(target) {
                found.extend(self.expression(file, value, &inner, depth)?);
            }
        }
        let found = merged(found);
        let says = |text: &Reading| matches!(text, Reading::Text(parts) if parts.iter().any(|part| *part != Part::Unknown && *part != Part::Known(String::new())));
        if found.iter().any(says) {
            return Ok(found);
        }
        // A look-up by the name of a service.
        let keywords = facts.keywords(view.call).iter().map(|keyword| keyword.value);
        for argument in arguments.iter().copied().chain(keywords) {
            for text in read(argument)? {
                if let Some(service) = text.text().and_then(|text| self.names.get(text.as_str()).copied()) {
                    return Ok(Reading::service(service));
                }
            }
        }
        // What a method makes of where a service is says where it is.
        if let Some(receiver) = receiver {
            let texts = read(receiver)?;
            if let [Reading::Text(parts)] = texts.as_slice()
                && let [Part::Service(_)] = parts.as_slice()
            {
                return Ok(texts);
            }
        }
        Ok(if found.is_empty() { Reading::unknown() } else { found })
    }

    /// Whether a method called `get` is that of a mapping, as far as is known.
    fn is_plain(&self, model: lagmap_models::ModelId) -> bool {
        let catalogue = self.program.catalogue();
        catalogue.entry(model).is_none_or(|entry| entry.effect.is_none_or(|effect| effect == lagmap_models::EffectKind::Cpu))
            && catalogue.wire(model).is_none()
    }

    /// What a mapping holds under a key.
    fn entry(
        &self,
        file: FileId,
        container: ExprId,
        key: &str,
        default: Option<&[Reading]>,
        frame: &Arc<Frame>,
        depth: u32,
    ) -> Readings {
        let Some(depth) = depth.checked_sub(1) else { return Ok(Reading::unknown()) };
        if self.is_keywords(file, container, frame) {
            let found = self.keyword(file, container, key, frame, depth)?;
            return Ok(match (found, default) {
                (Some(found), _) => found,
                (None, Some(default)) => default.to_vec(),
                (None, None) => vec![Reading::Nothing],
            });
        }
        let linked = &self.program.linked;
        let facts = &linked.file(file).facts;
        if facts.dotted(container).is_some_and(|name| name.ends_with("environ")) {
            return Ok(defaulted(key, default.unwrap_or_default()));
        }
        let mut found = Vec::new();
        let mut is_literal = false;
        let mut is_open = false;
        for value in self.program.evaluator(file).values(container).iter() {
            let Value::Object { site, .. } = value else { continue };
            let (owner, dict) = linked.ids.of_site(site);
            let facts = &linked.file(owner).facts;
            let Expr::Dict(list) = facts.expr(dict) else {
                is_open = true;
                continue;
            };
            // `{}` stands for what is filled elsewhere.
            is_literal |= list.len > 0;
            for pair in facts.list(list).chunks_exact(2) {
                match pair[0].get().map(|key| facts.expr(key)) {
                    Some(Expr::Str(own)) if facts.text(own) == key => {
                        let (_, function, _) = self.program.place(site);
                        let receiver = self.receivers(function).first().copied().flatten();
                        let scope = Arc::new(Frame { function, receiver, caller: Caller::Any });
                        let scope = if function == frame.function { frame } else { &scope };
                        found.extend(self.expression(owner, pair[1], scope, depth)?);
                    }
                    None => is_open = true,
                    _ => {}
                }
            }
            for write in self.program.uses.writes.get(&Cell::Entry(site, NameHash::of(key))).into_iter().flatten() {
                let Some(value) = write.value.filter(|_| self.reaches(write.function)) else { continue };
                let receiver = self.receivers(write.function).first().copied().flatten();
                let scope = Arc::new(Frame { function: write.function, receiver, caller: Caller::Any });
                let (file, value) = linked.ids.of_site(value);
                found.extend(self.expression(file, value, &scope, depth)?);
            }
        }
        if !found.is_empty() {
            return Ok(merged(found));
        }
        if is_literal && !is_open {
            return Ok(default.map_or_else(|| vec![Reading::Nothing], <[Reading]>::to_vec));
        }
        self.setting(file, container, key, default, frame, depth)
    }

    /// What a configuration says: anything under a constant key of something that is not seen being made.
    fn setting(
        &self,
        file: FileId,
        container: ExprId,
        key: &str,
        default: Option<&[Reading]>,
        frame: &Arc<Frame>,
        depth: u32,
    ) -> Readings {
        let texts = self.expression(file, container, frame, depth)?;
        let services: Vec<Reading> = texts
            .into_iter()
            .filter(|text| matches!(text, Reading::Text(parts) if matches!(parts.as_slice(), [Part::Service(_)])))
            .collect();
        if !services.is_empty() {
            return Ok(services);
        }
        let mut key = key.to_owned();
        self.prefix(file, container, &mut key, 4);
        let declared = self.declared_default(file, &key);
        let default = default.map(<[Reading]>::to_vec).or_else(|| declared.map(Reading::known));
        Ok(defaulted(&key, &default.unwrap_or_default()))
    }

    /// The keys around a setting's own: `services.router.port` of `config["services"].get("router", {})["port"]`.
    fn prefix(&self, file: FileId, container: ExprId, key: &mut String, depth: u32) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let unit = self.program.linked.file(file);
        let facts = &unit.facts;
        let literal = |id: ExprId| match facts.expr(id) {
            Expr::Str(text) => Some(facts.text(text)),
            _ => None,
        };
        match facts.expr(container) {
            Expr::Subscript { value, index } => {
                if let Some(outer) = literal(index) {
                    *key = format!("{outer}.{key}");
                    self.prefix(file, value, key, depth);
                }
            }
            Expr::Call(call) => {
                let call = facts.call(call);
                if let (Expr::Attribute { value, attribute }, Some(first)) =
                    (facts.expr(call.callee), facts.arguments(call).first())
                    && facts.text(attribute) == "get"
                    && let Some(outer) = literal(*first)
                {
                    *key = format!("{outer}.{key}");
                    self.prefix(file, value, key, depth);
                }
            }
            Expr::Boolean { values, .. } => {
                if let Some(first) = facts.list(values).first() {
                    self.prefix(file, *first, key, depth);
                }
            }
            Expr::Name(name) => {
                let region = facts.exprs[container.0 as usize].region;
                let scope = facts.region(region).function;
                if let Some(value) = unit.scopes.only_value(scope, facts.names.hash(name)) {
                    self.prefix(file, value, key, depth);
                }
            }
            _ => {}
        }
    }

    /// The default of a command-line option: `add_argument("--port", default=5555)`, in the same file.
    fn declared_default(&self, file: FileId, key: &str) -> Option<String> {
        let facts = &self.program.linked.file(file).facts;
        let mut defaults = facts.calls.iter().filter_map(|call| {
            let named = matches!(facts.expr(call.callee), Expr::Attribute { attribute, .. } if facts.text(attribute) == "add_argument");
            let is_key = |argument: &ExprId| {
                matches!(facts.expr(*argument), Expr::Str(text) if facts.text(text).trim_start_matches('-').replace('-', "_") == key)
            };
            let wanted = named && facts.arguments(call).iter().any(is_key);
            match facts.expr(facts.argument(call, Some("default"), None).filter(|_| wanted)?) {
                Expr::Int(number) => Some(number.to_string()),
                Expr::Str(text) => Some(facts.text(text).to_owned()),
                _ => None,
            }
        });
        defaults.next()
    }
}

/// How many of a function's first parameters a call does not pass, because they are its receiver.
fn skipped(view: &CallView<'_>, function: FunctionId, program: &Program) -> usize {
    let (_, facts) = program.function(function);
    if facts.class.is_none() {
        return 0;
    }
    let unbound = view.callees().any(|value| matches!(value, Value::Function(own) if own == function));
    usize::from(!unbound)
}

/// Whether a call is one of a method of `self` or `super()`.
fn is_on_self(facts: &lagmap_facts::FileFacts, call: CallId) -> bool {
    let Expr::Attribute { value, .. } = facts.expr(facts.call(call).callee) else { return false };
    match facts.expr(value) {
        Expr::Name(name) => facts.text(name) == "self",
        Expr::Call(call) => facts.dotted(facts.call(call).callee).as_deref() == Some("super"),
        _ => false,
    }
}

/// Each text once; those of which nothing is known only if there are no others.
fn merged(texts: impl IntoIterator<Item = Reading>) -> Vec<Reading> {
    let mut found: Vec<Reading> = Vec::new();
    for text in texts {
        if !found.contains(&text) {
            found.push(text);
        }
    }
    if found.iter().any(|text| !text.is_unknown() && *text != Reading::Nothing) {
        found.retain(|text| !text.is_unknown());
    }
    if found.len() > MOST_TEXTS { Reading::unknown() } else { found }
}

/// What a setting may be, with its default.
fn defaulted(key: &str, default: &[Reading]) -> Vec<Reading> {
    let setting = |default: Option<String>| {
        Reading::Text(vec![Part::Setting(Setting { key: key.to_owned(), default, offset: 0 })])
    };
    let mut found = Vec::new();
    for text in default {
        match text {
            Reading::Nothing => found.push(setting(None)),
            Reading::Text(parts) => match (text.text(), parts.as_slice()) {
                (Some(text), _) => found.push(setting(Some(text))),
                // A setting whose default is another setting: `environ.get("PORT", config.get("port", 5555))`.
                (None, [Part::Setting(inner)]) => found.push(setting(inner.default.clone())),
                _ if text.is_unknown() => found.push(setting(None)),
                _ => found.push(text.clone()),
            },
        }
    }
    if found.is_empty() { vec![setting(None)] } else { merged(found) }
}

/// Gives settings without a default this one.
fn with_default(texts: Vec<Reading>, default: &[Reading]) -> Vec<Reading> {
    merged(texts.into_iter().flat_map(|text| match &text {
        Reading::Text(parts) => match parts.as_slice() {
            [Part::Setting(Setting { key, default: None, .. })] => defaulted(key, default),
            _ => vec![text],
        },
        Reading::Nothing => default.to_vec(),
    }))
}

/// One text behind the other.
fn joined(left: &[Reading], right: &[Reading]) -> Vec<Reading> {
    let parts = |text: &Reading| match text {
        Reading::Nothing => vec![Part::Unknown],
        Reading::Text(parts) => parts.clone(),
    };
    let mut found = Vec::new();
    for first in left {
        for second in right {
            let mut whole = parts(first);
            for part in parts(second) {
                match (whole.last_mut(), part) {
                    (Some(Part::Known(text)), Part::Known(more)) => text.push_str(&more),
                    (_, part) => whole.push(part),
                }
            }
            whole.retain(|part| *part != Part::Known(String::new()));
            if whole.is_empty() {
                whole.push(Part::Known(String::new()));
            }
            found.push(Reading::Text(whole));
        }
    }
    if found.len() > MOST_TEXTS { Reading::unknown() } else { merged(found) }
}

/// The sum of two numbers, or one text behind the other.
fn sum(op: BinaryOp, left: &[Reading], right: &[Reading]) -> Vec<Reading> {
    if let ([Reading::Text(parts)], [second]) = (left, right)
        && let (Some(number), sign) = (second.number(), if op == BinaryOp::Sub { -1 } else { 1 })
    {
        match parts.as_slice() {
            [Part::Known(first)] if first.parse::<i64>().is_ok() => {
                let first: i64 = first.parse().unwrap_or_default();
                return Reading::known(first.saturating_add(sign * number).to_string());
            }
            [Part::Setting(setting)] => {
                let default = setting.default.as_ref().map(|default| match default.parse::<i64>() {
                    Ok(first) => first.saturating_add(sign * number).to_string(),
                    Err(_) => default.clone(),
                });
                let offset = setting.offset + sign * number;
                return vec![Reading::Text(vec![Part::Setting(Setting { default, offset, key: setting.key.clone() })])];
            }
            _ => {}
        }
    }
    if op == BinaryOp::Sub { Reading::unknown() } else { joined(left, right) }
}

/// A text with its marks replaced, one after the other.
fn filled(texts: &[Reading], marks: &[&str], values: &[Vec<Reading>]) -> Vec<Reading> {
    let mut found = Vec::new();
    for text in texts {
        let Some(mut rest) = text.text() else {
            found.extend(Reading::unknown());
            continue;
        };
        let mut made = Reading::known("");
        let mut values = values.iter();
        while let Some((place, mark)) =
            marks.iter().filter_map(|mark| Some((rest.find(mark)?, mark))).min_by_key(|(place, _)| *place)
        {
            let Some(value) = values.next() else { break };
            made = joined(&joined(&made, &Reading::known(&rest[..place])), value);
            rest = rest[place + mark.len()..].to_owned();
        }
        found.extend(joined(&made, &Reading::known(rest)));
    }
    merged(found)
}

fn without_slash(text: Reading) -> Reading {
    match text {
        Reading::Text(mut parts) => {
            if let Some(Part::Known(last)) = parts.last_mut() {
                last.truncate(last.trim_end_matches('/').len());
            }
            Reading::Text(parts)
        }
        Reading::Nothing => Reading::Nothing,
    }
}
