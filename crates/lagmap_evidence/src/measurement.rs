//! What profiles say of functions and of calls in them.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::join::{FunctionPlace, Join, Joined};
use crate::names;
use crate::profile::{Calls, Edge, Format, FunctionTimes, Line, Profile, Unit};
use crate::tree::{CallTree, Node};

/// A call, or another operation, in the audited code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The function that it stands in, as its place in the list of functions.
    pub function: usize,
    /// Its first and last line.
    pub lines: (u32, u32),
    /// What it calls, where that is known.
    pub callee: Option<Callee>,
}

/// What a site calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callee {
    /// A function of the audited code.
    Function(usize),
    /// Anything else, by the last part of its name.
    Named(String),
}

/// What was measured at a site.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// What the numbers count.
    pub unit: Unit,
    /// Time or bytes in the site and below.
    pub total: f64,
    /// The same as a part of all that was measured, from 0 to 1.
    pub share: f64,
    /// How often it was called, where that was counted.
    pub calls: Option<u64>,
    /// How often the function around it was called.
    pub function_calls: Option<u64>,
    /// What was measured: the call itself, or only the function that it stands in.
    pub scope: Scope,
    /// What measured it.
    pub formats: BTreeSet<Format>,
}

/// What a measurement covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The operation itself.
    Call,
    /// The whole function that it stands in: an upper bound.
    Function,
}

impl Measured {
    /// The mean of one call.
    pub fn per_call(&self) -> Option<f64> {
        mean(self.total, self.calls)
    }

    /// The mean of one call of the function around it: more where it is called in a loop.
    pub fn per_function_call(&self) -> Option<f64> {
        mean(self.total, self.function_calls)
    }
}

fn mean(total: f64, calls: Option<u64>) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    calls.filter(|calls| *calls > 0).map(|calls| total / calls as f64)
}

/// A hot function that no finding explains.
#[derive(Clone, Debug, PartialEq)]
pub struct HotFunction {
    /// As its place in the list of functions.
    pub function: usize,
    /// Time in it and in libraries that it calls, without what findings explain.
    pub own: f64,
    /// The same as a part of all that was measured.
    pub share: f64,
    /// How often it was called, where that was counted.
    pub calls: Option<u64>,
}

/// How much of what was measured is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// What the numbers count.
    pub unit: Unit,
    /// All that was measured.
    pub whole: f64,
    /// The part with audited code on the stack, from 0 to 1.
    pub audited: f64,
    /// The part that findings explain.
    pub explained: f64,
    /// Hot functions that nothing explains, hottest first.
    pub hot: Vec<HotFunction>,
}

/// Profiles joined to the audited functions.
#[derive(Debug)]
pub struct Measurement<'a> {
    functions: &'a [FunctionPlace],
    profiles: Vec<JoinedProfile<'a>>,
}

#[derive(Debug)]
struct JoinedProfile<'a> {
    profile: &'a Profile,
    whole: f64,
    joined: Vec<Option<Joined>>,
    /// Nodes (of a tree) or frames (of a graph) of each function.
    places: FxHashMap<usize, Vec<u32>>,
    /// Nodes below each node (of a tree), or edges of each caller (of a graph).
    below: Vec<Vec<u32>>,
}

/// A hot function has at least this part of what was measured.
const HOT: f64 = 0.01;

impl<'a> Measurement<'a> {
    /// Joins profiles to functions.
    pub fn new(profiles: &'a [Profile], join: &Join<'a>) -> Self {
        let profiles = profiles.iter().map(|profile| JoinedProfile::new(profile, join.frames(profile))).collect();
        Self { functions: join.functions(), profiles }
    }

    /// What was measured at a site, over all profiles. Time is preferred to samples; bytes are told apart from both.
    pub fn at(&self, site: &Site, memory: bool) -> Option<Measured> {
        let units: &[Unit] = if memory { &[Unit::Bytes] } else { &[Unit::Milliseconds, Unit::Samples] };
        units.iter().find_map(|unit| {
            let of_unit = self.profiles.iter().filter(|joined| joined.profile.unit == *unit);
            let found: Vec<Measured> = of_unit.filter_map(|joined| joined.at(site)).collect();
            let scope = found.iter().map(|measured| measured.scope).min()?;
            self.sum(found.into_iter().filter(|measured| measured.scope == scope), *unit)
        })
    }

    fn sum(&self, found: impl Iterator<Item = Measured>, unit: Unit) -> Option<Measured> {
        let mut sum = found.reduce(|mut sum, other| {
            sum.total += other.total;
            sum.calls = add(sum.calls, other.calls);
            sum.function_calls = add(sum.function_calls, other.function_calls);
            sum.formats.extend(other.formats);
            sum
        })?;
        sum.share = part(sum.total, self.whole(unit));
        Some(sum)
    }

    fn whole(&self, unit: Unit) -> f64 {
        self.profiles.iter().filter(|joined| joined.profile.unit == unit).map(|joined| joined.whole).sum()
    }

    /// How much of what was measured in a unit some sites explain; nothing if no profile has the unit.
    pub fn share(&self, sites: &[Site], unit: Unit) -> Option<Share> {
        let of_unit: Vec<&JoinedProfile<'_>> =
            self.profiles.iter().filter(|joined| joined.profile.unit == unit).collect();
        let whole = self.whole(unit);
        if of_unit.is_empty() || whole <= 0.0 {
            return None;
        }
        let (mut audited, mut explained) = (0.0, 0.0);
        let mut rest: FxHashMap<usize, (f64, Option<u64>)> = FxHashMap::default();
        for joined in of_unit {
            let known = joined.known(sites);
            audited += known.audited;
            explained += known.explained;
            for (function, own) in known.rest {
                let entry = rest.entry(function).or_default();
                entry.0 += own;
                entry.1 = add(entry.1, joined.calls_of(function));
            }
        }
        let hot = rest.into_iter().map(|(function, (own, calls))| HotFunction {
            function,
            own,
            share: part(own, whole),
            calls,
        });
        let mut hot: Vec<HotFunction> = hot.filter(|hot| hot.share >= HOT).collect();
        let place = |hot: &HotFunction| &self.functions[hot.function];
        hot.sort_by(|a, b| {
            let by_place = || (&place(a).path, place(a).first_line).cmp(&(&place(b).path, place(b).first_line));
            b.own.total_cmp(&a.own).then_with(by_place)
        });
        Some(Share { unit, whole, audited: part(audited, whole), explained: part(explained, whole), hot })
    }
}

fn part(some: f64, whole: f64) -> f64 {
    if whole > 0.0 { (some / whole).clamp(0.0, 1.0) } else { 0.0 }
}

fn add(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (one, other) => one.or(other),
    }
}

/// How much of one profile is known.
struct Known {
    audited: f64,
    explained: f64,
    /// What is left to each function: in it and in libraries below it.
    rest: FxHashMap<usize, f64>,
}

/// What findings are about.
#[derive(Default)]
struct Marks {
    /// Nodes or edges: with all that is below them.
    calls: FxHashSet<u32>,
    /// Nodes or frames of whole functions: with the libraries below them, but not with what the program itself does there, which is
    /// not what the finding is about.
    functions: FxHashSet<u32>,
}

/// The nodes, or edges, of a site.
enum Found {
    /// The operation itself.
    Call(Vec<u32>),
    /// The function around it.
    Function,
}

impl<'a> JoinedProfile<'a> {
    fn new(profile: &'a Profile, joined: Vec<Option<Joined>>) -> Self {
        let mut places: FxHashMap<usize, Vec<u32>> = FxHashMap::default();
        let mut below = Vec::new();
        let function = |frame: u32| joined[frame as usize].map(|joined| joined.function);
        match &profile.calls {
            Calls::Tree(tree) => {
                below.resize(tree.nodes().len(), Vec::new());
                for (index, node) in (0_u32..).zip(tree.nodes()) {
                    if let Some(function) = function(node.frame) {
                        places.entry(function).or_default().push(index);
                    }
                    if let Some(parent) = node.parent {
                        below[parent as usize].push(index);
                    }
                }
            }
            Calls::Graph { functions, edges } => {
                below.resize(functions.len(), Vec::new());
                for frame in 0..functions.len() as u32 {
                    if let Some(function) = function(frame) {
                        places.entry(function).or_default().push(frame);
                    }
                }
                for (index, edge) in (0_u32..).zip(edges) {
                    below[edge.caller as usize].push(index);
                }
            }
        }
        Self { profile, whole: profile.whole(), joined, places, below }
    }

    fn is_callee(&self, frame: u32, callee: &Callee) -> bool {
        match callee {
            Callee::Function(function) => {
                self.joined[frame as usize].is_some_and(|joined| joined.function == *function)
            }
            Callee::Named(name) => {
                let own = &self.profile.frames[frame as usize].function;
                let simple = names::simple(own);
                // A class is called by its name and runs its constructor.
                simple == name
                    || simple == "__init__"
                        && names::around(own).is_some_and(|around| names::simple(&around) == name.as_str())
            }
        }
    }

    /// Where a site is in the profile; `None` if its function is not, or if its function was seen but never at it.
    fn find(&self, site: &Site) -> Option<Found> {
        let places = self.places.get(&site.function)?;
        let mut found = Vec::new();
        let mut told_by_lines = false;
        for place in places {
            let frame = match &self.profile.calls {
                Calls::Tree(tree) => tree.nodes()[*place as usize].frame,
                Calls::Graph { .. } => *place,
            };
            let joined = self.joined[frame as usize];
            if let (Line::Running(line), Some(Joined { exact: true, .. }), Calls::Tree(_)) =
                (self.profile.frames[frame as usize].line, joined, &self.profile.calls)
            {
                told_by_lines = true;
                if (site.lines.0..=site.lines.1).contains(&line) {
                    found.push(*place);
                }
                continue;
            }
            let Some(callee) = &site.callee else { continue };
            found.extend(self.below[*place as usize].iter().copied().filter(|below| {
                let frame = match &self.profile.calls {
                    Calls::Tree(tree) => tree.nodes()[*below as usize].frame,
                    Calls::Graph { edges, .. } => edges[*below as usize].callee,
                };
                self.is_callee(frame, callee)
            }));
        }
        match (found.is_empty(), told_by_lines) {
            (false, _) => Some(Found::Call(found)),
            // Lines are known, and it is none of those that took time.
            (true, true) => None,
            (true, false) => Some(Found::Function),
        }
    }

    fn at(&self, site: &Site) -> Option<Measured> {
        let found = self.find(site)?;
        let places = self.places.get(&site.function)?;
        let (total, calls, scope) = match (&self.profile.calls, &found) {
            (Calls::Tree(tree), Found::Call(nodes)) => {
                let by_line = nodes.iter().any(|node| self.is_of(tree.nodes()[*node as usize].frame, site.function));
                // Lines have no counts of their own.
                let calls =
                    if by_line { None } else { count(nodes.iter().map(|node| tree.nodes()[*node as usize].calls)) };
                (outermost(tree, nodes), calls, Scope::Call)
            }
            (Calls::Tree(tree), Found::Function) => {
                let calls = count(places.iter().map(|node| tree.nodes()[*node as usize].calls));
                (outermost(tree, places), calls, Scope::Function)
            }
            (Calls::Graph { edges, .. }, Found::Call(found)) => {
                let found = found.iter().map(|edge| &edges[*edge as usize]);
                let total: f64 = found.clone().map(|edge| edge.total).sum();
                (total, Some(found.map(|edge| edge.calls).sum()), Scope::Call)
            }
            (Calls::Graph { functions, .. }, Found::Function) => {
                let own = places.iter().map(|frame| &functions[*frame as usize]);
                let total: f64 = own.clone().map(|times| times.total).sum();
                (total, Some(own.map(|times| times.calls).sum()), Scope::Function)
            }
        };
        Some(Measured {
            unit: self.profile.unit,
            total,
            share: part(total, self.whole),
            calls,
            function_calls: self.calls_of(site.function),
            scope,
            formats: BTreeSet::from([self.profile.format]),
        })
    }

    fn is_of(&self, frame: u32, function: usize) -> bool {
        self.joined[frame as usize].is_some_and(|joined| joined.function == function)
    }

    fn calls_of(&self, function: usize) -> Option<u64> {
        let places = self.places.get(&function)?;
        match &self.profile.calls {
            Calls::Tree(tree) => count(places.iter().map(|node| tree.nodes()[*node as usize].calls)),
            Calls::Graph { functions, .. } => {
                Some(places.iter().map(|frame| functions[*frame as usize].calls).sum()).filter(|calls| *calls > 0)
            }
        }
    }

    fn known(&self, sites: &[Site]) -> Known {
        let mut marks = Marks::default();
        for site in sites {
            match self.find(site) {
                Some(Found::Call(places)) => marks.calls.extend(places),
                Some(Found::Function) => marks.functions.extend(&self.places[&site.function]),
                None => {}
            }
        }
        match &self.profile.calls {
            Calls::Tree(tree) => self.known_in_tree(tree, &marks),
            Calls::Graph { functions, edges } => self.known_in_graph(functions, edges, &marks),
        }
    }

    fn known_in_tree(&self, tree: &CallTree, marks: &Marks) -> Known {
        let mut known = Known { audited: 0.0, explained: 0.0, rest: FxHashMap::default() };
        // Of each node: whether a marked call is above it, whether the innermost audited function is marked, and which it is.
        let mut above: Vec<(bool, bool, Option<usize>)> = Vec::with_capacity(tree.nodes().len());
        for (index, node) in (0_u32..).zip(tree.nodes()) {
            let (below_call, in_function, around) =
                node.parent.map_or((false, false, None), |parent| above[parent as usize]);
            let own = self.joined[node.frame as usize].map(|joined| joined.function);
            let below_call = below_call || marks.calls.contains(&index);
            let in_function = if own.is_some() { marks.functions.contains(&index) } else { in_function };
            let around = own.or(around);
            let explained = below_call || in_function;
            above.push((below_call, in_function, around));
            if let Some(function) = around {
                known.audited += node.own;
                if !explained {
                    *known.rest.entry(function).or_default() += node.own;
                }
            }
            if explained {
                known.explained += node.own;
            }
        }
        known
    }

    /// Without whole stacks, what a function takes is shared out among its callers by the time that it takes for each.
    fn known_in_graph(&self, functions: &[FunctionTimes], edges: &[Edge], marks: &Marks) -> Known {
        /// Chains of calls are followed as far as this: recursion makes them endless.
        const ROUNDS: usize = 64;
        let audited_frame = |frame: usize| self.joined[frame].is_some();
        let mut incoming = vec![0.0; functions.len()];
        for edge in edges {
            incoming[edge.callee as usize] += weight(edge);
        }
        let spread = |start: &dyn Fn(usize) -> f64, through: &dyn Fn(u32) -> f64| {
            let mut part: Vec<f64> = (0..functions.len()).map(start).collect();
            for _ in 0..ROUNDS {
                let mut next = vec![0.0; functions.len()];
                for (index, edge) in (0_u32..).zip(edges) {
                    if incoming[edge.callee as usize] > 0.0 {
                        let from = through(index).max(part[edge.caller as usize]);
                        next[edge.callee as usize] += from * weight(edge) / incoming[edge.callee as usize];
                    }
                }
                let mut moved = 0.0_f64;
                for (frame, next) in next.into_iter().enumerate() {
                    let next = next.max(start(frame)).min(1.0);
                    moved = moved.max((next - part[frame]).abs());
                    part[frame] = next;
                }
                if moved < 1e-6 {
                    break;
                }
            }
            part
        };
        let number = |yes: bool| f64::from(u8::from(yes));
        let explained = spread(&|_| 0.0, &|index| {
            let edge = &edges[index as usize];
            let library = marks.functions.contains(&edge.caller) && !audited_frame(edge.callee as usize);
            number(library || marks.calls.contains(&index))
        });
        let in_function = |frame: usize| number(marks.functions.contains(&(frame as u32)));
        let explained = |frame: usize| in_function(frame).max(explained[frame]);
        let audited = spread(&|frame| number(audited_frame(frame)), &|_| 0.0);
        let mut known = Known { audited: 0.0, explained: 0.0, rest: FxHashMap::default() };
        for (frame, times) in functions.iter().enumerate() {
            known.audited += times.own * audited[frame];
            known.explained += times.own * explained(frame);
            if let Some(joined) = self.joined[frame] {
                // Libraries below it are its own, too, as far as no finding is about the call.
                let libraries = self.below[frame].iter().filter(|edge| {
                    let callee = edges[**edge as usize].callee as usize;
                    !audited_frame(callee) && !marks.calls.contains(*edge)
                });
                let libraries: f64 = libraries.map(|edge| edges[*edge as usize].total).sum();
                let own = (times.own + libraries).min(times.total.max(times.own)) * (1.0 - explained(frame));
                *known.rest.entry(joined.function).or_default() += own;
            }
        }
        known
    }
}

/// Time decides how a function is shared out; where none was seen, calls do.
fn weight(edge: &Edge) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a proportion")]
    let calls = edge.calls as f64;
    edge.total + calls * 1e-9
}

fn count(calls: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    calls.flatten().reduce(u64::saturating_add)
}

/// What some nodes and all below them took: one below another counts once.
fn outermost(tree: &CallTree, nodes: &[u32]) -> f64 {
    let among: FxHashSet<u32> = nodes.iter().copied().collect();
    let is_below_another = |node: &Node| {
        let mut at = node.parent;
        while let Some(parent) = at {
            if among.contains(&parent) {
                return true;
            }
            at = tree.nodes()[parent as usize].parent;
        }
        false
    };
    let outer = among.iter().map(|index| &tree.nodes()[*index as usize]).filter(|node| !is_below_another(node));
    // Sets have no order, and sums of floats depend on it.
    let mut totals: Vec<f64> = outer.map(|node| node.total).collect();
    totals.sort_by(f64::total_cmp);
    totals.iter().sum()
}
