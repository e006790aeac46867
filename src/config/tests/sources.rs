//! Where values come from, and which one wins.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use super::written::{CANARY, Written, values};
use crate::config::source::Disk;
use crate::config::{Config, Origin, Sources};
use crate::kingdee::settings::Authorization;

fn source_of(config: &Config, key: &str) -> String {
    config.effective().iter().find(|line| line.key == key).unwrap().to_string()
}

#[test]
fn the_environment_wins_over_the_file_and_the_source_is_told() {
    let written = Written::file("[cache]\nfresh = \"45s\"\n[history]\ncursor_search_chunks = 9\n")
        .var("CACHE__FRESH", "50s")
        .var("KINGDEE__CLIENT_ID", "00123");
    let config = written.good();
    assert_eq!(config.kingdee.client_id, "00123");
    assert_eq!(config.history.freshness.fresh.as_secs(), 50);
    assert_eq!(
        source_of(&config, "cache.fresh"),
        "cache.fresh = 50s  (environment variable POINTS_GATEWAY__CACHE__FRESH)"
    );
    assert_eq!(
        source_of(&config, "history.cursor_search_chunks"),
        "history.cursor_search_chunks = 9  (file /etc/gateway/a.toml, line 6, column 1)"
    );
    assert_eq!(source_of(&config, "http.threads"), "http.threads = 0  (default)");
    assert!(
        source_of(&config, "kingdee.client_secret").starts_with("kingdee.client_secret = [redacted]  (file")
    );
}

#[test]
fn a_wrong_value_that_the_environment_replaces_does_no_harm() {
    let config = Written::file("[cache]\nfresh = \"\"\n").var("CACHE__FRESH", "1s").good();
    assert_eq!(config.history.freshness.fresh.as_secs(), 1);
}

#[test]
fn digits_stay_text() {
    let text = format!("kingdee.client_id = \"00123\"\nkingdee.client_secret = \"{CANARY}\"");
    assert_eq!(Written::bare_file(&text).good().kingdee.client_id, "00123");
    assert_eq!(Written::env().var("ACCOUNTS__MAIN__ACCOUNT_ID", "0042").good().kingdee.accounts.len(), 1);
}

#[test]
fn secrets_come_from_files_by_variable_and_by_key() {
    for (content, kept) in [("s3\n", "s3"), ("s3", "s3"), ("s3\r\n", "s3"), ("\u{feff}s3\r\n", "s3")] {
        let written = Written::default()
            .var("KINGDEE__CLIENT_ID", "1")
            .var("KINGDEE__CLIENT_SECRET_FILE", "/run/s")
            .with("/run/s", content);
        assert_eq!(written.good().kingdee.client_secret.expose_secret(), kept);
    }
    // A relative path counts from the folder of the file that holds it.
    let text = "kingdee.client_id = \"1\"\nkingdee.client_secret_file = \"secret\"";
    let config = Written::bare_file(text).with("/etc/gateway/secret", CANARY).good();
    assert_eq!(config.kingdee.client_secret.expose_secret(), CANARY);
    assert!(
        source_of(&config, "kingdee.client_secret").ends_with("(file /etc/gateway/a.toml, line 2, column 9)")
    );
    // Another layer is no contradiction.
    let config = Written::bare_file(text).var("KINGDEE__CLIENT_SECRET", "s4").good();
    assert_eq!(config.kingdee.client_secret.expose_secret(), "s4");
}

#[test]
fn lists_are_arrays_in_the_file_and_have_commas_in_the_environment() {
    let suffixes = ["tf.jdy.com", "localhost"];
    let line = "kingdee.router_suffixes = [\"tf.jdy.com\", \"localhost\"]";
    assert_eq!(Written::file(line).good().kingdee.router_suffixes, suffixes);
    let config = Written::env().var("KINGDEE__ROUTER_SUFFIXES", "tf.jdy.com, localhost").good();
    assert_eq!(config.kingdee.router_suffixes, suffixes);
}

#[test]
fn variables_of_others_are_left_alone() {
    let mut written = Written::env();
    for name in
        ["POINTS_GATEWAY_PORT", "POINTS_GATEWAY_SERVICE_HOST", "POINTS_GATEWAY_PORT_8080_TCP_ADDR", "PATH"]
    {
        written.variables.push((name.into(), "tcp://10.0.0.1:8080".into()));
    }
    assert_eq!(values(&written.good()), values(&Written::env().good()));
}

#[test]
fn the_default_account_set_comes_first_and_the_others_by_name() {
    let text =
        "default_account = \"shop\"\n[accounts.zoo]\n[accounts.shop]\n[accounts.art]\ntime_zone = \"UTC\"\n";
    let written = Written::bare_file(text)
        .var("KINGDEE__CLIENT_ID", "1")
        .var("KINGDEE__CLIENT_SECRET", CANARY)
        .var("ACCOUNTS__MAIN__OUTER_INSTANCE_ID", "7");
    let config = written.good();
    let names: Vec<_> = config.kingdee.accounts.iter().map(|account| account.name.as_str()).collect();
    assert_eq!(names, ["shop", "art", "main", "zoo"]);
    assert_eq!(config.kingdee.accounts[1].time_zone.iana_name(), Some("UTC"));
    let Authorization::Pull { outer_instance_id: Some(id), .. } = &config.kingdee.accounts[2].authorization
    else {
        panic!("pulled with an id")
    };
    assert_eq!(id, "7");
}

#[test]
fn a_static_authorisation_is_inferred_from_what_it_needs() {
    let written = Written::env()
        .var("ACCOUNTS__MAIN__APP_KEY", "abc")
        .var("ACCOUNTS__MAIN__APP_SECRET", CANARY)
        .var("ACCOUNTS__MAIN__ROUTER_DOMAIN", "https://tf.jdy.com/");
    let config = written.good();
    let Authorization::Static { app_key, app_secret, router_domain } =
        &config.kingdee.accounts[0].authorization
    else {
        panic!("static")
    };
    assert_eq!((app_key.as_str(), app_secret.expose_secret()), ("abc", CANARY));
    assert_eq!(router_domain, "https://tf.jdy.com/", "sent as it is written");
    assert!(source_of(&config, "accounts.main.app_secret").contains("[redacted]"));
    assert!(source_of(&config, "accounts.main.authorization").ends_with("= static  (default)"));
}

#[test]
fn files_of_the_machine_are_read_within_their_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    let load = |file: &Path| {
        let environment = vec![
            ("POINTS_GATEWAY__KINGDEE__CLIENT_ID".into(), "1".into()),
            ("POINTS_GATEWAY__KINGDEE__CLIENT_SECRET".into(), "s".into()),
        ];
        Config::from_sources(&Sources { file: Some(PathBuf::from(file)), environment, files: &Disk })
    };
    std::fs::write(&path, "log.level = \"warn\"\n").unwrap();
    assert_eq!(load(&path).unwrap().log.level, "warn");
    std::fs::write(&path, "#".repeat((256 << 10) + 1)).unwrap();
    std::fs::write(folder.path().join("b.toml"), b"\xff\xfe").unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(folder.path().join("d.toml")).status();
    assert!(pipe.unwrap().success());
    for (name, why) in [
        ("a.toml", "is larger"),
        ("b.toml", "is not UTF-8"),
        ("c.toml", "does not exist"),
        ("d.toml", "is a named pipe"),
        ("", "is a folder"),
    ] {
        let faults = load(&folder.path().join(name)).unwrap_err();
        let [fault] = faults.as_slice() else { panic!("{faults}") };
        assert!(fault.problem.contains(why), "{fault}");
        assert!(
            matches!(fault.source, Origin::File(_))
                && fault.key.starts_with(&*folder.path().to_string_lossy())
        );
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf_8_is_a_fault_and_others_are_not_ours() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let garbled = || OsString::from_vec(vec![0xff, b'a']);
    let environment = vec![
        ("POINTS_GATEWAY__KINGDEE__CLIENT_ID".into(), "1".into()),
        ("POINTS_GATEWAY__KINGDEE__CLIENT_SECRET".into(), garbled()),
        ("SOMEBODY_ELSE".into(), garbled()),
        (garbled(), "1".into()),
    ];
    let faults = Config::from_sources(&Sources { file: None, environment, files: &Disk }).unwrap_err();
    let [fault] = faults.as_slice() else { panic!("{faults}") };
    assert!(fault.key == "kingdee.client_secret" && fault.problem.contains("not UTF-8"), "{fault}");
}
