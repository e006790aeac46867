//! Documents lead somewhere, say the same in both languages, and name keys and problems that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use points_gateway::config;
use points_gateway::http::problem::Kind;
use points_gateway::http::{openapi, router};
use rstest::rstest;

const ENGLISH: &str = "README.md";
const CHINESE: &str = "README.zh-CN.md";
const API: &str = "docs/api.md";
const API_IN_CHINESE: &str = "docs/api.zh-CN.md";

/// Documents that name keys in their text: all but those whose dotted names are something else too.
const WITH_KEYS: [&str; 6] = [
    "README.md",
    "README.zh-CN.md",
    "SECURITY.md",
    "CONTRIBUTING.md",
    "docs/operations.md",
    "docs/runbook.md",
];

/// What the columns that name keys are called, in either language.
const KEY_COLUMNS: [&str; 3] = ["Key", "Setting", "配置项"];

/// A document, taken apart by lines.
#[derive(Default)]
struct Document {
    /// Levels, in order.
    headings: Vec<usize>,
    /// What a link to each of them says behind its `#`, in order.
    anchors: Vec<String>,
    /// Fence and lines, without comments.
    blocks: Vec<Vec<String>>,
    /// Rows of cells, the header first, the line below it left out.
    tables: Vec<Vec<Vec<String>>>,
    /// Everything outside fenced blocks.
    prose: String,
}

fn read(name: &str) -> Document {
    parse(&fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap())
}

fn parse(text: &str) -> Document {
    let mut document = Document::default();
    let mut open: Option<Vec<String>> = None;
    let mut in_table = false;
    for line in text.lines() {
        if let Some(mut block) = open.take() {
            if line == "```" {
                document.blocks.push(block);
            } else {
                block.extend(without_comment(line).map(str::to_owned));
                open = Some(block);
            }
            continue;
        }
        if line.starts_with("```") {
            // Not part of the prose: three marks would turn what is code there inside out.
            open = Some(vec![line.to_owned()]);
            in_table = false;
            continue;
        }
        if let Some(inside) = line.strip_prefix('|') {
            if !in_table {
                document.tables.push(Vec::new());
            }
            if !inside.chars().all(|c| matches!(c, '-' | ':' | '|' | ' ')) || !inside.contains('-') {
                document.tables.last_mut().unwrap().push(cells(inside));
            }
        } else {
            let level = line.chars().take_while(|c| *c == '#').count();
            if (1..=6).contains(&level) && line[level..].starts_with(' ') {
                document.headings.push(level);
                let anchor = anchor(&line[level..], &document.anchors);
                document.anchors.push(anchor);
            }
        }
        in_table = line.starts_with('|');
        document.prose.push_str(line);
        document.prose.push('\n');
    }
    assert!(open.is_none(), "a fenced block has no end");
    document
}

/// What GitHub makes of a heading: letters, digits, `-` and `_`; a number behind it if there is another one.
fn anchor(heading: &str, before: &[String]) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    let plain: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase();
    let mut names = std::iter::once(plain.clone()).chain((1..).map(|n| format!("{plain}-{n}")));
    names.find(|name| !before.contains(name)).unwrap()
}

/// The line as a shell or TOML takes it; nothing for a line that is only a comment.
fn without_comment(line: &str) -> Option<&str> {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match quote {
            Some(mark) if c == mark => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if c == '#' && before.is_whitespace() => {
                let code = line[..at].trim_end();
                return (!code.is_empty()).then_some(code);
            }
            _ => {}
        }
        before = c;
    }
    Some(line)
}

fn cells(inside: &str) -> Vec<String> {
    inside.trim_end().trim_end_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// What stands in backticks.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Where `[text](target)` leads, code spans aside.
fn links(prose: &str) -> Vec<String> {
    let plain: String = prose.split('`').step_by(2).collect();
    plain.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(to, _)| to.to_owned()).collect()
}

/// Keys that the tables name, written out: `.app_secret` belongs to the section of the key before it in its cell.
fn keys_named(document: &Document) -> Vec<String> {
    let mut named = Vec::new();
    for table in &document.tables {
        let Some(column) = table[0].iter().position(|title| KEY_COLUMNS.contains(&title.as_str())) else {
            continue;
        };
        for row in &table[1..] {
            let mut section: Option<&str> = None;
            for key in code_spans(&row[column]) {
                if key.starts_with('.') {
                    let section = section.unwrap_or_else(|| panic!("{key} follows no whole key: {row:?}"));
                    named.push(format!("{section}{key}"));
                } else {
                    section = key.rsplit_once('.').map(|(section, _)| section);
                    named.push(key.to_owned());
                }
            }
        }
    }
    named
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every document of the repository.
fn documents() -> BTreeSet<PathBuf> {
    let (mut found, mut folders) = (BTreeSet::new(), vec![root().to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                found.insert(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found
}

/// Where the links of a document lead that stay in the repository: file and anchor, each perhaps empty.
fn led_to(name: &Path) -> Vec<(PathBuf, String)> {
    let links = links(&read(name.to_str().unwrap()).prose);
    let inside = links.iter().filter(|to| !to.contains(':'));
    let split = inside.map(|to| to.split_once('#').unwrap_or((to, "")));
    split.map(|(file, anchor)| (beside(name, file), anchor.to_owned())).collect()
}

/// `file` as a document names it, from the repository's root.
fn beside(document: &Path, file: &str) -> PathBuf {
    if file.is_empty() {
        return document.to_owned();
    }
    let mut path = document.parent().unwrap().to_owned();
    for part in Path::new(file).components() {
        match part.as_os_str().to_str().unwrap() {
            ".." => assert!(path.pop(), "{} leads out of the repository: {file}", document.display()),
            part => path.push(part),
        }
    }
    path
}

#[rstest]
#[case(ENGLISH, CHINESE)]
#[case(API, API_IN_CHINESE)]
fn both_have_the_same_sections(#[case] english: &str, #[case] chinese: &str) {
    let (english, chinese) = (read(english).headings, read(chinese).headings);
    assert!(english.len() > 1);
    assert_eq!(english, chinese);
}

#[rstest]
#[case(ENGLISH, CHINESE)]
#[case(API, API_IN_CHINESE)]
fn both_have_the_same_code(#[case] english: &str, #[case] chinese: &str) {
    let (english, chinese) = (read(english).blocks, read(chinese).blocks);
    assert!(!english.is_empty());
    assert_eq!(english.len(), chinese.len());
    for (ours, theirs) in english.iter().zip(&chinese) {
        assert_eq!(ours, theirs);
    }
}

#[rstest]
#[case(ENGLISH, CHINESE)]
#[case(API, API_IN_CHINESE)]
fn both_have_the_same_tables(#[case] english: &str, #[case] chinese: &str) {
    let shape = |name| {
        let tables = read(name).tables;
        tables.iter().map(|table| table.iter().map(Vec::len).collect()).collect::<Vec<Vec<_>>>()
    };
    assert!(!shape(english).is_empty());
    assert_eq!(shape(english), shape(chinese), "cells of each row of each table");
}

#[rstest]
#[case(ENGLISH, CHINESE)]
#[case(API, API_IN_CHINESE)]
fn both_lead_to_each_other(#[case] english: &str, #[case] chinese: &str) {
    for (name, other) in [(english, chinese), (chinese, english)] {
        let leads = led_to(Path::new(name)).iter().any(|(file, _)| file == Path::new(other));
        assert!(leads, "{name} doesn't lead to {other}");
    }
}

#[test]
fn links_lead_to_files_and_headings() {
    let mut wrong = Vec::new();
    let mut followed = 0;
    for name in documents() {
        for (file, anchor) in led_to(&name) {
            let is_document = file.extension().is_some_and(|e| e == "md");
            let arrives = root().join(&file).is_file()
                && (anchor.is_empty()
                    || !is_document
                    || read(file.to_str().unwrap()).anchors.contains(&anchor));
            followed += 1;
            if !arrives {
                wrong.push(format!("{} leads to {}#{anchor}", name.display(), file.display()));
            }
        }
    }
    assert!(followed > 50, "links were not found: {followed}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_document_is_found_from_the_readme() {
    let mut found = BTreeSet::new();
    let mut next = vec![PathBuf::from(ENGLISH)];
    while let Some(name) = next.pop() {
        if name.extension().is_some_and(|e| e == "md") && found.insert(name.clone()) {
            next.extend(led_to(&name).into_iter().map(|(file, _)| file));
        }
    }
    let lost: Vec<_> = documents().into_iter().filter(|name| !found.contains(name)).collect();
    assert!(lost.is_empty(), "no way leads from {ENGLISH} to {lost:?}");
}

/// The problems that the document declares for the endpoint, in the order of the table of kinds.
fn problems_of_the_endpoint() -> Vec<Kind> {
    let document = openapi::to_json(&router::document());
    let declared = |kind: &Kind| document.contains(&format!("`{}`: {}", kind.label(), kind.title()));
    Kind::ALL.into_iter().filter(declared).collect()
}

#[rstest]
#[case(API)]
#[case(API_IN_CHINESE)]
fn every_problem_that_an_app_can_get_has_its_row(#[case] name: &str) {
    let kinds = problems_of_the_endpoint();
    assert!(kinds.len() > 10, "{kinds:?}");
    let rows: Vec<_> =
        kinds.iter().map(|k| [format!("`{}`", k.label()), k.status().as_str().into()]).collect();
    let tables = read(name).tables;
    let table = tables.iter().find(|table| table[1][0] == rows[0][0]).expect("a table of problems");
    let written: Vec<_> = table[1..].iter().map(|row| [row[0].clone(), row[1].clone()]).collect();
    assert_eq!(written, rows);
}

#[test]
fn keys_in_tables_exist() {
    let known: BTreeSet<_> = config::keys().into_iter().map(|key| key.name).collect();
    let named = keys_named(&read(ENGLISH));
    assert!(named.len() > 20, "the tables of keys were not found: {named:?}");
    let unknown: Vec<_> = named.iter().filter(|key| !known.contains(*key)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert_eq!(named, keys_named(&read(CHINESE)));
}

/// Whether a word can only be meant as a key, and may be one: `http.drain.idle`, `shared.*`, `accounts.<name>`.
fn is_key_or_section(word: &str, known: &BTreeSet<String>) -> bool {
    let word = word.trim_end_matches(".*").trim_end_matches("_file");
    known.iter().any(|key| key == word || key.starts_with(&format!("{word}.")))
}

#[test]
fn keys_in_prose_exist() {
    let known: BTreeSet<_> = config::keys().into_iter().map(|key| key.name).collect();
    let sections: BTreeSet<_> =
        known.iter().filter_map(|key| Some(key.split_once('.')?.0.to_owned())).collect();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for name in WITH_KEYS {
        let prose = read(name).prose;
        let written = |c: char| c.is_ascii_lowercase() || matches!(c, '_' | '.' | '<' | '>' | '*');
        let words = code_spans(&prose).filter(|span| span.chars().all(written));
        for word in words.filter(|w| w.split_once('.').is_some_and(|(head, _)| sections.contains(head))) {
            seen += 1;
            if !is_key_or_section(word, &known) && !word.ends_with(".rs") {
                wrong.push(format!("{name}: {word}"));
            }
        }
    }
    assert!(seen > 50, "keys were not found: {seen}");
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn links_and_code_are_told_apart_behind_a_block() {
    let prose = parse("[a](a)\n```sh\n`\n```\n[`b`](b) `[c](c)`\n").prose;
    assert_eq!(links(&prose), ["a", "b"]);
    assert_eq!(code_spans(&prose).collect::<Vec<_>>(), ["b", "[c](c)"]);
}

#[test]
fn anchors_are_those_of_github() {
    let document = parse("# A page: `x.y`, and more\n## Links\n## Links\n### 分页与游标（cursor）\n");
    assert_eq!(document.anchors, ["a-page-xy-and-more", "links", "links-1", "分页与游标cursor"]);
}

#[test]
fn keys_that_wait_for_a_restart_are_listed() {
    for (name, title) in [(ENGLISH, "Why it waits"), (CHINESE, "为何要等重启")] {
        let tables =
            read(name).tables.into_iter().filter(|table| table[0].get(1).is_some_and(|t| t == title));
        let listed: BTreeSet<_> =
            keys_named(&Document { tables: tables.collect(), ..Document::default() }).into_iter().collect();
        let waiting = config::keys().into_iter().filter(|key| key.taken == config::Taken::AtStart);
        assert_eq!(listed, waiting.map(|key| key.name).collect(), "{name}");
    }
}

#[test]
fn comments_are_no_code() {
    for (line, code) in [
        ("# only a comment", None),
        ("  # 也只是注释", None),
        ("key = 1   # why", Some("key = 1")),
        ("colour = \"a #fff\" # why", Some("colour = \"a #fff\"")),
        ("curl http://host/#part", Some("curl http://host/#part")),
        ("", Some("")),
    ] {
        assert_eq!(without_comment(line), code, "{line}");
    }
}

#[test]
fn short_keys_are_written_out() {
    let document = parse("| Key | Default |\n|---|---|\n| `a.<n>.one`, `.two` | `.x` |\n| `three` | – |\n");
    assert_eq!(keys_named(&document), ["a.<n>.one", "a.<n>.two", "three"]);
}
