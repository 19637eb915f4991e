//! Requests that are made only now and then, as their routes and names say.

use lagmap_facts::{Expr, ExprId, FileFacts, FunctionFacts};
use lagmap_models::OccasionalModel;

use crate::{FunctionId, Program, graph::Edge, linked::Linked};

/// Whether a handler answers requests that are made only now and then: `POST /admin/backups`, `def update_config`, a module
/// `seeder`.
pub fn is_occasional(linked: &Linked, registration: &Edge, handler: FunctionId) -> bool {
    let model = linked.catalogue.occasional();
    let (file, facts) = linked.function(handler);
    let (id, _) = linked.ids.of_function(handler);
    let name = file.facts.text(facts.name);
    let class = facts.class.map_or("", |class| file.facts.text(file.facts.class(class).name));
    // A module and the folder around it; what lies farther out is the project's own name.
    let mut folders = linked.file(id).path.trim_end_matches(".py").rsplit('/');
    let module = [folders.next().unwrap_or_default(), folders.next().unwrap_or_default()];
    let route = route(linked, registration).unwrap_or_default();
    // `/health/database` is about health, `/health` below something else is, too.
    let mut segments = route.split('/').filter(|segment| !segment.is_empty());
    let (first, last) = (segments.next().unwrap_or_default(), segments.next_back().unwrap_or_default());
    let is_named = |text: &str| model.names.iter().any(|own| text.eq_ignore_ascii_case(own));
    is_named(name)
        || is_named(first)
        || is_named(last)
        || [name, class, module[0], module[1], &*route].iter().any(|text| any(text, &model.words))
        || changes_settings(model, name, &route)
        || is_guarded(&file.facts, facts, &model.guards)
}

/// Whether a handler lets only few people in, as its dependencies and decorators say: `user=Depends(get_admin_user)`,
/// `@admin_required`, `@roles_required("admin")`.
fn is_guarded(facts: &FileFacts, handler: &FunctionFacts, guards: &[String]) -> bool {
    let given = handler.parameters.iter().flat_map(|parameter| [parameter.default, parameter.annotation]);
    let mut due: Vec<ExprId> = given.filter_map(ExprId::get).collect();
    // A parameter is guarded by what it depends on, not by its type.
    due.retain(|id| matches!(facts.expr(*id), Expr::Call(_) | Expr::Subscript { .. }));
    due.extend(&handler.decorators);
    while let Some(id) = due.pop() {
        match facts.expr(id) {
            Expr::Call(call) => {
                let call = facts.call(call);
                due.push(call.callee);
                due.extend(facts.arguments(call));
                due.extend(facts.keywords(call).iter().map(|keyword| keyword.value));
            }
            Expr::Subscript { index, .. } => due.push(index),
            Expr::Tuple(list) | Expr::List(list) => due.extend(facts.list(list)),
            Expr::Name(name) | Expr::Str(name) | Expr::Attribute { attribute: name, .. }
                if any(facts.text(name), guards) =>
            {
                return true;
            }
            _ => {}
        }
    }
    false
}

impl Program {
    /// Whether a function is there for questions whether the service is well, as its name says.
    pub fn answers_health_alone(&self, function: FunctionId) -> bool {
        words(&self.short_name(function)).any(|word| word.eq_ignore_ascii_case("health"))
    }
}

/// Both a change and a setting are named: by one name, or by the route together with the name.
fn changes_settings(model: &OccasionalModel, name: &str, route: &str) -> bool {
    let changes = any(name, &model.changes) || any(route, &model.changes);
    changes && (any(name, &model.settings) || any(route, &model.settings))
}

fn any(text: &str, wanted: &[String]) -> bool {
    words(text).any(|word| wanted.iter().any(|own| word.eq_ignore_ascii_case(own)))
}

/// The words of a name or route: `AdminBackupController` and `/admin/backup` have `Admin` and `Backup`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric()).flat_map(|part| {
        let bytes = part.as_bytes();
        let starts =
            (1..bytes.len()).filter(move |at| bytes[*at].is_ascii_uppercase() && !bytes[at - 1].is_ascii_uppercase());
        let mut from = 0;
        starts.chain([part.len()]).map(move |to| {
            let word = &part[from..to];
            from = to;
            word
        })
    })
}

/// The route that a registration names, where it is written there.
fn route(linked: &Linked, registration: &Edge) -> Option<String> {
    let (file, id) = linked.ids.of_site(registration.site);
    let facts = &linked.file(file).facts;
    let Expr::Call(call) = facts.expr(id) else { return None };
    let call = facts.call(call);
    let argument = facts.arguments(call).first().copied().or_else(|| facts.argument(call, Some("path"), None))?;
    match facts.expr(argument) {
        Expr::Str(text) => Some(facts.text(text).to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn names_and_routes_have_words() {
        let of = |text| words(text).filter(|word| !word.is_empty()).collect::<Vec<_>>();
        assert_eq!(of("AdminBackupController"), ["Admin", "Backup", "Controller"]);
        assert_eq!(of("/admin/backups/{file_name}"), ["admin", "backups", "file", "name"]);
        assert_eq!(of("update_HTTPConfig"), ["update", "HTTPConfig"]);
    }
}
