//! `wide-array-type`.

use lagmap_facts::{Expr, ExprId};
use lagmap_program::{ContextSet, FileId, FunctionId, Interval, Program};

use crate::{Confidence, Details, Finding, Harm, Location, RuleInfo, Section, Subsection};

pub static RULE: RuleInfo = RuleInfo {
    name: "wide-array-type",
    bullets: &["D7", "B2"],
    section: Section::Memory,
    subsection: Subsection::MemoryPattern,
    title: "Samples or pixels as 64-bit numbers",
    summary: "Audio, images or vectors of one to four bytes an item are turned into arrays of eight.",
    document: super::document!("data/wide-array-type"),
    check,
};

fn check(rule: &'static RuleInfo, program: &Program, findings: &mut Vec<Finding>) {
    for call in program.calls_tagged("converts-items") {
        let is_wide = program.item_type(&call).is_some_and(is_wide);
        let Expr::Attribute { value: receiver, .. } = call.facts().expr(call.call.callee) else { continue };
        let Some(items) = program.narrow_items(call.file, receiver).filter(|_| is_wide) else { continue };
        let message = format!("`{items}` items are turned into 64-bit ones, {} times the size", 64 / bits(items));
        findings.extend(finding(rule, program, call.file, call.function, call.call.expr, message));
    }
    for call in program.calls_tagged("wide-by-default").filter(|call| call.argument(Some("dtype"), None).is_none()) {
        let message = format!("`{}()` gives 64-bit items unless told otherwise", call.path());
        findings.extend(finding(rule, program, call.file, call.function, call.call.expr, message));
    }
    for (file, unit) in program.files() {
        for function in program.functions(file).filter(|function| !unit.is_test && program.is_live(*function)) {
            for (division, items) in program.widening_divisions(function) {
                let message = format!("dividing `{items}` items by a number makes 64-bit ones");
                findings.extend(finding(rule, program, file, function, division, message));
            }
        }
    }
}

fn finding(
    rule: &'static RuleInfo,
    program: &Program,
    file: FileId,
    function: FunctionId,
    at: ExprId,
    message: String,
) -> Option<Finding> {
    let node = &program.linked.file(file).facts.exprs[at.0 as usize];
    let contexts: ContextSet = program.contexts_at(function, node.region);
    let context = contexts.iter().find(|context| context.frequency.is_repeated())?;
    let (path, line) = crate::place(program, file, node.span);
    Some(Finding {
        rule,
        location: Location::Code { file, function, span: node.span },
        message,
        trace: program.recent_path_in(function, node.region, context),
        harm: Harm::Time {
            cost: Interval::new(0.01, 5.0),
            worst: None,
            source: "a second of 16 kHz audio to a frame of 2 megapixels: 0.13 to 50 MB written and read at about 10 GB/s, twice what 32 bits take".to_owned(),
        },
        context: Some(context),
        confidence: Confidence::Likely,
        suggestion: "Use `numpy.float32` (or the narrow type itself): what models and codecs take is exact enough in 32 bits".to_owned(),
        cause: format!("{path}:{line}"),
        details: Details::default(),
    })
}

fn is_wide(item_type: &str) -> bool {
    matches!(item_type.trim_end_matches('_'), "float" | "float64" | "double" | "int" | "int64" | "object" | "longlong")
}

fn bits(item_type: &str) -> u32 {
    match item_type.trim_end_matches('_') {
        "int8" | "uint8" | "byte" | "ubyte" => 8,
        "int16" | "uint16" | "float16" | "half" | "short" => 16,
        _ => 32,
    }
}
