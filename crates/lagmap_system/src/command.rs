//! What a command line starts: a script, a module, an application object, a worker of an application.
//!
//! Commands are followed through shells, wrappers, the tree's own start-up scripts, make targets and supervisord
//! configurations. Nothing is run; variables have the values that the configuration gives them, else none.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::files::Files;
use crate::launchers::{DJANGO_SERVICES, LAUNCHERS, Launcher, Named, PREPARATIONS, TOOLS, WRAPPERS};
use crate::place::join;
use crate::service::Runs;
use crate::shell::{self, Statement};
use crate::sources::dockerfile::absolute;
use crate::sources::{Command, makefile, procfile, supervisor};
use crate::value::{Variables, expand};

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
    follow.command(words);
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

    /// Runs the text of a shell script.
    fn script(&mut self, text: &str) {
        let statements = shell::parse(text);
        self.deeper(|follow| follow.run(&statements));
    }

    fn run(&mut self, statements: &[Statement]) {
        // Whether the statement before was one that says no.
        let mut said_no = false;
        for statement in statements {
            if self.stopped || !self.spend() {
                return;
            }
            let statement = match statement {
                Statement::IfSo(_) if said_no => continue,
                Statement::IfSo(inner) => inner,
                // Commands are taken to succeed.
                Statement::IfNot(_) if !said_no => continue,
                Statement::IfNot(inner) => inner,
                other => other,
            };
            said_no = self.holds(std::slice::from_ref(statement)) == Some(false);
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Command(words) => self.simple(words),
            Statement::IfSo(inner) | Statement::IfNot(inner) => self.deeper(|follow| follow.statement(inner)),
            Statement::Case { word, arms } => {
                let word = self.expanded(word).join(" ");
                let chosen =
                    arms.iter().find(|(patterns, _)| patterns.iter().any(|pattern| matches(&unquoted(pattern), &word)));
                if let Some((_, body)) = chosen {
                    self.deeper(|follow| follow.run(body));
                }
            }
            Statement::If { branches, otherwise } => self.branch(branches, otherwise),
            Statement::Loop(body) => {
                self.deeper(|follow| follow.run(body));
                // Nobody knows whether the loop gets to its `exit`.
                self.stopped = false;
            }
            Statement::Group(body) => self.deeper(|follow| follow.run(body)),
            Statement::Function(name, body) => {
                self.functions.insert(name.clone(), Rc::new(body.clone()));
            }
        }
    }

    /// Takes the first branch whose condition holds; those whose conditions nobody can tell are all taken.
    fn branch(&mut self, branches: &[(Vec<Statement>, Vec<Statement>)], otherwise: &[Statement]) {
        let mut open = false;
        for (condition, body) in branches {
            match self.holds(condition) {
                Some(false) => {}
                Some(true) if !open => {
                    self.deeper(|follow| follow.run(body));
                    return;
                }
                _ => {
                    open = true;
                    self.deeper(|follow| follow.run(body));
                    self.stopped = false;
                }
            }
        }
        self.deeper(|follow| follow.run(otherwise));
        self.stopped &= !open;
    }

    /// Whether a condition holds, where its variables say so.
    fn holds(&self, condition: &[Statement]) -> Option<bool> {
        let [Statement::Command(words)] = condition else { return None };
        if words.iter().any(|word| word.contains("$?") || word.contains("$(") || word.contains('`')) {
            return None;
        }
        let words: Vec<String> = words.iter().map(|word| self.expanded_as_one(word)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (first, rest) = words.split_first()?;
        let test = match *first {
            "[" | "[[" => rest.split_last().map(|(_, test)| test)?,
            "test" => rest,
            "true" => return Some(true),
            "false" => return Some(false),
            _ => return None,
        };
        match test {
            ["-z", value] => Some(value.is_empty()),
            ["-n", value] | [value] if !value.starts_with('-') => Some(!value.is_empty()),
            ["!", "-z", value] => Some(!value.is_empty()),
            [left, "=" | "==", right] => Some(matches(right, left)),
            [left, "!=", right] => Some(!matches(right, left)),
            [left, "-eq", right] => Some(left == right),
            [left, "-ne", right] => Some(left != right),
            [left, "-gt", right] => Some(left.parse::<i64>().ok()? > right.parse().ok()?),
            [left, "-lt", right] => Some(left.parse::<i64>().ok()? < right.parse().ok()?),
            _ => None,
        }
    }

    /// A simple command of a script.
    fn simple(&mut self, words: &[String]) {
        let assignments = words.iter().take_while(|word| is_assignment(word)).count();
        let before = (assignments < words.len()).then(|| self.variables.clone());
        for word in &words[..assignments] {
            self.assign(word);
        }
        let words: Vec<String> = words[assignments..].iter().flat_map(|word| self.expanded(word)).collect();
        if !words.is_empty() {
            self.command(words);
        }
        if let Some(before) = before.filter(|_| assignments > 0) {
            self.variables = before;
        }
    }

    fn assign(&mut self, word: &str) {
        if let Some((name, value)) = word.split_once('=') {
            let value = self.expanded_as_one(value);
            self.variables.insert(name.to_owned(), value);
        }
    }

    /// The fields that a word becomes.
    fn expanded(&self, word: &str) -> Vec<String> {
        match word {
            "\"$@\"" | "$@" | "$*" | "\"$*\"" | "${@}" | "\"${@}\"" => return self.arguments.clone(),
            _ => {}
        }
        let whole = self.expanded_as_one(word);
        if word.contains(['"', '\'']) {
            return vec![whole];
        }
        whole.split_whitespace().map(str::to_owned).collect()
    }

    fn expanded_as_one(&self, word: &str) -> String {
        let mut known = self.variables.clone();
        for (index, argument) in self.arguments.iter().enumerate().take(9) {
            known.insert((index + 1).to_string(), argument.clone());
        }
        known.insert("0".to_owned(), String::new());
        let mut out = String::new();
        let mut rest = word;
        while let Some(at) = rest.find(['\'', '"', '\\', '`', '$']) {
            out.push_str(&rest[..at]);
            let here = &rest[at..];
            let inner = &here[1..];
            rest = match here.as_bytes()[0] {
                b'\'' => {
                    let (text, behind) = inner.split_once('\'').unwrap_or((inner, ""));
                    out.push_str(text);
                    behind
                }
                b'"' => inner,
                b'`' => inner.split_once('`').map_or("", |(_, behind)| behind),
                b'\\' => {
                    let mut chars = inner.chars();
                    out.extend(chars.next());
                    chars.as_str()
                }
                _ if inner.starts_with("@") || inner.starts_with('*') => {
                    out.push_str(&self.arguments.join(" "));
                    &inner[1..]
                }
                _ if inner.starts_with('#') => {
                    out.push_str(&self.arguments.len().to_string());
                    &inner[1..]
                }
                _ if inner.starts_with('(') => behind_bracket(&inner[1..]),
                _ => {
                    let end = variable_end(here);
                    out.push_str(&expand(&here[..end], &known));
                    &here[end..]
                }
            };
        }
        out.push_str(rest);
        out
    }

    /// Runs a command of plain words.
    fn command(&mut self, words: Vec<String>) {
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
                    self.command(rest);
                    self.stopped = true;
                }
            }
            "exit" | "return" => self.stopped = first == "exit",
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
        let inner = match rest.iter().position(|word| word == "--") {
            Some(at) => &rest[at + 1..],
            None => {
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
            }
        };
        if let Some(first) = inner.first() {
            // `uv run app/main.py` and `coverage run app.py` run a script, with or without `python`.
            let is_script = file_name(first).len() > 3 && first.ends_with(".py");
            let mut words = inner.to_vec();
            if is_script || (name == "coverage" && first == "-m") {
                words.insert(0, "python".to_owned());
            }
            self.deeper(|follow| follow.command(words));
        }
        true
    }

    fn shell(&mut self, rest: &[String]) {
        let mut words = rest;
        while let Some((first, more)) = words.split_first() {
            if first.starts_with('-') && !first.starts_with("--") && first.contains('c') {
                let Some((line, arguments)) = more.split_first() else { return };
                // The word behind the line is `$0`.
                let arguments = arguments.get(1..).unwrap_or_default().to_vec();
                let before = std::mem::replace(&mut self.arguments, arguments);
                let line = line.clone();
                self.script(&line);
                self.arguments = before;
                return;
            }
            if first == "-o" || first == "-O" {
                words = more.get(1..).unwrap_or_default();
            } else if first.starts_with('-') {
                words = more;
            } else {
                if let Some(path) = self.located(first) {
                    self.shell_script(&path, more);
                }
                return;
            }
        }
    }

    fn shell_script(&mut self, path: &str, arguments: &[String]) {
        let Some(text) = self.files.text(path) else { return };
        let before = std::mem::replace(&mut self.arguments, arguments.to_vec());
        let stopped = self.stopped;
        let functions = std::mem::take(&mut self.functions);
        self.script(&text);
        self.functions = functions;
        self.arguments = before;
        // A script that ends, or replaces itself, does not end the one that calls it.
        self.stopped = stopped;
    }

    fn make(&mut self, program: &str, rest: &[String]) {
        let mut words = rest;
        let mut name = None;
        while let Some((first, more)) = words.split_first() {
            words = more;
            match first.as_str() {
                "-C" | "--directory" | "-d" => {
                    if let Some(folder) = more.first() {
                        self.enter(&folder.clone());
                    }
                    words = more.get(1..).unwrap_or_default();
                }
                word if word.starts_with('-') || is_assignment(word) => {}
                word => {
                    name = Some(word.to_owned());
                    break;
                }
            }
        }
        let files: &[&str] = if program == "just" {
            &["justfile", "Justfile", ".justfile"]
        } else {
            &["Makefile", "makefile", "GNUmakefile"]
        };
        let path = files.iter().find_map(|file| self.located(file));
        let Some(text) = path.and_then(|path| self.files.text(&path)) else { return };
        let targets = makefile::targets(&text);
        let target = targets.iter().find(|target| name.as_deref().is_none_or(|name| target.name == name));
        if let Some(target) = target {
            let recipe = target.recipe.clone();
            self.script(&recipe);
        }
    }

    fn procfile(&mut self, rest: &[String]) {
        if let Some(folder) = option(rest, &["-d", "--app-root", "--root"]) {
            self.enter(&folder);
        }
        let named = option(rest, &["-f", "--procfile"]).unwrap_or_else(|| "Procfile".to_owned());
        let Some(path) = self.located(&named) else { return };
        let Some(text) = self.files.text(&path) else { return };
        // `honcho start web worker` starts these alone.
        let wanted: Vec<&String> =
            rest.iter().skip_while(|word| *word != "start").skip(1).take_while(|word| !word.starts_with('-')).collect();
        for process in procfile::read(&text, &path) {
            let (Some(Command::Shell(line)), true) = (&process.command, self.spend()) else { continue };
            if process.is_job || !(wanted.is_empty() || wanted.contains(&&process.name)) {
                continue;
            }
            let before = (self.variables.clone(), self.folder.clone(), self.part.replace(process.name.clone()));
            self.script(line);
            self.stopped = false;
            (self.variables, self.folder, self.part) = before;
        }
    }

    fn supervisor(&mut self, rest: &[String]) {
        let named = option(rest, &["-c", "--configuration"]);
        let usual = ["supervisord.conf", "etc/supervisord.conf", "supervisor.conf"];
        let path = match named {
            Some(path) => self.located(&path),
            None => usual.iter().find_map(|path| self.located(path)),
        };
        let Some(path) = path else { return };
        let Some(text) = self.files.text(&path) else { return };
        for program in supervisor::read(&text, &path) {
            let (Some(Command::Line(line)), true) = (&program.command, self.spend()) else { continue };
            let words = shlex::split(line).unwrap_or_default();
            let before = (self.variables.clone(), self.folder.clone(), self.part.take());
            self.variables.extend(program.environment);
            if let Some(folder) = &program.folder {
                self.enter(folder);
            }
            self.part = Some(program.name.clone());
            let known = self.variables.clone();
            let first = self.starts.len();
            let words = words.iter().map(|word| expand(word, &known)).collect();
            self.deeper(|follow| follow.command(words));
            for start in &mut self.starts[first..] {
                start.instances = start.instances.or(program.instances);
            }
            (self.variables, self.folder, self.part) = before;
        }
    }

    fn python(&mut self, rest: &[String], words: &[String]) {
        let mut at = rest;
        while let Some((first, more)) = at.split_first() {
            match first.as_str() {
                "-m" => {
                    if let Some((module, rest)) = more.split_first() {
                        self.module(module, rest, words);
                    }
                    return;
                }
                "-c" | "-V" | "--version" | "-h" => return,
                "-W" | "-X" => at = more.get(1..).unwrap_or_default(),
                option if option.starts_with("-m") && !option.starts_with("--") => {
                    self.module(&option[2..], more, words);
                    return;
                }
                option if option.starts_with('-') && option.len() > 1 => at = more,
                script => {
                    let script = script.to_owned();
                    return self.file(&script, more, words);
                }
            }
        }
    }

    fn module(&mut self, module: &str, rest: &[String], words: &[String]) {
        if module == "debugpy" {
            // `debugpy --listen 5678 -m app` or `… app.py`.
            let mut inner = rest;
            while let Some((first, more)) = inner.split_first() {
                match first.as_str() {
                    "--listen" | "--connect" | "--configure-qt" => inner = more.get(1..).unwrap_or_default(),
                    "-m" => break,
                    word if word.starts_with("--") => inner = more,
                    _ => break,
                }
            }
            let inner = inner.to_vec();
            return self.deeper(|follow| follow.python(&inner, words));
        }
        let wrapped = WRAPPERS.iter().any(|wrapper| wrapper.name == module && module == "coverage");
        if wrapped && self.wrapped(module, rest) {
            return;
        }
        match module {
            "flask" => return self.flask(rest, words),
            "fastapi" => return self.fastapi(rest, words),
            "django" => return self.django(None, rest, words),
            _ => {}
        }
        if self.launch(module, rest, words) || TOOLS.contains(&module) {
            return;
        }
        let target = Target::Module(module.to_owned());
        let found = self.found_module(module, true);
        let runs = told_by(rest);
        self.start(target, runs, found, rest, words);
    }

    /// Runs a file: a Python script, a shell script, or nothing of ours.
    fn file(&mut self, path: &str, rest: &[String], words: &[String]) {
        let found = self.locate(path);
        if let Found::Inside(file) = &found
            && !file.ends_with(".py")
        {
            let Some(text) = self.files.text(file) else { return };
            let first = text.lines().next().unwrap_or("");
            if !first.contains("python") {
                // Scripts without a first line that says who runs them are the shell's.
                if first.contains("sh") || !first.starts_with("#!") {
                    let file = file.clone();
                    self.deeper(|follow| follow.shell_script(&file, rest));
                }
                return;
            }
        } else if !path.ends_with(".py") {
            return self.unknown(path, rest);
        }
        let manages = file_name(path) == "manage.py";
        if manages
            && let Found::Inside(file) = &found
            && self.files.mentions(file, "django")
        {
            let file = file.clone();
            return self.django(Some((path, file)), rest, words);
        }
        self.start(Target::Script(path.to_owned()), told_by(rest), found, rest, words);
    }

    /// A program that nobody knows, and that may run the rest of its line: `bin/start-proxy gunicorn app:app`.
    fn unknown(&mut self, path: &str, rest: &[String]) {
        let behind = rest.iter().position(|word| word == "--").map(|at| at + 1);
        let launched = rest.iter().position(|word| {
            let name = file_name(word);
            is_python(name) || name == "uwsgi" || LAUNCHERS.iter().any(|launcher| launcher.name == name)
        });
        if let Some(at) = behind.or(launched.filter(|_| path.contains('/'))) {
            let inner = rest[at..].to_vec();
            self.deeper(|follow| follow.command(inner));
        }
    }

    fn function(&mut self, module: &str, function: &str, rest: &[String], words: &[String]) {
        let target = Target::Function { module: module.to_owned(), function: function.to_owned() };
        let found = self.found_module(module, false);
        self.start(target, told_by(rest), found, rest, words);
    }

    fn django(&mut self, manage: Option<(&str, String)>, rest: &[String], words: &[String]) {
        let Some(verb) = rest.iter().find(|word| !word.starts_with('-')).cloned() else { return };
        let known = DJANGO_SERVICES.iter().find(|(name, _)| *name == verb).map(|(_, runs)| *runs);
        let settings = option(rest, &["--settings"]).or_else(|| self.variables.get("DJANGO_SETTINGS_MODULE").cloned());
        let (target, found) = match manage {
            Some((written, file)) => (Target::Script(written.to_owned()), Found::Inside(file)),
            None => {
                let Some(settings) = settings.clone() else { return };
                let found = self.found_module(&settings, false);
                (Target::Object { module: settings, object: None, is_factory: false }, found)
            }
        };
        let before = self.starts.len();
        self.start(target, known.unwrap_or(Runs::Process), found, rest, words);
        let command = self.files.django_command(&verb);
        let address =
            rest.iter().skip_while(|word| **word != verb).skip(1).find(|word| !word.starts_with('-')).cloned();
        for start in &mut self.starts[before..] {
            start.is_preparation = known.is_none() && (PREPARATIONS.contains(&verb.as_str()) || command.is_empty());
            start.loads.extend(command.iter().cloned());
            if known == Some(Runs::Server) {
                let (host, port) = address.as_deref().map(host_and_port).unwrap_or_default();
                start.host = host;
                start.says_port = port.is_some();
                start.port = port.or(Some(8000));
            }
        }
    }

    fn flask(&mut self, rest: &[String], words: &[String]) {
        let named = option(rest, &["--app", "-A"]);
        let named =
            named.or_else(|| self.variables.get("FLASK_APP").or_else(|| self.variables.get("QUART_APP")).cloned());
        let mut verbs = rest.iter().enumerate().filter(|(index, word)| {
            !word.starts_with('-')
                && !index
                    .checked_sub(1)
                    .is_some_and(|before| matches!(rest[before].as_str(), "--app" | "-A" | "-e" | "--env-file"))
        });
        let Some(verb) = verbs.next().map(|(_, word)| word.clone()) else { return };
        let app = match named.filter(|name| !name.is_empty()) {
            Some(name) => name,
            // https://flask.palletsprojects.com/en/stable/cli/#application-discovery
            None => match ["wsgi.py", "app.py"].iter().find(|file| self.located(file).is_some()) {
                Some(file) => (*file).to_owned(),
                None => return,
            },
        };
        let before = self.starts.len();
        let runs = if verb == "run" { Runs::Server } else { Runs::Process };
        self.object(&app, runs, rest, words);
        for start in &mut self.starts[before..] {
            start.is_preparation = verb != "run" && !told_by(rest).keeps_running();
            if verb == "run" {
                let variable = |name: &str| self.variables.get(name).cloned();
                let port = option(rest, &["-p", "--port"]).or_else(|| variable("FLASK_RUN_PORT"));
                start.host = option(rest, &["-h", "--host"]).or_else(|| variable("FLASK_RUN_HOST"));
                let port = port.and_then(|port| port.parse().ok());
                start.says_port = port.is_some();
                start.port = port.or(Some(5000));
            }
        }
    }

    fn fastapi(&mut self, rest: &[String], words: &[String]) {
        let Some((verb, rest)) = rest.split_first().filter(|(verb, _)| matches!(verb.as_str(), "run" | "dev")) else {
            return;
        };
        let named =
            rest.iter().find(|word| word.ends_with(".py")).cloned().or_else(|| option(rest, &["-e", "--entrypoint"]));
        // https://fastapi.tiangolo.com/fastapi-cli/: where it looks if nothing is named.
        let usual = ["main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py"];
        let named =
            named.or_else(|| usual.iter().find(|file| self.located(file).is_some()).map(|file| (*file).to_owned()));
        let Some(named) = named else { return };
        let before = self.starts.len();
        self.object(&named, Runs::Server, rest, words);
        let object = option(rest, &["--app"]);
        for start in &mut self.starts[before..] {
            if let Target::Object { object: into, .. } = &mut start.target {
                *into = into.take().or_else(|| object.clone()).or_else(|| Some("app".to_owned()));
            }
            let port = option(rest, &["--port"]).and_then(|port| port.parse().ok());
            start.says_port = port.is_some();
            start.port = port.or(Some(8000));
            start.host = option(rest, &["--host"]).or_else(|| (verb == "dev").then(|| "127.0.0.1".to_owned()));
        }
    }

    /// `uwsgi --module a:b --http :80`, `uwsgi app.ini`.
    fn uwsgi(&mut self, words: &[String]) {
        let rest = words.get(1..).unwrap_or_default();
        let mut settings: Vec<(String, String)> = Vec::new();
        let ini = option(rest, &["--ini", "-i"]).or_else(|| rest.iter().find(|word| word.ends_with(".ini")).cloned());
        if let Some(text) = ini.and_then(|path| self.located(&path)).and_then(|path| self.files.text(&path)) {
            let sections = crate::ini::sections(&text);
            let entries =
                sections.iter().filter(|section| section.name == "uwsgi").flat_map(|section| &section.entries);
            settings.extend(entries.map(|entry| (entry.key.clone(), environment_of_uwsgi(&entry.value))));
        }
        let known = self.variables.clone();
        let get = |keys: &[&str]| {
            let dashed: Vec<String> = keys.iter().map(|key| format!("--{key}")).collect();
            let dashed: Vec<&str> = dashed.iter().map(String::as_str).collect();
            let set = || {
                settings
                    .iter()
                    .rev()
                    .find(|(key, _)| keys.contains(&key.as_str()))
                    .map(|(_, value)| expand(value, &known))
            };
            option(rest, &dashed).or_else(set)
        };
        if let Some(folder) = get(&["chdir"]) {
            self.enter(&folder);
        }
        let app =
            get(&["module", "wsgi", "w"]).or_else(|| option(rest, &["-w"])).or_else(|| get(&["wsgi-file", "file"]));
        let Some(mut app) = app else { return };
        if let Some(callable) = get(&["callable"]).filter(|_| !app.contains(':')) {
            app = format!("{app}:{callable}");
        }
        let before = self.starts.len();
        self.object(&app, Runs::Server, rest, words);
        let address = get(&["http", "http-socket", "socket", "https"]);
        let (host, port) = address.as_deref().map(host_and_port).unwrap_or_default();
        for start in &mut self.starts[before..] {
            (start.host, start.port, start.says_port) = (host.clone(), port, port.is_some());
            start.instances = get(&["processes", "workers", "p"]).and_then(|number| number.parse().ok());
        }
    }

    /// Starts what a launcher of the table starts; `false` if it is none.
    fn launch(&mut self, name: &str, rest: &[String], words: &[String]) -> bool {
        let Some(launcher) = LAUNCHERS.iter().find(|launcher| launcher.name == name) else { return false };
        let verb = launcher.verbs.iter().find(|(verb, _)| rest.iter().any(|word| word == verb));
        if !launcher.verbs.is_empty() && verb.is_none() {
            return true;
        }
        let runs = verb.map_or(launcher.runs, |(_, runs)| *runs);
        for folder in launcher.folder.iter().filter_map(|name| option(rest, &[name])) {
            self.enter(&folder);
        }
        let before = self.starts.len();
        let plain = plain_words(launcher, rest, verb.map(|(verb, _)| *verb));
        match launcher.named {
            Named::Word => {
                let app =
                    plain.iter().find(|word| is_object(word)).or_else(|| plain.iter().find(|word| is_dotted(word)));
                let app = app.cloned().or_else(|| self.configured_app(rest));
                if let Some(app) = app {
                    self.object(&app, runs, rest, words);
                }
            }
            Named::Option => {
                let variable = || self.variables.get("CELERY_APP").cloned().filter(|_| launcher.name == "celery");
                if let Some(app) = option(rest, launcher.app).or_else(variable) {
                    self.object(&app, runs, rest, words);
                }
            }
            Named::File | Named::FileOption => {
                let file = match launcher.named {
                    Named::File => plain.iter().find(|word| word.ends_with(".py")).cloned(),
                    _ => option(rest, launcher.app).or_else(|| Some("locustfile.py".to_owned())),
                };
                if let Some(file) = file {
                    let found = self.locate(&file);
                    self.start(Target::Script(file), runs, found, rest, words);
                }
            }
            Named::Modules => {
                let named: Vec<String> =
                    plain.iter().filter(|word| is_dotted(word) || is_object(word)).cloned().collect();
                // Some options take several values, which look like modules, too: those of the tree count.
                let module = |word: &str| word.split(':').next().unwrap_or(word).to_owned();
                let mut files: Vec<(String, String)> = Vec::new();
                for word in named {
                    if let Some(file) = self.found_module(&module(&word), false).inside() {
                        files.push((word, file));
                    }
                }
                if let Some((first, _)) = files.first() {
                    self.object(&first.clone(), runs, rest, words);
                    if let Some(start) = self.starts.get_mut(before) {
                        start.loads.extend(files.into_iter().skip(1).map(|(_, file)| file));
                    }
                }
            }
            Named::Nothing => {
                let target = Target::Queue(launcher.name.to_owned());
                self.start(target, runs, Found::Nowhere, rest, words);
            }
        }
        let (mut host, mut port) = (option(rest, launcher.host), option(rest, launcher.port));
        let bind = option(rest, launcher.bind)
            .or_else(|| self.configured(rest, "bind").filter(|_| launcher.name == "gunicorn"));
        if let Some(bind) = bind {
            let (bound, number) = host_and_port(&bind);
            host = host.or(bound);
            port = port.or(number.map(|number| number.to_string()));
        } else if launcher.name == "gunicorn"
            && let Some(variable) = self.variables.get("PORT")
        {
            // https://docs.gunicorn.org/en/stable/settings.html#bind: `$PORT`, if set.
            port = Some(variable.clone());
        }
        let port = port.and_then(|port| port.parse::<u16>().ok()).map(u32::from);
        let instances = option(rest, launcher.workers).and_then(|number| number.parse().ok());
        for start in &mut self.starts[before..] {
            start.host.clone_from(&host);
            start.says_port = port.is_some();
            start.port =
                port.or(launcher.default_port).filter(|_| runs == Runs::Server || launcher.runs == Runs::Server);
            start.instances = instances;
        }
        true
    }

    /// A setting of gunicorn's configuration file, which is Python: `bind = "0.0.0.0:8000"`.
    fn configured(&self, rest: &[String], key: &str) -> Option<String> {
        let named = option(rest, &["-c", "--config"]).map(|path| path.trim_start_matches("file:").to_owned());
        let path = self.located(named.as_deref().unwrap_or("gunicorn.conf.py"))?;
        let text = self.files.text(&path)?;
        let value =
            text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('=').map(str::trim))?;
        let mark = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        value[1..].split(mark).next().map(str::to_owned)
    }

    fn configured_app(&self, rest: &[String]) -> Option<String> {
        self.configured(rest, "wsgi_app")
    }

    /// Starts `module:object`, `module`, `file.py` or `file.py:object`.
    fn object(&mut self, written: &str, runs: Runs, rest: &[String], words: &[String]) {
        let (module, object) =
            written.split_once(':').map_or((written, None), |(module, object)| (module, Some(object)));
        let is_call = object.is_some_and(|object| object.contains('('));
        let object = object.map(|object| object.split('(').next().unwrap_or(object).to_owned());
        let is_factory = is_call || rest.iter().any(|word| matches!(word.as_str(), "--factory" | "--call"));
        if module.ends_with(".py") || module.contains('/') {
            let found = self.locate(module);
            let module = module.to_owned();
            return self.start(Target::Object { module, object, is_factory }, runs, found, rest, words);
        }
        let mut found = self.found_module(module, false);
        let mut module = module.to_owned();
        let mut object = object;
        if object.is_none() && runs != Runs::Process {
            // `celery -A proj` finds `proj/celery.py` (https://docs.celeryq.dev/en/stable/userguide/application.html).
            let celery = self.found_module(&format!("{module}.celery"), false);
            if words.iter().any(|word| file_name(word) == "celery") && celery.is_inside() {
                found = celery;
            } else if !found.is_inside()
                && let Some((parent, last)) = module.clone().rsplit_once('.')
            {
                // `-A proj.celery.app`, `arq worker.WorkerSettings`.
                let parent_found = self.found_module(parent, false);
                if parent_found.is_inside() {
                    found = parent_found;
                    object = Some(last.to_owned());
                    module = parent.to_owned();
                }
            }
        }
        self.start(Target::Object { module, object, is_factory }, runs, found, rest, words);
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
            verb: rest.first().filter(|word| is_dotted(&word.replace('-', "_"))).cloned(),
            part: self.part.clone(),
        });
    }

    /// The folder of the tree that a base is.
    fn tree_folder(&self, base: &Base) -> Option<String> {
        match base {
            Base::Tree(folder) => self.files.folder(folder),
            Base::Image(path) => self.mapped(path).iter().find_map(|folder| self.files.folder(folder)),
        }
    }

    /// Where a path most likely stands in the tree, when nothing says where the tree is installed: at what ends so, the longest
    /// ending first.
    fn likely(&self, path: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut rest = path.trim_start_matches('/');
        loop {
            found.extend(self.folders.iter().filter_map(|folder| join(folder, rest)));
            if rest.is_empty() {
                return found;
            }
            rest = rest.split_once('/').map_or("", |(_, more)| more);
        }
    }

    /// Where a path of the image stands in the tree, by what is mounted and copied.
    fn mapped(&self, path: &str) -> Vec<String> {
        if self.mounts.is_empty() {
            return self.likely(path);
        }
        let below = |(target, source): &(String, String)| {
            let rest = if target == "/" { path.strip_prefix('/') } else { path.strip_prefix(target.as_str()) }?;
            let inside = rest.is_empty() || target == "/" || rest.starts_with('/');
            let rest = rest.trim_start_matches('/');
            inside.then(|| join(source, rest)).flatten()
        };
        self.mounts.iter().filter_map(below).collect()
    }

    /// The bases that relative paths and modules are looked for in, nearest first.
    fn bases(&self) -> Vec<Base> {
        let mut bases = vec![self.folder.clone()];
        for path in self.variables.get("PYTHONPATH").into_iter().flat_map(|value| value.split(':')) {
            if path.starts_with('/') {
                bases.push(Base::Image(absolute("/", path)));
            }
        }
        bases.extend(self.folders.iter().cloned().map(Base::Tree));
        bases
    }

    fn located(&self, path: &str) -> Option<String> {
        self.locate(path).inside()
    }

    fn locate(&self, path: &str) -> Found {
        let path = path.trim_matches(['"', '\'']);
        if path.is_empty() || path.contains("://") {
            return Found::Nowhere;
        }
        if path.starts_with('/') {
            let path = absolute("/", path);
            let mapped = self.mapped(&path);
            let found = mapped.iter().find_map(|path| self.files.file(path));
            let found = found.or_else(|| self.likely(&path).iter().find_map(|path| self.files.file(path)));
            return match found {
                Some(file) => Found::Inside(file),
                None if mapped.is_empty() || self.mounts.is_empty() => Found::Nowhere,
                None => Found::Missing,
            };
        }
        let mut outside = false;
        for base in self.bases() {
            let paths = match &base {
                Base::Tree(folder) => match join(folder, path) {
                    Some(path) => vec![path],
                    None => {
                        outside = true;
                        Vec::new()
                    }
                },
                Base::Image(folder) => self.mapped(&absolute(folder, path)),
            };
            if let Some(file) = paths.iter().find_map(|path| self.files.file(path)) {
                return Found::Inside(file);
            }
        }
        if outside { Found::Outside } else { Found::Missing }
    }

    /// The file of a module. A package that is run is its `__main__`.
    fn found_module(&mut self, module: &str, run: bool) -> Found {
        if !is_dotted(module) {
            return Found::Nowhere;
        }
        let path = module.replace('.', "/");
        let mut has_package = false;
        for base in self.bases() {
            for below in ["", "src", "lib"] {
                let folders = match &base {
                    Base::Tree(folder) => join(folder, below).into_iter().collect(),
                    Base::Image(folder) => self.mapped(&absolute(folder, below)),
                };
                for folder in folders {
                    let Some(stem) = join(&folder, &path) else { continue };
                    let package: &[&str] = if run { &["__main__.py"] } else { &["__init__.py"] };
                    let found = self.files.file(&format!("{stem}.py"));
                    let found =
                        found.or_else(|| package.iter().find_map(|name| self.files.file(&format!("{stem}/{name}"))));
                    if let Some(file) = found {
                        self.imported_from = Some(folder);
                        return Found::Inside(file);
                    }
                    let first = path.split('/').next().unwrap_or(&path);
                    has_package |= join(&folder, first).is_some_and(|first| {
                        self.files.file(&format!("{first}/__init__.py")).is_some()
                            || self.files.file(&format!("{first}.py")).is_some()
                    });
                }
            }
        }
        // The tree has the package and not the module; a package that the tree lacks is someone else's.
        if has_package { Found::Missing } else { Found::Nowhere }
    }
}

/// Where something named stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    /// In the tree.
    Inside(String),
    /// Not in the tree, but it should be.
    Missing,
    /// Outside of the root.
    Outside,
    /// Not of the tree.
    Nowhere,
}

impl Found {
    fn inside(self) -> Option<String> {
        if let Self::Inside(file) = self { Some(file) } else { None }
    }

    fn is_inside(&self) -> bool {
        matches!(self, Self::Inside(_))
    }
}

/// The value of the last of some options: `--port 80`, `--port=80`, `-p80`.
fn option(words: &[String], names: &[&str]) -> Option<String> {
    let mut found = None;
    for (index, word) in words.iter().enumerate() {
        for name in names {
            let Some(rest) = word.strip_prefix(name) else { continue };
            if rest.is_empty() {
                found = words.get(index + 1).filter(|value| !value.is_empty()).cloned().or(found);
            } else if let Some(value) = rest.strip_prefix('=') {
                found = Some(value.to_owned());
            } else if !name.starts_with("--") && name.len() == 2 {
                found = Some(rest.to_owned());
            }
        }
    }
    found
}

/// The words of a launcher's line that are neither options, nor their values, nor its verb.
fn plain_words(launcher: &Launcher, words: &[String], verb: Option<&str>) -> Vec<String> {
    let lists =
        [launcher.app, launcher.host, launcher.port, launcher.bind, launcher.folder, launcher.workers, launcher.values];
    let mut found = Vec::new();
    let mut at = words.iter();
    while let Some(word) = at.next() {
        if word.starts_with('-') {
            if lists.iter().any(|list| list.contains(&word.as_str())) {
                at.next();
            }
        } else if Some(word.as_str()) != verb {
            found.push(word.clone());
        }
    }
    found
}

/// What the words behind a script say of what it does.
fn told_by(words: &[String]) -> Runs {
    let says = |names: &[&str]| words.iter().take(4).any(|word| names.contains(&word.as_str()));
    if says(&["worker", "workers", "consumer", "consume"]) {
        Runs::Worker
    } else if says(&["scheduler", "beat"]) {
        Runs::Scheduler
    } else if says(&["runserver", "serve", "server", "web", "start-server"]) {
        Runs::Server
    } else {
        Runs::Process
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        let mut chars = name.chars();
        chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

fn is_python(name: &str) -> bool {
    let rest = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy"));
    rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// `package.module`
pub(crate) fn is_dotted(word: &str) -> bool {
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    !word.is_empty() && word.split('.').all(is_name)
}

/// `package.module:object`, `package.module:make()`
fn is_object(word: &str) -> bool {
    word.split_once(':').is_some_and(|(module, object)| {
        let object = object.split('(').next().unwrap_or(object);
        is_dotted(module) && is_dotted(object)
    })
}

/// `0.0.0.0:80`, `:80`, `80`, `[::]:80`, `tcp://h:80`; of a socket file nothing.
fn host_and_port(text: &str) -> (Option<String>, Option<u32>) {
    let text = text.split("://").last().unwrap_or(text);
    if text.starts_with("unix:") || text.contains('/') {
        return (None, None);
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port = port.parse::<u16>().ok().map(u32::from);
    (Some(host.to_owned()).filter(|host| !host.is_empty()), port)
}

/// Whether a shell pattern with `*` and `?` fits a text.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p.min(pattern.len())..].iter().all(|c| *c == '*')
}

fn unquoted(word: &str) -> String {
    word.replace(['"', '\''], "")
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Where the variable at the start of a text ends: `$NAME` or `${…}`.
fn variable_end(text: &str) -> usize {
    if text.starts_with("${") {
        let mut depth = 0_u32;
        for (offset, byte) in text.bytes().enumerate() {
            match byte {
                b'{' => depth += 1,
                b'}' if depth == 1 => return offset + 1,
                b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        return text.len();
    }
    let is_digit = text[1..].starts_with(|c: char| c.is_ascii_digit());
    let end = text[1..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map_or(text.len(), |end| end + 1);
    if is_digit { 2 } else { end }
}

/// Behind the `)` that closes one already open.
fn behind_bracket(text: &str) -> &str {
    let mut depth = 1_u32;
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return &text[offset + 1..];
                }
            }
            _ => {}
        }
    }
    ""
}

/// uWSGI's `$(NAME)` is a variable of the environment.
fn environment_of_uwsgi(value: &str) -> String {
    value.replace("$(", "${").replace(')', "}")
}
