//! `growing-concat-in-loop`.

use lagmap_program::{Built, Concat, FunctionId, Givers, Interval, Program};

use crate::{Confidence, Details, Finding, Harm, Location, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "growing-concat-in-loop",
    bullets: &["C1", "C3", "D6"],
    section: Section::Cpu,
    subsection: Subsection::Algorithm,
    title: "Concatenation that copies all so far",
    summary: "A text, bytes, array or data frame is built in a loop by concatenation, each round copying all that was built before.",
    document: super::document!("cpu/growing-concat-in-loop"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    let givers = program.givers();
    for (file, unit) in program.files() {
        for function in program.functions(file).filter(|function| !unit.is_test && program.is_live(*function)) {
            for concat in program.growing_concats(function) {
                findings.extend(finding(rule, program, function, concat, givers));
            }
        }
    }
}

fn finding(
    rule: &'static RuleInfo,
    program: &Program,
    function: FunctionId,
    concat: Concat,
    givers: Givers,
) -> Option<Finding> {
    let (file, _) = program.linked.ids.of_function(function);
    let contexts = program.contexts_at(function, concat.region);
    let context = contexts.iter().find(|context| context.frequency.is_repeated())?;
    let (path, line) = crate::place(program, file, concat.span);
    // A few words or records are copied in no time.
    let is_much = matches!(concat.built, Built::Frame(_) | Built::Bytes)
        || program.is_looped_over_much(file, concat.region, givers);
    let message = match concat.built {
        Built::Frame(model) => {
            format!("`{}()` copies all rows so far in each round of the loop", program.catalogue().path(model))
        }
        // CPython extends a text in place while a single local name is all that refers to it; nothing promises that.
        built => format!("`+` builds {} piece by piece: each round may copy all of it so far", name(built)),
    };
    let (low, high, source) = match concat.built {
        Built::Frame(_) => (5.0, 500.0, "100 to 1,000 rounds over frames or arrays of up to some megabytes"),
        // Texts come in words, lists in records of a page.
        Built::Text | Built::List | Built::Tuple => {
            (0.02, 5.0, "1,000 rounds: 0.02 ms at 1 KB in all, 5 ms at 100 KB (memcpy at 10 GB/s and allocation)")
        }
        Built::Bytes => (0.1, 20.0, "1,000 rounds: 0.1 ms at 1 KB in all, 20 ms at 1 MB (memcpy at 10 GB/s and allocation)"),
    };
    Some(Finding {
        rule,
        location: Location::Code { file, function, span: concat.span },
        message,
        trace: program.recent_path_in(function, concat.region, context),
        harm: Harm::Time { cost: Interval::new(low, high), worst: None, source: source.to_owned() },
        context: Some(context),
        confidence: if concat.in_place || !is_much { Confidence::Possible } else { Confidence::Likely },
        suggestion: cure(concat.built).to_owned(),
        cause: format!("{path}:{line}"),
        details: Details::default(),
    })
}

const fn name(built: Built) -> &'static str {
    match built {
        Built::Text => "a text",
        Built::Bytes => "bytes",
        Built::List => "a list",
        Built::Tuple => "a tuple",
        Built::Frame(_) => "a frame",
    }
}

const fn cure(built: Built) -> &'static str {
    match built {
        Built::Text => "Collect the parts in a list and join them behind the loop: `\"\".join(parts)`",
        Built::Bytes => "Use a `bytearray` and `extend` it, or join the parts once: `b\"\".join(parts)`",
        Built::List => "Extend the list in place: `items.extend(more)` or `items += more`",
        Built::Tuple => "Collect the items in a list and make the tuple once behind the loop",
        Built::Frame(_) => "Collect the parts in a list and concatenate once behind the loop",
    }
}
