//! `object-kept-by-registration`.

use lagmap_facts::Expr;
use lagmap_program::{CallView, Context, Frequency, Program, Recurrence, Value};

use crate::{Bytes, Confidence, Finding, Harm, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "object-kept-by-registration",
    bullets: &["B3", "B4"],
    section: Section::Memory,
    subsection: Subsection::MemoryLeak,
    title: "Object kept by what it registered",
    summary: "An object made per request registers its own method with something that lives as long as the process and never takes it back.",
    document: super::document!("memory/object-kept-by-registration"),
    check,
};

/// How many calls from the request to the registration are surely made for each request.
const LONGEST_WAY: usize = 4;

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_tagged("keeps-for-ever") {
        let contexts = call.contexts();
        let Some(context) = contexts.iter().find(|context| context.frequency == Frequency::Request) else { continue };
        if call.around().recurrence != Recurrence::EveryCall || !keeps_an_object(&call) || is_given_back(&call) {
            continue;
        }
        let message = format!("`{}()` keeps what it is given, and with it an object of each request, until the process ends", call.path());
        let bytes = Bytes {
            low: 500.0,
            high: 2000.0,
            source: "the object with its attributes and the entry that keeps it; what it refers to comes on top".to_owned(),
        };
        findings.push(
            Finding::at_call(rule, &call, message, Harm::Growth { bytes })
                .in_context(context, &call)
                .confidence(confidence(&call, context))
                .suggest("Close the object where its request ends (`with`, `finally`); or register one function at start-up that goes through a `weakref.WeakSet`"),
        );
    }
}

/// Whether what is registered is a method of an object, or a function that can see one: a lambda or local function.
fn keeps_an_object(call: &CallView<'_>) -> bool {
    let facts = call.facts();
    let Some(first) = facts.arguments(call.call).first().copied() else { return false };
    matches!(facts.expr(first), Expr::Lambda(_))
        || call.values(first).iter().any(|value| match value {
            Value::Method { .. } => true,
            Value::Function(function) => {
                let (file, index) = call.program.linked.ids.of_function(function);
                let parent = facts.function(index).parent.filter(|_| file == call.file);
                parent.is_some_and(|parent| call.program.linked.ids.function(file, parent) == call.function)
            }
            _ => false,
        })
}

/// Whether the class of the function, or the function itself, takes registrations back.
fn is_given_back(call: &CallView<'_>) -> bool {
    let program = call.program;
    let class = program.class_of(call.function);
    program.calls_tagged("gives-back").any(|other| {
        other.function == call.function || class.is_some() && program.class_of(other.function) == class
    })
}

/// The longer the way from the request, the likelier something on it keeps what is made.
fn confidence(call: &CallView<'_>, context: Context) -> Confidence {
    let steps = call.program.path_to(call.function, context).len();
    if steps > LONGEST_WAY { Confidence::Possible } else { Confidence::Certain }
}
