//! From one configuration to the next, key by key.

use super::written::{CANARY, Written};
use crate::config::{Changes, Config, Loader, Taken, keys};

/// One account set of each kind, so that every key can be set.
fn base() -> Written {
    Written::file(&format!(
        "default_account = \"main\"\n[accounts.main]\nouter_instance_id = \"1\"\naccount_id = \"1\"\n\
         [accounts.outlet]\napp_key = \"k\"\napp_secret = \"{CANARY}\"\nrouter_domain = \"https://tf.jdy.com\"\n"
    ))
}

/// Values of which one suits each key and is not the one that it has.
const OTHERS: [&str; 25] = [
    "3",
    "50",
    "200",
    "1s",
    "2s",
    "7s",
    "15s",
    "20s",
    "10m",
    "2h",
    "1MiB",
    "64KiB",
    "4KiB",
    "127.0.0.1:1",
    "true",
    "false",
    "https://tf2.jdy.com",
    "https://other.kingdee.com",
    "Asia/Tokyo",
    "outlet",
    "warn",
    "redis://127.0.0.1:1",
    "jdy.com,example.com",
    "http://127.0.0.1:1",
    "another-name",
];

fn debug(config: &Config) -> String {
    let Config { http, cache, history, kingdee, shared, log, trace, .. } = config;
    format!("{http:?} {cache:?} {history:?} {kingdee:?} {shared:?} {log:?} {trace:?}")
}

#[test]
fn a_key_is_taken_over_or_named_as_waiting_and_nothing_else_changes() {
    let old = base().good();
    for key in keys().iter().filter(|key| !key.name.ends_with(".authorization")) {
        let mut names = vec![key.name.clone()];
        if key.name.starts_with("accounts.") {
            names = ["main", "outlet"].map(|account| key.name.replace("<name>", account)).into();
        }
        let words = key.allowed.split(" or ");
        let changed = names.iter().find_map(|name| {
            let mut values = words.clone().chain(OTHERS).chain(["c4nary-5ecret-2"]);
            values.find_map(|value| {
                let variable = name.to_uppercase().replace('.', "__");
                let new = base().var(&variable, value).load().ok()?;
                let (config, changes) = old.changed_to(&new);
                (changes != Changes::default()).then_some((name, new, config, changes))
            })
        });
        let (name, new, config, changes) =
            changed.unwrap_or_else(|| panic!("no other value suits {}: add one above", key.name));
        let one = vec![name.clone()];
        match key.taken {
            Taken::Live => {
                assert_eq!(changes, Changes { applied: one, needs_restart: vec![] });
                assert_eq!(debug(&config), debug(&new), "{name}");
            }
            Taken::AtStart => {
                assert_eq!(changes, Changes { applied: vec![], needs_restart: one });
                assert_eq!(debug(&config), debug(&old), "{name}");
            }
        }
        // What is in force is what the next change starts from.
        assert_eq!(config.changed_to(&new).1.needs_restart, changes.needs_restart, "{name}");
        assert_eq!(config.changed_to(&new).1.applied, Vec::<String>::new(), "{name}");
        assert!(config.changed_to(&old).1.needs_restart.is_empty(), "{name}");
    }
}

#[test]
fn the_key_in_a_collectors_address_is_compared_and_kept_though_it_is_not_shown() {
    let with = |url: &str| base().var("TRACE__ENDPOINT", url).good();
    let old = with("https://collector.example/first-key");
    for new in [with("https://collector.example/second-key"), base().good()] {
        let (config, changes) = old.changed_to(&new);
        assert_eq!((changes.applied, changes.needs_restart), (vec![], vec!["trace.endpoint".to_owned()]));
        assert_eq!(config.trace.endpoint, old.trace.endpoint);
    }
}

#[test]
fn account_sets_that_come_or_go_wait_and_the_others_keep_their_places() {
    let old = base().good();
    let new = Written::file(
        "default_account = \"main\"\n[accounts.main]\nouter_instance_id = \"2\"\naccount_id = \"1\"\n\
         [accounts.aaa]\naccount_id = \"9\"\n",
    );
    let (config, changes) = old.changed_to(&new.good());
    assert_eq!(changes.applied, ["accounts.main.outer_instance_id"]);
    assert_eq!(changes.needs_restart, ["accounts.outlet", "accounts.aaa"]);
    let names: Vec<_> = config.kingdee.accounts.iter().map(|account| account.name.as_str()).collect();
    assert_eq!(names, ["main", "outlet"]);
    assert!(config.effective().iter().all(|line| !line.key.starts_with("accounts.aaa")));
}

#[test]
fn a_trace_tells_a_change_of_any_file_and_no_secret() {
    use std::collections::BTreeMap;
    use std::path::PathBuf;
    use std::sync::Arc;
    let files = |secret: &str| -> BTreeMap<PathBuf, String> {
        let text = "[kingdee]\nclient_id = \"1\"\nclient_secret_file = \"s\"\n".to_owned();
        [("gateway.toml", text), ("s", secret.to_owned())].map(|(path, text)| (path.into(), text)).into()
    };
    let loader = |files| Loader::of(Some("gateway.toml".into()), Vec::new(), Arc::new(files));
    let (read, trace) = loader(files(CANARY)).load();
    assert!(read.is_ok() && !format!("{trace:?}").contains(CANARY));
    assert_eq!(loader(files(CANARY)).look_again(&trace), trace);
    assert_ne!(loader(files("other")).look_again(&trace), trace);
    let mut gone = files(CANARY);
    gone.remove(&PathBuf::from("s"));
    let later = loader(gone.clone()).look_again(&trace);
    assert_ne!(later, trace);
    // A file that is missing is watched, too: it may come.
    let (read, trace) = loader(gone).load();
    assert!(read.is_err());
    assert_ne!(loader(files(CANARY)).look_again(&trace), trace);
}
