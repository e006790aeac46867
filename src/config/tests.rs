//! Every kind of fault, all at once, and no secret in any of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rstest::rstest;

use super::{Config, Faults, Sources, example, keys, reference};

mod changes;
mod written;
mod sources;
mod faults;

fn read(file: &str, environment: &[(&str, &str)], more: &[(&str, &str)]) -> Result<Config, Faults> {
    let name = PathBuf::from("gateway.toml");
    let mut files = BTreeMap::from([(name.clone(), file.to_owned())]);
    files.extend(more.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())));
    let environment = environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
    Config::from_sources(&Sources { file: Some(name), environment, files: &files })
}

const GOOD: &str = "[kingdee]\nclient_id = \"00123\"\nclient_secret = \"canary-secret\"\n";

fn faults(file: &str) -> Vec<(String, String)> {
    let faults = read(file, &[], &[]).unwrap_err();
    assert!(!faults.to_string().contains("canary"), "{faults}");
    faults.as_slice().iter().map(|f| (f.key.clone(), format!("{f}"))).collect()
}

#[test]
fn two_values_make_a_configuration() {
    let config = read(GOOD, &[], &[]).unwrap();
    assert_eq!(config.kingdee.client_id, "00123");
    assert_eq!(config.kingdee.accounts.len(), 1);
    assert_eq!(config.kingdee.accounts[0].name.as_str(), "main");
    assert!(!format!("{config:?}").contains("canary"));
    assert!(config.effective().iter().all(|line| !line.to_string().contains("canary")));
}

#[test]
fn the_environment_wins_and_keeps_text_as_it_is() {
    let environment = [
        ("POINTS_GATEWAY__KINGDEE__CLIENT_ID", "00456"),
        ("POINTS_GATEWAY__CACHE__FRESH", "45s"),
        ("POINTS_GATEWAY__KINGDEE__ROUTER_SUFFIXES", "jdy.com,kingdee.com"),
        ("POINTS_GATEWAY__ACCOUNTS__SHOP__ACCOUNT_ID", "007"),
        ("PATH", "/bin"),
    ];
    let config = read(GOOD, &environment, &[]).unwrap();
    assert_eq!(config.kingdee.client_id, "00456");
    assert_eq!(config.history.freshness.fresh.as_secs(), 45);
    assert_eq!(config.kingdee.accounts[0].name.as_str(), "shop");
}

#[test]
fn a_secret_may_stand_in_a_file() {
    use secrecy::ExposeSecret as _;
    let file = "[kingdee]\nclient_id = \"1\"\nclient_secret_file = \"secret.txt\"\n";
    let config = read(file, &[], &[("secret.txt", "from-file\n")]).unwrap();
    assert_eq!(config.kingdee.client_secret.expose_secret(), "from-file");
    let environment = [("POINTS_GATEWAY__KINGDEE__CLIENT_SECRET_FILE", "/run/other")];
    let config = read("[kingdee]\nclient_id = \"1\"\n", &environment, &[("/run/other", "from-env")]).unwrap();
    assert_eq!(config.kingdee.client_secret.expose_secret(), "from-env");
}

#[rstest]
#[case::integer_for_text(
    "[kingdee]\nclient_id = 123\nclient_secret = \"canary\"\n",
    "kingdee.client_id",
    "Quote it"
)]
#[case::unknown_key("[kingdee]\nclient_idd = \"1\"\n", "kingdee.client_idd", "client_id")]
#[case::unknown_section("[kingde]\nclient_id = \"1\"\n", "kingde.client_id", "no such key")]
#[case::missing("", "kingdee.client_id", "missing")]
#[case::empty("[kingdee]\nclient_id = \"\"\nclient_secret = \"canary\"\n", "kingdee.client_id", "empty")]
#[case::not_a_time("[cache]\nfresh = \"soon\"\n", "cache.fresh", "30s")]
#[case::bare_time("[cache]\nfresh = 30\n", "cache.fresh", "\"30s\"")]
#[case::not_a_size("[cache]\ncapacity = \"much\"\n", "cache.capacity", "MiB")]
#[case::out_of_range("[kingdee]\nchunk_rows = 101\n", "kingdee.chunk_rows", "from 1 to 100")]
#[case::no_word("[kingdee]\nspace_encoding = \"plus\"\n", "kingdee.space_encoding", "form or percent")]
#[case::not_an_address("[http]\nlisten = \"8080\"\n", "http.listen", "0.0.0.0:8080")]
#[case::plain_http("[kingdee]\nbase_url = \"http://api.kingdee.com\"\n", "kingdee.base_url", "https")]
#[case::no_zone("[accounts.main]\ntime_zone = \"China\"\n", "accounts.main.time_zone", "Asia/Shanghai")]
#[case::mixture(
    "[accounts.main]\nauthorization = \"pull\"\napp_key = \"x\"\n",
    "accounts.main.app_key",
    "no meaning"
)]
#[case::half_an_authorization("[accounts.main]\napp_key = \"x\"\n", "accounts.main.app_secret", "missing")]
#[case::foreign_router(
    "[accounts.main]\napp_key = \"x\"\napp_secret = \"canary\"\nrouter_domain = \"https://evil.com\"\n",
    "accounts.main.router_domain",
    "router_suffixes"
)]
#[case::several_without_default("[accounts.a]\n[accounts.b]\n", "default_account", "2 account sets")]
#[case::impossible_pair("[cache]\nfresh = \"2h\"\n", "cache.fresh", "cache.fresh_settled")]
#[case::deadlines_do_not_nest(
    "[kingdee]\nattempt_timeout = \"9s\"\n",
    "kingdee.attempt_timeout",
    "call_timeout"
)]
#[case::one_port_for_both("[http]\nlisten = \"0.0.0.0:9090\"\n", "http.listen", "port")]
#[case::no_toml("[kingdee\n", "gateway.toml", "line 1")]
fn a_fault_names_key_place_and_cure(#[case] file: &str, #[case] key: &str, #[case] says: &str) {
    let all = faults(file);
    let told = all.iter().find(|(k, _)| k == key).unwrap_or_else(|| panic!("{key} is not in {all:#?}"));
    assert!(told.1.contains(says), "{says:?} is not in {}", told.1);
}

#[test]
fn all_faults_come_at_once_with_their_lines() {
    let all = faults(
        "[kingdee]\nclient_id = 1\nclient_secret = \"canary\"\nchunk_rows = 0\n[cache]\nfresh = \"x\"\nfrsh = \"1s\"\n",
    );
    let keys: Vec<_> = all.iter().map(|(key, _)| key.as_str()).collect();
    for key in ["kingdee.client_id", "kingdee.chunk_rows", "cache.fresh", "cache.frsh"] {
        assert!(keys.contains(&key), "{keys:?}");
    }
    let chunk_rows = &all.iter().find(|(key, _)| key == "kingdee.chunk_rows").unwrap().1;
    assert!(chunk_rows.contains("gateway.toml") && chunk_rows.contains('4'), "{chunk_rows}");
}

#[test]
fn secrets_stay_out_of_every_fault() {
    for (environment, files) in [
        (vec![("POINTS_GATEWAY__KINGDEE__CLIENT_SECRET_FILE", "canary-as-path")], vec![]),
        (vec![("POINTS_GATEWAY__KINGDEE__CLIENT_SECRET", "canary with blank\n")], vec![]),
        (vec![("POINTS_GATEWAY__KINGDEE__CLIENT_SECRET_FILE", "/f")], vec![("/f", "canary\0\u{7f}\n\n")]),
        (
            vec![
                ("POINTS_GATEWAY__KINGDEE__CLIENT_SECRET", "canary-1"),
                ("POINTS_GATEWAY__KINGDEE__CLIENT_SECRET_FILE", "/f"),
            ],
            vec![("/f", "canary-2")],
        ),
    ] {
        let faults = read("[kingdee]\nclient_id = \"1\"\n", &environment, &files).unwrap_err();
        assert!(!faults.to_string().contains("canary"), "{faults}");
        assert!(faults.to_string().contains("POINTS_GATEWAY__KINGDEE__CLIENT_SECRET"), "{faults}");
    }
}

#[test]
fn a_misspelled_variable_is_a_fault_with_a_suggestion() {
    let faults =
        read(GOOD, &[("POINTS_GATEWAY__KINGDEE__BASEURL", "https://api.kingdee.com")], &[]).unwrap_err();
    let told = faults.to_string();
    assert!(told.contains("POINTS_GATEWAY__KINGDEE__BASEURL") && told.contains("BASE_URL"), "{told}");
}

#[test]
fn every_default_can_be_written_down_and_read_again() {
    let written: String = keys()
        .iter()
        .filter(|key| !key.name.starts_with("accounts.") && key.default.is_some())
        .map(|key| format!("{}\n", key.name))
        .collect();
    assert!(written.lines().count() > 30, "{written}");
    let environment: Vec<(String, String)> = keys()
        .iter()
        .filter(|key| !key.name.starts_with("accounts."))
        .filter_map(|key| Some((key.variable.clone(), key.default.clone()?)))
        .collect();
    let borrowed: Vec<_> = environment.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let (plain, spelled) = (read(GOOD, &[], &[]).unwrap(), read(GOOD, &borrowed, &[]).unwrap());
    let debug =
        |c: &Config| format!("{:?} {:?} {:?} {:?} {:?}", c.http, c.cache, c.history, c.kingdee, c.log);
    assert_eq!(debug(&plain), debug(&spelled));
}

#[test]
fn the_example_file_is_the_table_s_and_is_good() {
    let committed =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/points-gateway.example.toml"))
            .unwrap();
    assert_eq!(
        committed,
        example::example(),
        "run: cargo run -- check --example > deploy/points-gateway.example.toml"
    );
    let secrets: Vec<_> = keys().iter().filter_map(|key| key.secret.then_some(key.example?)).collect();
    let files: Vec<_> = secrets.iter().map(|path| (*path, "x")).collect();
    read(&committed, &[], &files).unwrap_or_else(|faults| panic!("{faults}"));
}

#[test]
fn the_reference_is_the_table_s_and_has_the_sections_of_the_example() {
    let committed =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md")).unwrap();
    let written = reference::markdown();
    assert!(committed == written, "run: cargo run -- check --markdown > docs/configuration.md");
    let named = |key: &str, text: &str| text.contains(&format!("\n| `{key}`<br>"));
    let missing: Vec<_> = keys().into_iter().filter(|key| !named(&key.name, &written)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let sections = example::example().replace("[accounts.main]", "[accounts.<name>]");
    let sections: Vec<_> = sections.lines().filter(|line| line.starts_with('[')).collect();
    let titles: Vec<_> = written.lines().filter_map(|l| l.strip_prefix("## `")?.strip_suffix('`')).collect();
    assert_eq!(titles, sections);
}

#[test]
fn every_line_of_the_example_file_can_be_taken_up() {
    let lines = example::example();
    let taken: Vec<_> =
        lines.lines().map(|l| l.strip_prefix("# ").filter(|l| l.contains(" = ")).unwrap_or(l)).collect();
    for (others, kind) in
        [(["outer_instance_id", "account_id"], "static"), (["app_", "router_domain"], "pull")]
    {
        let kept = taken.iter().filter(|line| !others.iter().any(|other| line.starts_with(other)));
        let text = kept.map(|line| format!("{line}\n")).collect::<String>();
        let text = text.replace("authorization = \"pull\"", &format!("authorization = \"{kind}\""));
        let written = written::Written::bare_file(&text)
            .with("/run/secrets/kingdee_client_secret", written::CANARY)
            .with("/run/secrets/kingdee_app_secret", written::CANARY)
            .with("/run/secrets/shared_url", &format!("redis://{}@redis:6379/0", written::CANARY));
        assert!(
            written::values(&written.good()).contains(&("accounts.main.authorization".into(), kind.into()))
        );
    }
}
