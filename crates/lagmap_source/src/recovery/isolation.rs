//! Lines that spoil what follows them: an open string or bracket.

use ruff_python_ast::token::TokenKind;

use super::{Draft, Fault, Proposal, blanked, span};

/// How many errors less show that what is open spoils what follows. The parser copes with most.
const LEAST: usize = 2;

/// Takes the first physical line of the statement of a fault out, so that what is open in it ends with it.
pub fn propose(draft: &Draft, fault: Fault) -> Option<Proposal> {
    if !fault.open || draft.faults.len() < LEAST {
        return None;
    }
    let lines = draft.lines();
    let mut index = lines.partition_point(|line| line.code <= fault.at).checked_sub(1)?;
    if lines.get(index)?.code == fault.at {
        // The parser found out with the next statement.
        index = index.checked_sub(1)?;
    }
    let line = lines.get(index)?;
    let rest = draft.text.get(line.code..)?;
    let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
    if is_compound(line.first) || rest.get(..length)?.trim_end().ends_with(':') {
        return None;
    }
    let end = line.code + length;
    let text = blanked(&draft.text, line.start, end)?;
    Some(Proposal {
        text,
        spans: vec![span(line.start, end)],
        what: "open string or bracket closed",
        apart: true,
        least: LEAST,
    })
}

fn is_compound(kind: TokenKind) -> bool {
    use TokenKind as Kind;
    let opens = matches!(kind, Kind::Def | Kind::Class | Kind::If | Kind::For | Kind::While | Kind::With | Kind::Try);
    opens
        || matches!(kind, Kind::Except | Kind::Finally | Kind::Else | Kind::Elif | Kind::Async | Kind::At | Kind::Match)
}
