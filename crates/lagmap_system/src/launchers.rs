//! Programs that start other people's code: servers, workers and wrappers, as a table.

use crate::service::Runs;

/// How a command line names what it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// `module:object`, or a module, among the words: `uvicorn app.main:app`.
    Word,
    /// The same behind one of the launcher's `app` options: `celery -A app worker`.
    Option,
    /// A file among the words: `streamlit run app.py`.
    File,
    /// A file behind one of the `app` options: `locust -f load.py`.
    FileOption,
    /// Modules among the words: `dramatiq app.tasks`.
    Modules,
    /// Nothing of the tree: what is queued says what runs.
    Nothing,
}

/// A program that starts an application or a worker.
#[derive(Debug)]
pub(crate) struct Launcher {
    pub(crate) name: &'static str,
    pub(crate) runs: Runs,
    pub(crate) named: Named,
    /// Words of which one must follow, with what it runs; any will do if there are none.
    pub(crate) verbs: &'static [(&'static str, Runs)],
    /// Options that name the application.
    pub(crate) app: &'static [&'static str],
    pub(crate) host: &'static [&'static str],
    pub(crate) port: &'static [&'static str],
    /// Options with `host:port`.
    pub(crate) bind: &'static [&'static str],
    /// Options with a folder to run in or to import from.
    pub(crate) folder: &'static [&'static str],
    pub(crate) workers: &'static [&'static str],
    /// Further options that take a value.
    pub(crate) values: &'static [&'static str],
    pub(crate) default_port: Option<u32>,
}

const SERVER: Launcher = Launcher {
    name: "",
    runs: Runs::Server,
    named: Named::Word,
    verbs: &[],
    app: &[],
    host: &["--host"],
    port: &["--port"],
    bind: &[],
    folder: &[],
    workers: &["--workers"],
    values: &[],
    default_port: None,
};

const WORKER: Launcher = Launcher { runs: Runs::Worker, host: &[], port: &[], workers: &[], ..SERVER };

/// The programs, each with the options that its documentation gives.
pub(crate) const LAUNCHERS: &[Launcher] = &[
    // https://www.uvicorn.org/settings/
    Launcher {
        name: "uvicorn",
        folder: &["--app-dir"],
        values: &[
            "--uds",
            "--fd",
            "--reload-dir",
            "--reload-include",
            "--reload-exclude",
            "--reload-delay",
            "--loop",
            "--http",
            "--ws",
            "--lifespan",
            "--interface",
            "--env-file",
            "--log-config",
            "--log-level",
            "--root-path",
            "--forwarded-allow-ips",
            "--timeout-keep-alive",
            "--ssl-keyfile",
            "--ssl-certfile",
            "--limit-concurrency",
        ],
        default_port: Some(8000),
        ..SERVER
    },
    // https://docs.gunicorn.org/en/stable/settings.html
    Launcher {
        name: "gunicorn",
        host: &[],
        port: &[],
        bind: &["-b", "--bind"],
        folder: &["--chdir", "--pythonpath"],
        workers: &["-w", "--workers"],
        values: &[
            "-c",
            "--config",
            "-k",
            "--worker-class",
            "--threads",
            "-t",
            "--timeout",
            "--graceful-timeout",
            "--keep-alive",
            "-n",
            "--name",
            "-p",
            "--pid",
            "-u",
            "--user",
            "-g",
            "--group",
            "-e",
            "--env",
            "--log-level",
            "--access-logfile",
            "--error-logfile",
            "--log-file",
            "--log-config",
            "--worker-tmp-dir",
            "--max-requests",
            "--max-requests-jitter",
            "--worker-connections",
            "--backlog",
            "--limit-request-line",
            "--limit-request-field_size",
            "--forwarded-allow-ips",
            "--statsd-host",
            "--certfile",
            "--keyfile",
            "--paste",
        ],
        default_port: Some(8000),
        ..SERVER
    },
    // https://hypercorn.readthedocs.io/en/latest/how_to_guides/configuring.html
    Launcher {
        name: "hypercorn",
        host: &[],
        port: &[],
        bind: &["-b", "--bind"],
        workers: &["-w", "--workers"],
        values: &[
            "-c",
            "--config",
            "-k",
            "--worker-class",
            "--access-logfile",
            "--error-logfile",
            "--log-level",
            "--root-path",
        ],
        default_port: Some(8000),
        ..SERVER
    },
    // https://github.com/django/daphne
    Launcher {
        name: "daphne",
        host: &["-b", "--bind"],
        port: &["-p", "--port"],
        folder: &[],
        values: &[
            "-u",
            "--unix-socket",
            "-e",
            "--endpoint",
            "-v",
            "--verbosity",
            "-t",
            "--http-timeout",
            "--access-log",
            "--ping-interval",
        ],
        default_port: Some(8000),
        ..SERVER
    },
    // https://github.com/emmett-framework/granian
    Launcher {
        name: "granian",
        values: &["--interface", "--loop", "--log-level", "--threads"],
        default_port: Some(8000),
        ..SERVER
    },
    // https://docs.pylonsproject.org/projects/waitress/en/stable/runner.html
    Launcher {
        name: "waitress-serve",
        bind: &["--listen"],
        values: &["--threads", "--url-prefix"],
        default_port: Some(8080),
        ..SERVER
    },
    // https://docs.aiohttp.org/en/stable/web_quickstart.html#command-line-interface-cli
    Launcher {
        name: "aiohttp.web",
        host: &["-H", "--hostname"],
        port: &["-P", "--port"],
        default_port: Some(8080),
        ..SERVER
    },
    // https://docs.litestar.dev/2/usage/cli.html
    Launcher {
        name: "litestar",
        verbs: &[("run", Runs::Server)],
        named: Named::Option,
        app: &["--app"],
        host: &["-H", "--host"],
        port: &["-p", "--port"],
        folder: &["--app-dir"],
        default_port: Some(8000),
        ..SERVER
    },
    // https://sanic.dev/en/guide/running/running.html
    Launcher { name: "sanic", host: &["-H", "--host"], port: &["-p", "--port"], default_port: Some(8000), ..SERVER },
    // https://docs.streamlit.io/develop/api-reference/cli/run
    Launcher {
        name: "streamlit",
        named: Named::File,
        verbs: &[("run", Runs::Server)],
        host: &["--server.address"],
        port: &["--server.port"],
        default_port: Some(8501),
        ..SERVER
    },
    // https://docs.chainlit.io/backend/command-line
    Launcher {
        name: "chainlit",
        named: Named::File,
        verbs: &[("run", Runs::Server)],
        default_port: Some(8000),
        ..SERVER
    },
    // https://panel.holoviz.org, https://docs.bokeh.org: both serve on 5006.
    Launcher {
        name: "panel",
        named: Named::File,
        verbs: &[("serve", Runs::Server)],
        default_port: Some(5006),
        ..SERVER
    },
    Launcher {
        name: "bokeh",
        named: Named::File,
        verbs: &[("serve", Runs::Server)],
        default_port: Some(5006),
        ..SERVER
    },
    // https://docs.bentoml.com/en/latest/reference/cli.html
    Launcher {
        name: "bentoml",
        verbs: &[("serve", Runs::Server)],
        port: &["-p", "--port"],
        default_port: Some(3000),
        ..SERVER
    },
    // https://docs.locust.io/en/stable/configuration.html
    Launcher {
        name: "locust",
        named: Named::FileOption,
        app: &["-f", "--locustfile"],
        runs: Runs::Process,
        port: &["-P", "--web-port"],
        ..SERVER
    },
    // https://docs.celeryq.dev/en/stable/reference/cli.html
    Launcher {
        name: "celery",
        named: Named::Option,
        app: &["-A", "--app"],
        verbs: &[
            ("worker", Runs::Worker),
            ("beat", Runs::Scheduler),
            ("flower", Runs::Monitor),
            ("events", Runs::Process),
        ],
        port: &["--port"],
        folder: &["--workdir"],
        workers: &["-c", "--concurrency"],
        values: &[
            "-b",
            "--broker",
            "--result-backend",
            "--loader",
            "--config",
            "-l",
            "--loglevel",
            "-Q",
            "--queues",
            "-n",
            "-P",
            "-s",
            "-f",
        ],
        ..WORKER
    },
    Launcher { name: "celeryd", named: Named::Option, app: &["-A", "--app"], ..WORKER },
    // https://python-rq.org/docs/workers/
    Launcher {
        name: "rq",
        named: Named::Nothing,
        verbs: &[("worker", Runs::Worker), ("worker-pool", Runs::Worker), ("cron", Runs::Scheduler)],
        ..WORKER
    },
    Launcher { name: "rqworker", named: Named::Nothing, ..WORKER },
    Launcher { name: "rqscheduler", runs: Runs::Scheduler, named: Named::Nothing, ..WORKER },
    // https://dramatiq.io/guide.html
    Launcher {
        name: "dramatiq",
        named: Named::Modules,
        folder: &["--path", "-P"],
        values: &[
            "--processes",
            "-p",
            "--threads",
            "-t",
            "--queues",
            "-Q",
            "--log-file",
            "--fork-function",
            "-f",
            "--pid-file",
            "--watch",
            "--worker-shutdown-timeout",
        ],
        ..WORKER
    },
    // https://huey.readthedocs.io/en/latest/consumer.html
    Launcher {
        name: "huey_consumer",
        values: &["-w", "--workers", "-k", "--worker-type", "-l", "--logfile"],
        ..WORKER
    },
    // https://arq-docs.helpmanual.io
    Launcher { name: "arq", values: &["--watch", "--custom-log-dict"], ..WORKER },
    // https://taskiq-python.github.io/guide/cli.html
    Launcher {
        name: "taskiq",
        verbs: &[("worker", Runs::Worker), ("scheduler", Runs::Scheduler)],
        workers: &["--workers", "-w"],
        values: &["--log-level", "--tasks-pattern", "-tp", "--max-async-tasks"],
        ..WORKER
    },
    // https://saq-py.readthedocs.io, https://faststream.ag2.ai, https://faust-streaming.github.io/faust, https://nameko.readthedocs.io
    Launcher { name: "saq", ..WORKER },
    Launcher {
        name: "faststream",
        verbs: &[("run", Runs::Worker)],
        workers: &["--workers"],
        folder: &["--app-dir"],
        ..WORKER
    },
    Launcher {
        name: "faust",
        named: Named::Option,
        app: &["-A", "--app"],
        verbs: &[("worker", Runs::Worker)],
        port: &["-p", "--web-port"],
        ..WORKER
    },
    Launcher {
        name: "nameko",
        named: Named::Modules,
        verbs: &[("run", Runs::Worker)],
        values: &["--config", "--broker"],
        ..WORKER
    },
    // https://procrastinate.readthedocs.io/en/stable/howto/basics/command_line.html
    Launcher {
        name: "procrastinate",
        named: Named::Option,
        app: &["-a", "--app"],
        verbs: &[("worker", Runs::Worker)],
        ..WORKER
    },
    // https://flower.readthedocs.io
    Launcher {
        name: "flower",
        named: Named::Option,
        app: &["-A", "--app"],
        runs: Runs::Monitor,
        port: &["--port"],
        default_port: Some(5555),
        ..WORKER
    },
];

/// A program that runs the command behind its own options.
#[derive(Debug)]
pub(crate) struct Wrapper {
    pub(crate) name: &'static str,
    /// Words that follow its name before options: `poetry run`.
    pub(crate) verb: Option<&'static str>,
    /// Options that take a value.
    pub(crate) values: &'static [&'static str],
    /// Words before the command that are no options: `gosu USER command`.
    pub(crate) words: usize,
}

const fn wrapper(name: &'static str, words: usize, values: &'static [&'static str]) -> Wrapper {
    Wrapper { name, verb: None, values, words }
}

const fn with_verb(name: &'static str, verb: &'static str, values: &'static [&'static str]) -> Wrapper {
    Wrapper { name, verb: Some(verb), values, words: 0 }
}

/// Programs that only run another.
pub(crate) const WRAPPERS: &[Wrapper] = &[
    wrapper("exec", 0, &["-a"]),
    wrapper("command", 0, &[]),
    wrapper("nohup", 0, &[]),
    wrapper("time", 0, &[]),
    wrapper("nice", 0, &["-n"]),
    wrapper("ionice", 0, &["-c", "-n"]),
    wrapper("stdbuf", 0, &["-i", "-o", "-e"]),
    wrapper("setsid", 0, &[]),
    wrapper("sudo", 0, &["-u", "-g", "--user", "--group"]),
    wrapper("env", 0, &["-u", "-C"]),
    wrapper("timeout", 1, &["-s", "-k", "--signal"]),
    wrapper("gosu", 1, &[]),
    wrapper("su-exec", 1, &[]),
    wrapper("setuidgid", 1, &[]),
    wrapper("setpriv", 0, &["--reuid", "--regid"]),
    wrapper("chpst", 0, &["-u", "-U", "-b", "-e"]),
    wrapper("tini", 0, &["-e", "-p"]),
    wrapper("dumb-init", 0, &["-r", "--rewrite"]),
    wrapper("catchsegv", 0, &[]),
    wrapper("numactl", 0, &[]),
    wrapper("xvfb-run", 0, &["-n", "-s"]),
    wrapper("ddtrace-run", 0, &[]),
    wrapper("opentelemetry-instrument", 0, &["--traces_exporter", "--metrics_exporter", "--service_name"]),
    wrapper("splunk-py-trace", 0, &[]),
    wrapper("sentry-run", 0, &[]),
    wrapper("scout-run", 0, &[]),
    wrapper("accelerate", 0, &[]),
    wrapper("dotenv", 0, &["-f", "--file"]),
    wrapper("wait-for-it", 0, &["-h", "-p", "-t"]),
    wrapper("wait-for-it.sh", 0, &["-h", "-p", "-t"]),
    wrapper("wait-for", 0, &["-t"]),
    wrapper("dockerize", 0, &["-wait", "-timeout", "-template"]),
    wrapper("watchmedo", 1, &["--directory", "-d", "--pattern", "-p", "--patterns", "--signal", "--ignore-patterns"]),
    // https://watchfiles.helpmanual.io/cli/
    wrapper(
        "watchfiles",
        0,
        &[
            "--filter",
            "--args",
            "--target-type",
            "--ignore-paths",
            "--verbosity",
            "--grace-period",
            "--sigint-timeout",
            "--sigkill-timeout",
        ],
    ),
    with_verb("newrelic-admin", "run-program", &[]),
    with_verb("poetry", "run", &["-C", "--directory"]),
    with_verb("pipenv", "run", &[]),
    with_verb("pdm", "run", &["-p", "--project"]),
    with_verb("rye", "run", &[]),
    with_verb("hatch", "run", &[]),
    with_verb("pixi", "run", &["-e", "--environment"]),
    with_verb(
        "uv",
        "run",
        &["--project", "--directory", "--with", "--extra", "--group", "--env-file", "--python", "-p", "--package"],
    ),
    with_verb("conda", "run", &["-n", "--name", "-p", "--prefix"]),
    with_verb("micromamba", "run", &["-n", "--name", "-p", "--prefix"]),
    with_verb("doppler", "run", &["--project", "--config"]),
    with_verb("coverage", "run", &["--rcfile", "--source", "--omit"]),
    with_verb("memray", "run", &["-o", "--output"]),
    with_verb("py-spy", "record", &["-o", "--output", "-r", "-d"]),
];

/// What of Django's own commands keeps running, with what it runs (Django's, and those of well-known apps).
pub(crate) const DJANGO_SERVICES: &[(&str, Runs)] = &[
    ("runserver", Runs::Server),
    ("runserver_plus", Runs::Server),
    ("testserver", Runs::Server),
    ("grpcrunserver", Runs::Server),
    ("runworker", Runs::Worker),
    ("rqworker", Runs::Worker),
    ("rqworker-pool", Runs::Worker),
    ("rqscheduler", Runs::Scheduler),
    ("celery", Runs::Worker),
    ("celeryd", Runs::Worker),
    ("celerybeat", Runs::Scheduler),
    ("qcluster", Runs::Worker),
    ("run_huey", Runs::Worker),
    ("rundramatiq", Runs::Worker),
    ("process_tasks", Runs::Worker),
    ("db_worker", Runs::Worker),
    ("runapscheduler", Runs::Scheduler),
    ("runcrons", Runs::Scheduler),
];

/// Commands of Django, Alembic and the like that prepare and end.
pub(crate) const PREPARATIONS: &[&str] = &[
    "migrate",
    "collectstatic",
    "makemigrations",
    "compilemessages",
    "makemessages",
    "createsuperuser",
    "createcachetable",
    "loaddata",
    "dumpdata",
    "flush",
    "check",
    "shell",
    "shell_plus",
    "dbshell",
    "test",
    "compress",
    "compilescss",
    "showmigrations",
    "diffsettings",
    "sendtestemail",
    "changepassword",
    "upgrade",
    "init",
    "initdb",
    "install",
];

/// Modules and programs that test, check or build; none is a service.
pub(crate) const TOOLS: &[&str] = &[
    "pytest",
    "py.test",
    "unittest",
    "nose",
    "tox",
    "nox",
    "mypy",
    "ruff",
    "black",
    "isort",
    "flake8",
    "pylint",
    "pyright",
    "pre_commit",
    "pre-commit",
    "pip",
    "pip3",
    "venv",
    "virtualenv",
    "build",
    "twine",
    "setup.py",
    "sphinx",
    "sphinx-build",
    "mkdocs",
    "compileall",
    "ensurepip",
    "alembic",
    "coverage",
    "bandit",
    "codespell",
    "poetry",
    "pdm",
    "hatch",
    "cruft",
    "cProfile",
    "timeit",
    "json.tool",
    "pdb",
    "ipython",
    "jupyter",
    "jupyter-lab",
    "pybabel",
    "babel",
    "bumpversion",
    "towncrier",
];
