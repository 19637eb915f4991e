//! Reading: which text an expression is in one service, its calls, its classes and its configuration considered.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use lagmap_facts::{
    BinaryOp, CallId, CompareOp, Expr, ExprId, FunctionIndex, NameHash, OpKind, ParameterKind, RegionId, RegionKind,
};
use rustc_hash::FxHashMap;

use super::{
    frame::{Caller, Frame, NeedsCaller},
    settings::Options,
    text::{Part, Reading, defaulted, filled, filled_by_name, joined, merged, sum, with_default, without_slash},
};

use crate::{
    CallSite, CallView, Cell, ClassId, EdgeKind, FileId, FunctionId, MethodKind, Program, Reach, Source, Value,
    method_kind, scopes::Binding,
};

/// How far names, attributes and calls are followed.
const DEEPEST: u32 = 28;
/// How many callers of a function are considered.
const MOST_CALLERS: usize = 32;
/// How many expressions are looked at for one.
const MOST_STEPS: u32 = 4000;
/// How many for all the ways that lead to one call.
const MOST_STEPS_OF_CALL: u32 = 20_000;

/// What an expression may be; an error if the caller has to be known first.
pub type Readings = Result<Vec<Reading>, NeedsCaller>;

/// An attribute of the objects of a class.
type Attribute = (ClassId, NameHash);
/// The calls of a function, each with the function that it stands in and the class of `self` there.
type CallersOf = Arc<[(CallSite, FunctionId, Option<ClassId>)]>;

/// The classes that `self` may be of in a function.
type Receivers = Arc<[Option<ClassId>]>;

/// Reads expressions as one service runs them.
pub struct Reader<'a> {
    pub(super) program: &'a Program,
    reach: &'a Reach,
    /// What its declaration says of its environment.
    environment: &'a BTreeMap<String, String>,
    script: Option<&'a str>,
    pub(super) names: &'a FxHashMap<&'a str, usize>,
    /// `None`: it is being read.
    attributes: RefCell<FxHashMap<Attribute, Option<Vec<Reading>>>>,
    receivers: RefCell<FxHashMap<FunctionId, Receivers>>,
    running: RefCell<FxHashMap<(ClassId, FunctionId), bool>>,
    callers: RefCell<FxHashMap<(FunctionId, Option<ClassId>), CallersOf>>,
    /// Defaults of command-line options, by file.
    pub(super) options: RefCell<FxHashMap<FileId, Options>>,
    steps: std::cell::Cell<u32>,
    /// How many more expressions are looked at for one call.
    left: std::cell::Cell<u32>,
}

impl<'a> Reader<'a> {
    /// A reader for a service; `names` are those of all services, with their indices.
    pub fn new(program: &'a Program, service: usize, names: &'a FxHashMap<&'a str, usize>) -> Self {
        Self {
            program,
            reach: &program.reaches[service],
            environment: &program.system.services[service].environment,
            script: program.system.services[service].script.as_deref(),
            names,
            attributes: RefCell::default(),
            receivers: RefCell::default(),
            running: RefCell::default(),
            callers: RefCell::default(),
            options: RefCell::default(),
            steps: std::cell::Cell::new(0),
            left: std::cell::Cell::new(MOST_STEPS_OF_CALL),
        }
    }

    /// Starts with a new call: all ways that lead to it share what may be spent on them.
    pub fn begin(&self) {
        self.left.set(MOST_STEPS_OF_CALL);
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
    pub fn receivers(&self, function: FunctionId) -> Receivers {
        if let Some(known) = self.receivers.borrow().get(&function) {
            return Arc::clone(known);
        }
        let found: Receivers = self.receivers_anew(function).into();
        self.receivers.borrow_mut().insert(function, Arc::clone(&found));
        found
    }

    fn receivers_anew(&self, function: FunctionId) -> Vec<Option<ClassId>> {
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
    pub fn callers(
        &self,
        function: FunctionId,
        receiver: Option<ClassId>,
        outer: &Caller,
    ) -> Vec<(CallSite, Arc<Frame>)> {
        let known = self.callers.borrow().get(&(function, receiver)).cloned();
        let found = known.unwrap_or_else(|| {
            let found: CallersOf = self.callers_anew(function, receiver).into();
            self.callers.borrow_mut().insert((function, receiver), Arc::clone(&found));
            found
        });
        let frame = |function, receiver| Arc::new(Frame { function, receiver, caller: outer.clone() });
        found.iter().map(|(call, function, receiver)| (*call, frame(*function, *receiver))).collect()
    }

    fn callers_anew(
        &self,
        function: FunctionId,
        receiver: Option<ClassId>,
    ) -> Vec<(CallSite, FunctionId, Option<ClassId>)> {
        let classes = &self.program.linked.classes;
        let mut found = Vec::new();
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
                    Arc::from([Some(class)])
                }
                _ => self.receivers(edge.from),
            };
            for receiver in receivers.iter().copied() {
                if found.len() >= MOST_CALLERS {
                    return found;
                }
                if !found.contains(&(site, edge.from, receiver)) {
                    found.push((site, edge.from, receiver));
                }
            }
        }
        found
    }

    pub(super) fn expression(&self, file: FileId, id: ExprId, frame: &Arc<Frame>, depth: u32) -> Readings {
        self.steps.set(self.steps.get() + 1);
        self.left.set(self.left.get().saturating_sub(1));
        let may_go_on = self.steps.get() < MOST_STEPS && self.left.get() > 0;
        let Some(depth) = depth.checked_sub(1).filter(|_| may_go_on) else {
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
            Expr::Binary { op: op @ (BinaryOp::Add | BinaryOp::Sub), left, right } => {
                sum(op, &read(left)?, &read(right)?)
            }
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
                    let certain =
                        !texts.is_empty() && texts.iter().all(|text| text.text().is_some_and(|text| !text.is_empty()));
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
    fn is_nothing(
        &self,
        file: FileId,
        test: ExprId,
        frame: &Arc<Frame>,
        depth: u32,
    ) -> Result<Option<bool>, NeedsCaller> {
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

    fn bindings(
        &self,
        file: FileId,
        scope: FunctionIndex,
        bindings: &[Binding],
        frame: &Arc<Frame>,
        depth: u32,
    ) -> Readings {
        let function = self.program.linked.ids.function(file, scope);
        let frame = if function == frame.function {
            Arc::clone(frame)
        } else {
            Arc::new(Frame { function, receiver: frame.receiver, caller: Caller::Any })
        };
        let mut found = Vec::new();
        for binding in bindings {
            if bindings.len() > 1 && self.is_excluded(file, binding.region, &frame, depth)? {
                continue;
            }
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

    /// Whether a condition around a region certainly does not hold.
    fn is_excluded(&self, file: FileId, region: RegionId, frame: &Arc<Frame>, depth: u32) -> Result<bool, NeedsCaller> {
        let facts = &self.program.linked.file(file).facts;
        for (_, region) in facts.enclosing(region) {
            if let RegionKind::If { test, holds, .. } = region.kind
                && self.holds(file, test, frame, depth)? == Some(!holds)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a comparison with a constant holds, if what is compared is known.
    fn holds(&self, file: FileId, test: ExprId, frame: &Arc<Frame>, depth: u32) -> Result<Option<bool>, NeedsCaller> {
        let facts = &self.program.linked.file(file).facts;
        match facts.expr(test) {
            Expr::Boolean { and, values } => {
                let mut all = true;
                for value in facts.list(values) {
                    match self.holds(file, *value, frame, depth)? {
                        Some(holds) if holds != and => return Ok(Some(holds)),
                        Some(_) => {}
                        None => all = false,
                    }
                }
                Ok(all.then_some(and))
            }
            Expr::Compare { op: op @ (CompareOp::Equal | CompareOp::NotEqual), left, right } => {
                let Expr::Str(wanted) = facts.expr(right) else { return Ok(None) };
                let texts = self.expression(file, left, frame, depth)?;
                let [text] = texts.as_slice() else { return Ok(None) };
                Ok(text.text().map(|text| (text == facts.text(wanted)) == (op == CompareOp::Equal)))
            }
            Expr::Compare { .. } => self.is_nothing(file, test, frame, depth),
            _ => Ok(None),
        }
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
                    found.retain(
                        |text| matches!(text, Reading::Text(parts) if matches!(parts.as_slice(), [Part::Service(_)])),
                    );
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
    pub(super) fn keyword(
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

    pub(super) fn is_keywords(&self, file: FileId, id: ExprId, frame: &Arc<Frame>) -> bool {
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
            return Ok(self.member(class, name, depth));
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
                        found.extend(self.member(class, name, depth));
                    }
                    is_known = true;
                }
                Value::Class(class) => {
                    found.extend(self.member(class, name, depth));
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
    fn member(&self, class: ClassId, name: NameHash, depth: u32) -> Vec<Reading> {
        match self.attributes.borrow().get(&(class, name)) {
            Some(Some(known)) => return known.clone(),
            // It depends on itself.
            Some(None) => return Reading::unknown(),
            None => {}
        }
        self.attributes.borrow_mut().insert((class, name), None);
        let found = self.member_anew(class, name, depth).unwrap_or_else(|NeedsCaller| Reading::unknown());
        self.attributes.borrow_mut().insert((class, name), Some(found.clone()));
        found
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
        let mut found = Vec::new();
        for target in self.program.callees(site) {
            self.each_receiver(target, on_self, frame.receiver, |receiver| {
                let caller = Caller::Call(site, Arc::clone(frame));
                found.push((target, Arc::new(Frame { function: target, receiver, caller })));
            });
        }
        found
    }

    /// Tells the classes that `self` may be of in a function when it is called, `on_self` or not, by one whose own `self` is an
    /// `outer`; none if the service does not run it then.
    pub fn each_receiver(
        &self,
        target: FunctionId,
        on_self: bool,
        outer: Option<ClassId>,
        mut tell: impl FnMut(Option<ClassId>),
    ) {
        if !self.reaches(target) {
            return;
        }
        match outer {
            Some(class) if on_self => {
                let known = self.running.borrow().get(&(class, target)).copied();
                let runs = known.unwrap_or_else(|| {
                    let (unit, facts) = self.program.function(target);
                    let runs = self.runs(class, unit.facts.names.hash(facts.name), target);
                    self.running.borrow_mut().insert((class, target), runs);
                    runs
                });
                if runs {
                    tell(Some(class));
                }
            }
            _ => self.receivers(target).iter().copied().for_each(tell),
        }
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
        let is_environment = view.has_tag("environment")
            || facts.dotted(view.call.callee).is_some_and(|name| name.ends_with("environ.get"));
        match (receiver, name, arguments) {
            _ if is_environment => {
                let Some(name) = arguments.first() else { return Ok(Reading::unknown()) };
                let default = view.argument(Some("default"), Some(1));
                let default = default.map(read).transpose()?.unwrap_or_default();
                return Ok(merged(read(*name)?.iter().flat_map(|name| match name.text() {
                    Some(key) => self.variable_of_environment(&key, &default),
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
            (Some(text), "format", _) => return self.formatted(&view, text, frame, depth),
            (Some(text), "strip" | "lower" | "encode" | "decode" | "lstrip" | "as_posix" | "unicode_string", _) => {
                return read(text);
            }
            (Some(text), "rstrip", _) => return Ok(read(text)?.into_iter().map(without_slash).collect()),
            (Some(container), "get" | "pop" | "getint" | "setdefault", [key, rest @ ..])
                if view.models().all(|(model, _)| self.is_plain(model)) =>
            {
                let default = rest.first().copied().or_else(|| view.argument(Some("default"), None));
                let default = default.map(read).transpose()?;
                let mut found = Vec::new();
                for key in read(*key)? {
                    match key.text() {
                        Some(key) => {
                            found.extend(self.entry(file, container, &key, default.as_deref(), frame, depth)?);
                        }
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

    /// What `text.format(...)` makes.
    fn formatted(&self, view: &CallView<'_>, text: ExprId, frame: &Arc<Frame>, depth: u32) -> Readings {
        let facts = view.facts();
        let read = |id: ExprId| self.expression(view.file, id, frame, depth);
        let values: Vec<_> =
            facts.arguments(view.call).iter().map(|argument| read(*argument)).collect::<Result<_, _>>()?;
        let mut texts = read(text)?;
        let mut named = Vec::new();
        for keyword in facts.keywords(view.call) {
            let Some(name) = keyword.name else { continue };
            named.push((format!("{{{}}}", facts.text(name)), read(keyword.value)?));
        }
        if !named.is_empty() {
            texts = filled_by_name(&texts, &named);
        }
        Ok(if values.is_empty() { texts } else { filled(&texts, &["{}", "{0}", "{1}", "{2}"], &values) })
    }

    /// What a variable of the environment holds, as the service is declared; else its default.
    pub(super) fn variable_of_environment(&self, key: &str, default: &[Reading]) -> Vec<Reading> {
        match self.environment.get(key) {
            Some(value) => Reading::known(value.as_str()),
            None => defaulted(key, default),
        }
    }

    /// Whether a method called `get` is that of a mapping, as far as is known.
    fn is_plain(&self, model: lagmap_models::ModelId) -> bool {
        let catalogue = self.program.catalogue();
        catalogue
            .entry(model)
            .is_none_or(|entry| entry.effect.is_none_or(|effect| effect == lagmap_models::EffectKind::Cpu))
            && catalogue.wire(model).is_none()
    }
}

/// How many of a function's first parameters a call does not pass, because they are its receiver.
pub fn skipped(view: &CallView<'_>, function: FunctionId, program: &Program) -> usize {
    let (_, facts) = program.function(function);
    if facts.class.is_none() {
        return 0;
    }
    let unbound = view.callees().any(|value| matches!(value, Value::Function(own) if own == function));
    usize::from(!unbound)
}

/// Whether a call is one of a method of `self` or `super()`.
pub fn is_on_self(facts: &lagmap_facts::FileFacts, call: CallId) -> bool {
    let Expr::Attribute { value, .. } = facts.expr(facts.call(call).callee) else { return false };
    match facts.expr(value) {
        Expr::Name(name) => facts.text(name) == "self",
        Expr::Call(call) => facts.dotted(facts.call(call).callee).as_deref() == Some("super"),
        _ => false,
    }
}
