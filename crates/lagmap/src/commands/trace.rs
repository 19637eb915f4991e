//! `lagmap trace`

use std::process::ExitCode;

use lagmap_program::{Called, Caller, Program, Trace, TraceCost, TraceLimits};
use lagmap_report::{Millis, interval, visible};
use termtree::Tree;

use crate::arguments::{TraceArguments, TraceFormat};
use crate::audit::{self, AuditOptions};
use crate::cache_folder::CacheFolder;
use crate::configuration::Configuration;
use crate::errors::Failure;
use crate::output;
use crate::progress::Progress;
use crate::suggestion;

/// Functions of a name that are shown; more are an error, for nobody reads as many trees.
const MOST_FUNCTIONS: usize = 5;

/// Prints the trace of a function.
pub fn run(arguments: &TraceArguments) -> Result<ExitCode, Failure> {
    audit::check_root(&arguments.path)?;
    let configuration = Configuration::find(&arguments.path, arguments.config.as_deref())?;
    let cache = CacheFolder::find(&arguments.cache, configuration.cache_dir.clone());
    let options = AuditOptions { cache, ..AuditOptions::of(configuration)? };
    let options = AuditOptions { all_code: options.all_code || arguments.all_code, ..options };
    let limits = TraceLimits { depth: arguments.depth, breadth: arguments.breadth };
    let question = |program: &Program| find(program, &arguments.function, limits);
    let traces = audit::ask(&arguments.path, &options, &Progress::start(), question)??;
    let text = match arguments.format {
        TraceFormat::Json => {
            let text = serde_json::to_string_pretty(&traces);
            text.map_err(|error| Failure::new("cannot write the trace").because(error))? + "\n"
        }
        TraceFormat::Tree => traces.iter().map(tree).collect::<Vec<_>>().join("\n"),
    };
    output::print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn find(program: &Program, name: &str, limits: TraceLimits) -> Result<Vec<Trace>, Failure> {
    let found = program.functions_named(name);
    if found.is_empty() {
        let failure = Failure::new(format!("no function is called `{name}`"));
        let all: Vec<String> = program
            .files()
            .flat_map(|(file, _)| program.functions(file))
            .map(|function| program.function_name(function))
            .collect();
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        let wanted = last(name);
        let near = suggestion::nearest(&wanted, all.iter().filter_map(|name| name.rsplit('.').next()));
        let example = near.and_then(|near| all.iter().find(|name| last(name) == near));
        return Err(match example {
            Some(example) => failure.help(format!("did you mean `{example}`?")),
            None => failure.help("`lagmap call-graph` lists all functions by their dotted names"),
        });
    }
    if found.len() > MOST_FUNCTIONS {
        let names: Vec<String> = found.iter().take(10).map(|function| program.function_name(*function)).collect();
        let failure = Failure::new(format!("{} functions are called `{name}`", found.len()));
        return Err(failure.help(format!("say more of the name: {}, ...", names.join(", "))));
    }
    Ok(found.into_iter().map(|function| program.trace(function, limits)).collect())
}

fn tree(trace: &Trace) -> String {
    let mut lines = vec![format!("{}  {}:{}", visible(&trace.function), visible(&trace.path), trace.line)];
    labelled("runs ", trace.contexts.iter().cloned(), "never: nothing that starts reaches it", &mut lines);
    labelled("costs", trace.costs.iter().map(cost_line), "nothing that is known", &mut lines);
    let callers =
        rest(Tree::new("run by".to_owned()).with_leaves(trace.callers.iter().map(caller)), trace.more_callers);
    let calls = rest(Tree::new("runs".to_owned()).with_leaves(trace.calls.iter().map(called)), trace.more_calls);
    format!("{}\n\n{callers}\n{calls}", lines.join("\n"))
}

/// One line each, the first behind its label.
fn labelled(label: &str, values: impl Iterator<Item = String>, none: &str, lines: &mut Vec<String>) {
    let first = lines.len();
    for value in values {
        lines.push(format!("{}  {value}", if lines.len() == first { label } else { "     " }));
    }
    if lines.len() == first {
        lines.push(format!("{label}  {none}"));
    }
}

fn caller(caller: &Caller) -> Tree<String> {
    let place = format!("{}:{}", visible(&caller.path), caller.line);
    let contexts = match caller.contexts.as_slice() {
        [] => "never runs".to_owned(),
        [first] => first.clone(),
        [first, second] => format!("{first}, {second}"),
        [first, rest @ ..] => format!("{first}, and {} more", rest.len()),
    };
    let line = format!("{} {}  {place}  [{contexts}]", visible(&caller.function), caller.how);
    rest(Tree::new(line).with_leaves(caller.callers.iter().map(self::caller)), caller.more)
}

fn called(called: &Called) -> Tree<String> {
    let looped = if called.loops > 0 { ", in a loop" } else { "" };
    let place = format!("{}:{}", visible(&called.path), called.line);
    let costs: Vec<String> = called.costs.iter().map(short_cost).collect();
    let costs = if costs.is_empty() { String::new() } else { format!("  [{}]", costs.join(", ")) };
    let line = format!("{} {}{looped}  {place}{costs}", called.how, visible(&called.name));
    rest(Tree::new(line).with_leaves(called.calls.iter().map(self::called)), called.more)
}

fn rest(mut tree: Tree<String>, more: usize) -> Tree<String> {
    if more > 0 {
        tree.push(Tree::new(format!("and {more} more")));
    }
    tree
}

fn short_cost(cost: &TraceCost) -> String {
    let recurrence = cost.recurrence.map(|recurrence| format!(" on the {recurrence}")).unwrap_or_default();
    format!("{} {}{recurrence}", cost.kind, interval(cost.ms.map(Millis)))
}

fn cost_line(cost: &TraceCost) -> String {
    format!("{}: {}() at {}", short_cost(cost), cost.what, visible(&cost.at))
}
