//! Frames: a function as it runs, for which object and called from where.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::{CallSite, ClassId, FunctionId};

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

    /// Adds the calls that lead to it, the outermost last, until there are so many.
    pub fn calls_up_to<const N: usize>(&self, most: usize, calls: &mut SmallVec<[CallSite; N]>) {
        let mut at = &self.caller;
        while let Caller::Call(call, frame) = at
            && calls.len() < most
        {
            calls.push(*call);
            at = &frame.caller;
        }
    }

    /// The same with no more than so many calls that lead to it: the outermost function is called from anywhere.
    pub fn shortened(&self, most: usize) -> Arc<Self> {
        let caller = match &self.caller {
            Caller::Call(call, outer) if most > 0 => Caller::Call(*call, outer.shortened(most - 1)),
            _ => Caller::Any,
        };
        Arc::new(Self { caller, ..*self })
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
