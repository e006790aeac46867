//! The two READMEs say the same, lead somewhere, and name keys that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use points_gateway::config;

const ENGLISH: &str = "README.md";
const CHINESE: &str = "README.zh-CN.md";

/// What the columns that name keys are called, in either language.
const KEY_COLUMNS: [&str; 3] = ["Key", "Setting", "配置项"];

/// A document, taken apart by lines.
#[derive(Default)]
struct Document {
    /// Levels, in order.
    headings: Vec<usize>,
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
            open = Some(vec![line.to_owned()]);
        } else if let Some(inside) = line.strip_prefix('|') {
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
            }
        }
        in_table = line.starts_with('|');
        document.prose.push_str(line);
        document.prose.push('\n');
    }
    assert!(open.is_none(), "a fenced block has no end");
    document
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

#[test]
fn both_have_the_same_sections() {
    let (english, chinese) = (read(ENGLISH).headings, read(CHINESE).headings);
    assert!(english.len() > 1);
    assert_eq!(english, chinese);
}

#[test]
fn both_have_the_same_code() {
    let (english, chinese) = (read(ENGLISH).blocks, read(CHINESE).blocks);
    assert!(!english.is_empty());
    assert_eq!(english.len(), chinese.len());
    for (ours, theirs) in english.iter().zip(&chinese) {
        assert_eq!(ours, theirs);
    }
}

#[test]
fn both_have_the_same_tables() {
    let shape = |name| {
        let tables = read(name).tables;
        tables.iter().map(|table| table.iter().map(Vec::len).collect()).collect::<Vec<Vec<_>>>()
    };
    assert!(!shape(ENGLISH).is_empty());
    assert_eq!(shape(ENGLISH), shape(CHINESE), "cells of each row of each table");
}

#[test]
fn relative_links_lead_to_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, other) in [(ENGLISH, CHINESE), (CHINESE, ENGLISH)] {
        let links = links(&read(name).prose);
        assert!(links.iter().any(|to| to == other), "{name} doesn't lead to {other}");
        for to in links.iter().filter(|to| !to.contains(':') && !to.starts_with('#')) {
            let file = to.split('#').next().unwrap();
            assert!(root.join(file).is_file(), "{name} leads to {to}");
        }
    }
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
