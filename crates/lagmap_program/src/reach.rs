//! Reach: what runs when a script is started, by imports and by calls.

use lagmap_facts::FunctionIndex;
use lagmap_models::RunContext;
use lagmap_system::Runs;
use rayon::prelude::*;

use crate::{
    ClassId, FileId, FunctionId,
    graph::{EdgeKind, Graph, Target},
    linked::Linked,
};

/// A set of small numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// An empty set for numbers below `count`.
    pub fn new(count: usize) -> Self {
        Self { words: vec![0; count.div_ceil(64)] }
    }

    /// Adds a number; says whether it was new.
    pub fn insert(&mut self, number: usize) -> bool {
        let (word, bit) = (number / 64, 1 << (number % 64));
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        new
    }

    /// Whether a number is in the set.
    pub fn contains(&self, number: usize) -> bool {
        self.words.get(number / 64).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    /// Adds all of another set of the same size.
    pub fn union(&mut self, other: &Self) {
        for (own, other) in self.words.iter_mut().zip(&other.words) {
            *own |= other;
        }
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| index * 64 + bit)
        })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }
}

/// What one start reaches.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Functions that may run.
    pub functions: Bits,
    /// Classes of which instances may be made.
    pub classes: Bits,
}

/// How a program is started.
#[derive(Clone, Debug)]
pub struct Start {
    /// Files run as scripts: their `__main__` parts run.
    pub scripts: Vec<FileId>,
    /// Functions that are called from outside.
    pub functions: Vec<FunctionId>,
    /// Instances of every class may be made from outside.
    pub any_class: bool,
    /// What the process does, which decides what it runs of all that is registered.
    pub runs: Runs,
}

impl Start {
    /// Whether what is registered to run in a context runs here: a worker serves no routes, a server takes no tasks from queues, and
    /// who starts tasks at their times or shows them only imports the code.
    const fn takes(&self, edge: EdgeKind) -> bool {
        match edge {
            EdgeKind::Callback(RunContext::Handler | RunContext::LoopHandler) => {
                !matches!(self.runs, Runs::Worker | Runs::Scheduler | Runs::Monitor)
            }
            EdgeKind::Callback(RunContext::Task) => {
                !matches!(self.runs, Runs::Server | Runs::Scheduler | Runs::Monitor)
            }
            _ => true,
        }
    }
}

/// What runs from one start. Methods of objects whose class is not certain count for the classes that are really made.
pub fn reach(linked: &Linked, graph: &Graph, start: &Start) -> Reach {
    let mut reach =
        Reach { functions: Bits::new(linked.ids.function_count()), classes: Bits::new(linked.ids.class_count()) };
    if start.any_class {
        for class in 0..linked.ids.class_count() {
            reach.classes.insert(class);
        }
    }
    let mut due: Vec<FunctionId> = Vec::new();
    let visit = |function: FunctionId, reach: &mut Reach, due: &mut Vec<FunctionId>| {
        if reach.functions.insert(function.0 as usize) {
            due.push(function);
        }
    };
    for script in &start.scripts {
        visit(linked.ids.function(*script, FunctionIndex::MODULE), &mut reach, &mut due);
    }
    for function in &start.functions {
        visit(*function, &mut reach, &mut due);
    }
    let mut waiting: Vec<u32> = Vec::new();
    let mut seen = Bits::new(graph.dispatches.len());
    loop {
        while let Some(function) = due.pop() {
            for edge in graph.from(function) {
                if !start.takes(edge.kind) {
                    continue;
                }
                if is_script_only(linked, graph, function, edge.region, &start.scripts) {
                    continue;
                }
                if let EdgeKind::Construct(class) = edge.kind {
                    reach.classes.insert(class.0 as usize);
                }
                match edge.to {
                    Target::Function(to) => visit(to, &mut reach, &mut due),
                    Target::Dispatch(index) => {
                        if seen.insert(index as usize) {
                            waiting.push(index);
                        }
                    }
                    Target::Instance(class) => {
                        reach.classes.insert(class.0 as usize);
                    }
                }
            }
        }
        for index in &waiting {
            for function in active(graph, *index, &reach.classes) {
                visit(function, &mut reach, &mut due);
            }
        }
        if due.is_empty() {
            return reach;
        }
    }
}

/// The methods that a virtual call may run, given the classes that are made; the static one if none of them is.
pub fn active(graph: &Graph, dispatch: u32, made: &Bits) -> Vec<FunctionId> {
    let dispatch = &graph.dispatches[dispatch as usize];
    let is_made = |class: &ClassId| made.contains(class.0 as usize);
    let live = dispatch.options.iter().filter(|(_, classes)| classes.iter().any(is_made));
    let live: Vec<FunctionId> = live.map(|(function, _)| *function).collect();
    if live.is_empty() && dispatch.falls_back { dispatch.default.into_iter().collect() } else { live }
}

/// Whether code in a region runs only when its file is a script, and it is none.
pub fn is_script_only(
    linked: &Linked,
    graph: &Graph,
    function: FunctionId,
    region: lagmap_facts::RegionId,
    scripts: &[FileId],
) -> bool {
    let (file, _) = linked.ids.of_function(function);
    graph.around(file, region).main_guard && !scripts.contains(&file)
}

/// What each of several starts reaches.
pub fn reach_all(linked: &Linked, graph: &Graph, starts: &[Start]) -> Vec<Reach> {
    starts.par_iter().map(|start| reach(linked, graph, start)).collect()
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn bits_hold_what_was_put_in() {
        let mut bits = Bits::new(130);
        assert!(bits.insert(0) && bits.insert(64) && bits.insert(129) && !bits.insert(64));
        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 64, 129]);
        assert_eq!(bits.len(), 3);
        assert!(!bits.contains(1) && !bits.contains(1000));
    }
}
