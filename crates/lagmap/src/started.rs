//! What `lagmap record` and `lagmap probe` start: a command, or the services that start-up configurations declare.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lagmap_system::{Service, SourceKind};

use crate::arguments::StartArguments;
use crate::audit::AuditOptions;
use crate::errors::{Failure, warn};

/// One process to start.
#[derive(Debug)]
pub struct Started {
    /// The service, or the command's program.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it runs; here if nothing is said.
    pub folder: Option<PathBuf>,
    /// Folders that stand first in its `PYTHONPATH`.
    pub python_paths: Vec<PathBuf>,
}

impl Started {
    /// `PYTHONPATH`, with more folders before and behind the user's own ones.
    pub fn python_path(&self, before: &[PathBuf]) -> Option<OsString> {
        let usual = env::var_os("PYTHONPATH").unwrap_or_default();
        let usual = env::split_paths(&usual).filter(|path| !path.as_os_str().is_empty());
        let all: Vec<PathBuf> = before.iter().chain(&self.python_paths).cloned().chain(usual).collect();
        if all.is_empty() { None } else { env::join_paths(all).ok() }
    }
}

/// What the arguments ask for.
pub fn of(root: &Path, arguments: &StartArguments, options: &AuditOptions) -> Result<Vec<Started>, Failure> {
    if let [program, rest @ ..] = &*arguments.command {
        let (name, program) = (program.clone(), PathBuf::from(program));
        return Ok(vec![Started { name, program, arguments: rest.to_vec(), folder: None, python_paths: Vec::new() }]);
    }
    if !arguments.services && arguments.service.is_empty() {
        let failure = Failure::new("nothing is to be run");
        return Err(failure.help("say a command behind `--`, or `--services` for those of the start-up configurations"));
    }
    let root = root.canonicalize().map_err(|error| Failure::new("cannot find the folder").at(root).because(error))?;
    let system = lagmap_system::load(&root, &options.startup_configs, &lagmap_system::Options::default());
    let declared: Vec<&Service> =
        system.services.iter().filter(|service| service.source == SourceKind::Startup).collect();
    for name in &arguments.service {
        if !declared.iter().any(|service| service.name == *name) {
            let known: Vec<&str> = declared.iter().map(|service| &*service.name).collect();
            let failure = Failure::new("no such service").because(name);
            return Err(failure.help(format!("the start-up configurations declare: {}", known.join(", "))));
        }
    }
    let wanted = |service: &&Service| arguments.services || arguments.service.contains(&service.name);
    let python = interpreter(&arguments.python);
    let mut started: Vec<Started> = Vec::new();
    for service in in_order(&declared).into_iter().filter(wanted) {
        let Some(script) = &service.script else {
            warn(&Failure::new("not started").because(format!("{} has no script", service.name)));
            continue;
        };
        let arguments_of = arguments.service_arguments.split_whitespace().map(|word| filled(word, service));
        let arguments_of = std::iter::once(root.join(script).display().to_string()).chain(arguments_of);
        started.push(Started {
            name: service.name.clone(),
            program: python.clone(),
            arguments: arguments_of.collect(),
            folder: Some(root.clone()),
            python_paths: service.python_paths.iter().map(|path| root.join(path)).collect(),
        });
    }
    if started.is_empty() {
        let failure = Failure::new("there is no service to start").at(&root);
        return Err(failure.help("`lagmap services` lists what is declared; a command behind `--` is run as it is"));
    }
    Ok(started)
}

/// The interpreter itself, where a name means a script that chooses one: a profiler that looks at once would find a shell. What does not
/// answer is left to fail when it is started.
fn interpreter(python: &Path) -> PathBuf {
    let asked = Command::new(python).args(["-c", "import sys; print(sys.executable)"]).stdin(Stdio::null()).output();
    let said = asked.ok().filter(|output| output.status.success());
    let path = said.and_then(|output| String::from_utf8(output.stdout).ok()).map(|path| PathBuf::from(path.trim()));
    path.filter(|path| path.is_file()).unwrap_or_else(|| python.to_owned())
}

/// Services behind those that they depend on, otherwise as they are declared.
fn in_order<'a>(declared: &[&'a Service]) -> Vec<&'a Service> {
    let mut order: Vec<&Service> = Vec::with_capacity(declared.len());
    let mut left = declared.to_vec();
    while !left.is_empty() {
        let waits = |service: &Service| {
            service
                .dependencies
                .iter()
                .any(|name| left.iter().any(|other| other.name == *name && other.name != service.name))
        };
        // Of those that wait for each other, the first.
        let next = left.iter().position(|service| !waits(service)).unwrap_or(0);
        order.push(left.remove(next));
    }
    order
}

/// A word of a service's arguments, with what the configuration says of the service.
fn filled(word: &str, service: &Service) -> String {
    let number = |port: Option<u32>| port.map(|port| port.to_string()).unwrap_or_default();
    word.replace("{port}", &number(service.port))
        .replace("{health_port}", &number(service.health_port))
        .replace("{host}", service.host.as_deref().unwrap_or("127.0.0.1"))
        .replace("{name}", &service.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, needs: &[&str]) -> Service {
        let dependencies = needs.iter().map(ToString::to_string).collect();
        Service { name: name.to_owned(), dependencies, port: Some(7000), ..Service::default() }
    }

    #[test]
    fn services_start_behind_what_they_need_even_in_circles() {
        let (web, store, round) =
            (service("web", &["store", "mail"]), service("store", &[]), service("round", &["round", "web"]));
        let names = |services: Vec<&Service>| services.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(in_order(&[&web, &round, &store])), ["store", "web", "round"]);
        let (one, two) = (service("one", &["two"]), service("two", &["one"]));
        assert_eq!(names(in_order(&[&one, &two])), ["one", "two"]);
    }

    #[test]
    fn arguments_are_filled_in() {
        assert_eq!(filled("--port={port}{health_port}@{host}", &service("web", &[])), "--port=7000@127.0.0.1");
    }
}
