//! Work that a service does on what another has sent, after that one has done the same work on it.

use lagmap_models::{EffectKind, WireRole};
use rustc_hash::FxHashSet;

use super::{Wires, endpoints::wire_of};
use crate::{CallSite, CallView, FunctionId, Interval, Program};

/// Below this, in milliseconds, an operation is no work that is worth saving: the middle of its typical time. Putting a message
/// into bytes and back, which both ends of a wire do, stays below it.
const SMALLEST_MS: f64 = 1.0;

/// The same operation in two services, the second of which gets what the first has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatedWork {
    /// The wire that joins them, by index into [`Wires::wires`].
    pub wire: usize,
    /// The operation in the service that sends.
    pub first: CallSite,
    /// The call that sends what comes of it.
    pub sent: CallSite,
    /// The same operation in the service that receives.
    pub second: CallSite,
}

impl Wires {
    /// The work that is done twice along the wires: an operation without side effects, of some milliseconds, whose result one
    /// service sends to another, which does the same to it.
    pub fn repeated_work(&self, program: &Program) -> Vec<RepeatedWork> {
        let costly = program.calls_where(|entry| {
            entry.pure
                && entry.effect == Some(EffectKind::Cpu)
                && entry.ms.is_some_and(|[low, high]| Interval::new(low, high).middle() >= SMALLEST_MS)
        });
        let mut found: Vec<RepeatedWork> = Vec::new();
        for (index, wire) in self.wires.iter().enumerate() {
            let reaches = |service: usize, call: &CallView<'_>| {
                program.reaches[service].functions.contains(call.function.0 as usize)
            };
            let seconds: Vec<&CallView<'_>> =
                costly.iter().filter(|call| reaches(wire.to, call) && !call.unit.is_test).collect();
            if seconds.is_empty() || wire.from == wire.to {
                continue;
            }
            for sent in self.senders(program, index) {
                if !reaches(wire.from, &sent) {
                    continue;
                }
                let made = messages(program, &sent).fold(FxHashSet::default(), |mut made, message| {
                    made.extend(program.derivation(sent.file, message).calls);
                    made
                });
                for first in costly.iter().filter(|first| made.contains(&first.site)) {
                    for second in &seconds {
                        let work =
                            RepeatedWork { wire: index, first: first.site, sent: sent.site, second: second.site };
                        let is_known = found.iter().any(|other| other.second == work.second);
                        if !is_known && is_same(first, second) && self.is_of_message(program, index, second) {
                            found.push(work);
                        }
                    }
                }
            }
        }
        found
    }

    /// The calls that send something along a wire.
    fn senders<'a>(&self, program: &'a Program, wire: usize) -> Vec<CallView<'a>> {
        let wire = &self.wires[wire];
        let caller = &self.endpoints[wire.from][wire.caller];
        if caller.role != WireRole::Connects {
            return vec![program.call(caller.call)];
        }
        let sends = |call: &CallView<'_>| wire_of(program, call).is_some_and(|(own, _, _)| own.role == WireRole::Sends);
        let sent = caller.object.map(|object| program.calls_on(object).filter(sends).collect());
        sent.unwrap_or_default()
    }

    /// Whether an operation is done on what comes over a wire.
    fn is_of_message(&self, program: &Program, wire: usize, operation: &CallView<'_>) -> bool {
        let wire = &self.wires[wire];
        let mut inputs = operation.facts().arguments(operation.call).iter();
        let Some(input) = inputs.next() else { return false };
        let made = program.derivation(operation.file, *input);
        let object = wire.listener.and_then(|listener| self.endpoints[wire.to][listener].object);
        let receives = |call: &CallView<'_>| {
            wire_of(program, call).is_some_and(|(own, _, on)| {
                own.role == WireRole::Receives && (object.is_none() || on.is_none() || on == object)
            })
        };
        let own = self.requests.iter().filter(|request| request.service == wire.to);
        let handlers: FxHashSet<FunctionId> = own.flat_map(|own| [own.function, own.handler]).collect();
        made.calls.iter().any(|call| receives(&program.call(*call)))
            || made.parameters_of.iter().any(|function| handlers.contains(function))
    }
}

/// The expressions that a call sends.
fn messages<'a>(program: &'a Program, sent: &CallView<'a>) -> impl Iterator<Item = lagmap_facts::ExprId> + 'a {
    let named = wire_of(program, sent).and_then(|(wire, _, _)| {
        let message = wire.message.as_ref()?;
        sent.argument(message.argument.as_deref(), message.position)
    });
    let facts = sent.facts();
    let all = facts.arguments(sent.call).iter().copied();
    let all = all.chain(facts.keywords(sent.call).iter().map(|keyword| keyword.value));
    all.filter(move |id| named.is_none_or(|named| named == *id))
}

/// Whether two calls do the same to their input: the same operation, and nothing that is written beside the input differs.
fn is_same(a: &CallView<'_>, b: &CallView<'_>) -> bool {
    let (Some((first, _)), Some((second, _))) = (a.model(), b.model()) else { return false };
    let program = a.program;
    let differs = |one: Option<lagmap_facts::ExprId>, other: Option<lagmap_facts::ExprId>| {
        let (Some(one), Some(other)) = (one, other) else { return one.is_some() != other.is_some() };
        let numbers = program.fixed_number(a.file, one).zip(program.fixed_number(b.file, other));
        let texts = program.fixed_text(a.file, one).zip(program.fixed_text(b.file, other));
        numbers.is_some_and(|(one, other)| one.to_bits() != other.to_bits())
            || texts.is_some_and(|(one, other)| one != other)
    };
    let (one, other) = (a.facts().arguments(a.call), b.facts().arguments(b.call));
    let keywords = |call: &CallView<'_>| -> Vec<Option<String>> {
        let names = call.facts().keywords(call.call).iter();
        names.map(|keyword| keyword.name.map(|name| call.facts().text(name).to_owned())).collect()
    };
    first == second
        && one.len() == other.len()
        && !(1..one.len()).any(|index| differs(one.get(index).copied(), other.get(index).copied()))
        && !keywords(a)
            .iter()
            .chain(&keywords(b))
            .flatten()
            .any(|name| differs(a.argument(Some(name), None), b.argument(Some(name), None)))
}
