//! Every format, as the real tool wrote it (`profiles/README.md`), joined to the code that ran.

use std::collections::BTreeSet;
use std::path::PathBuf;

use lagmap_evidence::{
    Callee, Calls, Format, FunctionPlace, Join, Measured, Measurement, Profile, ProfileError, Scope, Site, Unit, read,
    read_file,
};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/profiles")
}

fn profile(name: &str) -> Profile {
    read_file(&folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The functions of the workload, as an audit of it would list them; `below` stands before their paths.
fn functions(below: &str) -> Vec<FunctionPlace> {
    let mut places = Vec::new();
    for file in ["app/main.py", "app/store.py", "app/codec.py"] {
        let text = std::fs::read_to_string(folder().join("workload").join(file)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let path = format!("{below}{file}");
        let last = lines.len() as u32;
        places.push(FunctionPlace { path: path.clone(), name: String::new(), first_line: 1, last_line: last });
        let mut class = None;
        for (index, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            if let Some(name) = line.strip_prefix("class ") {
                class = Some(name.trim_end_matches(':'));
            } else if indent == 0 && !line.is_empty() {
                class = None;
            }
            let Some(rest) = line.trim_start().strip_prefix("def ") else { continue };
            let name = rest.split('(').next().unwrap();
            let end = (index + 1..lines.len())
                .find(|at| !lines[*at].is_empty() && !lines[*at].starts_with(&" ".repeat(indent + 1)))
                .unwrap_or(lines.len());
            let name = class.map_or(name.to_owned(), |class| format!("{class}.{name}"));
            let (first_line, last_line) = (index as u32 + 1, end as u32);
            places.push(FunctionPlace { path: path.clone(), name, first_line, last_line });
        }
    }
    places
}

/// The place of a function by name, and the line in it that holds a text.
fn site(functions: &[FunctionPlace], name: &str, text: &str, callee: Option<Callee>) -> Site {
    let function = functions.iter().position(|place| place.name == name).unwrap();
    let place = &functions[function];
    let file = &place.path[place.path.find("app/").unwrap()..];
    let source = std::fs::read_to_string(folder().join("workload").join(file)).unwrap();
    let line = source.lines().enumerate().find(|(index, line)| {
        (place.first_line..=place.last_line).contains(&(*index as u32 + 1)) && line.contains(text)
    });
    let line = line.unwrap().0 as u32 + 1;
    Site { function, lines: (line, line), callee }
}

fn named(name: &str) -> Callee {
    Callee::Named(name.to_owned())
}

fn measured(profiles: &[Profile], functions: &[FunctionPlace], site: &Site) -> Measured {
    Measurement::new(profiles, &Join::new(functions)).at(site, profiles[0].unit == Unit::Bytes).unwrap()
}

#[test]
fn every_format_is_told_by_its_content() {
    let expected = [
        ("py-spy.txt", Format::Collapsed, Unit::Samples),
        ("py-spy.speedscope.json", Format::Speedscope, Unit::Milliseconds),
        ("cprofile.pstats", Format::Pstats, Unit::Milliseconds),
        ("pyinstrument.json", Format::Pyinstrument, Unit::Milliseconds),
        ("scalene.json", Format::Scalene, Unit::Milliseconds),
        ("austin.txt", Format::Austin, Unit::Milliseconds),
        ("memray-stats.json", Format::MemrayStats, Unit::Bytes),
        ("memray.csv", Format::MemrayCsv, Unit::Bytes),
        ("memray.speedscope.json", Format::Speedscope, Unit::Bytes),
        ("viztracer.json", Format::TraceEvents, Unit::Milliseconds),
        ("opentelemetry.jsonl", Format::OpenTelemetry, Unit::Milliseconds),
        ("austin.pprof", Format::Pprof, Unit::Milliseconds),
        ("austin.pprof.gz", Format::Pprof, Unit::Milliseconds),
        ("ddtrace.pprof", Format::Pprof, Unit::Milliseconds),
    ];
    for (name, format, unit) in expected {
        let profile = profile(name);
        assert_eq!((profile.format, profile.unit), (format, unit), "{name}");
    }
}

/// The workload waits 10 ms in `ask_neighbour` for each request; all else takes a fraction of that.
#[test]
fn the_share_of_a_wait_is_found_by_every_sampler() {
    let functions = functions("");
    let wait = site(&functions, "ask_neighbour", "time.sleep", Some(named("sleep")));
    for name in
        ["pyinstrument.json", "austin.txt", "austin.pprof", "austin.pprof.gz", "ddtrace.pprof", "viztracer.json"]
    {
        let found = measured(&[profile(name)], &functions, &wait);
        // Austin and Datadog see the second thread as well, which waits all the time.
        assert!((0.15..0.99).contains(&found.share), "{name}: {found:?}");
    }
    let audited = Measurement::new(&[profile("pyinstrument.json")], &Join::new(&functions))
        .share(std::slice::from_ref(&wait), Unit::Milliseconds)
        .unwrap();
    assert!(audited.audited > 0.95 && audited.explained > 0.6, "{audited:?}");
}

#[test]
fn counts_give_the_time_of_one_call() {
    let functions = functions("");
    let wait = site(&functions, "ask_neighbour", "time.sleep", Some(named("sleep")));
    let found = measured(&[profile("cprofile.pstats")], &functions, &wait);
    assert_eq!((found.scope, found.calls, found.function_calls), (Scope::Call, Some(20), Some(20)));
    assert!((10.0..15.0).contains(&found.per_call().unwrap()), "{found:?}");

    let ask = functions.iter().position(|place| place.name == "ask_neighbour").unwrap();
    let call = site(&functions, "handle", "ask_neighbour()", Some(Callee::Function(ask)));
    for (name, calls) in [("cprofile.pstats", 20), ("viztracer.json", 6), ("opentelemetry.jsonl", 8)] {
        let found = measured(&[profile(name)], &functions, &call);
        assert_eq!((found.scope, found.calls), (Scope::Call, Some(calls)), "{name}");
        assert!((10.0..15.0).contains(&found.per_call().unwrap()), "{name}: {found:?}");
    }
    // A method, a library below it, and a class whose constructor runs.
    let query = site(&functions, "Store.find", "sqlite3.connect", Some(named("connect")));
    assert_eq!(measured(&[profile("cprofile.pstats")], &functions, &query).calls, Some(20));
    let made = site(&functions, "serve", "Store(", Some(named("Store")));
    assert_eq!(measured(&[profile("cprofile.pstats")], &functions, &made).calls, Some(1));
    // Several profiles add up.
    let both = [profile("cprofile.pstats"), profile("viztracer.json")];
    let found = measured(&both, &functions, &call);
    assert_eq!(found.calls, Some(26));
    assert_eq!(found.formats, BTreeSet::from([Format::Pstats, Format::TraceEvents]));
}

#[test]
fn lines_tell_calls_apart_where_a_sampler_has_them() {
    let functions = functions("");
    let load = site(&functions, "Store.limits", "json.load", Some(named("load")));
    let tokens = site(&functions, "handle", "tokenize(TEXT)", None);
    for name in ["py-spy.txt", "py-spy.speedscope.json"] {
        let profile = [profile(name)];
        let found = measured(&profile, &functions, &tokens);
        assert_eq!((found.scope, found.calls), (Scope::Call, None), "{name}");
        assert!((0.005..0.5).contains(&found.share), "{name}: {found:?}");
        let other = Measurement::new(&profile, &Join::new(&functions)).at(&load, false);
        assert!(other.is_none_or(|other| other.share < 0.3), "{name}");
        // A line that took no time is not given the time of its function.
        let quick = site(&functions, "handle", "def handle", None);
        assert_eq!(Measurement::new(&profile, &Join::new(&functions)).at(&quick, false), None, "{name}");
    }
}

#[test]
fn bytes_are_told_apart_from_time() {
    let functions = functions("");
    let kept = site(&functions, "keep", "held.append", None);
    for name in ["memray.csv", "memray.speedscope.json"] {
        let profiles = [profile(name)];
        let measurement = Measurement::new(&profiles, &Join::new(&functions));
        let found = measurement.at(&kept, true).unwrap();
        // 40 times 200,000 bytes stay.
        assert!(found.total >= 7_000_000.0, "{name}: {found:?}");
        assert_eq!(measurement.at(&kept, false), None, "{name}");
    }
    // The statistics count what was allocated, not what was kept: queries and texts come first.
    let query = site(&functions, "Store.find", "connection.execute", None);
    assert!(measured(&[profile("memray-stats.json")], &functions, &query).total > 1e6);
}

#[test]
fn roots_and_lines_may_have_moved() {
    for below in ["", "services/shop/", "src/"] {
        let functions = functions(below);
        let profiles = [profile("cprofile.pstats")];
        let measurement = Measurement::new(&profiles, &Join::new(&functions));
        let wait = site(&functions, "ask_neighbour", "time.sleep", Some(named("sleep")));
        assert_eq!(measurement.at(&wait, false).and_then(|found| found.calls), Some(20), "{below}");
    }
    // An older checkout: everything stands seven lines further down.
    let mut moved = functions("");
    for place in &mut moved {
        place.first_line += 7;
        place.last_line += 7;
    }
    let wait = Site {
        function: moved.iter().position(|place| place.name == "ask_neighbour").unwrap(),
        lines: (35, 35),
        callee: Some(named("sleep")),
    };
    assert_eq!(measured(&[profile("cprofile.pstats")], &moved, &wait).calls, Some(20));
    // Two files that could both be meant are neither.
    let mut twice = functions("one/");
    twice.extend(functions("two/"));
    let profiles = [profile("cprofile.pstats")];
    let measurement = Measurement::new(&profiles, &Join::new(&twice));
    assert!(twice.iter().enumerate().all(|(function, place)| {
        let site = Site { function, lines: (place.first_line, place.last_line), callee: None };
        measurement.at(&site, false).is_none()
    }));
    // The standard library's files are nobody's.
    let foreign = vec![
        FunctionPlace { path: "__init__.py".into(), name: "load".into(), first_line: 274, last_line: 296 },
        FunctionPlace { path: "tools/decoder.py".into(), name: "raw_decode".into(), first_line: 343, last_line: 358 },
    ];
    let measurement = Measurement::new(&profiles, &Join::new(&foreign));
    for function in 0..foreign.len() {
        assert_eq!(measurement.at(&Site { function, lines: (1, 400), callee: None }, false), None);
    }
}

#[test]
fn hot_functions_without_a_finding_are_listed() {
    let functions = functions("");
    let wait = site(&functions, "ask_neighbour", "time.sleep", Some(named("sleep")));
    for name in ["py-spy.speedscope.json", "cprofile.pstats", "pyinstrument.json"] {
        let profiles = [profile(name)];
        let measurement = Measurement::new(&profiles, &Join::new(&functions));
        let share = measurement.share(std::slice::from_ref(&wait), Unit::Milliseconds).unwrap();
        let hot: Vec<&str> = share.hot.iter().map(|hot| &*functions[hot.function].name).collect();
        assert!(hot.contains(&"tokenize"), "{name}: {hot:?}");
        assert!(!hot.contains(&"ask_neighbour"), "{name}: {hot:?}");
        let left: f64 = share.hot.iter().map(|hot| hot.share).sum();
        assert!(left + share.explained <= 1.05, "{name}: {share:?}");
    }
}

#[test]
fn what_is_no_profile_is_said_to_be_none() {
    let kind = |bytes: &[u8]| match read(bytes) {
        Ok(_) => "read",
        Err(ProfileError::Unknown(_)) => "unknown",
        Err(ProfileError::Malformed(_)) => "malformed",
        Err(ProfileError::TooLarge(_)) => "too large",
        Err(ProfileError::Empty) => "empty",
        Err(ProfileError::Unreadable(_)) => "unreadable",
    };
    assert_eq!(kind(b""), "unknown");
    assert_eq!(kind(b"import os\n"), "unknown");
    assert_eq!(kind(b"{\"a\": 1}"), "unknown");
    assert_eq!(kind(b"{\"a\": "), "malformed");
    assert_eq!(kind(b"<html>"), "unknown");
    assert_eq!(kind(b"\xff\xfe\x00\x01"), "unknown");
    assert_eq!(kind(b"MOJ\x03\x01"), "unknown");
    assert_eq!(kind(b"a (b.py:1) 5\nbroken"), "malformed");
    assert_eq!(kind(b"a (b.py:1) 0\n"), "empty");
    assert_eq!(kind(b"\xfb0"), "empty");
    assert_eq!(kind(b"\xfb)\x03\xfa\xff"), "malformed");
    assert_eq!(kind(b"{\"traceEvents\": []}"), "empty");
    assert_eq!(kind(b"\x1f\x8b\x08\x00"), "malformed");
    let deep = "[".repeat(1_000_000);
    assert_eq!(kind(deep.as_bytes()), "too large");
    let reader = |name: &str| read_file(&folder().join(name));
    assert!(matches!(reader("no-such-file"), Err(ProfileError::Unreadable(_))));
    assert!(matches!(reader("workload"), Err(ProfileError::Unreadable(_))));
}

#[test]
fn bombs_end_in_an_error() {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let block = vec![b' '; 1 << 20];
    for _ in 0..300 {
        packed.write_all(&block).unwrap();
    }
    assert!(matches!(read(&packed.finish().unwrap()), Err(ProfileError::TooLarge(_))));
    let large = tempfile::NamedTempFile::new().unwrap();
    large.as_file().set_len(1 << 30).unwrap();
    assert!(matches!(read_file(large.path()), Err(ProfileError::TooLarge(_))));
    // A call tree of 15,000 levels is read; it must not end the process.
    let levels = 15_000;
    let mut text = String::from("{\"root_frame\": ");
    for _ in 0..levels {
        text.push_str("{\"function\": \"f\", \"file_path\": \"a.py\", \"line_no\": 1, \"time\": 1, \"children\": [");
    }
    text.push_str(&"]}".repeat(levels));
    text.push('}');
    let Calls::Tree(tree) = read(text.as_bytes()).unwrap().calls else { panic!("a tree") };
    assert_eq!(tree.nodes().len(), levels);
}

mod hostile {
    use proptest::prelude::*;

    use super::{folder, read};

    /// Whatever happens to a profile on its way, reading it ends in a profile or an error.
    fn damage(name: &str, edits: &[(u32, u8)], cut: u16) {
        let mut bytes = std::fs::read(folder().join(name)).unwrap();
        for (place, byte) in edits {
            let place = *place as usize % bytes.len();
            bytes[place] = *byte;
        }
        bytes.truncate(bytes.len() - bytes.len() * usize::from(cut) / usize::from(u16::MAX) / 2);
        let _ = read(&bytes);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn damaged_files_are_read_or_refused(
            name in prop::sample::select(vec![
                "py-spy.txt", "py-spy.speedscope.json", "cprofile.pstats", "pyinstrument.json", "scalene.json",
                "austin.txt", "memray.csv", "memray-stats.json", "viztracer.json", "opentelemetry.jsonl", "austin.pprof",
                "austin.pprof.gz",
            ]),
            edits in prop::collection::vec((any::<u32>(), any::<u8>()), 0..8),
            cut in any::<u16>(),
        ) {
            damage(name, &edits, cut);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
            let mut dump = vec![0xfb, 0xa9];
            dump.extend(&bytes);
            let _ = read(&dump);
        }
    }
}
