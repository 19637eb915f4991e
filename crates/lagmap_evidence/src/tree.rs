//! A calling-context tree: every stack that was seen, with equal beginnings merged.

use rustc_hash::FxHashMap;

use crate::formats::ProfileError;
use crate::limits::{MAX_DEPTH, MAX_NODES};
use crate::profile::Frame;

/// A calling-context tree. Callers stand before what they call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallTree {
    nodes: Vec<Node>,
}

/// A function below one chain of callers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Node {
    /// Its frame.
    pub frame: u32,
    /// Its caller; always before it.
    pub parent: Option<u32>,
    /// What was measured in it alone.
    pub own: f64,
    /// What was measured in it and below.
    pub total: f64,
    /// How often it was called, where the profiler counts.
    pub calls: Option<u64>,
}

impl CallTree {
    /// All nodes, callers first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }
}

/// Every frame once.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    known: FxHashMap<Frame, u32>,
    frames: Vec<Frame>,
}

impl Frames {
    /// The number of a frame.
    pub fn add(&mut self, frame: Frame) -> u32 {
        if let Some(known) = self.known.get(&frame) {
            return *known;
        }
        let number = self.frames.len() as u32;
        self.frames.push(frame.clone());
        self.known.insert(frame, number);
        number
    }

    /// All of them, by number.
    pub fn finish(self) -> Vec<Frame> {
        self.frames
    }
}

/// Grows a tree stack by stack.
#[derive(Debug, Default)]
pub(crate) struct TreeBuilder {
    nodes: Vec<Node>,
    children: FxHashMap<(Option<u32>, u32), u32>,
}

impl TreeBuilder {
    /// The node of a frame below a caller.
    pub fn node(&mut self, parent: Option<u32>, frame: u32) -> Result<u32, ProfileError> {
        if let Some(known) = self.children.get(&(parent, frame)) {
            return Ok(*known);
        }
        if self.nodes.len() >= MAX_NODES {
            return Err(ProfileError::TooLarge("it has more than 4,000,000 different stacks"));
        }
        let number = self.nodes.len() as u32;
        self.nodes.push(Node { frame, parent, own: 0.0, total: 0.0, calls: None });
        self.children.insert((parent, frame), number);
        Ok(number)
    }

    /// Adds a stack, the outermost caller first.
    pub fn stack(&mut self, frames: impl IntoIterator<Item = u32>, weight: f64) -> Result<(), ProfileError> {
        let mut at = None;
        for (depth, frame) in frames.into_iter().enumerate() {
            if depth >= MAX_DEPTH {
                return Err(ProfileError::TooLarge("a stack has more than 20,000 frames"));
            }
            at = Some(self.node(at, frame)?);
        }
        match at {
            Some(node) => self.weigh(node, weight),
            // A stack of nothing says nothing.
            None => Ok(()),
        }
    }

    /// Adds to what was measured in a node alone.
    pub fn weigh(&mut self, node: u32, weight: f64) -> Result<(), ProfileError> {
        if !weight.is_finite() || weight < 0.0 {
            return Err(ProfileError::Malformed(format!("a weight of {weight}")));
        }
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.own += weight;
        }
        Ok(())
    }

    /// Adds calls of a node.
    pub fn count(&mut self, node: u32, calls: u64) {
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.calls = Some(node.calls.unwrap_or(0).saturating_add(calls));
        }
    }

    /// The tree, with the totals worked out.
    pub fn finish(mut self) -> CallTree {
        for node in &mut self.nodes {
            node.total = node.own;
        }
        for index in (0..self.nodes.len()).rev() {
            let Node { parent, total, .. } = self.nodes[index];
            if let Some(parent) = parent {
                self.nodes[parent as usize].total += total;
            }
        }
        CallTree { nodes: self.nodes }
    }
}
