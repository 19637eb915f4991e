//! Every bullet of the brief has a rule, and no rule names a bullet that the brief does not have.

use std::collections::BTreeMap;

/// How many bullets each of the brief's headings has.
const HEADINGS: [(char, u32); 7] = [('A', 8), ('B', 7), ('C', 7), ('D', 7), ('E', 7), ('F', 7), ('G', 7)];

#[test]
fn every_bullet_of_the_brief_has_a_rule() {
    let mut rules: BTreeMap<String, Vec<&str>> = HEADINGS
        .into_iter()
        .flat_map(|(heading, count)| (1..=count).map(move |number| (format!("{heading}{number}"), Vec::new())))
        .collect();
    assert_eq!(rules.len(), 50);
    for rule in lagmap_rules::all() {
        assert!(!rule.bullets.is_empty(), "{} serves no bullet", rule.name);
        for bullet in rule.bullets {
            let Some(own) = rules.get_mut(*bullet) else { panic!("{}: the brief has no bullet {bullet}", rule.name) };
            own.push(rule.name);
        }
    }
    let missing: Vec<&String> = rules.iter().filter(|(_, own)| own.is_empty()).map(|(bullet, _)| bullet).collect();
    assert!(missing.is_empty(), "bullets without a rule: {missing:?}");
}
