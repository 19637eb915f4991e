//! What deployment files say: compose files, Dockerfiles, Procfiles, supervisord, systemd, Kubernetes, make, packaging.

use std::fs;

use lagmap_system::{ConfigOrigin, Entry, Options, ProblemKind, Runs, Service, SourceKind, System, load};
use tempfile::TempDir;

/// A tree of these files; those without text are empty.
fn tree(files: &[(&str, &str)]) -> TempDir {
    let tree = TempDir::new().expect("a temporary folder");
    for (path, text) in files {
        let path = tree.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    tree
}

fn system(files: &[(&str, &str)]) -> System {
    load(tree(files).path(), &[], &Options::default())
}

fn names(system: &System) -> Vec<&str> {
    system.services.iter().map(|service| service.name.as_str()).collect()
}

fn peers(system: &System) -> Vec<&str> {
    system.peers.iter().map(|peer| peer.name.as_str()).collect()
}

fn service<'s>(system: &'s System, name: &str) -> &'s Service {
    let found = system.services.iter().find(|service| service.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {:?}, peers {:?}, {:?}", names(system), peers(system), system.errors))
}

fn script<'s>(system: &'s System, name: &str) -> &'s str {
    service(system, name).script.as_deref().unwrap_or("none")
}

fn messages(system: &System, kind: ProblemKind) -> Vec<&str> {
    let of_kind = system.problems.iter().filter(|problem| problem.kind == kind);
    of_kind.map(|problem| problem.message.as_str()).collect()
}

const DOCKERFILE: &str = "FROM python:3.12 AS base
WORKDIR /srv
COPY backend /srv
ENV PORT=9000
EXPOSE 9000
FROM base
CMD [\"uvicorn\", \"shop.main:app\", \"--host\", \"0.0.0.0\", \"--port\", \"9000\"]
";

#[test]
fn a_compose_file_with_builds_anchors_and_both_forms_of_dependencies() {
    let compose = "x-env: &env
  BROKER_URL: redis://cache:6379
services:
  api:
    build: {context: ., dockerfile: Dockerfile}
    ports: ['${API_PORT:-8080}:9000']
    environment: {<<: *env, DEBUG: 'yes'}
    depends_on:
      db: {condition: service_healthy}
  worker:
    extends: api
    command: celery -A shop.tasks worker --concurrency 4
    ports: !reset []
    depends_on: [api, cache]
    container_name: shop-worker
  beat:
    build: .
    command: [celery, -A, shop.tasks, beat]
    profiles: [jobs]
  cache: {image: 'redis:7', expose: ['6379']}
  db:
    image: postgres:16
";
    let files = [
        ("docker-compose.yml", compose),
        ("Dockerfile", DOCKERFILE),
        ("backend/shop/__init__.py", ""),
        ("backend/shop/main.py", ""),
        ("backend/shop/tasks.py", ""),
    ];
    let system = system(&files);
    assert_eq!(system.errors, []);
    assert_eq!(names(&system), ["api", "worker", "beat"]);
    assert_eq!(peers(&system), ["cache", "db"]);
    let api = service(&system, "api");
    assert_eq!(api.script.as_deref(), Some("backend/shop/main.py"));
    assert_eq!(api.entry, Entry::Object { name: Some("app".to_owned()), is_factory: false });
    assert_eq!((api.runs, api.port, api.source), (Runs::Server, Some(9000), SourceKind::Compose));
    assert_eq!(api.dependencies, ["db"]);
    assert_eq!(api.environment.get("BROKER_URL").map(String::as_str), Some("redis://cache:6379"));
    assert_eq!(api.environment.get("PORT").map(String::as_str), Some("9000"), "what the image sets");
    let published = api.published.first().expect("a port");
    assert_eq!((published.port, published.inside), (Some(8080), 9000));
    let worker = service(&system, "worker");
    assert_eq!((worker.runs, worker.instances), (Runs::Worker, Some(4)));
    assert_eq!(worker.script.as_deref(), Some("backend/shop/tasks.py"));
    assert_eq!(worker.hosts, ["shop-worker"]);
    assert!(worker.dependencies.iter().any(|name| name == "cache"), "{:?}", worker.dependencies);
    assert_eq!((service(&system, "beat").runs, service(&system, "beat").group.as_str()), (Runs::Scheduler, "jobs"));
    assert_eq!(system.problems, []);
    assert_eq!(system.configs.len(), 1);
    assert_eq!(system.configs[0].origin, ConfigOrigin::Deployment);
}

#[test]
fn entry_scripts_are_followed_through_functions_cases_and_further_scripts() {
    let entry = "#!/bin/bash
set -euo pipefail
die() { echo \"$*\" >&2; exit 1; }
[ -z \"${SKIP:-}\" ] && python manage.py migrate --noinput || die \"no migration\"
serve() {
  BIND=${BIND:-0.0.0.0:5000}
  exec gunicorn -b \"$BIND\" -w ${WORKERS:-3} site.wsgi:application
}
case \"$1\" in
  web) shift; serve \"$@\" ;;
  worker) exec /code/bin/worker.sh high ;;
  *) exec \"$@\" ;;
esac
";
    let compose = "services:
  web: {build: ., command: [web]}
  worker: {build: ., command: worker}
  other: {build: ., command: 'python -m site.poll --port 7000'}
";
    let dockerfile = "FROM python\nWORKDIR /code\nCOPY . .\nENTRYPOINT [\"/code/bin/entry.sh\"]\n";
    let files = [
        ("compose.yaml", compose),
        ("Dockerfile", dockerfile),
        ("bin/entry.sh", entry),
        ("bin/worker.sh", "#!/bin/sh\ncd /code\nsleep 2\nexec python -u jobs/run.py \"$1\"\n"),
        ("manage.py", "import django"),
        ("site/__init__.py", ""),
        ("site/wsgi.py", ""),
        ("site/poll.py", ""),
        ("jobs/run.py", ""),
    ];
    let system = system(&files);
    assert_eq!(names(&system), ["web", "worker", "other"]);
    let web = service(&system, "web");
    assert_eq!((web.script.as_deref(), web.port, web.instances), (Some("site/wsgi.py"), Some(5000), Some(3)));
    assert_eq!(script(&system, "worker"), "jobs/run.py");
    assert_eq!(service(&system, "worker").waits_ms, 2000);
    let other = service(&system, "other");
    assert_eq!((&other.entry, other.script.as_deref(), other.port), (&Entry::Module, Some("site/poll.py"), Some(7000)));
}

#[test]
fn a_dockerfile_alone_is_a_service_and_shell_form_is_followed() {
    let files = [
        (
            "worker/Dockerfile",
            "FROM python\nARG MODE=fast\nENV MODE=$MODE\nWORKDIR /app\nCOPY worker/ .\nCMD exec python -u main.py --mode $MODE\n",
        ),
        ("worker/main.py", ""),
        ("docs/Dockerfile", "FROM python\nCMD python main.py\n"),
        ("Dockerfile.test", "FROM python\nCMD pytest\n"),
    ];
    let system = system(&files);
    assert_eq!(names(&system), ["worker"]);
    let worker = service(&system, "worker");
    assert_eq!(worker.script.as_deref(), Some("worker/main.py"));
    assert_eq!(worker.command.as_deref(), Some("python -u main.py --mode fast"));
    assert_eq!((worker.line, worker.source), (6, SourceKind::Dockerfile));
}

#[test]
fn servers_workers_and_frameworks_by_their_commands() {
    let lines = [
        ("a: uvicorn app.main:create --factory --port $PORT --app-dir src", "src/app/main.py", Runs::Server),
        ("b: gunicorn app.wsgi -k gevent --bind=:8001 --chdir src", "src/app/wsgi.py", Runs::Server),
        ("c: hypercorn app/main.py:app --bind 0.0.0.0:8002", "app/main.py", Runs::Server),
        ("d: daphne -b 0.0.0.0 -p 8003 tool:app", "tool.py", Runs::Server),
        ("e: FLASK_APP=tool flask run --port 8004", "tool.py", Runs::Server),
        ("f: fastapi run app/main.py --port 8005", "app/main.py", Runs::Server),
        ("g: python manage.py runserver 0.0.0.0:8006", "manage.py", Runs::Server),
        ("h: python -m celery --app=tool beat", "tool.py", Runs::Scheduler),
        ("i: poetry run python -O tool.py", "tool.py", Runs::Process),
        ("j: waitress-serve --port=8007 --call tool:make", "tool.py", Runs::Server),
        ("k: dramatiq tool --processes 2", "tool.py", Runs::Worker),
        ("l: streamlit run tool.py --server.port 8008", "tool.py", Runs::Server),
        ("m: bash -c 'sleep 1; uv run --no-dev python -m pack'", "pack/__main__.py", Runs::Process),
        ("n: arq tool.WorkerSettings", "tool.py", Runs::Worker),
        ("o: ddtrace-run huey_consumer.py tool.huey -w 4", "tool.py", Runs::Worker),
        ("release: python manage.py migrate", "manage.py", Runs::Job),
    ];
    let procfile: Vec<&str> = lines.iter().map(|(line, ..)| *line).collect();
    let procfile = procfile.join("\n");
    let files = [
        ("Procfile", procfile.as_str()),
        ("src/app/main.py", ""),
        ("src/app/wsgi.py", ""),
        ("app/main.py", ""),
        ("tool.py", ""),
        ("manage.py", "django"),
        ("pack/__main__.py", ""),
    ];
    let variables = [("PORT".to_owned(), "8000".to_owned())].into();
    let system = load(tree(&files).path(), &[], &Options { variables });
    for (index, (line, file, runs)) in lines.iter().enumerate() {
        let name = line.split(':').next().expect("a name");
        let service = service(&system, name);
        assert_eq!((service.script.as_deref(), service.runs), (Some(*file), *runs), "{line}");
        assert_eq!(service.line as usize, index + 1);
    }
    let ports: Vec<Option<u32>> =
        ["a", "b", "c", "d", "e", "f", "g", "j", "l"].map(|name| service(&system, name).port).into();
    let expected = [8000, 8001, 8002, 8003, 8004, 8005, 8006, 8007, 8008].map(Some);
    assert_eq!(ports, expected);
    assert_eq!(service(&system, "a").entry, Entry::Object { name: Some("create".to_owned()), is_factory: true });
    assert_eq!(system.problems, []);
}

#[test]
fn supervisord_and_systemd_on_one_machine() {
    let supervisor = "[supervisord]\nnodaemon=true\n[program:web]\ncommand=gunicorn -b 0.0.0.0:8000 app:app\n[program:jobs]\ncommand=python %(here)s/jobs.py ; comment\nnumprocs=3\nenvironment=A=\"1\",B=2\n";
    let unit = "[Unit]\nAfter=network.target postgresql.service\nRequires=web.service\n[Service]\nWorkingDirectory=/opt/shop\nEnvironment=MODE=x\nExecStart=/opt/shop/venv/bin/python -m tool \\\n  --port 8000\n";
    let files = [
        ("supervisord.conf", supervisor),
        ("deploy/tool.service", unit),
        ("app.py", ""),
        ("jobs.py", ""),
        ("tool.py", ""),
    ];
    let system = system(&files);
    assert_eq!(names(&system), ["web", "jobs", "tool"]);
    let jobs = service(&system, "jobs");
    assert_eq!((jobs.instances, jobs.environment.get("A").map(String::as_str)), (Some(3), Some("1")));
    let tool = service(&system, "tool");
    assert_eq!((tool.script.as_deref(), tool.port), (Some("tool.py"), Some(8000)));
    assert_eq!(tool.dependencies, ["web", "postgresql"]);
    assert_eq!(system.problems, [], "each file is a machine of its own");
}

#[test]
fn programs_of_one_container_are_services_and_one_has_its_ports() {
    let ini = "[uwsgi]\nhttp-socket = :8000\nmodule = shop.wsgi:application\nattach-daemon = python shop/mailer.py\nif-env = SMS\nattach-daemon = python shop/sms.py\nendif =\n";
    let supervisor = "[program:web]\ncommand=python serve.py\n[program:jobs]\ncommand=python jobs.py\nnumprocs=2\n";
    let compose = "services:
  site: {build: ., command: uwsgi uwsgi.ini, ports: ['80:8000']}
  all: {build: ., command: supervisord -c all.conf, ports: ['81:9000']}
  gone: {image: x, depends_on: [all, site]}
";
    let files = [
        ("compose.yml", compose),
        ("uwsgi.ini", ini),
        ("all.conf", supervisor),
        ("shop/wsgi.py", ""),
        ("shop/mailer.py", ""),
        ("shop/sms.py", ""),
        ("serve.py", ""),
        ("jobs.py", ""),
    ];
    let system = system(&files);
    assert_eq!(names(&system), ["site/daemon", "site", "all/web", "all/jobs"]);
    assert_eq!(script(&system, "site/daemon"), "shop/mailer.py");
    let ports: Vec<Option<u32>> = system.services.iter().map(|service| service.port).collect();
    assert_eq!(ports, [None, Some(8000), Some(9000), None]);
    assert_eq!(service(&system, "all/jobs").instances, Some(2));
    assert_eq!(system.problems, []);
}

#[test]
fn kubernetes_workloads_and_the_services_before_them() {
    let manifests = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry/shop/web:1
          command: [python, -m, shop.web]
          ports: [{containerPort: 8000, name: http}]
          envFrom: [{configMapRef: {name: places}}]
          env: [{name: MODE, value: live}, {name: BACK, valueFrom: {configMapKeyRef: {name: places, key: STORE_ADDR}}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: places}
data: {STORE_ADDR: 'store:8080', MODE: test}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 9000}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: shop, args: [python, nightly.py]}]}}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec: {template: {spec: {containers: [{name: db, image: 'postgres:16'}]}}}
";
    let files = [
        ("k8s/all.yaml", manifests),
        ("chart/templates/deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ toYaml . }}\n"),
        ("chart/deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\n{{- if x }}\nmetadata:\n"),
        ("shop/web.py", ""),
        ("nightly.py", ""),
    ];
    let system = system(&files);
    assert_eq!(system.errors, []);
    assert_eq!(names(&system), ["web", "nightly"]);
    assert_eq!(peers(&system), ["db"]);
    let web = service(&system, "web");
    assert_eq!((web.group.as_str(), web.instances), ("deployment", Some(2)));
    assert_eq!(web.hosts, ["shop"]);
    let variable = |name| web.environment.get(name).map(String::as_str);
    assert_eq!((variable("STORE_ADDR"), variable("BACK")), (Some("store:8080"), Some("store:8080")));
    assert_eq!(variable("MODE"), Some("live"), "what the container says itself wins");
    assert_eq!((service(&system, "nightly").runs, script(&system, "nightly")), (Runs::Job, "nightly.py"));
    assert_eq!(
        messages(&system, ProblemKind::UnreachableService),
        ["the service `shop` leads to port 9000 of `web`, whose container has 8000"]
    );
}

#[test]
fn several_sources_of_one_service_are_merged() {
    let compose =
        "services:\n  site:\n    build: .\n    command: gunicorn shop.wsgi:app -b :8000\n    ports: ['8000:8000']\n";
    let files = [
        ("docker-compose.yml", compose),
        ("docker-compose.override.yml", "services: {site: {environment: [DEBUG=1]}, mail: {image: maildev}}\n"),
        ("docker-compose.prod.yml", "services: {site: {image: shop}}\n"),
        ("Dockerfile", "FROM python\nCOPY . /app\nWORKDIR /app\nCMD gunicorn shop.wsgi:app\n"),
        ("Procfile", "web: gunicorn shop.wsgi:app\nworker: celery -A shop worker\n"),
        ("supervisord.conf", "[program:worker]\ncommand=celery -A shop.celery worker -c 2\n"),
        ("Makefile", "run:\n\tgunicorn shop.wsgi:app\nbeat:\n\tcelery -A shop beat\ntest:\n\tpytest\n"),
        ("shop/__init__.py", ""),
        ("shop/wsgi.py", ""),
        ("shop/celery.py", ""),
    ];
    let system = system(&files);
    assert_eq!(names(&system), ["site", "worker", "beat"]);
    let site = service(&system, "site");
    let places: Vec<String> = site.described_in.iter().map(|place| format!("{}:{}", place.path, place.line)).collect();
    assert_eq!(places, ["Procfile:1", "Makefile:1"]);
    assert_eq!(site.hosts, ["web", "run"]);
    assert_eq!(site.environment.get("DEBUG").map(String::as_str), Some("1"));
    assert_eq!(service(&system, "worker").described_in.len(), 1);
    assert_eq!(service(&system, "worker").instances, Some(2));
    assert_eq!(peers(&system), ["mail"]);
}

#[test]
fn project_scripts_count_where_nothing_else_names_a_service() {
    let project = "[project]\nname = \"shop\"\n[project.scripts]\nshop = \"shop.cli:main\"\n[project.gui-scripts]\nshop-ui = \"shop.ui:run\"\n";
    let mut files = vec![("pyproject.toml", project), ("src/shop/cli.py", ""), ("src/shop/ui.py", "")];
    let alone = system(&files);
    assert_eq!(names(&alone), ["shop", "shop-ui"]);
    assert_eq!(service(&alone, "shop").entry, Entry::Function("main".to_owned()));
    assert_eq!((service(&alone, "shop").runs, service(&alone, "shop").line), (Runs::Command, 4));
    assert_eq!(service(&alone, "shop").python_paths, ["src"]);
    files.push(("Procfile", "web: shop serve --port 8000\n"));
    let deployed = system(&files);
    assert_eq!(names(&deployed), ["web"]);
    assert_eq!(service(&deployed, "web").entry, Entry::Function("main".to_owned()));
    assert_eq!((service(&deployed, "web").runs, service(&deployed, "web").port), (Runs::Server, Some(8000)));
    let cfg = "[metadata]\nname = shop\n[options.entry_points]\nconsole_scripts =\n    shop = shop.cli:main\n    other = shop.ui:run [extra]\n";
    let old = system(&[("setup.cfg", cfg), ("shop/cli.py", ""), ("shop/ui.py", "")]);
    assert_eq!(names(&old), ["shop", "other"]);
    assert_eq!(service(&old, "other").line, 6);
}

#[test]
fn a_start_up_configuration_is_complete_and_deployment_files_add_peers_alone() {
    let files = [
        ("startup_config.yaml", "services: {a: {script: a.py, port: 1, dependencies: [cache]}}\n"),
        ("docker-compose.yml", "services: {b: {build: ., command: python b.py}, cache: {image: redis}}\n"),
        ("Procfile", "c: python missing.py\n"),
        ("a.py", ""),
        ("b.py", ""),
    ];
    let system = system(&files);
    assert_eq!(names(&system), ["a"]);
    assert!(system.is_inventory());
    assert_eq!(peers(&system), ["cache"]);
    assert_eq!(
        messages(&system, ProblemKind::UnknownDependency),
        ["`a` depends on `cache`, which no configuration has"]
    );
    let tree = tree(&files);
    let explicit = load(tree.path(), &["docker-compose.yml".to_owned()], &Options::default());
    assert_eq!(names(&explicit), ["b"]);
    assert!(!explicit.is_inventory());
}

#[test]
fn conflicts_between_services() {
    let compose = "services:
  a: {build: ., command: python a.py, ports: ['80:1', '127.0.0.1:90:2'], depends_on: [b, gone, db]}
  b: {build: ., command: python b.py, ports: ['80:1'], depends_on: [a]}
  c: {build: ., command: 'uvicorn a:app --port 5000', ports: ['81:8000']}
  d: {build: ., command: 'uvicorn a:app --host 127.0.0.1 --port 8000', ports: ['82:8000']}
  e: {build: ., command: python gone.py}
  f: {build: ., command: python ../up.py}
  db: {image: postgres}
";
    let system = system(&[("compose.yml", compose), ("a.py", ""), ("b.py", "")]);
    assert_eq!(messages(&system, ProblemKind::DuplicatePort), ["`a`, `b` listen on one port, 80"]);
    assert_eq!(
        messages(&system, ProblemKind::UnknownDependency),
        ["`a` depends on `gone`, which no configuration has"]
    );
    assert_eq!(messages(&system, ProblemKind::DependencyCycle), ["services wait for each other: `a` → `b` → `a`"]);
    assert_eq!(
        messages(&system, ProblemKind::UnreachableService),
        [
            "`c` listens on port 5000, but what leads to it goes to port 8000",
            "`d` listens on 127.0.0.1 of its own container: nothing outside of it gets there"
        ]
    );
    assert_eq!(messages(&system, ProblemKind::MissingScript), ["the script of `e`, `gone.py`, does not exist"]);
    assert!(messages(&system, ProblemKind::SharedScript).is_empty());
    assert_eq!(service(&system, "e").line, 6);
}

#[test]
fn what_is_broken_is_an_error_with_its_file_and_line() {
    let files = [
        ("docker-compose.yml", "services:\n  a: {build: ., command: python a.py}\n  b: [\n"),
        ("pyproject.toml", "[project\nname = 1\n"),
        ("sub/Dockerfile", "FROM\nCOPY\nCMD [\nENTRYPOINT\n\\"),
        ("Procfile", "::\nx\n: y\n"),
        ("bad.service", "[Service]\nExecStart=\n"),
        ("supervisord.conf", "[program:\ncommand\n[program:x]\n=\n"),
        ("Makefile", "a:\n\t$(\n\t{{\n"),
        ("a.py", ""),
    ];
    let system = system(&files);
    assert_eq!(names(&system), ["a"]);
    let places: Vec<(&str, Option<u32>)> =
        system.errors.iter().map(|error| (error.path.as_str(), error.line)).collect();
    assert_eq!(places.len(), 2, "{:?}", system.errors);
    assert_eq!(places[0].0, "docker-compose.yml");
    assert_eq!(places[1], ("pyproject.toml", Some(1)));
}

#[test]
fn scripts_that_start_themselves_or_each_other_end() {
    let compose =
        "services:\n  a: {build: ., entrypoint: [sh, a.sh]}\n  b: {extends: c}\n  c: {extends: b, build: .}\n";
    let files = [
        ("compose.yml", compose),
        ("a.sh", "f() { f; g; }\ng() { f; }\nf\n. ./a.sh\nsh a.sh & sh b.sh\nmake x\nexec python a.py\n"),
        ("b.sh", "sh a.sh\nsh a.sh\nsh a.sh\nsh a.sh\n"),
        ("Makefile", "x:\n\tmake x\n\tsh a.sh\n"),
        ("a.py", ""),
    ];
    let start = std::time::Instant::now();
    let system = system(&files);
    assert!(start.elapsed() < std::time::Duration::from_secs(10));
    assert_eq!(script(&system, "a"), "a.py");
}

#[cfg(unix)]
#[test]
fn nothing_outside_of_the_root_is_read() {
    let outside = tree(&[
        ("secret.py", ""),
        ("up.sh", "exec python a.py\n"),
        ("compose.yml", "services: {x: {build: ., command: python a.py}}\n"),
    ]);
    let inside = tree(&[
        (
            "docker-compose.yml",
            "services:\n  a: {build: ., entrypoint: [sh, link.sh]}\n  b: {extends: {file: ../compose.yml, service: x}}\n  c: {build: ../.., command: sh ../../up.sh}\n",
        ),
        ("a.py", ""),
    ]);
    std::os::unix::fs::symlink(outside.path().join("up.sh"), inside.path().join("link.sh")).expect("a link");
    std::os::unix::fs::symlink(outside.path().join("compose.yml"), inside.path().join("compose.override.yml"))
        .expect("a link");
    let system = load(inside.path(), &[], &Options::default());
    assert!(names(&system).is_empty(), "{:?}", names(&system));
}

#[test]
fn a_command_that_a_watcher_is_given_as_one_word_is_followed() {
    let compose = "services:\n  jobs: {build: ., command: ./start}\n";
    let start = "#!/bin/bash\nwatchfiles \\\n  --filter python \\\n  'celery -A shop.tasks worker -Q high,low'\n";
    let files =
        [("compose.yml", compose), ("start", start), ("Dockerfile", "FROM python\nCOPY . .\n"), ("shop/tasks.py", "")];
    let system = system(&files);
    assert_eq!(names(&system), ["jobs"]);
    assert_eq!((service(&system, "jobs").runs, script(&system, "jobs")), (Runs::Worker, "shop/tasks.py"));
}
