//! House rules, read off the source text: who may import whom, no cycles, every file says what it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms and what each may name, from the top down (`architecture.md`). `sandbox` knows nothing but the clock.
const MAY_IMPORT: [(&str, &[&str]); 12] = [
    (
        "app",
        &[
            "config",
            "http",
            "history",
            "cache",
            "kingdee",
            "shared",
            "domain",
            "clock",
            "telemetry",
            "sandbox",
        ],
    ),
    ("doctor", &["config", "kingdee", "shared", "domain", "clock"]),
    ("config", &["http", "history", "cache", "kingdee", "shared", "domain", "telemetry"]),
    ("http", &["history", "domain", "clock", "telemetry"]),
    ("history", &["cache", "kingdee", "shared", "domain", "clock", "telemetry"]),
    ("cache", &["shared", "domain", "clock", "telemetry"]),
    ("kingdee", &["shared", "domain", "clock", "telemetry"]),
    ("shared", &["clock", "telemetry"]),
    ("domain", &["clock", "telemetry"]),
    ("telemetry", &["clock"]),
    ("clock", &[]),
    ("sandbox", &["clock"]),
];

struct Source {
    /// `cache::flight` for `src/cache/flight.rs`
    module: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let inside = path.strip_prefix(&root).unwrap().with_extension("");
                let module = inside.to_str().unwrap().replace('/', "::");
                found.push(Source { module, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    assert!(found.len() > 30, "the source was not found");
    found
}

fn room(module: &str) -> &str {
    module.split("::").next().unwrap()
}

/// Code without comments and without unit tests, which may borrow from anywhere.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Paths after `crate::`, with brace groups opened one level: `crate::a::{b, c::d}` → `a::b`, `a::c`.
fn crate_paths(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let head: String =
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
        let head = head.trim_end_matches(':').to_owned();
        if rest[head.len()..].starts_with("::{") {
            let group = &rest[head.len() + 3..];
            let group = &group[..group.find('}').unwrap_or(group.len())];
            found.extend(
                group.split(',').map(|part| format!("{head}::{}", part.trim().replace(['{', '}'], ""))),
            );
        } else {
            found.insert(head);
        }
    }
    found
}

#[test]
fn imports_run_downwards() {
    let may: BTreeMap<_, _> = MAY_IMPORT.into_iter().collect();
    let mut wrong = Vec::new();
    for source in sources() {
        let own = room(&source.module);
        let Some(allowed) = may.get(own) else { continue };
        if source.module.ends_with("::tests") || source.module.contains("::tests::") {
            continue;
        }
        for path in crate_paths(&code(&source.text)) {
            let other = room(&path);
            if other != own && may.contains_key(other) && !allowed.contains(&other) {
                wrong.push(format!("{} names {path}", source.module));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_is_on_the_map() {
    let known: BTreeSet<_> = MAY_IMPORT.iter().map(|(room, _)| *room).collect();
    let outside = ["lib", "main", "verbs"];
    let unknown: Vec<_> = sources()
        .iter()
        .map(|s| room(&s.module).to_owned())
        .filter(|r| !known.contains(r.as_str()) && !outside.contains(&r.as_str()))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// Modules of one room that a file names, by `super::`, `crate::room::` or a bare sibling.
fn siblings(source: &Source, all: &BTreeSet<String>) -> BTreeSet<String> {
    let code = code(&source.text);
    let mut named = BTreeSet::new();
    let mut add = |path: String| {
        // The longest prefix that is a file.
        let parts: Vec<_> = path.split("::").collect();
        let file = (1..=parts.len()).rev().map(|n| parts[..n].join("::")).find(|m| all.contains(m));
        named.extend(file.filter(|m| room(m) == room(&source.module) && *m != source.module));
    };
    for path in crate_paths(&code) {
        add(path);
    }
    let parent = source.module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let supers = crate_paths(&code.replace("super::super::", "\u{1}").replace("super::", "crate::\u{2}"));
    for path in supers.iter().filter_map(|p| p.strip_prefix('\u{2}')) {
        add(format!("{parent}::{path}"));
    }
    for rest in code.split("super::").skip(1).filter(|r| !r.starts_with("super")) {
        let head: String =
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
        if head.starts_with(|c: char| c.is_lowercase()) {
            add(format!("{parent}::{head}"));
        }
        if let Some(group) = rest.strip_prefix('{') {
            let group = &group[..group.find(';').unwrap_or(group.len())];
            for part in
                group.split([',', '{', '}']).map(str::trim).filter(|p| p.starts_with(char::is_lowercase))
            {
                add(format!("{parent}::{part}"));
            }
        }
    }
    named.remove(parent); // a front door that re-exports is no room of its own
    named
}

#[test]
fn no_room_has_a_cycle() {
    let sources = sources();
    let all: BTreeSet<_> = sources.iter().map(|s| s.module.clone()).collect();
    let front_doors: BTreeSet<_> =
        all.iter().filter(|m| all.iter().any(|o| o.starts_with(&format!("{m}::")))).cloned().collect();
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources.iter().filter(|s| !s.module.contains("tests") && !front_doors.contains(&s.module)) {
        let named = siblings(source, &all).into_iter().filter(|m| !front_doors.contains(m)).collect();
        edges.insert(source.module.clone(), named);
    }
    // Leaves go, round by round; what stays is in a cycle or hangs on one.
    loop {
        let leaves: Vec<_> =
            edges.iter().filter(|(_, named)| named.is_empty()).map(|(m, _)| m.clone()).collect();
        if leaves.is_empty() {
            break;
        }
        edges.retain(|module, _| !leaves.contains(module));
        for named in edges.values_mut() {
            named.retain(|m| !leaves.contains(m));
        }
    }
    edges.iter_mut().for_each(|(_, named)| named.retain(|m| all.contains(m)));
    assert!(edges.is_empty(), "{edges:#?}");
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    let silent: Vec<_> =
        sources().into_iter().filter(|s| !s.text.starts_with("//! ")).map(|s| s.module).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn files_stay_readable() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|s| (s.text.lines().count(), s.module))
        .filter(|(lines, _)| *lines > 400)
        .collect();
    assert!(long.is_empty(), "split these: {long:?}");
}

#[test]
fn the_image_is_built_by_the_toolchain_and_the_counts_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    let (toolchain, image) = (read("rust-toolchain.toml"), read("Dockerfile"));
    let release = toolchain.split("channel = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(image.contains(&format!("/rust:{release}-")), "the Dockerfile's base is not Rust {release}");
    let counts = format!("pgo/x86_64-unknown-linux-gnu-{release}.profdata");
    assert!(root.join(&counts).is_file(), "{counts} is missing: run scripts/train.py and commit it");
}

#[test]
fn time_and_environment_have_one_reader_each() {
    for (needle, home) in [("SystemTime::now", "clock"), ("env::vars_os", "config::source")] {
        let users: Vec<_> =
            sources().into_iter().filter(|s| code(&s.text).contains(needle)).map(|s| s.module).collect();
        assert_eq!(users, [home], "{needle}");
    }
}
