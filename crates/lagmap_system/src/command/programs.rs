//! Programs that run others: shells, Python, make, supervisors.

use super::places::Found;
use super::words::{file_name, is_assignment, is_python, is_python_file, option, told_by};
use super::{Follow, Target};
use crate::launchers::{LAUNCHERS, TOOLS, WRAPPERS};
use crate::sources::{Command, makefile, procfile, supervisor};
use crate::value::expand;

impl Follow<'_> {
    pub(super) fn shell(&mut self, rest: &[String]) {
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

    pub(super) fn shell_script(&mut self, path: &str, arguments: &[String]) {
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

    pub(super) fn make(&mut self, program: &str, rest: &[String]) {
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

    pub(super) fn procfile(&mut self, rest: &[String]) {
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

    pub(super) fn supervisor(&mut self, rest: &[String]) {
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
            let words: Vec<String> = words.iter().map(|word| expand(word, &known)).collect();
            self.deeper(|follow| follow.command(&words));
            for start in &mut self.starts[first..] {
                start.instances = start.instances.or(program.instances);
            }
            (self.variables, self.folder, self.part) = before;
        }
    }

    pub(super) fn python(&mut self, rest: &[String], words: &[String]) {
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

    pub(super) fn module(&mut self, module: &str, rest: &[String], words: &[String]) {
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
    pub(super) fn file(&mut self, path: &str, rest: &[String], words: &[String]) {
        let found = self.locate(path);
        if let Found::Inside(file) = &found
            && !is_python_file(file)
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
        } else if !is_python_file(path) {
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
    pub(super) fn unknown(&mut self, path: &str, rest: &[String]) {
        let behind = rest.iter().position(|word| word == "--").map(|at| at + 1);
        let launched = rest.iter().position(|word| {
            let name = file_name(word);
            is_python(name) || name == "uwsgi" || LAUNCHERS.iter().any(|launcher| launcher.name == name)
        });
        if let Some(at) = behind.or(launched.filter(|_| path.contains('/'))) {
            let inner = rest[at..].to_vec();
            self.deeper(|follow| follow.command(&inner));
        }
    }

    pub(super) fn function(&mut self, module: &str, function: &str, rest: &[String], words: &[String]) {
        let target = Target::Function { module: module.to_owned(), function: function.to_owned() };
        let found = self.found_module(module, false);
        self.start(target, told_by(rest), found, rest, words);
    }
}
