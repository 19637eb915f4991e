//! The program: everything linked, and the questions that rules ask of it.

use std::sync::OnceLock;

use lagmap_facts::{
    Call, CallId, Expr, ExprId, FileFacts, FunctionFacts, FunctionIndex, RegionId, RegionKind, ScopeKind,
};
use lagmap_models::{ApiEntry, Catalogue, EffectKind, ModelId};
use lagmap_source::Span;
use lagmap_system::{Runs, System};
use rustc_hash::FxHashMap;

use crate::{
    CallSite, Cell, ClassId, FileId, FunctionId, Site, Value, Values,
    code_services::services_of_code,
    contexts::{Context, ContextSet, Contexts, Frequency, Place, Witness, library_entries},
    costly::costly,
    effects::{Effect, Effects, Recurrence, endpoint},
    entered::Entered,
    evaluate::Evaluator,
    graph::{Edge, EdgeKind, Graph, Target},
    linked::{Linked, ProgramFile, SourceUnit},
    reach::{Bits, Reach, Start, active, reach, reach_all},
    regions::Surroundings,
    solve::{Solution, solve},
    uses::Uses,
    wires::Wires,
};

/// What to build.
#[derive(Clone, Copy, Debug)]
pub struct ProgramOptions {
    /// Treat code that no entry point reaches as if its functions were called from outside.
    pub all_code: bool,
    /// How many requests each service is taken to send a second to each service that it waits for.
    pub requests_per_second: f64,
}

impl Default for ProgramOptions {
    fn default() -> Self {
        Self { all_code: false, requests_per_second: 1.0 }
    }
}

/// A whole program.
pub struct Program {
    /// Files, names, modules, classes.
    pub linked: Linked,
    /// What variables hold and what calls call.
    pub solution: Solution,
    /// Who may run whom.
    pub graph: Graph,
    /// Where and how often functions run.
    pub contexts: Contexts,
    /// What they do that takes time.
    pub effects: Effects,
    /// What happens to objects.
    pub uses: Uses,
    /// The services.
    pub system: System,
    /// What each service reaches, in the order of [`System::services`].
    pub reaches: Vec<Reach>,
    /// Classes of which any service makes instances.
    pub made: Bits,
    /// What each virtual call may run, given these.
    pub(crate) live: Vec<Vec<FunctionId>>,
    by_tag: FxHashMap<String, Vec<CallSite>>,
    /// The calls that can have effects, in order.
    pub(crate) costly: Vec<CallSite>,
    /// The calls of each function that take a lock without a `with`.
    pub(crate) acquires: FxHashMap<FunctionId, Vec<CallSite>>,
    incoming: Vec<Vec<u32>>,
    constructions: FxHashMap<ClassId, Vec<u32>>,
    wires: OnceLock<Wires>,
    /// What was assumed.
    pub options: ProgramOptions,
}

/// A place of a trace: an expression in a function, and what happens there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where.
    pub site: Site,
    /// What happens there, as a verb phrase: `calls load_config`.
    pub note: String,
}

impl Program {
    /// Links and solves a program.
    pub fn build(units: Vec<SourceUnit>, catalogue: Catalogue, mut system: System, options: ProgramOptions) -> Self {
        let mut search: Vec<String> = system.services.iter().flat_map(|service| service.python_paths.clone()).collect();
        search.sort();
        search.dedup();
        let linked = Linked::new(units, catalogue, &search);
        let solution = solve(&linked);
        let files = Graph::files(&linked, &solution);
        // The graph is put together by one thread: the other has the uses to collect meanwhile.
        let (uses, (graph, effects, started)) = rayon::join(
            || Uses::of(&linked, &solution),
            || {
                let graph = Graph::new(&linked, &solution, files);
                if system.services.is_empty() {
                    system.services = services_of_code(&linked, &graph, &solution);
                }
                let (effects, started) = rayon::join(
                    || Effects::of(&linked, &solution, &graph),
                    || start(&linked, &graph, &system, options),
                );
                (graph, effects, started)
            },
        );
        let (reaches, made, live, contexts) = started;
        let costly = costly(&linked, &graph, &effects, &live);
        let mut by_tag: FxHashMap<String, Vec<CallSite>> = FxHashMap::default();
        for (model, calls) in &uses.by_model {
            for tag in linked.catalogue.entry(*model).map(|entry| entry.tags.as_slice()).unwrap_or_default() {
                by_tag.entry(tag.clone()).or_default().extend(calls);
            }
        }
        for calls in by_tag.values_mut() {
            calls.sort_unstable();
            calls.dedup();
        }
        let mut acquires: FxHashMap<FunctionId, Vec<CallSite>> = FxHashMap::default();
        for call in by_tag.get("acquires").map(Vec::as_slice).unwrap_or_default() {
            let (file, id) = linked.ids.of_call(*call);
            let facts = &linked.file(file).facts;
            let region = facts.exprs[facts.call(id).expr.0 as usize].region;
            acquires.entry(linked.ids.function(file, facts.region(region).function)).or_default().push(*call);
        }
        let mut incoming = vec![Vec::new(); linked.ids.function_count()];
        let mut constructions: FxHashMap<ClassId, Vec<u32>> = FxHashMap::default();
        for (index, edge) in graph.edges.iter().enumerate() {
            if let Target::Instance(class) = edge.to {
                constructions.entry(class).or_default().push(index as u32);
            }
            for target in graph.targets(edge.to) {
                incoming[target.0 as usize].push(index as u32);
            }
        }
        Self {
            linked,
            solution,
            graph,
            contexts,
            effects,
            uses,
            system,
            reaches,
            made,
            live,
            by_tag,
            costly,
            acquires,
            incoming,
            constructions,
            wires: OnceLock::new(),
            options,
        }
    }

    /// Which service calls which; found when first asked for.
    pub fn wires(&self) -> &Wires {
        if let Some(found) = self.wires.get() {
            return found;
        }
        // Not inside of `get_or_init`: finding them forks, and while a thread waits for its forks it may take up work that asks for the
        // wires as well and would wait for itself.
        let found = Wires::of(self);
        self.wires.get_or_init(|| found)
    }

    /// The catalogue.
    pub fn catalogue(&self) -> &Catalogue {
        &self.linked.catalogue
    }

    /// All files.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &ProgramFile)> {
        self.linked.files.iter().enumerate().map(|(index, file)| (FileId(index as u32), file))
    }

    /// All scopes of a file.
    pub fn functions(&self, file: FileId) -> impl Iterator<Item = FunctionId> + '_ {
        let count = self.linked.file(file).facts.functions.len();
        (0..count).map(move |index| self.linked.ids.function(file, FunctionIndex(index as u32)))
    }

    /// The facts of a scope and of its file.
    pub fn function(&self, id: FunctionId) -> (&ProgramFile, &FunctionFacts) {
        self.linked.function(id)
    }

    /// The dotted name of a scope: module, classes, function.
    pub fn function_name(&self, id: FunctionId) -> String {
        let (unit, function) = self.function(id);
        if function.kind == ScopeKind::Module {
            return unit.module.clone();
        }
        let name = unit.facts.text(function.qualified_name);
        if unit.module.is_empty() { name.to_owned() } else { format!("{}.{name}", unit.module) }
    }

    /// The name of a scope inside its module, as people say it: `Class.method`, `module` for a module's body.
    pub fn short_name(&self, id: FunctionId) -> String {
        let (unit, function) = self.function(id);
        match function.kind {
            ScopeKind::Module => unit.module.rsplit('.').next().unwrap_or(&unit.module).to_owned(),
            ScopeKind::Lambda => "a lambda".to_owned(),
            _ => unit.facts.text(function.qualified_name).to_owned(),
        }
    }

    /// The dotted name of a class.
    pub fn class_name(&self, id: ClassId) -> String {
        let (file, index) = self.linked.ids.of_class(id);
        let unit = self.linked.file(file);
        unit.facts.text(unit.facts.class(index).qualified_name).to_owned()
    }

    /// The class that a method belongs to, or that the function around a nested one does.
    pub fn class_of(&self, function: FunctionId) -> Option<ClassId> {
        let (file, index) = self.linked.ids.of_function(function);
        let facts = &self.linked.file(file).facts;
        let mut scopes = std::iter::successors(Some(index), |index| facts.function(*index).parent);
        scopes.find_map(|index| facts.function(index).class).map(|class| self.linked.ids.class(file, class))
    }

    /// Whether one class is, or inherits from, the other.
    pub fn is_related(&self, a: ClassId, b: ClassId) -> bool {
        let classes = &self.linked.classes;
        classes.lookup_order(a).contains(&b) || classes.lookup_order(b).contains(&a)
    }

    /// A call with all that is known of it.
    pub fn call(&self, site: CallSite) -> CallView<'_> {
        let (file, id) = self.linked.ids.of_call(site);
        self.call_in(file, self.linked.file(file), id)
    }

    fn call_in<'a>(&'a self, file: FileId, unit: &'a ProgramFile, id: CallId) -> CallView<'a> {
        let site = self.linked.ids.call(file, id);
        let call = unit.facts.call(id);
        let region = unit.facts.exprs[call.expr.0 as usize].region;
        let function = self.linked.ids.function(file, unit.facts.region(region).function);
        CallView { program: self, site, file, unit, id, call, region, function }
    }

    /// All calls of a scope.
    pub fn calls(&self, function: FunctionId) -> impl Iterator<Item = CallView<'_>> {
        let (file, index) = self.linked.ids.of_function(function);
        let unit = self.linked.file(file);
        let range = unit.facts.function(index).calls.clone();
        range.map(move |call| self.call_in(file, unit, CallId(call)))
    }

    /// All library calls whose catalogue entry has a tag, in program order, tests and dead code left out.
    pub fn calls_tagged(&self, tag: &str) -> impl Iterator<Item = CallView<'_>> {
        let calls = self.by_tag.get(tag).map(Vec::as_slice).unwrap_or_default();
        calls.iter().map(|call| self.call(*call)).filter(|call| self.is_live(call.function))
    }

    /// Library calls whose entry fulfils a condition, in program order, tests and dead code left out.
    pub fn calls_where(&self, wanted: impl Fn(&ApiEntry) -> bool) -> Vec<CallView<'_>> {
        let models = self.uses.by_model.iter();
        let models = models.filter(|(model, _)| self.catalogue().entry(**model).is_some_and(&wanted));
        let mut calls: Vec<CallSite> = models.flat_map(|(_, calls)| calls.iter().copied()).collect();
        calls.sort_unstable();
        calls.dedup();
        calls.into_iter().map(|call| self.call(call)).filter(|call| self.is_live(call.function)).collect()
    }

    /// Whether an entry point other than a test reaches a function, and the function is no test.
    pub fn is_live(&self, function: FunctionId) -> bool {
        let (unit, _) = self.function(function);
        !unit.is_test && self.contexts.of(function).any(|context| context.frequency != Frequency::Test)
    }

    /// Whether something of the program runs as long as requests come: a service, even if no configuration names it.
    pub fn serves(&self) -> bool {
        self.system.is_inventory()
            || (0..self.linked.ids.function_count()).any(|index| {
                let often = |context: Context| {
                    matches!(context.frequency, Frequency::Request | Frequency::Background | Frequency::Occasional)
                };
                self.contexts.of(FunctionId(index as u32)).any(often)
            })
    }

    /// Whether the program is one that runs rather than one that others import: a start-up configuration names its services, or a
    /// good part of its live functions run per request or in a loop of their own. That it can be deployed does not make it one:
    /// libraries come with containers for their own demonstration.
    pub fn is_application(&self) -> bool {
        if self.system.is_inventory() {
            return true;
        }
        let (mut live, mut often) = (0_u32, 0_u32);
        for index in 0..self.linked.ids.function_count() {
            let contexts = self.contexts_of(FunctionId(index as u32));
            live += u32::from(
                contexts.any(|context| context.frequency.is_repeated() || context.frequency == Frequency::Occasional),
            );
            often += u32::from(contexts.any(|context| {
                matches!(context.frequency, Frequency::Request | Frequency::Background | Frequency::Occasional)
            }));
        }
        often * RUNS_PART >= live
    }

    /// The contexts of a function, tests left out.
    pub fn contexts_of(&self, function: FunctionId) -> ContextSet {
        self.contexts.of(function).iter().filter(|context| context.frequency != Frequency::Test).collect()
    }

    /// The contexts of a place in a function, tests left out.
    pub fn contexts_at(&self, function: FunctionId, region: RegionId) -> ContextSet {
        let contexts = self.all_contexts_at(function, region);
        contexts.iter().filter(|context| context.frequency != Frequency::Test).collect()
    }

    /// The contexts of a place in a function.
    pub(crate) fn all_contexts_at(&self, function: FunctionId, region: RegionId) -> ContextSet {
        let (file, _) = self.linked.ids.of_function(function);
        self.contexts.within(self.contexts_before(function, region), self.graph.around(file, region))
    }

    /// The contexts of the calls of a function that come to a place in it.
    fn contexts_before(&self, function: FunctionId, region: RegionId) -> ContextSet {
        self.contexts.of_branch(function, self.graph.branches.branch(&self.linked, function, region))
    }

    /// How a place in a function, or the function at all, came into a context.
    pub(crate) fn witness(&self, function: FunctionId, region: Option<RegionId>, context: Context) -> Witness {
        let branch = region.and_then(|region| self.graph.branches.branch(&self.linked, function, region));
        self.contexts.witness(function, branch, context)
    }

    /// What surrounds a region of a file.
    pub fn around(&self, file: FileId, region: RegionId) -> Surroundings {
        self.graph.around(file, region)
    }

    /// An evaluator for the expressions of a file, over the solved program.
    pub fn evaluator(&self, file: FileId) -> Evaluator<'_> {
        Evaluator::new(&self.linked, &self.solution.cells, file)
    }

    /// What one expression may be.
    pub fn values(&self, site: Site) -> Values {
        let (file, id) = self.linked.ids.of_site(site);
        self.evaluator(file).values(id)
    }

    /// The region of a function that a piece of its text stands in.
    pub fn region_at(&self, file: FileId, function: FunctionId, span: Span) -> Option<RegionId> {
        let facts = &self.linked.file(file).facts;
        let mut nodes = self.function(function).1.exprs.clone().map(|index| &facts.exprs[index as usize]);
        nodes.find(|node| span.contains(node.span)).map(|node| node.region)
    }

    /// The file, function and text of a place.
    pub fn place(&self, site: Site) -> (&ProgramFile, FunctionId, Span) {
        let (file, id) = self.linked.ids.of_site(site);
        let unit = self.linked.file(file);
        let node = &unit.facts.exprs[id.0 as usize];
        let function = self.linked.ids.function(file, unit.facts.region(node.region).function);
        (unit, function, node.span)
    }

    /// The edges that lead to a function, as indices into [`Graph::edges`].
    pub fn incoming(&self, function: FunctionId) -> impl Iterator<Item = &Edge> {
        self.incoming[function.0 as usize].iter().map(|index| &self.graph.edges[*index as usize])
    }

    /// The places that make instances of a class.
    pub fn constructions(&self, class: ClassId) -> impl Iterator<Item = &Edge> {
        let edges = self.constructions.get(&class).map(Vec::as_slice).unwrap_or_default();
        edges.iter().map(|index| &self.graph.edges[*index as usize])
    }

    /// The services that reach a function, by index into [`System::services`].
    pub fn services_of(&self, function: FunctionId) -> Vec<usize> {
        let reaches = self.reaches.iter().enumerate();
        reaches.filter(|(_, reach)| reach.functions.contains(function.0 as usize)).map(|(index, _)| index).collect()
    }

    /// How a function comes to run in a context: from the entry point down to the call that runs it.
    pub fn path_to(&self, function: FunctionId, context: Context) -> Vec<Step> {
        self.path_in(&self.contexts, function, context)
    }

    /// The same, given these contexts.
    pub(crate) fn path_in(&self, contexts: &Contexts, function: FunctionId, context: Context) -> Vec<Step> {
        let mut steps = Vec::new();
        let (mut at, mut branch) = ((function, context), None);
        // Witnesses lead to earlier and earlier contexts, so this ends; the bound is for safety of the reader.
        while let Some((caller, context, edge)) = contexts.witness(at.0, branch, at.1) {
            let edge = &self.graph.edges[edge as usize];
            let note = match edge.kind {
                EdgeKind::Import => format!("imports {}", self.short_name(at.0)),
                EdgeKind::Define => format!("defines {}", self.short_name(at.0)),
                EdgeKind::Callback(_) => format!("registers {}", self.short_name(at.0)),
                EdgeKind::HandedOver => format!("hands over {}", self.short_name(at.0)),
                EdgeKind::Construct(class) => format!("makes a {}", self.class_name(class)),
                EdgeKind::Call { .. } | EdgeKind::Implicit => format!("calls {}", self.short_name(at.0)),
            };
            self.pass(edge, at.0, note, &mut steps);
            (at, branch) = ((caller, context), self.graph.branches.branch(&self.linked, caller, edge.region));
            if steps.len() >= 32 {
                break;
            }
        }
        steps.reverse();
        steps
    }

    /// Adds the steps of an edge, the last first: the way through wrappers around the target included.
    fn pass(&self, edge: &Edge, to: FunctionId, note: String, steps: &mut Vec<Step>) {
        let way = self.graph.way(edge);
        for passage in way.iter().rev() {
            let name = self.short_name(if Some(passage) == way.last() { to } else { passage.to });
            steps.push(Step { site: passage.site, note: format!("calls {name}") });
        }
        let note = way.first().map_or(note, |passage| format!("calls {}", self.short_name(passage.from)));
        steps.push(Step { site: edge.site, note });
    }

    /// The part of [`Self::path_to`] that a reader needs: from where the context's frequency or place begins.
    fn recent_path_to(&self, function: FunctionId, region: RegionId, context: Context) -> Vec<Step> {
        let mut steps = Vec::new();
        let (mut at, mut region) = ((function, context), region);
        while let Some((caller, outer, edge)) = self.witness(at.0, Some(region), at.1) {
            let edge = &self.graph.edges[edge as usize];
            if matches!(edge.kind, EdgeKind::Import | EdgeKind::Define) || steps.len() >= 6 {
                break;
            }
            let verb = match edge.kind {
                EdgeKind::Callback(_) => "registers",
                EdgeKind::HandedOver => "hands over",
                EdgeKind::Construct(_) => "makes",
                _ => "calls",
            };
            self.pass(edge, at.0, format!("{verb} {}", self.short_name(at.0)), &mut steps);
            // The loop or registration that makes it per request is where the story starts.
            if outer.frequency != at.1.frequency && at.1.frequency.is_repeated() {
                break;
            }
            (at, region) = ((caller, outer), edge.region);
        }
        steps.reverse();
        steps
    }

    /// [`Self::recent_path_to`] where the calls of the function give the context: empty where the loop around the place itself gives the context.
    pub fn recent_path_in(&self, function: FunctionId, region: RegionId, context: Context) -> Vec<Step> {
        let (file, _) = self.linked.ids.of_function(function);
        let around = self.graph.around(file, region);
        let mut before =
            self.contexts_before(function, region).iter().filter(|outer| outer.frequency != Frequency::Test);
        let outer = before.find(|outer| {
            let set: ContextSet = [*outer].into_iter().collect();
            self.contexts.within(set, around).any(|inner| inner == context)
        });
        match outer {
            Some(outer) if outer.frequency == context.frequency => self.recent_path_to(function, region, outer),
            _ => Vec::new(),
        }
    }

    /// Whether the way by which a place comes into a context can be that of one object: no step on `self` leads to a method of
    /// a class that is unrelated to a class whose method came before.
    pub fn is_consistent(&self, function: FunctionId, region: RegionId, context: Context) -> bool {
        let (file, _) = self.linked.ids.of_function(function);
        let around = self.graph.around(file, region);
        // What happens for each new key runs "the first time" again and again.
        let each_key = Surroundings { recurrence: Recurrence::EveryCall, ..around };
        let before = self.contexts_before(function, region).iter();
        let mut outer = before.filter(|outer| outer.frequency != Frequency::Test).filter(|outer| {
            let set: ContextSet = [*outer].into_iter().collect();
            [around, each_key].into_iter().any(|around| self.contexts.within(set, around).any(|inner| inner == context))
        });
        outer.any(|outer| self.is_way_of_one_object(function, region, outer))
    }

    fn is_way_of_one_object(&self, function: FunctionId, region: RegionId, outer: Context) -> bool {
        let (mut at, mut region, mut context) = (function, region, outer);
        let mut classes: Vec<ClassId> = self.class_of(at).into_iter().collect();
        for _ in 0..32 {
            let Some((caller, before, edge)) = self.witness(at, Some(region), context) else { return true };
            let edge = &self.graph.edges[edge as usize];
            if !self.is_on_self(edge) {
                // The object that is made here is of none of the classes whose methods came before.
                if let EdgeKind::Construct(made) = edge.kind
                    && let Some(other) = classes.iter().find(|class| !self.is_related(**class, made))
                {
                    return self.is_made_as_often(*other, before);
                }
                classes.clear();
            }
            if let Some(class) = self.class_of(caller) {
                if let Some(other) = classes.iter().find(|other| !self.is_related(**other, class)) {
                    return self.is_made_as_often(*other, before);
                }
                classes.push(class);
            }
            (at, region, context) = (caller, edge.region, before);
        }
        true
    }

    /// Whether the witness, which is another object's, may stand for one of this class: objects of it are made as often.
    fn is_made_as_often(&self, class: ClassId, before: Context) -> bool {
        let mut family = std::iter::once(class).chain(self.linked.classes.subclasses(class).iter().copied());
        family.any(|class| self.made_in(class).any(|frequency| frequency == before.frequency))
    }

    /// Whether an edge is a call of a method of `self` or `super()`, or hands one over.
    pub(crate) fn is_on_self(&self, edge: &Edge) -> bool {
        let (file, id) = self.linked.ids.of_site(edge.site);
        let facts = &self.linked.file(file).facts;
        let target = match facts.expr(id) {
            Expr::Call(call) => facts.call(call).callee,
            _ => id,
        };
        let Expr::Attribute { value, .. } = facts.expr(target) else { return false };
        match facts.expr(value) {
            Expr::Name(name) => facts.text(name) == "self",
            Expr::Call(call) => facts.dotted(facts.call(call).callee).as_deref() == Some("super"),
            _ => false,
        }
    }

    /// The function, of those that an edge leads to, from which an effect came by it, and the effect as that function has it.
    pub(crate) fn next_to(&self, at: &Effect, index: u32, blocking: bool) -> Option<(FunctionId, Effect)> {
        let edge = &self.graph.edges[index as usize];
        let next = self.graph.targets(edge.to).filter_map(|target| {
            let effects = self.effects.in_branches(target, !blocking);
            let same = |effect: &&Effect| {
                (effect.kind, effect.source) == (at.kind, at.source)
                    && self.graph.branches.reaches(&self.linked, index, target, effect.branch)
                    && effect.depth < at.depth
                    && effect.recurrence <= at.recurrence
            };
            effects.iter().find(same).map(|effect| (target, *effect))
        });
        next.min_by_key(|(target, effect)| (effect.depth, *target))
    }

    /// The calls from a function down to the library call that has an effect found there.
    pub fn path_from(&self, effect: &Effect, blocking: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = *effect;
        while let Some(index) = at.via {
            let edge = &self.graph.edges[index as usize];
            let Some((target, inner)) = self.next_to(&at, index, blocking) else { break };
            let mut reversed = Vec::new();
            self.pass(edge, target, format!("calls {}", self.short_name(target)), &mut reversed);
            steps.extend(reversed.into_iter().rev());
            at = inner;
        }
        let call = self.call(at.source);
        let site = self.linked.ids.site(call.file, call.call.expr);
        steps.push(Step { site, note: self.effect_note(at.kind, at.model) });
        steps
    }

    /// What a library call with an effect does, as a verb phrase.
    pub fn effect_note(&self, kind: EffectKind, model: ModelId) -> String {
        let verb = match kind {
            EffectKind::Sleep => "sleeps",
            EffectKind::Network => "waits for the network",
            EffectKind::Database => "waits for a database",
            EffectKind::Disk => "uses the file system",
            EffectKind::Process => "waits for a process",
            EffectKind::Lock => "waits for a lock",
            EffectKind::Wait => "waits for another thread or process",
            EffectKind::Message => "waits for a message",
            EffectKind::ModelLoad => "loads a model",
            EffectKind::Inference => "runs a model",
            EffectKind::Cpu => "computes",
        };
        format!("{verb}: {}()", self.catalogue().path(model))
    }

    /// Where the time of an effect comes from.
    pub fn cost_source(&self, effect: &Effect) -> String {
        let call = self.call(effect.source);
        let asked =
            (effect.kind == EffectKind::Network).then(|| endpoint(&self.linked, call.unit, call.call)).flatten();
        let entry = self.catalogue().entry(effect.model).and_then(|entry| entry.source.as_ref());
        asked.map(|endpoint| &endpoint.source).or(entry).cloned().unwrap_or_default()
    }

    /// The effects that a call of project code has on its caller: per kind and recurrence the costliest over what it
    /// may call.
    pub fn effects_of_call(&self, call: &CallView<'_>, awaits: bool) -> Vec<(FunctionId, Effect)> {
        let mut found: Vec<(FunctionId, Effect)> = Vec::new();
        for (edge, target) in self.edges_of_call(call.site) {
            if !awaits && self.function(target).1.is_async {
                continue;
            }
            for effect in self.effects.through(&self.linked, &self.graph, edge, target, awaits) {
                let same = |other: &Effect| (other.kind, other.recurrence) == (effect.kind, effect.recurrence);
                match found.iter_mut().find(|(_, other)| same(other)) {
                    Some(other) if effect.cost.high > other.1.cost.high => *other = (target, effect),
                    Some(_) => {}
                    None => found.push((target, effect)),
                }
            }
        }
        found
    }

    /// All effects that a call has on its caller: those of what it calls itself, and those of project code behind it.
    pub fn effects_at(&self, call: &CallView<'_>, awaits: bool) -> impl Iterator<Item = Effect> {
        let inner = self.effects_of_call(call, awaits).into_iter().map(|(_, effect)| effect);
        call.own_effects().copied().chain(inner)
    }

    /// The project functions that a call runs in its own thread; not those of which a caller runs only its own.
    pub fn callees(&self, call: CallSite) -> Vec<FunctionId> {
        self.edges_of_call(call).into_iter().map(|(_, target)| target).collect()
    }

    /// The same, each with the edge (index into [`Graph::edges`]) that leads there.
    fn edges_of_call(&self, call: CallSite) -> Vec<(u32, FunctionId)> {
        let view = self.call(call);
        let site = self.linked.ids.site(view.file, view.call.expr);
        let mut found: Vec<(u32, FunctionId)> = Vec::new();
        let edges = self.graph.from(view.function);
        let first = edges.partition_point(|edge| edge.site < site);
        let start = self.graph.first_edge(view.function) + first;
        for (offset, edge) in edges[first..].iter().take_while(|edge| edge.site == site).enumerate() {
            if self.graph.runs_here(edge) && !Graph::is_chosen(edge) {
                for target in self.targets(edge.to) {
                    if found.iter().all(|(_, other)| *other != target) {
                        found.push(((start + offset) as u32, target));
                    }
                }
            }
        }
        found
    }

    /// What an edge leads to, given the classes that are really made.
    pub fn targets(&self, to: Target) -> Vec<FunctionId> {
        match to {
            Target::Function(function) => vec![function],
            Target::Dispatch(index) => self.live[index as usize].clone(),
            Target::Instance(_) => Vec::new(),
        }
    }

    /// The library calls on an object, over its whole life.
    pub fn calls_on(&self, object: Site) -> impl Iterator<Item = CallView<'_>> {
        let calls = self.uses.calls.get(&object).map(Vec::as_slice).unwrap_or_default();
        calls.iter().map(|call| self.call(*call))
    }

    /// The cells that hold an object.
    pub fn holders(&self, object: Site) -> &[Cell] {
        self.uses.holders.get(&object).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a call that reads or writes files works in memory here: on a buffer, or, given no file, on its result.
    pub fn is_in_memory(&self, call: &CallView<'_>) -> bool {
        let is_buffer = |call: &CallView<'_>, file: ExprId| {
            let in_memory =
                |value| matches!(value, Value::Object { model, .. } if self.catalogue().has_tag(model, "buffer"));
            call.values(file).iter().any(in_memory)
        };
        let named = call.model().and_then(|(_, entry)| entry.file.as_deref());
        if named.is_some_and(|name| call.argument(Some(name), Some(0)).is_none_or(|file| is_buffer(call, file))) {
            return true;
        }
        let mut archives = call.models().filter_map(|(_, receiver)| self.creation(receiver?));
        archives.any(|made| {
            let file = made.argument(None, Some(0));
            made.has_tag("wraps") && file.is_some_and(|file| is_buffer(&made, file))
        })
    }

    /// Whether a call waits in another thread for what it has just handed to an event loop. It would never return on that
    /// loop, so that whoever calls it is known not to run there.
    pub fn waits_for_loop(&self, call: &CallView<'_>) -> bool {
        let hands_over = |call: &CallView<'_>| call.has_tag("hands-to-loop");
        let mut futures = call.models().filter_map(|(_, receiver)| self.creation(receiver?));
        call.has_tag("future-result")
            && futures.any(|made| hands_over(&made) || self.calls(made.function).any(|other| hands_over(&other)))
    }

    /// Whether a call is given up after some time: it stands in `async with asyncio.timeout(...)` or among the arguments of
    /// `wait_for`, or all that calls its function does.
    pub fn is_timed(&self, call: &CallView<'_>) -> bool {
        let mut callers = self.incoming(call.function).peekable();
        self.is_timed_here(call.file, call.function, call.region, call.span())
            || callers.peek().is_some()
                && callers.all(|edge| {
                    let (file, id) = self.linked.ids.of_site(edge.site);
                    let span = self.linked.file(file).facts.span(id);
                    self.is_timed_here(file, edge.from, edge.region, span)
                })
    }

    fn is_timed_here(&self, file: FileId, function: FunctionId, region: RegionId, span: Span) -> bool {
        let bounds = |site: Site| self.creation(site).is_some_and(|made| made.has_tag("bounds-time"));
        let facts = &self.linked.file(file).facts;
        let within = facts.enclosing(region).any(|(_, region)| match region.kind {
            RegionKind::With { context, .. } => {
                let site = self.linked.ids.site(file, context);
                let made = |value| matches!(value, Value::Object { site, .. } if bounds(site));
                bounds(site) || self.values(site).iter().any(made)
            }
            _ => false,
        });
        let given =
            |call: CallView<'_>| call.has_tag("bounds-time") && call.span() != span && call.span().contains(span);
        within || self.calls(function).any(given)
    }
}

/// Seeds reach and contexts from the services, or from what users may call.
fn start(
    linked: &Linked,
    graph: &Graph,
    system: &System,
    options: ProgramOptions,
) -> (Vec<Reach>, Bits, Vec<Vec<FunctionId>>, Contexts) {
    let entered: Vec<Entered> = system.services.iter().map(|service| Entered::of(linked, service)).collect();
    let starts: Vec<Start> = entered.iter().map(Entered::start).collect();
    let reaches = reach_all(linked, graph, &starts);
    let mut made = Bits::new(linked.ids.class_count());
    for reach in &reaches {
        made.union(&reach.classes);
    }
    let body = |file: &FileId| linked.ids.function(*file, FunctionIndex::MODULE);
    let services: Vec<FileId> = entered.iter().flat_map(|entered| entered.scripts.iter().copied()).collect();
    let mut entries: Vec<(FunctionId, Context)> = entered.iter().flat_map(|entered| entered.entries.clone()).collect();
    let mut run_as_script = services.clone();
    // Only a start-up configuration names all that is started. Beside what is deployed there are commands, scripts that
    // people run by hand, and code that a framework finds by its name.
    if entries.is_empty() || !system.is_inventory() || options.all_code {
        entries.extend(library_entries(linked, graph));
        let is_script = |file: &FileId| {
            linked
                .file(*file)
                .facts
                .regions
                .iter()
                .enumerate()
                .any(|(index, _)| graph.around(*file, RegionId(index as u32)).main_guard)
        };
        for index in 0..linked.files.len() {
            let file = FileId(index as u32);
            if !services.contains(&file) && !linked.file(file).is_test && is_script(&file) {
                run_as_script.push(file);
                entries.push((body(&file), Context::new(Place::Main, Frequency::Script)));
            }
        }
        let start = Start {
            scripts: run_as_script.clone(),
            functions: entries.iter().map(|(function, _)| *function).collect(),
            any_class: true,
            runs: Runs::Process,
        };
        made.union(&reach(linked, graph, &start).classes);
    }
    let dispatches = 0..graph.dispatches.len() as u32;
    let live: Vec<Vec<FunctionId>> = dispatches.map(|index| active(graph, index, &made)).collect();
    let contexts = Contexts::spread(linked, graph, &entries, &run_as_script, &live);
    (reaches, made, live, contexts)
}

/// In an application at least one of so many live functions runs per request or in a loop.
const RUNS_PART: u32 = 5;

/// A call with all that is known of it.
#[derive(Clone, Copy)]
pub struct CallView<'a> {
    /// The program.
    pub program: &'a Program,
    /// Its id.
    pub site: CallSite,
    /// Its file.
    pub file: FileId,
    /// Its file's facts and names.
    pub unit: &'a ProgramFile,
    /// Its id in the file.
    pub id: CallId,
    /// Its parts.
    pub call: &'a Call,
    /// Where it stands.
    pub region: RegionId,
    /// The scope it stands in.
    pub function: FunctionId,
}

impl<'a> CallView<'a> {
    /// The facts of its file.
    pub fn facts(&self) -> &'a FileFacts {
        &self.unit.facts
    }

    /// The call expression as a program-wide place; also the object that it makes.
    pub fn expr(&self) -> Site {
        self.program.linked.ids.site(self.file, self.call.expr)
    }

    /// Its text's place.
    pub fn span(&self) -> Span {
        self.facts().span(self.call.expr)
    }

    /// What it may call.
    pub fn callees(&self) -> impl Iterator<Item = Value> + 'a {
        self.program.solution.callees[self.site.0 as usize].iter()
    }

    /// What the library call that it is does, if it does anything that takes time.
    pub fn own_effects(&self) -> impl Iterator<Item = &'a Effect> {
        let site = self.site;
        self.program.effects.own(self.function).iter().filter(move |effect| effect.source == site)
    }

    /// The catalogue entries that it may call, with the object whose method each is.
    pub fn models(&self) -> impl Iterator<Item = (ModelId, Option<Site>)> + 'a {
        self.callees().filter_map(|value| match value {
            Value::External(model) if model != ModelId::UNKNOWN => Some((model, None)),
            Value::Bound { method, site } => Some((method, Some(site))),
            _ => None,
        })
    }

    /// The first catalogue entry with what is known of it.
    pub fn model(&self) -> Option<(ModelId, &'a ApiEntry)> {
        self.models().find_map(|(model, _)| Some((model, self.program.catalogue().entry(model)?)))
    }

    /// Whether one of the entries that it may call has a tag.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.models().any(|(model, _)| self.program.catalogue().has_tag(model, tag))
    }

    /// The dotted path of what it calls in the catalogue.
    pub fn path(&self) -> String {
        self.model().map(|(model, _)| self.program.catalogue().path(model)).unwrap_or_default()
    }

    /// The value of an argument by keyword or position.
    pub fn argument(&self, keyword: Option<&str>, position: Option<u32>) -> Option<ExprId> {
        self.facts().argument(self.call, keyword, position)
    }

    /// Whether it passes `*args` or `**kwargs`, which may hold anything.
    pub fn has_open_arguments(&self) -> bool {
        let facts = self.facts();
        facts.keywords(self.call).iter().any(|keyword| keyword.name.is_none())
            || facts.arguments(self.call).iter().any(|argument| matches!(facts.expr(*argument), Expr::Starred(_)))
    }

    /// Where and how often it runs, tests left out.
    pub fn contexts(&self) -> ContextSet {
        self.program.contexts_at(self.function, self.region)
    }

    /// What surrounds it.
    pub fn around(&self) -> Surroundings {
        self.program.around(self.file, self.region)
    }

    /// What an expression of the same file may be.
    pub fn values(&self, id: ExprId) -> Values {
        self.program.evaluator(self.file).values(id)
    }
}
