//! Servers and workers: what application their command lines name.

use super::places::Found;
use super::words::{
    environment_of_uwsgi, file_name, host_and_port, is_dotted, is_object, is_python_file, option, plain_words, told_by,
};
use super::{Follow, Target};
use crate::launchers::{DJANGO_SERVICES, LAUNCHERS, Named, PREPARATIONS};
use crate::service::Runs;
use crate::value::expand;

impl Follow<'_> {
    pub(super) fn django(&mut self, manage: Option<(&str, String)>, rest: &[String], words: &[String]) {
        let Some(verb) = rest.iter().find(|word| !word.starts_with('-')).cloned() else { return };
        let known = DJANGO_SERVICES.iter().find(|(name, _)| *name == verb).map(|(_, runs)| *runs);
        let settings = option(rest, &["--settings"]).or_else(|| self.variables.get("DJANGO_SETTINGS_MODULE").cloned());
        let (target, found) = if let Some((written, file)) = manage {
            (Target::Script(written.to_owned()), Found::Inside(file))
        } else {
            let Some(settings) = settings else { return };
            let found = self.found_module(&settings, false);
            (Target::Object { module: settings, object: None, is_factory: false }, found)
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

    pub(super) fn flask(&mut self, rest: &[String], words: &[String]) {
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

    pub(super) fn fastapi(&mut self, rest: &[String], words: &[String]) {
        let Some((verb, rest)) = rest.split_first().filter(|(verb, _)| matches!(verb.as_str(), "run" | "dev")) else {
            return;
        };
        let named =
            rest.iter().find(|word| is_python_file(word)).cloned().or_else(|| option(rest, &["-e", "--entrypoint"]));
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

    /// `uwsgi --module a:b --http :80`, `uwsgi app.ini`; the daemons that it keeps beside it are programs of their own.
    pub(super) fn uwsgi(&mut self, words: &[String]) {
        let rest = words.get(1..).unwrap_or_default();
        let mut settings: Vec<(String, String)> = Vec::new();
        let ini = option(rest, &["--ini", "-i"]).or_else(|| {
            rest.iter().find(|word| word.rsplit_once('.').is_some_and(|(_, ending)| ending == "ini")).cloned()
        });
        if let Some(text) = ini.and_then(|path| self.located(&path)).and_then(|path| self.files.text(&path)) {
            let sections = crate::ini::sections(&text);
            let mut counts = true;
            for entry in sections.iter().filter(|section| section.name == "uwsgi").flat_map(|section| &section.entries)
            {
                let is_set = self.variables.contains_key(&entry.value);
                match entry.key.as_str() {
                    "if-env" => counts = is_set,
                    "if-not-env" => counts = !is_set,
                    "endif" => counts = true,
                    _ if counts => settings.push((entry.key.clone(), environment_of_uwsgi(&entry.value))),
                    _ => {}
                }
            }
        }
        let daemons: Vec<String> = settings
            .iter()
            .filter(|(key, _)| key.starts_with("attach-daemon"))
            .map(|(_, value)| value.clone())
            .collect();
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
        for daemon in daemons {
            // `attach-daemon2` has `cmd=…,freq=3`.
            let line =
                daemon.split_once("cmd=").map_or(daemon.as_str(), |(_, line)| line.split(',').next().unwrap_or(line));
            let before = (self.variables.clone(), self.folder.clone(), self.part.clone());
            let first = self.starts.len();
            self.part = Some("daemon".to_owned());
            self.script(line);
            for start in &mut self.starts[first..] {
                start.part = start.verb.clone().or(start.part.take());
            }
            (self.variables, self.folder, self.part) = before;
        }
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
    pub(super) fn launch(&mut self, name: &str, rest: &[String], words: &[String]) -> bool {
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
                let is_file = |word: &&String| word.split(':').next().is_some_and(is_python_file);
                let app = plain.iter().find(|word| is_object(word)).or_else(|| plain.iter().find(is_file));
                let app = app.or_else(|| plain.iter().find(|word| is_dotted(word)));
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
                    Named::File => plain.iter().find(|word| is_python_file(word)).cloned(),
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
    pub(super) fn configured(&self, rest: &[String], key: &str) -> Option<String> {
        let named = option(rest, &["-c", "--config"]).map(|path| path.trim_start_matches("file:").to_owned());
        let path = self.located(named.as_deref().unwrap_or("gunicorn.conf.py"))?;
        let text = self.files.text(&path)?;
        let value =
            text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('=').map(str::trim))?;
        let mark = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        value[1..].split(mark).next().map(str::to_owned)
    }

    pub(super) fn configured_app(&self, rest: &[String]) -> Option<String> {
        self.configured(rest, "wsgi_app")
    }

    /// Starts `module:object`, `module`, `file.py` or `file.py:object`.
    pub(super) fn object(&mut self, written: &str, runs: Runs, rest: &[String], words: &[String]) {
        let (module, object) =
            written.split_once(':').map_or((written, None), |(module, object)| (module, Some(object)));
        let is_call = object.is_some_and(|object| object.contains('('));
        let object = object.map(|object| object.split('(').next().unwrap_or(object).to_owned());
        let is_factory = is_call || rest.iter().any(|word| matches!(word.as_str(), "--factory" | "--call"));
        if is_python_file(module) || module.contains('/') {
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
                    parent.clone_into(&mut module);
                }
            }
        }
        self.start(Target::Object { module, object, is_factory }, runs, found, rest, words);
    }
}
