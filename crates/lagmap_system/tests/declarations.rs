//! What start-up configurations say, in the shapes that people write them in.

use std::fs;

use lagmap_system::{ConfigOrigin, Options, ProblemKind, Service, System, cycles, load, start_order};
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

/// The system of `startup_config.yaml` with this text, beside scripts `a.py`, `b.py` and `c.py`.
fn system(config: &str) -> System {
    let tree = tree(&[("startup_config.yaml", config), ("a.py", ""), ("b.py", ""), ("c.py", "")]);
    load(tree.path(), &[], &Options::default())
}

fn names(system: &System) -> Vec<&str> {
    system.services.iter().map(|service| service.name.as_str()).collect()
}

fn kinds(system: &System) -> Vec<ProblemKind> {
    system.problems.iter().map(|problem| problem.kind).collect()
}

fn messages(system: &System, kind: ProblemKind) -> Vec<&str> {
    let of_kind = system.problems.iter().filter(|problem| problem.kind == kind);
    of_kind.map(|problem| problem.message.as_str()).collect()
}

fn dependencies(system: &System, name: &str) -> Vec<String> {
    system.services.iter().find(|service| service.name == name).map(|it| it.dependencies.clone()).unwrap_or_default()
}

#[test]
fn groups_of_named_mappings() {
    let system = system(
        "global_settings:
  environment:
    PYTHONPATH: /app
agent_groups:
  core:
    Registry:   # the first to start
      script_path: a.py
      port: 7200
      health_check_port: 8200
      required: true
      dependencies: []
    Twin:
      script_path: b.py
      port: 7201
      required: false
      dependencies:
        - Registry
  empty: null
",
    );
    let registry = Service {
        name: "Registry".to_owned(),
        group: "core".to_owned(),
        config: "startup_config.yaml".to_owned(),
        line: 6,
        declared_script: "a.py".to_owned(),
        script: Some("a.py".to_owned()),
        port: Some(7200),
        health_port: Some(8200),
        host: None,
        dependencies: Vec::new(),
        required: true,
        ..Service::default()
    };
    assert_eq!(system.services[0], registry);
    assert_eq!(names(&system), ["Registry", "Twin"]);
    assert_eq!(dependencies(&system, "Twin"), ["Registry"]);
    assert!(!system.services[1].required);
    assert_eq!(system.problems, []);
    assert_eq!(system.errors, []);
    assert_eq!(system.configs[0].services, 2);
    assert_eq!(system.configs[0].origin, ConfigOrigin::FileName);
}

#[test]
fn a_list_of_inline_mappings_and_a_second_description() {
    let system = system(
        "edge_services:
  # first
  - {
      name: Memory,
      script_path: a.py,
      host: 0.0.0.0,
      port: 7140,
      dependencies: [], # none
    }
  - { name: Cache, script_path: b.py, port: 7102, dependencies: [Memory], }
core_services:
  - name: Memory
    script_path: a.py
    port: 7140
    health_check_port: 7141
    required: false
    dependencies: [Cache]
error_bus_port: 7150
",
    );
    assert_eq!(names(&system), ["Memory", "Cache"]);
    let memory = &system.services[0];
    assert_eq!((memory.group.as_str(), memory.line), ("edge_services", 3));
    assert_eq!(memory.health_port, Some(7141), "the second description adds what the first leaves out");
    assert!(!memory.required, "the second description adds what the first leaves out");
    assert_eq!(memory.dependencies, ["Cache"]);
    assert_eq!(kinds(&system), [ProblemKind::DependencyCycle]);
}

#[test]
fn a_second_description_that_contradicts_is_named() {
    let system =
        system("a_services:\n- {name: M, script: a.py, port: 1}\nb_services:\n- {name: M, script: ./a.py, port: 2}\n");
    assert_eq!(system.services.len(), 1);
    assert_eq!(system.services[0].port, Some(1));
    assert_eq!(kinds(&system), [ProblemKind::ConflictingDescription]);
    assert_eq!(system.problems[0].line, 4);
}

#[test]
fn anchors_merges_and_templates() {
    let system = system(
        "x-base: &base
  script_path: c.py
  required: false
  host: 10.0.0.1
template: &template
  script_path: c.py
  port: 9
services:
  api: &api
    <<: *base
    script_path: a.py
    port: 1
  twin:
    <<: *api
    port: 2
  plain:
    <<: [*template, *base]
    script_path: b.py
",
    );
    assert_eq!(names(&system), ["api", "twin", "plain"]);
    let [api, twin, plain] = &system.services[..] else { panic!("{system:?}") };
    assert!(!api.required && !twin.required && !plain.required);
    assert_eq!((twin.script.as_deref(), twin.port), (Some("a.py"), Some(2)));
    assert_eq!((plain.script.as_deref(), plain.port), (Some("b.py"), Some(9)));
    assert_eq!(kinds(&system), [ProblemKind::SharedScript], "api and twin");
}

#[test]
fn ports_with_variables() {
    let config = "services:
  a: {script: a.py, port: '${PORT_OFFSET}+7200', health_check_port: \"${HEALTH:-8200}\"}
  b: {script: b.py, port: $((7300 + PORT_OFFSET)), health_check: {port: 8300}}
  c: {script: '${ROOT_DIR}/c.py', port: web}
";
    let tree = tree(&[("startup_config.yml", config), ("a.py", ""), ("b.py", ""), ("c.py", "")]);
    let ports = |options: &Options| -> Vec<_> {
        let system = load(tree.path(), &[], options);
        assert_eq!(messages(&system, ProblemKind::InvalidPort).len(), 1);
        assert_eq!(system.services[2].script.as_deref(), Some("c.py"));
        system.services.iter().map(|service| (service.port, service.health_port)).collect()
    };
    assert_eq!(ports(&Options::default()), [(Some(7200), Some(8200)), (Some(7300), Some(8300)), (None, None)]);
    let variables = [("PORT_OFFSET".to_owned(), "1000".to_owned())].into();
    assert_eq!(ports(&Options { variables })[..2], [(Some(8200), Some(8200)), (Some(8300), Some(8300))]);
}

#[test]
fn disabled_entries_are_no_services_but_known() {
    let system = system(
        "services:
  a: {script: a.py, enabled: false}
  b: {script: b.py, disabled: 'true'}
  c: {script: c.py, enabled: true, disabled: no, dependencies: [a]}
  more:
    enabled: off
    d: {script: a.py}
",
    );
    assert_eq!(names(&system), ["c"]);
    assert_eq!(system.configs[0].disabled, ["a", "b", "d"]);
    assert_eq!(messages(&system, ProblemKind::UnknownDependency), ["`c` depends on `a`, which is disabled"]);
}

#[test]
fn scripts_that_are_missing_outside_or_shared() {
    let system = system(
        "services:
  missing: {script: gone.py}
  case: {script: A.py}
  up: {script: ../a.py}
  absolute: {script: /etc/a.py}
  windows: {script: .\\b.py}
  same: {script: sub/../b.py}
",
    );
    let scripts: Vec<_> = system.services.iter().map(|service| service.script.as_deref()).collect();
    assert_eq!(scripts, [None, None, None, None, Some("b.py"), Some("b.py")]);
    assert_eq!(
        kinds(&system),
        [
            ProblemKind::MissingScript,
            ProblemKind::MissingScript,
            ProblemKind::ScriptOutsideRoot,
            ProblemKind::ScriptOutsideRoot,
            ProblemKind::SharedScript,
        ]
    );
    assert_eq!(
        system.problems[1].message,
        "the script of `case`, `A.py`, does not exist; `a.py` differs from it in case"
    );
    assert_eq!(messages(&system, ProblemKind::SharedScript), ["`windows`, `same` start one script, `b.py`"]);
}

#[test]
fn scripts_are_looked_for_in_the_root_and_around_the_configuration() {
    let config = "services:\n  a: {script: agents/x.py}\n  b: {script: ../agents/x.py}\n  c: {script: y.py}\n";
    let tree = tree(&[
        ("main/config/startup_config.yaml", config),
        ("main/agents/x.py", ""),
        ("y.py", ""),
        ("main/config/y.py", ""),
    ]);
    let system = load(tree.path(), &[], &Options::default());
    let scripts: Vec<_> = system.services.iter().filter_map(|service| service.script.as_deref()).collect();
    assert_eq!(scripts, ["main/agents/x.py", "main/agents/x.py", "y.py"]);
}

#[test]
fn a_variable_in_front_of_a_script_is_the_root_unless_it_has_a_value() {
    let declared = |script: &str| format!("services:\n  a: {{script: '{script}'}}\n");
    for (script, found) in [
        ("${HOME_DIR}/a.py", Some("a.py")),
        ("$HOME_DIR/a.py", Some("a.py")),
        ("${HOME_DIR:-.}/a.py", Some("a.py")),
        ("${HOME_DIR:-/opt}/a.py", None),
        ("/a.py", None),
    ] {
        let system = system(&declared(script));
        assert_eq!(system.services[0].script.as_deref(), found, "{script}");
    }
    let tree = tree(&[("startup_config.yaml", &declared("$HOME_DIR/a.py")), ("a.py", ""), ("sub/a.py", "")]);
    for (value, found) in [("sub", Some("sub/a.py")), ("/nowhere", None)] {
        let variables = [("HOME_DIR".to_owned(), value.to_owned())].into();
        let system = load(tree.path(), &[], &Options { variables });
        assert_eq!(system.services[0].script.as_deref(), found, "{value}");
    }
}

#[test]
fn ports_collide_inside_a_configuration_and_on_one_address() {
    let one = "services:
  a: {script: a.py, port: 7200, health_check_port: 8200}
  b: {script: b.py, port: 7200, host: 127.0.0.1}
  c: {script: c.py, port: 7300, health_check_port: 7200, host: localhost}
  d: {script: d.py, port: 5000, host: 10.0.0.1}
  e: {script: e.py, port: 5000, host: 10.0.0.2}
  f: {script: f.py, port: 6000, health_check_port: 6000}
";
    let two = "services:\n  z: {script: z.py, port: 8200}\n";
    let mut files = vec![("one/startup_config.yaml", one), ("two/startup_config.yaml", two)];
    files.extend(["a.py", "b.py", "c.py", "d.py", "e.py", "f.py", "z.py"].map(|script| (script, "")));
    let system = load(tree(&files).path(), &[], &Options::default());
    assert_eq!(kinds(&system), [ProblemKind::DuplicatePort, ProblemKind::HealthPortIsPort]);
    assert_eq!(system.problems[1].message, "the health check of `f` has its own port, 6000");
    assert_eq!(system.problems[0].message, "`a`, `b`, `c` (health check) listen on one port, 7200");
    assert_eq!(system.problems[0].services.len(), 3);
    assert_eq!((system.problems[0].config.as_str(), system.problems[0].line), ("one/startup_config.yaml", 2));
}

#[test]
fn names_and_dependencies_across_configurations() {
    let one = "services:\n  a: {script: a.py, dependencies: [remote, nobody]}\n  twice: {script: b.py}\n";
    let two = "services:\n  remote: {script: c.py}\n  twice: {script: d.py, depends_on: {remote: {condition: up}}}\n";
    let mut files = vec![("one/startup_config.yaml", one), ("two/startup_config.yaml", two)];
    files.extend(["a.py", "b.py", "c.py", "d.py"].map(|script| (script, "")));
    let system = load(tree(&files).path(), &[], &Options::default());
    assert_eq!(
        messages(&system, ProblemKind::UnknownDependency),
        ["`a` depends on `nobody`, which no configuration has"]
    );
    assert_eq!(
        messages(&system, ProblemKind::DuplicateName),
        ["2 services are called `twice`: one/startup_config.yaml:3, two/startup_config.yaml:3"]
    );
    let local = system.resolve("two/startup_config.yaml", "twice").and_then(|id| system.service(id));
    assert_eq!(local.and_then(|service| service.script.as_deref()), Some("d.py"));
    assert_eq!(dependencies(&system, "a"), ["remote", "nobody"]);
}

#[test]
fn cycles_and_the_order_to_start_in() {
    let system = system(
        "services:
  top: {script: a.py, dependencies: [x]}
  x: {script: a.py, dependencies: [y]}
  y: {script: a.py, dependencies: [z, base]}
  z: {script: a.py, dependencies: x}
  base: {script: a.py}
  self: {script: a.py, dependencies: [{name: self}]}
",
    );
    let named = |groups: Vec<Vec<_>>| -> Vec<Vec<&str>> {
        let name = |id| system.service(id).map_or("", |service| service.name.as_str());
        groups.into_iter().map(|group| group.into_iter().map(name).collect()).collect()
    };
    assert_eq!(named(cycles(&system)), [vec!["x", "y", "z"], vec!["self"]]);
    assert_eq!(named(start_order(&system)), [vec!["base"], vec!["x", "y", "z"], vec!["top"], vec!["self"]]);
    assert_eq!(
        messages(&system, ProblemKind::DependencyCycle),
        ["services wait for each other: `x` → `y` → `z` → `x`", "`self` depends on itself"]
    );
}

#[test]
fn a_long_chain_of_dependencies_is_no_recursion() {
    use std::fmt::Write as _;
    let mut config = String::from("services:\n");
    for index in 0..9_000 {
        let _ = writeln!(config, "  s{index}: {{script: a.py, dependencies: [s{}]}}", (index + 1) % 9_000);
    }
    let system = system(&config);
    assert_eq!(cycles(&system).first().map(Vec::len), Some(9_000));
}

#[test]
fn broken_yaml_is_an_error_with_its_line_and_the_rest_goes_on() {
    let broken = "services:\n  a: {script: a.py}\n  b: {script: b.py\n  c: [\n";
    let whole = "services:\n  c: {script: c.py}\n";
    let files = [("one/startup_config.yaml", broken), ("two/startup_config.yaml", whole), ("a.py", ""), ("c.py", "")];
    let system = load(tree(&files).path(), &[], &Options::default());
    assert!(names(&system).contains(&"a") && names(&system).contains(&"c"), "{:?}", names(&system));
    assert_eq!(system.errors.len(), 1);
    assert_eq!(system.errors[0].path, "one/startup_config.yaml");
    assert!(system.errors[0].line.is_some_and(|line| (3..=5).contains(&line)), "{:?}", system.errors);
}

#[test]
fn tabs_in_the_indentation_are_an_error_and_read_all_the_same() {
    let system = system("services:\n\ta:\n\t\tscript: a.py\n\t\tport: 1\n");
    assert_eq!(names(&system), ["a"]);
    assert_eq!(system.services[0].port, Some(1));
    assert_eq!(system.errors.len(), 1);
    assert_eq!(system.errors[0].line, Some(2));
}

#[test]
fn several_documents() {
    let system = system("services: {a: {script: a.py}}\n---\nservices: {b: {script: b.py}}\n...\n---\n# none\n");
    assert_eq!(names(&system), ["a", "b"]);
    assert_eq!(system.services[1].line, 3);
    assert_eq!(system.errors, []);
}

#[test]
fn repeated_keys_lose_the_first_and_say_so() {
    let system = system("services:\n  a: {script: a.py, port: 1, port: 2}\n  b: {script: b.py}\n  b: {script: c.py}\n");
    assert_eq!(names(&system), ["a", "b"]);
    assert_eq!(system.services[0].port, Some(2));
    assert_eq!(system.services[1].script.as_deref(), Some("c.py"));
    assert_eq!(kinds(&system), [ProblemKind::DuplicateKey; 2]);
    assert_eq!(system.problems[1].line, 4);
}

#[test]
fn other_shapes_that_people_write() {
    let system = system(
        "fleet:
  - Alpha: {script: a.py}
  - name: Beta
    command: [python, -u, ./b.py, --port, '80']
  - {name: Gamma, port: 5, location: c.py}
workers:
  short: a.py
  main: b.py
agents:
  - c.py
supervisor:
  name: Parent
  entrypoint: python3 -m x a.py
  children:
    - {name: Child, script: b.py}
  config: {plugin: {name: plugin, script: c.py}}
health_checks: {script: a.py}
environment: {name: env, SCRIPT: a.py}
",
    );
    let all: Vec<_> = system
        .services
        .iter()
        .map(|service| (service.name.as_str(), service.group.as_str(), service.script.as_deref().unwrap_or("")))
        .collect();
    assert_eq!(
        all,
        [
            ("Alpha", "fleet", "a.py"),
            ("Beta", "fleet", "b.py"),
            ("Gamma", "fleet", "c.py"),
            ("short", "workers", "a.py"),
            ("main", "workers", "b.py"),
            ("c", "agents", "c.py"),
            ("Parent", "", "a.py"),
            ("Child", "children", "b.py"),
        ]
    );
}

#[test]
fn folders_of_the_python_path_that_lie_in_the_root() {
    let config = "environment:
  PYTHONPATH: '${PYTHONPATH}:${PWD}/lib:/usr/lib:../..:missing'
services:
  a: {script: a.py, environment: ['X=1', 'PYTHONPATH=own']}
  b: {script: a.py}
";
    let files = [("conf/startup_config.yaml", config), ("a.py", ""), ("lib/x.py", ""), ("own/y.py", "")];
    let system = load(tree(&files).path(), &[], &Options::default());
    assert_eq!(system.services[0].python_paths, ["own", "lib"]);
    assert_eq!(system.services[1].python_paths, ["lib"]);
}

#[test]
fn only_files_of_the_name_count_and_none_that_are_ignored() {
    let text = "services: {a: {script: a.py}}\n";
    let files = [
        ("x/startup_config.yaml", text),
        ("x/startup_config.v2.yaml", text),
        ("x/startup_config1.yaml", text),
        ("x/simple_startup_config.yaml", text),
        ("x/other.yaml", text),
        (".hidden/startup_config.yaml", text),
        ("venv/startup_config.yaml", text),
        ("my-env/pyvenv.cfg", ""),
        ("my-env/startup_config.yaml", text),
        ("node_modules/p/startup_config.yaml", text),
        ("built/startup_config.yaml", text),
        (".gitignore", "built/\n"),
        ("a.py", ""),
    ];
    let tree = tree(&files);
    let paths = |system: System| -> Vec<_> { system.configs.into_iter().map(|config| config.path).collect() };
    assert_eq!(paths(load(tree.path(), &[], &Options::default())), ["x/startup_config.yaml"]);
    let explicit = ["x/other.yaml".to_owned(), "./x/../x/other.yaml".to_owned(), "../up.yaml".to_owned()];
    let named = load(tree.path(), &explicit, &Options::default());
    assert_eq!(named.errors.len(), 1);
    assert_eq!(named.errors[0].path, "../up.yaml");
    assert_eq!(paths(named), ["x/other.yaml"]);
}

#[test]
fn without_such_a_file_any_that_maps_names_to_scripts_counts() {
    let files = [
        ("deploy/stack.yml", "services:\n  api: {command: python a.py, depends_on: [db]}\n  db: {image: postgres}\n"),
        ("ci.yaml", "build: {steps: [{run: python a.py}]}\nscript: python a.py\n"),
        ("stages.yaml", "stages:\n  train: {cmd: python a.py, deps: [a.py]}\n"),
        ("gone.yaml", "services: {x: {script: gone.py}}\n"),
        ("broken.yaml", "{{ jinja }}: [a.py\n"),
        ("a.py", ""),
    ];
    let system = load(tree(&files).path(), &[], &Options::default());
    assert_eq!(names(&system), ["api"], "{:?}", system.configs);
    assert_eq!(system.configs.len(), 1);
    assert_eq!(system.configs[0].path, "deploy/stack.yml");
    assert_eq!(system.configs[0].origin, ConfigOrigin::Content);
    assert_eq!(system.errors, []);
}

#[test]
fn a_root_that_is_not_there_is_an_error() {
    let tree = tree(&[]);
    let system = load(&tree.path().join("none"), &[], &Options::default());
    assert_eq!(system.errors.len(), 1);
    assert!(system.services.is_empty());
}

#[test]
fn the_system_is_written_in_the_words_of_the_report() {
    let system = system("services: {a: {script: gone.py, port: 1}}\n");
    let json = serde_json::to_value(&system).expect("JSON");
    assert_eq!(json["services"][0]["name"], "a");
    assert_eq!(json["problems"][0]["kind"], "missing-script");
    assert_eq!(json["problems"][0]["services"][0], 0);
    assert_eq!(json["configs"][0]["origin"], "file-name");
}
