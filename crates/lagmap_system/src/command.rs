//! What a command line starts: a script, a module, an application object, a worker of an application.
//!
//! Commands are followed through shells, wrappers, the tree's own start-up scripts, make targets and supervisord
//! configurations. Nothing is run; variables have the values that the configuration gives them, else none.

mod places;
mod programs;
mod script;
mod servers;
mod words;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::files::Files;
use crate::launchers::{LAUNCHERS, PREPARATIONS, TOOLS, WRAPPERS};
use crate::place::join;
use crate::service::Runs;
use crate::shell::Statement;
use crate::sources::Command;
use crate::sources::dockerfile::absolute;
use crate::value::{Variables, expand};
use places::Found;
use words::{file_name, host_and_port, is_assignment, is_dotted, is_python, is_python_file, option};

/// Statements and commands followed for one service.
const MAX_STEPS: u32 = 20_000;
/// Scripts that start scripts.
const MAX_DEPTH: u32 = 12;

/// What a command names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file run as a script.
    Script(String),
    /// A module run with `-m`.
    Module(String),
    /// A module that is imported, and the object in it that is served or works.
    Object { module: String, object: Option<String>, is_factory: bool },
    /// A function that is called.
    Function { module: String, function: String },
    /// A worker of whatever is queued.
    Queue(String),
}

/// Something that is started.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) target: Target,
    pub(crate) runs: Runs,
    /// The file of the target in the tree.
    pub(crate) file: Option<String>,
    /// The target should be in the tree: part of it, or its place, is.
    pub(crate) is_expected: bool,
    /// The target lies outside of the root.
    pub(crate) is_outside: bool,
    /// It prepares and ends.
    pub(crate) is_preparation: bool,
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u32>,
    /// The command says the port; it is not the program's default.
    pub(crate) says_port: bool,
    /// Further files of the tree that it loads by name.
    pub(crate) loads: Vec<String>,
    /// Folders of the tree that it imports from.
    pub(crate) python_paths: Vec<String>,
    pub(crate) instances: Option<u32>,
    /// What the shell has set by now.
    pub(crate) environment: Variables,
    /// The command as run.
    pub(crate) line: String,
    /// How long the command waits before it, in milliseconds.
    pub(crate) waits_ms: u32,
    /// The first word behind a script or module: `migrate` of `manage.py migrate`.
    pub(crate) verb: Option<String>,
    /// The name of the part of the service that it is, where one service has several.
    pub(crate) part: Option<String>,
}

/// A folder that paths are relative to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Base {
    /// In the tree.
    Tree(String),
    /// In an image, as an absolute path.
    Image(String),
}

/// Where and with what commands run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    /// The working folder as written: absolute, or relative to `folder`.
    pub(crate) written_folder: Option<String>,
    /// The folder of the tree that the rest is relative to, nearest first.
    pub(crate) folders: Vec<String>,
    /// Parts of the tree that stand elsewhere: path there, path in the tree.
    pub(crate) mounts: Vec<(String, String)>,
    pub(crate) variables: Variables,
    /// It runs in an image: a relative working folder is one of the image.
    pub(crate) in_image: bool,
}

/// Follows commands.
pub(crate) struct Follow<'a> {
    files: &'a Files<'a>,
    mounts: Vec<(String, String)>,
    folder: Base,
    folders: Vec<String>,
    variables: Variables,
    arguments: Vec<String>,
    functions: BTreeMap<String, Rc<Vec<Statement>>>,
    part: Option<String>,
    /// The folder that the last module was found in.
    imported_from: Option<String>,
    /// What `sleep` commands have taken so far, in milliseconds.
    waited_ms: u32,
    stopped: bool,
    steps: u32,
    depth: u32,
    pub(crate) starts: Vec<Start>,
}

/// All that a command starts, in order.
pub(crate) fn starts(files: &Files<'_>, surroundings: &Surroundings, commands: &[&Command]) -> Vec<Start> {
    let first = surroundings.folders.first().cloned().unwrap_or_default();
    let folder = match surroundings.written_folder.as_deref().map(|folder| expand(folder, &surroundings.variables)) {
        Some(folder) if folder.starts_with('/') || surroundings.in_image => Base::Image(absolute("/", &folder)),
        Some(folder) => Base::Tree(join(&first, &folder).unwrap_or(first)),
        None => Base::Tree(first),
    };
    let mut follow = Follow {
        files,
        mounts: surroundings.mounts.clone(),
        folder,
        folders: surroundings.folders.clone(),
        variables: surroundings.variables.clone(),
        arguments: Vec::new(),
        functions: BTreeMap::new(),
        part: None,
        imported_from: None,
        waited_ms: 0,
        stopped: false,
        steps: 0,
        depth: 0,
        starts: Vec::new(),
    };
    let mut words = Vec::new();
    for command in commands {
        match command {
            Command::Words(more) => words.extend(more.iter().map(|word| expand(word, &follow.variables))),
            Command::Line(line) => {
                let split = shlex::split(line).unwrap_or_else(|| line.split_whitespace().map(str::to_owned).collect());
                words.extend(split.iter().map(|word| expand(word, &follow.variables)));
            }
            Command::Shell(line) if words.is_empty() => {
                follow.script(line);
                return follow.starts;
            }
            Command::Shell(line) => words.extend(["sh".to_owned(), "-c".to_owned(), line.clone()]),
        }
    }
    follow.command(&words);
    follow.starts
}

impl Follow<'_> {
    fn spend(&mut self) -> bool {
        self.steps += 1;
        self.steps <= MAX_STEPS
    }

    fn deeper(&mut self, work: impl FnOnce(&mut Self)) {
        if self.depth < MAX_DEPTH {
            self.depth += 1;
            work(self);
            self.depth -= 1;
        }
    }

    /// Runs a command of plain words.
    fn command(&mut self, words: &[String]) {
        if !self.spend() {
            return;
        }
        let assigned = words.iter().take_while(|word| is_assignment(word)).count();
        for word in &words[..assigned] {
            if let Some((name, value)) = word.split_once('=') {
                self.variables.insert(name.to_owned(), value.to_owned());
            }
        }
        let words = &words[assigned..];
        let Some((first, rest)) = words.split_first() else { return };
        let name = first.rsplit('/').next().unwrap_or(first);
        if let Some(body) = self.functions.get(first.as_str()).cloned() {
            let before = std::mem::replace(&mut self.arguments, rest.to_vec());
            self.deeper(|follow| follow.run(&body));
            self.arguments = before;
            return;
        }
        if self.builtin(first, rest) || self.wrapped(name, rest) {
            return;
        }
        match name {
            "sh" | "bash" | "ash" | "dash" | "zsh" => return self.shell(rest),
            "make" | "gmake" | "just" => return self.make(name, rest),
            "supervisord" => return self.supervisor(rest),
            "honcho" | "foreman" | "overmind" | "forego" | "hivemind" => return self.procfile(rest),
            "uwsgi" => return self.uwsgi(words),
            "django-admin" => return self.django(None, rest, words),
            "flask" | "quart" => return self.flask(rest, words),
            "fastapi" => return self.fastapi(rest, words),
            _ => {}
        }
        if is_python(name) {
            return self.python(rest, words);
        }
        // `huey_consumer.py` is installed under that name.
        let launched = name.strip_suffix(".py").filter(|_| !first.contains('/')).unwrap_or(name);
        if self.launch(launched, rest, words) || TOOLS.contains(&name) {
            return;
        }
        if let Some(function) = self.files.console_script(name) {
            let (module, function) = function;
            return self.function(&module, &function, rest, words);
        }
        self.file(first, rest, words);
    }

    fn builtin(&mut self, first: &str, rest: &[String]) -> bool {
        match first {
            "cd" | "pushd" => {
                if let Some(folder) = rest.iter().find(|word| !word.starts_with('-')) {
                    self.enter(&folder.clone());
                }
            }
            "export" | "declare" | "local" | "readonly" | "typeset" => {
                for word in rest.iter().filter(|word| is_assignment(word)) {
                    if let Some((name, value)) = word.split_once('=') {
                        self.variables.insert(name.to_owned(), value.to_owned());
                    }
                }
            }
            "set" => {
                if let Some(at) = rest.iter().position(|word| word == "--") {
                    self.arguments = rest[at + 1..].to_vec();
                }
            }
            "shift" => {
                if !self.arguments.is_empty() {
                    self.arguments.remove(0);
                }
            }
            "." | "source" => {
                if let Some(text) =
                    rest.first().and_then(|path| self.located(path)).and_then(|path| self.files.text(&path))
                {
                    self.script(&text);
                }
            }
            "eval" => {
                let line = rest.join(" ");
                self.script(&line);
            }
            "exec" => {
                let rest = rest.to_vec();
                if !rest.is_empty() {
                    self.command(&rest);
                    self.stopped = true;
                }
            }
            "exit" | "return" => self.stopped = first == "exit",
            "sleep" => {
                let seconds = rest.first().and_then(|text| text.trim_end_matches('s').parse::<u16>().ok());
                self.waited_ms = self.waited_ms.saturating_add(u32::from(seconds.unwrap_or(0)) * 1000);
            }
            _ => return false,
        }
        true
    }

    fn enter(&mut self, folder: &str) {
        self.folder = match (&self.folder, folder.starts_with('/')) {
            (_, true) => Base::Image(absolute("/", folder)),
            (Base::Image(at), _) => Base::Image(absolute(at, folder)),
            (Base::Tree(at), _) => Base::Tree(join(at, folder).unwrap_or_else(|| at.clone())),
        };
    }

    /// Runs what a wrapper wraps.
    fn wrapped(&mut self, name: &str, rest: &[String]) -> bool {
        let Some(wrapper) = WRAPPERS.iter().find(|wrapper| {
            wrapper.name == name && wrapper.verb.is_none_or(|verb| rest.first().is_some_and(|word| word == verb))
        }) else {
            return false;
        };
        let rest = &rest[usize::from(wrapper.verb.is_some())..];
        let inner = if let Some(at) = rest.iter().position(|word| word == "--") {
            &rest[at + 1..]
        } else {
            let mut words = rest;
            let mut plain = wrapper.words;
            while let Some((first, more)) = words.split_first() {
                if first.starts_with('-') {
                    let takes_value = wrapper.values.contains(&first.as_str());
                    words = if takes_value { more.get(1..).unwrap_or_default() } else { more };
                } else if plain > 0 || (name.starts_with("wait-for") && first.contains(':')) {
                    plain = plain.saturating_sub(1);
                    words = more;
                } else {
                    break;
                }
            }
            words
        };
        if let Some(first) = inner.first() {
            // `uv run app/main.py` and `coverage run app.py` run a script, with or without `python`.
            let program = first.strip_suffix(".py").unwrap_or(first);
            let is_launcher = LAUNCHERS.iter().any(|launcher| launcher.name == program);
            let is_script = file_name(first).len() > 3 && is_python_file(first) && !is_launcher;
            // `watchfiles 'celery -A app worker'`: the command is one word.
            if first.contains(char::is_whitespace) {
                let line = first.clone();
                self.script(&line);
                return true;
            }
            let mut words = inner.to_vec();
            if is_script || (name == "coverage" && first == "-m") {
                words.insert(0, "python".to_owned());
            }
            self.deeper(|follow| follow.command(&words));
        }
        true
    }

    fn start(&mut self, target: Target, runs: Runs, found: Found, rest: &[String], words: &[String]) {
        let port = option(rest, &["--port", "-p"]).and_then(|port| port.parse::<u16>().ok()).map(u32::from);
        let bind = option(rest, &["--bind", "-b"]).map(|bind| host_and_port(&bind)).unwrap_or_default();
        let port = port.or(bind.1);
        // A script imports from its own folder, which needs no telling.
        let imports = !matches!(target, Target::Script(_) | Target::Queue(_));
        let mut python_paths: Vec<String> = self.imported_from.take().filter(|_| imports).into_iter().collect();
        for path in self.variables.get("PYTHONPATH").into_iter().flat_map(|value| value.split(':')) {
            let base = if path.starts_with('/') { Some(Base::Image(absolute("/", path))) } else { None };
            python_paths.extend(base.and_then(|base| self.tree_folder(&base)));
        }
        self.starts.push(Start {
            target,
            runs,
            is_expected: matches!(found, Found::Missing),
            is_outside: matches!(found, Found::Outside),
            file: found.inside(),
            is_preparation: rest.first().is_some_and(|word| PREPARATIONS.contains(&word.as_str())),
            host: option(rest, &["--host"]).or(bind.0),
            says_port: port.is_some(),
            port,
            loads: Vec::new(),
            python_paths,
            instances: None,
            environment: self.variables.clone(),
            line: words.join(" "),
            waits_ms: self.waited_ms,
            verb: rest.first().filter(|word| is_dotted(&word.replace('-', "_"))).cloned(),
            part: self.part.clone(),
        });
    }
}
