//! "Did you mean …?"

/// The known name that `wrong` was probably meant to be.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.to_lowercase().replace('_', "-");
    let wrong = plain(wrong);
    // A third of the name wrong is as far as a slip of the fingers goes.
    let limit = (wrong.chars().count() / 3).max(1);
    let distances = known.into_iter().map(|name| (strsim::damerau_levenshtein(&wrong, &plain(name)), name));
    distances.filter(|(distance, _)| *distance <= limit).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_else() {
        let known = ["client-per-request", "unbounded-cache", "ignore"];
        assert_eq!(nearest("client-per-requst", known), Some("client-per-request"));
        assert_eq!(nearest("Unbounded_Cache", known), Some("unbounded-cache"));
        assert_eq!(nearest("ignroe", known), Some("ignore"));
        assert_eq!(nearest("threads", known), None);
        assert_eq!(nearest("Backs", ["Back", "Front"]), Some("Back"));
    }
}
