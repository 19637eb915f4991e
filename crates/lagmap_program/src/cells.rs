//! Cells: what the places hold that carry values from function to function.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::{Cell, FunctionId, Values, linked::Linked};

/// How many parts the cells are kept in, so that threads can fill them side by side.
pub const SHARDS: usize = 16;

/// Additions to cells, by shard.
pub type Additions = [Vec<(Cell, Values)>; SHARDS];

/// What all cells hold.
#[derive(Debug, Default)]
pub struct Cells {
    layout: Layout,
    shards: [Shard; SHARDS],
}

/// Where cells are kept.
#[derive(Debug, Default)]
struct Layout {
    /// Where the cells that every function has start for each; behind the last, how many there are.
    starts: Vec<u32>,
    /// How many of these cells a shard has, as a power of two.
    width: u32,
}

/// Some of the cells.
#[derive(Debug, Default)]
struct Shard {
    /// Those that every function has.
    own: Vec<Held>,
    /// All others.
    others: FxHashMap<Cell, Held>,
}

/// What one cell holds.
#[derive(Clone, Debug, Default)]
struct Held {
    values: Values,
    /// It holds just anything.
    is_full: bool,
}

/// The cells that every function has before those of its parameters: what it returns, and what it says that it does.
const BEFORE_PARAMETERS: u32 = 2;

impl Layout {
    fn of(linked: &Linked) -> Self {
        let mut starts = Vec::with_capacity(linked.ids.function_count() + 1);
        let mut count = 0;
        for function in linked.files.iter().flat_map(|unit| &unit.facts.functions) {
            starts.push(count);
            count += BEFORE_PARAMETERS + function.parameters.len() as u32;
        }
        starts.push(count);
        let width = (count as usize).div_ceil(SHARDS).next_power_of_two().trailing_zeros();
        Self { starts, width }
    }

    /// How many cells of functions a shard has.
    fn len(&self, shard: usize) -> usize {
        let all = self.starts.last().map_or(0, |count| *count as usize);
        all.saturating_sub(shard << self.width).min(1 << self.width)
    }

    /// The shard of a cell, and, if it is one that every function has, its place there.
    fn place(&self, cell: Cell) -> (usize, Option<usize>) {
        let (function, index) = match cell {
            Cell::Return(function) => (function, 0),
            Cell::Declared(function) => (function, 1),
            Cell::Parameter(function, index) => (function, BEFORE_PARAMETERS + index),
            // The low bits of the mark place the cell inside its shard's table.
            _ => return ((cell.mark() >> 28) as usize % SHARDS, None),
        };
        match self.starts.get(function.0 as usize) {
            Some(start) => {
                let index = (start + index) as usize;
                (index >> self.width, Some(index & ((1 << self.width) - 1)))
            }
            None => (0, None),
        }
    }

    /// The cells that every function has, in order.
    fn cells(&self) -> impl Iterator<Item = Cell> + '_ {
        let counts = self.starts.iter().zip(self.starts.iter().skip(1)).map(|(start, end)| end - start);
        (0..).map(FunctionId).zip(counts).flat_map(|(function, count)| {
            let parameters = 0..count - BEFORE_PARAMETERS;
            let before = [Cell::Return(function), Cell::Declared(function)];
            before.into_iter().chain(parameters.map(move |index| Cell::Parameter(function, index)))
        })
    }
}

impl Shard {
    fn get(&self, place: Option<usize>, cell: Cell) -> Option<&Held> {
        match place {
            Some(place) => self.own.get(place),
            None => self.others.get(&cell),
        }
    }
}

impl Cells {
    /// The cells of a program; nothing is in them.
    pub fn new(linked: &Linked) -> Self {
        let layout = Layout::of(linked);
        let shards = std::array::from_fn(|index| Shard {
            own: vec![Held::default(); layout.len(index)],
            others: FxHashMap::default(),
        });
        Self { layout, shards }
    }

    fn held(&self, cell: Cell) -> Option<&Held> {
        let (shard, place) = self.layout.place(cell);
        self.shards[shard].get(place, cell)
    }

    /// The shard of a cell.
    pub fn shard(&self, cell: Cell) -> usize {
        self.layout.place(cell).0
    }

    /// What a cell holds.
    pub fn get(&self, cell: Cell) -> Option<&Values> {
        self.held(cell).map(|held| &held.values)
    }

    /// Whether a cell would hold more if it were given these values.
    pub fn takes(&self, cell: Cell, values: &Values) -> bool {
        match self.held(cell) {
            None => !values.is_empty(),
            Some(held) if held.is_full => values.iter().any(|value| !value.is_object() && !held.values.contains(value)),
            Some(held) => !held.values.contains_all(values),
        }
    }

    /// Adds what was found, in order; gives the marks of the cells that it changes.
    pub fn add(&mut self, found: &[&Additions]) -> Vec<u32> {
        let layout = &self.layout;
        let changed = self.shards.par_iter_mut().enumerate().map(|(index, shard)| {
            let mut changed = Vec::new();
            for (cell, values) in found.iter().flat_map(|additions| &additions[index]) {
                let held = match layout.place(*cell).1 {
                    Some(place) => &mut shard.own[place],
                    None => shard.others.entry(*cell).or_default(),
                };
                if held.values.collect(values, &mut held.is_full) {
                    changed.push(cell.mark());
                }
            }
            changed
        });
        changed.flatten().collect()
    }

    /// All cells that hold something, in no fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (Cell, &Values)> {
        let own = self.layout.cells().zip(self.shards.iter().flat_map(|shard| &shard.own));
        let others = self.shards.iter().flat_map(|shard| &shard.others).map(|(cell, held)| (*cell, held));
        own.chain(others).map(|(cell, held)| (cell, &held.values)).filter(|(_, values)| !values.is_empty())
    }
}
