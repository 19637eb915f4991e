//! The program as its users run it: arguments in; text, files and exit codes out.

use std::fs;
use std::path::Path;
use std::process::{Command as Process, Stdio};

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_empty, starts_with};
use tempfile::TempDir;

/// A system with one service that exists, one whose script does not, and a broken configuration entry.
fn system() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("app")).unwrap();
    fs::write(root.path().join("app/api.py"), "print('never run')\n").unwrap();
    fs::write(
        root.path().join("startup_config.yaml"),
        "services:\n  - name: Api\n    script_path: app/api.py\n    port: 7000\n  - name: Gone\n    \
         script_path: app/gone.py\n    port: 7001\n    dependencies: [Api]\n",
    )
    .unwrap();
    root
}

fn lagmap(root: &Path, arguments: &[&str]) -> assert_cmd::assert::Assert {
    let cache = concat!(env!("CARGO_TARGET_TMPDIR"), "/cache");
    Command::cargo_bin("lagmap")
        .unwrap()
        .current_dir(root)
        .env_remove("CLICOLOR_FORCE")
        .env("LAGMAP_CACHE_DIR", cache)
        .env("XDG_CACHE_HOME", root.join("cache"))
        .args(arguments)
        .assert()
}

fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn an_audit_says_which_services_cannot_start() {
    let root = system();
    lagmap(root.path(), &["audit"])
        .code(0)
        .stdout(starts_with("1 of 2 services cannot start\n  Gone  app/gone.py: "))
        .stdout(contains("2 services"))
        .stderr(is_empty());
    lagmap(root.path(), &["audit", "--format", "markdown"])
        .code(0)
        .stdout(contains("## Services that cannot start (1 of 2)"))
        .stdout(contains("# 5. CACHING STRATEGY RECOMMENDATIONS"));
}

#[test]
fn json_is_the_same_on_every_run_and_from_every_folder() {
    let root = system();
    let first = lagmap(root.path(), &["audit", "--format", "json"]).code(0).get_output().stdout.clone();
    let report = json(&first);
    assert_eq!(report["schema_version"], 1);
    assert_eq!(report["tool"]["name"], "lagmap");
    assert_eq!(report["summary"]["services"], 2);
    assert_eq!(report["services"][1]["starts"], false);
    let elsewhere = tempfile::tempdir().unwrap();
    let path = root.path().to_str().unwrap();
    lagmap(elsewhere.path(), &["audit", path, "--format=json", "--threads=3"]).code(0).stdout(first);
}

#[test]
fn services_are_listed() {
    let root = system();
    lagmap(root.path(), &["services"])
        .code(0)
        .stdout(starts_with("SERVICE  GROUP     PORT  SCRIPT       STARTS"))
        .stdout(contains("Api      services  7000  app/api.py   yes"));
    let list = lagmap(root.path(), &["services", "--format", "json"]).code(0).get_output().stdout.clone();
    assert_eq!(json(&list)[1]["dependencies"], serde_json::json!(["Api"]));
}

/// Two services: one asks the other over ZMQ.
fn talking_system() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let front = "import zmq\n\ncontext = zmq.Context()\nback = context.socket(zmq.REQ)\nback.connect('tcp://localhost:7101')\n\
                 server = context.socket(zmq.REP)\nserver.bind('tcp://*:7100')\nwhile True:\n    server.recv_json()\n    \
                 back.send_json({'action': 'think'})\n    server.send_json(back.recv_json())\n";
    let back = "import time\n\nimport zmq\n\nserver = zmq.Context().socket(zmq.REP)\nserver.bind('tcp://*:7101')\nwhile True:\n    \
                request = server.recv_json()\n    if request['action'] == 'think':\n        time.sleep(2)\n    \
                server.send_json({})\n";
    fs::write(root.path().join("front.py"), front).unwrap();
    fs::write(root.path().join("back.py"), back).unwrap();
    let config =
        "services:\n  Front: {script_path: front.py, port: 7100}\n  Back: {script_path: back.py, port: 7101}\n";
    fs::write(root.path().join("startup_config.yaml"), config).unwrap();
    root
}

#[test]
fn who_listens_elsewhere_than_configured_is_told() {
    let root = talking_system();
    let config =
        "services:\n  Front: {script_path: front.py, port: 7100}\n  Back: {script_path: back.py, port: 7109}\n";
    fs::write(root.path().join("startup_config.yaml"), config).unwrap();
    let report = json(&lagmap(root.path(), &["audit", "--format", "json"]).code(0).get_output().stdout);
    let problems = report["system_problems"].as_array().unwrap();
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!(problem["kind"], "listens-elsewhere");
    assert_eq!(problem["message"], "Back is said to listen on port 7109; its code listens on 7101 (back.py:6)");
    assert_eq!((&problem["services"][0], &problem["line"]), (&"Back".into(), &3.into()));
    // A port that the environment may change proves nothing.
    let back = fs::read_to_string(root.path().join("back.py")).unwrap();
    let back = back.replace("'tcp://*:7101'", "f'tcp://*:{os.environ.get(\"BACK_PORT_NUMBER\", 7101)}'");
    fs::write(root.path().join("back.py"), format!("import os\n{back}")).unwrap();
    let report = json(&lagmap(root.path(), &["audit", "--format", "json"]).code(0).get_output().stdout);
    assert_eq!(report["system_problems"], serde_json::json!([]));
}

#[test]
fn wires_are_listed_and_drawn() {
    let root = talking_system();
    let list = lagmap(root.path(), &["services", "--format", "json"]).code(0).get_output().stdout.clone();
    let (front, back) = (&json(&list)[0], &json(&list)[1]);
    let wire = &front["wires_out"][0];
    assert_eq!((&wire["kind"], &wire["peer"]), (&"zmq REQ".into(), &"Back".into()));
    assert_eq!((&wire["port"], &wire["path"], &wire["line"]), (&7101.into(), &"front.py".into(), &5.into()));
    assert_eq!((&back["wires_in"][0]["peer"], &back["wires_in"][0]["line"]), (&"Front".into(), &6.into()));
    let think = &back["handlers"][0];
    assert_eq!(think["request"], "action=think");
    assert!(think["typical_ms"][0].as_f64().unwrap() >= 2000.0, "{think}");
    // Each service with its findings: that the front's wait has no bound hits the front alone.
    let own = front["findings_list"].as_array().unwrap();
    let unbounded = own.iter().find(|own| own["rule"] == "zmq-receive-without-bound" && own["line"] == 11).unwrap();
    assert_eq!((&unbounded["path"], &unbounded["waits_behind"]), (&"front.py".into(), &false.into()));
    let counted: u64 =
        front["findings_by_severity"].as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum();
    assert_eq!(Some(counted), front["findings"].as_u64());
    assert!(back["findings_list"].as_array().unwrap().iter().all(|own| own["path"] != "front.py"), "{back}");
    lagmap(root.path(), &["services", "--format", "dot"])
        .code(0)
        .stdout(contains("\"Front\" -> \"Back\" [style=solid, label=\"zmq REQ\"];"));
    lagmap(root.path(), &["services", "--format", "mermaid"]).code(0).stdout(contains("s0 -->|\"zmq REQ\"| s1"));
    lagmap(root.path(), &["audit", "--format", "markdown"])
        .code(0)
        .stdout(contains("## Services that others wait for"))
        .stdout(contains("| Back | Front | `action=think` | 2 s |"));
}

#[test]
fn calls_to_what_runs_beside_the_services_name_it() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("pay")).unwrap();
    fs::write(
        root.path().join("docker-compose.yml"),
        "services:\n  ledger:\n    image: example/ledger\n    ports: [\"8080:8080\"]\n  pay:\n    build: ./pay\n    command: python app.py\n",
    )
    .unwrap();
    fs::write(root.path().join("pay/Dockerfile"), "FROM python:3\nCMD [\"python\", \"app.py\"]\n").unwrap();
    let code = "import os\nimport requests\nfrom flask import Flask\n\nLEDGER = os.getenv('LEDGER_HOST', 'ledger')\napp = Flask(__name__)\n\n\n\
                @app.route('/pay/<id>')\ndef pay(id):\n    \
                requests.get('http://{ledger}:8080/check/{id}'.format(id=id, ledger=LEDGER))\n    \
                requests.get('http://elsewhere:8080/')\n    return 'x'\n\n\nif __name__ == '__main__':\n    app.run(port=9000)\n";
    fs::write(root.path().join("pay/app.py"), code).unwrap();
    let told = json(&lagmap(root.path(), &["services", "--format", "json"]).code(0).get_output().stdout);
    let wires = told[0]["wires_out"].as_array().unwrap();
    let peers: Vec<(Option<&str>, bool)> =
        wires.iter().map(|wire| (wire["peer"].as_str(), wire["reason"].is_null())).collect();
    assert_eq!(peers, [(Some("ledger"), true), (None, false)], "{told:#}");
}

#[test]
fn the_way_between_services_is_told() {
    let root = talking_system();
    lagmap(root.path(), &["services", "--path", "Front", "Back"])
        .code(0)
        .stdout(starts_with("Front -> Back for action=think (front.py:11, by port 7101): waits 2 s"));
    lagmap(root.path(), &["services", "--path", "Back", "Front"]).code(2).stderr(contains("no call is seen to lead"));
    lagmap(root.path(), &["services", "--path", "Front", "Backs"]).code(2).stderr(contains("did you mean `Back`?"));
}

#[test]
fn a_path_that_does_not_exist_is_told_with_exit_code_2() {
    let root = system();
    lagmap(root.path(), &["audit", "nowhere"])
        .code(2)
        .stdout(is_empty())
        .stderr(starts_with("error: cannot audit: nowhere: "))
        .stderr(contains("\nhelp: name the folder"));
    lagmap(root.path(), &["audit", "app/api.py"]).code(2).stderr(contains("app/api.py: it is not a folder"));
}

#[test]
fn wrong_arguments_exit_with_2() {
    let root = system();
    for arguments in [
        &["audit", "--format", "xml"][..],
        &["audit", "--fail-on", "urgent"],
        &["audit", "--threads", "0"],
        &["audit", "--threads", "many"],
        &["adit"],
        &[],
    ] {
        lagmap(root.path(), arguments).code(2).stdout(is_empty());
    }
    lagmap(root.path(), &["--version"]).code(0).stdout(starts_with("lagmap "));
}

#[test]
fn unknown_rules_are_refused_wherever_they_are_named() {
    let root = system();
    for arguments in [
        &["audit", "--select", "no-such-rule"][..],
        &["audit", "--ignore", "no-such-rule,another"],
        &["explain", "no-such-rule"],
    ] {
        lagmap(root.path(), arguments)
            .code(2)
            .stdout(is_empty())
            .stderr(contains("there is no rule `no-such-rule`\nhelp: "));
    }
    fs::write(root.path().join("lagmap.toml"), "\nignore = [\n  'no-such-rule',\n]\n").unwrap();
    lagmap(root.path(), &["audit"]).code(2).stderr(contains("lagmap.toml:3: there is no rule `no-such-rule`"));
}

#[test]
fn unknown_keys_are_told_with_their_line_and_what_was_meant() {
    let root = system();
    fs::write(root.path().join("pyproject.toml"), "[project]\nname = 'x'\n\n[tool.lagmap]\nexlude = []\n").unwrap();
    lagmap(root.path(), &["audit"])
        .code(2)
        .stderr(contains("pyproject.toml:5: unknown key `exlude`\nhelp: did you mean `exclude`?\n"));
}

#[test]
fn the_nearest_configuration_counts() {
    let root = system();
    // The outer one is wrong: it must not be read while a nearer one is there.
    fs::write(root.path().join("lagmap.toml"), "wrong = 1\n").unwrap();
    fs::write(root.path().join("app/pyproject.toml"), "[tool.lagmap]\npedantic = true\n").unwrap();
    lagmap(root.path(), &["audit", "app"]).code(0);
    lagmap(root.path(), &["audit"]).code(2);
    // One that is asked for counts before all others.
    fs::write(root.path().join("mine.toml"), "startup-configs = ['other.yaml']\n").unwrap();
    fs::write(root.path().join("other.yaml"), "services:\n  - {name: Solo, script_path: app/api.py}\n").unwrap();
    lagmap(root.path(), &["services", "--config", "mine.toml"]).code(0).stdout(contains("Solo"));
    lagmap(root.path(), &["audit", "--config", "none.toml"])
        .code(2)
        .stderr(starts_with("error: cannot read the configuration: none.toml: "));
}

#[test]
fn a_catalogue_that_cannot_be_read_is_told() {
    let root = system();
    fs::write(root.path().join("lagmap.toml"), "catalogues = ['mine/api.toml']\n").unwrap();
    lagmap(root.path(), &["audit"])
        .code(2)
        .stderr(contains("cannot read the catalogue: "))
        .stderr(contains("api.toml"));
    fs::create_dir(root.path().join("mine")).unwrap();
    fs::write(root.path().join("mine/api.toml"), "[library]\nnombre = 'x'\n").unwrap();
    lagmap(root.path(), &["audit"]).code(2).stderr(contains("cannot use the catalogue")).stderr(contains("nombre"));
}

#[test]
fn output_goes_whole_into_the_file_or_not_at_all() {
    let root = system();
    lagmap(root.path(), &["audit", "--format", "json", "--output", "report.json"]).code(0).stdout(is_empty());
    let written = fs::read(root.path().join("report.json")).unwrap();
    assert_eq!(json(&written)["schema_version"], 1);
    // A second run replaces the first, and leaves nothing else behind.
    lagmap(root.path(), &["audit", "-o", "report.json"]).code(0);
    let text = fs::read_to_string(root.path().join("report.json")).unwrap();
    assert!(text.contains("services cannot start") && !text.contains('\u{1b}'));
    let mut names: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["app", "report.json", "startup_config.yaml"]);

    for target in ["missing/report.json", "app"] {
        lagmap(root.path(), &["audit", "--output", target])
            .code(2)
            .stdout(is_empty())
            .stderr(contains(format!("error: cannot write the report: {target}: ")));
    }
}

#[cfg(unix)]
#[test]
fn output_into_a_device_does_not_replace_it() {
    use std::os::unix::fs::FileTypeExt;
    let root = system();
    lagmap(root.path(), &["audit", "--output", "/dev/null"]).code(0);
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

#[test]
fn without_findings_no_threshold_fails() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a.py"), "def double(x):\n    return 2 * x\n").unwrap();
    lagmap(root.path(), &["audit", "--fail-on", "low"]).code(0);
}

#[test]
fn findings_at_the_threshold_fail() {
    // One of its services has no script.
    let root = system();
    lagmap(root.path(), &["audit", "--fail-on", "critical"]).code(1);
    lagmap(root.path(), &["audit"]).code(0);
}

#[test]
fn colours_only_where_they_are_wanted() {
    let root = system();
    let run = |forced: &str, refused: &str| {
        let mut command = Command::cargo_bin("lagmap").unwrap();
        command.current_dir(root.path()).arg("audit").env("CLICOLOR_FORCE", forced).env("NO_COLOR", refused);
        command.assert().code(0).get_output().stdout.contains(&0x1b)
    };
    assert!(run("1", ""));
    assert!(!run("", ""));
    assert!(!run("", "1"));
}

/// `lagmap … | head`: the reader has gone before the first byte is written.
#[test]
fn a_reader_that_went_away_is_no_failure() {
    let root = system();
    let mut child = Process::new(env!("CARGO_BIN_EXE_lagmap"))
        .args(["audit", "--format", "json"])
        .current_dir(root.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn the_call_graph_names_who_calls_whom() {
    let root = tempfile::tempdir().unwrap();
    fs::write(
        root.path().join("main.py"),
        "from shapes import Square\n\n\ndef area(make):\n    return make().area()\n\n\nprint(area(lambda: Square()))\n",
    )
    .unwrap();
    fs::write(
        root.path().join("shapes.py"),
        "class Shape:\n    def __init__(self):\n        self.side = 2\n\n\nclass Square(Shape):\n    def area(self):\n        \
         return self.side ** 2\n",
    )
    .unwrap();
    let calls = json(&lagmap(root.path(), &["call-graph"]).code(0).get_output().stdout);
    assert_eq!(calls["main"], serde_json::json!(["main.area", "print"]));
    assert_eq!(calls["main.area"], serde_json::json!(["main.<lambda1>", "shapes.Square.area"]));
    assert_eq!(calls["main.<lambda1>"], serde_json::json!(["shapes.Shape.__init__"]));
    assert_eq!(calls["shapes.Square.area"], serde_json::json!([]));
    lagmap(root.path(), &["call-graph", "--format", "dot"])
        .code(0)
        .stdout(contains("\"main.area\" -> \"shapes.Square.area\";"));
}

/// A program whose `fetch` runs once a round of a thread, through a wrapper.
fn polling() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let text = "import threading\nimport time\n\nimport requests\n\n\ndef again(function):\n    def wrapper(*arguments):\n        \
                for _ in range(3):\n            function(*arguments)\n        time.sleep(1)\n    return wrapper\n\n\n@again\ndef \
                fetch(url):\n    requests.get(url)\n\n\ndef poll():\n    while True:\n        \
                fetch('http://here')\n\n\nif __name__ == '__main__':\n    threading.Thread(target=poll).start()\n";
    fs::write(root.path().join("main.py"), text).unwrap();
    root
}

#[test]
fn a_trace_shows_who_runs_a_function_and_what_that_costs() {
    let root = polling();
    let wanted = "\
main.poll  main.py:20
runs   per-call on the main thread
       once in a thread
costs  sleep 1 s: time.sleep() at main.py:11
       network 50 ms to 1 s: requests.get() at main.py:17

run by
└── main gives to a thread  main.py:26  [once on the main thread]

runs
├── calls main.again.wrapper, in a loop  main.py:22  [sleep 1 s]
│   └── calls time.sleep  main.py:11  [sleep 1 s]
└── calls (through again.wrapper) main.fetch, in a loop  main.py:22  [network 50 ms to 1 s]
    └── calls requests.get  main.py:17  [network 50 ms to 1 s]
";
    lagmap(root.path(), &["trace", "poll"]).code(0).stdout(wanted).stderr(is_empty());
    let traces = json(&lagmap(root.path(), &["trace", "main.fetch", "--format", "json"]).code(0).get_output().stdout);
    assert_eq!(traces[0]["callers"][0]["how"], "calls (through again.wrapper)");
    assert_eq!(traces[0]["callers"][0]["callers"][0]["function"], "main");
    assert_eq!(traces[0]["calls"][0]["costs"][0]["ms"], serde_json::json!([50.0, 1000.0]));
    let leaf =
        json(&lagmap(root.path(), &["trace", "fetch", "--depth", "0", "--format", "json"]).code(0).get_output().stdout);
    assert_eq!((&leaf[0]["calls"], &leaf[0]["callers"]), (&serde_json::json!([]), &serde_json::json!([])));
}

#[test]
fn a_trace_of_an_unknown_function_says_which_one_may_be_meant() {
    let root = polling();
    lagmap(root.path(), &["trace", "fetsh"])
        .code(2)
        .stdout(is_empty())
        .stderr(contains("no function is called `fetsh`").and(contains("did you mean `main.fetch`?")));
}

#[test]
fn a_summary_says_where_calls_lead() {
    let root = tempfile::tempdir().unwrap();
    let text = "import far\n\n\ndef near():\n    return far.Client()\n\n\nclient = far.Client()\nclient.get(near())\nprint(missing())\n";
    fs::write(root.path().join("main.py"), text).unwrap();
    let summary = json(&lagmap(root.path(), &["call-graph", "--format", "summary"]).code(0).get_output().stdout);
    assert_eq!(summary, serde_json::json!({ "calls": 6, "project": 1, "catalogue": 1, "outside": 3 }));
    let calls = json(&lagmap(root.path(), &["call-graph"]).code(0).get_output().stdout);
    assert_eq!(calls["main"], serde_json::json!(["far.Client", "far.Client.get", "main.near", "print"]));
}

/// What `main` calls in a program of one file.
fn called_by_main(text: &str) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("main.py"), text).unwrap();
    let calls = json(&lagmap(root.path(), &["call-graph"]).code(0).get_output().stdout);
    calls["main"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_call_graph_follows_containers_by_key_and_place() {
    let functions = "def a():\n    pass\n\n\ndef b():\n    pass\n\n\ndef c():\n    pass\n\n\n";
    let called = |code: &str| called_by_main(&format!("{functions}{code}"));
    assert_eq!(called("KEY = 'x'\ntable = {'x': a, 'y': b}\ntable[KEY]()\n"), ["main.a"]);
    assert_eq!(called("import sys\ntable = {'x': a, 'y': b}\ntable[sys.argv[1]]()\n"), ["main.a", "main.b"]);
    assert_eq!(called("pair = (a, b)\nfirst, second = pair\nsecond()\n"), ["main.b"]);
    assert_eq!(called("one, (two, three) = a, (b, c)\nthree()\n"), ["main.c"]);
    assert_eq!(called("for name, run in [('x', a), ('y', b)]:\n    run()\n"), ["main.a", "main.b"]);
    assert_eq!(called("handlers = [a, b]\nhandlers[1:][0]()\n"), ["main.b"]);
}

#[test]
fn the_call_graph_looks_methods_up_as_python_does() {
    let text = "class A:\n    def run(self):\n        pass\n\n\nclass B(A):\n    pass\n\n\nclass C(A):\n    def run(self):\n        \
                pass\n\n\nclass D(B, C):\n    pass\n\n\nD().run()\n";
    assert_eq!(called_by_main(text), ["main.C.run"]);
    let text = "def same(x):\n    return x\n\n\ndef a():\n    pass\n\n\ndef b():\n    pass\n\n\nsame(a)()\nsame(b)\n";
    assert_eq!(called_by_main(text), ["main.a", "main.same"]);
}

#[test]
fn what_is_lost_beside_what_one_waits_for_anyhow_is_only_counted() {
    let root = tempfile::tempdir().unwrap();
    fs::write(
        root.path().join("api.py"),
        "import requests\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.post('/ask')\ndef ask(text: str):\n    \
         url = 'http://models:8000/v1'\n    answer = requests.post(f'{url}/chat/completions', json={'prompt': text}, timeout=60)\n    \
         return answer.json()\n\n\n@app.get('/news')\ndef news():\n    \
         return requests.get('http://news:8000/all', timeout=5).json()\n",
    )
    .unwrap();
    let clients = |arguments: &[&str]| -> (usize, u64) {
        let all = [&["audit", "--format", "json"][..], arguments].concat();
        let report = json(&lagmap(root.path(), &all).code(0).get_output().stdout);
        let findings = report["findings"].as_array().unwrap();
        let clients = findings.iter().filter(|finding| finding["rule"] == "client-per-request").count();
        (clients, report["summary"]["negligible"].as_u64().unwrap())
    };
    assert_eq!(clients(&[]), (1, 1));
    assert_eq!(clients(&["--min-impact-ms", "0"]), (2, 0));
}

#[test]
fn a_known_end_point_costs_what_it_takes_whichever_client_asks() {
    let root = tempfile::tempdir().unwrap();
    let code = |path: &str| {
        format!(
            "import requests\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.post('/ask')\nasync def ask(text: str):\n    \
             return requests.post('http://models:8000{path}', json={{'prompt': text}}, timeout=60).json()\n"
        )
    };
    for (path, severity) in [("/v1/chat/completions?stream=0", "critical"), ("/names", "high")] {
        fs::write(root.path().join("api.py"), code(path)).unwrap();
        let report = json(&lagmap(root.path(), &["audit", "--format", "json"]).code(0).get_output().stdout);
        let findings = report["findings"].as_array().unwrap();
        let blocking = findings.iter().find(|finding| finding["rule"] == "blocking-call-on-event-loop").unwrap();
        assert_eq!(blocking["severity"], severity, "{path}");
    }
}

#[test]
fn a_time_out_is_longer_than_the_answer_takes() {
    let root = tempfile::tempdir().unwrap();
    let code = |path: &str| {
        format!(
            "import requests\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.post('/ask')\ndef ask(text: str):\n    \
             return requests.post('http://models:8000{path}', json={{'prompt': text}}).json()\n"
        )
    };
    for (path, advice) in [("/v1/chat/completions", "up to 30 s"), ("/names", "a few seconds at most")] {
        fs::write(root.path().join("api.py"), code(path)).unwrap();
        let report = json(&lagmap(root.path(), &["audit", "--format", "json"]).code(0).get_output().stdout);
        let findings = report["findings"].as_array().unwrap();
        let endless = findings.iter().find(|finding| finding["rule"] == "request-without-timeout").unwrap();
        assert!(endless["suggestion"].as_str().unwrap().contains(advice), "{path}: {}", endless["suggestion"]);
    }
}
