//! Every kind of fault: what it names and what it keeps to itself.

use super::written::{CANARY, Written};
use crate::config::{Fault, Origin};

/// A fault names key, source, what is allowed and what to do.
fn assert_speaks(fault: &Fault) {
    for part in [&fault.key, &fault.problem, &fault.allowed, &fault.fix] {
        assert!(!part.is_empty() && !part.contains('\n'), "{fault:?}");
    }
    assert_eq!(fault.to_string().lines().count(), 5, "{fault}");
}

#[test]
fn wrong_values_in_the_environment() {
    for (name, value, problem) in [
        ("KINGDEE__CLIENT_ID", "", "is empty"),
        ("KINGDEE__CLIENT_ID", "  ", "is empty"),
        ("KINGDEE__CLIENT_ID", "a b", "\"a b\" does not fit"),
        ("KINGDEE__CLIENT_ID", &"9".repeat(33), "does not fit"),
        ("KINGDEE__CLIENT_SECRET", "", "is empty"),
        ("KINGDEE__CLIENT_SECRET", &format!("{CANARY} {CANARY}"), "not shown"),
        ("KINGDEE__BASE_URL", "http://api.kingdee.com", "http is allowed only"),
        ("KINGDEE__BASE_URL", "https://api.kingdee.com/jdy", "behind host and port"),
        ("KINGDEE__BASE_URL", "https://u:c4nary-5ecret@api.kingdee.com", "a password"),
        ("KINGDEE__BASE_URL", "https://api.kingdee.com/?token=c4nary-5ecret", "behind host and port"),
        ("KINGDEE__SPACE_ENCODING", "Form", "\"Form\" does not fit"),
        ("KINGDEE__CHUNK_ROWS", "0", "\"0\" does not fit"),
        ("KINGDEE__CHUNK_ROWS", "101", "\"101\" does not fit"),
        ("KINGDEE__CHUNK_ROWS", "356", "\"356\" does not fit"),
        ("KINGDEE__CHUNK_ROWS", "+5", "\"+5\" does not fit"),
        ("KINGDEE__ROUTER_SUFFIXES", "com", "\"com\" does not fit"),
        ("KINGDEE__ROUTER_SUFFIXES", "jdy.com,", "does not fit"),
        ("KINGDEE__TOKEN_REFRESH_PERCENT", "100", "does not fit"),
        ("CACHE__FRESH", "30", "\"30\" does not fit"),
        ("CACHE__FRESH", "0s", "does not fit"),
        ("CACHE__CAPACITY", "256MB", "does not fit"),
        ("CACHE__CAPACITY", "99999999999999999999", "does not fit"),
        ("CACHE__JITTER_PERCENT", "51", "does not fit"),
        ("HTTP__LISTEN", "8080", "does not fit"),
        ("HTTP__LISTEN", "localhost:8080", "does not fit"),
        ("LOG__ACCESS", "yes", "does not fit"),
        ("LOG__LEVEL", "infoo", "does not fit"),
        ("LOG__FORMAT", "a\u{1b}[31m\nb", r#""a\u{1b}[31m\nb" does not fit"#),
        ("ACCOUNTS__MAIN__TIME_ZONE", "Mars/Olympus", "does not fit"),
        ("ACCOUNTS__MAIN__AUTHORIZATION", "none", "does not fit"),
        ("DEFAULT_ACCOUNT", "nobody", "no section"),
    ] {
        let mut written = Written::env();
        let full = format!("POINTS_GATEWAY__{name}");
        written.variables.retain(|(other, _)| *other != full);
        let fault = written.var(name, value).only_fault();
        assert_speaks(&fault);
        assert!(fault.problem.contains(problem), "{name}={value}: {fault}");
        assert_eq!(fault.source, Origin::Variable(full));
        assert_eq!(fault.key, name.to_lowercase().replace("__", "."));
    }
}

#[test]
fn wrong_types_in_the_file() {
    for (line, problem, fix) in [
        ("kingdee.client_id = 205022", "an integer", "client_id = \"205022\""),
        ("kingdee.client_id = true", "a boolean", "Quote it"),
        ("kingdee.client_id = [\"1\"]", "a list", "Quote it"),
        ("kingdee.client_id = { a = 1 }", "a table", "Quote it"),
        ("kingdee.client_id = 1979-05-27", "a date", "Quote it"),
        ("kingdee.client_id = 1.5", "a fraction", "Quote it"),
        ("cache.fresh = 30", "an integer", "fresh = \"30s\""),
        ("kingdee.chunk_rows = \"50\"", "is text", "without quotes"),
        ("kingdee.chunk_rows = 0x10", "base ten", "without quotes"),
        ("kingdee.chunk_rows = -1", "does not fit", "digits only"),
        ("log.access = \"true\"", "is text", "without quotes"),
        ("kingdee.router_suffixes = \"jdy.com\"", "is text", "["),
        ("kingdee.router_suffixes = []", "is empty", "default"),
        ("kingdee.router_suffixes = [1]", "something else than text", "["),
        ("cache.fresh = \"\"", "is empty", "default"),
        ("kingdee = 5", "no value", "keys"),
    ] {
        let id = if line.contains("client_id") || line == "kingdee = 5" {
            ""
        } else {
            "kingdee.client_id = \"1\"\n"
        };
        let text = format!("{id}{line}\n");
        let mut written = Written::bare_file(&text).var("KINGDEE__CLIENT_SECRET", CANARY);
        if line == "kingdee = 5" {
            written = written.var("KINGDEE__CLIENT_ID", "1");
        }
        let fault = written.only_fault();
        assert_speaks(&fault);
        assert!(fault.problem.contains(problem) && fault.fix.contains(fix), "{line}: {fault}");
        let Origin::Line { line: number, .. } = fault.source else { panic!("{fault}") };
        assert_eq!(number, text.lines().count());
    }
}

#[test]
fn the_type_of_a_secret_is_told_and_its_value_kept() {
    let fault =
        Written::bare_file("kingdee.client_secret = 190283746").var("KINGDEE__CLIENT_ID", "1").only_fault();
    assert!(fault.problem.contains("an integer") && !fault.to_string().contains("190283746"), "{fault}");
}

#[test]
fn what_is_no_toml_is_shown_by_line_and_column_without_its_text() {
    for (text, line) in [
        ("a = 1\nkingdee.client_secret = c4nary-5ecret", 2),
        ("kingdee.client_secret = \"c4nary-5ecret", 1),
        ("kingdee.client_secret \"c4nary-5ecret\"", 1),
        ("kingdee.client_id = 00123", 1),
        ("[kingdee]\nclient_secret = \"c4nary-5ecret\"\nclient_secret = \"c4nary-5ecret\"", 3),
        ("\n[[[c4nary-5ecret", 2),
        ("kingdee.router_suffixes = [\"jdy.com\"\nkingdee.client_secret = \"c4nary-5ecret\"", 2),
        ("kingdee.router_suffixes = [\"jdy.com\",\nkingdee.client_secret = \"c4nary-5ecret\"", 2),
        ("log = {\nclient_secret = c4nary-5ecret", 2),
        ("[\r={\"\nclient_secret=c4nary-5ecret", 1),
        ("log.level = \"\"\"info\nkingdee.client_secret = \"c4nary-5ecret\"", 2),
    ] {
        let faults = Written::bare_file(text).faults();
        let syntax: Vec<_> = faults.iter().filter(|fault| fault.problem.contains("not TOML")).collect();
        assert!(!syntax.is_empty(), "{faults:?}");
        syntax.iter().for_each(|fault| assert_speaks(fault));
        let Origin::Line { line: number, .. } = syntax[0].source else { panic!("{faults:?}") };
        assert_eq!(number, line, "{}", syntax[0]);
        assert!(!faults.iter().any(|fault| fault.problem.contains("it is missing")), "{faults:?}");
    }
}

#[test]
fn unknown_names_say_what_was_meant() {
    for (line, key, fix) in [
        ("kingdee.client_secert = \"c4nary-5ecret\"", "kingdee.client_secert", "kingdee.client_secret?"),
        ("threads = 1", "threads", "http.threads?"),
        ("kingdee.client_id_file = \"/x\"", "kingdee.client_id_file", "kingdee.client_id?"),
        ("[httpp]", "httpp", "Remove it"),
        ("[accounts.main]\nappkey = \"c4nary-5ecret\"", "accounts.main.appkey", "accounts.main.app_key?"),
        ("\"http.threads\" = 1", "\"http.threads\"", "http.threads"),
        ("\"a\\nb\" = 1", "a\nb", "Remove it"),
    ] {
        let fault = Written::file(line).only_fault();
        assert!(fault.key == key && fault.fix.contains(fix), "{line}: {fault:?}");
        assert_eq!(fault.problem, "there is no such key");
        assert_eq!(fault.to_string().lines().count(), 5, "{fault}");
    }
    let fault = Written::env().var("KINGDEE__CLIENT_SECERT", CANARY).only_fault();
    assert!(fault.fix.contains("POINTS_GATEWAY__KINGDEE__CLIENT_SECRET?"), "{fault}");
    for misspelled in ["POINTS_GATEWAY_KINGDEE_BASE_URL", "points_gateway__kingdee__base_url"] {
        let mut written = Written::env();
        written.variables.push((misspelled.into(), CANARY.into()));
        let fault = written.only_fault();
        assert!(fault.fix.contains("POINTS_GATEWAY__KINGDEE__BASE_URL."), "{fault}");
    }
}

#[test]
fn a_name_without_letters_is_a_name() {
    for (text, key) in [("\"\" = 1", "\"\""), ("[\"\"]\nlog.level = \"warn\"", "\"\".log.level")] {
        let fault = Written::bare_file(text)
            .var("KINGDEE__CLIENT_ID", "1")
            .var("KINGDEE__CLIENT_SECRET", CANARY)
            .only_fault();
        assert_speaks(&fault);
        assert_eq!((fault.key.as_str(), fault.problem.as_str()), (key, "there is no such key"));
    }
    let fault = Written::env().var("", "1").only_fault();
    assert_speaks(&fault);
    assert_eq!(fault.key, "\"\"");
}

#[test]
fn files_of_secrets_that_cannot_be_used() {
    let base = || Written::default().var("KINGDEE__CLIENT_ID", "1");
    let two = format!("{CANARY}\n{CANARY}\n");
    let blank = format!("{CANARY} ");
    for (path, content, problem) in [
        ("/run/none", None, "\"/run/none\" does not exist"),
        ("/run/s", Some(""), "\"/run/s\" is empty"),
        ("/run/s", Some("\n"), "\"/run/s\" is empty"),
        ("/run/s", Some("\u{feff}\n"), "\"/run/s\" is empty"),
        ("/run/s", Some(two.as_str()), "not shown, has more than one line"),
        ("/run/s", Some(blank.as_str()), "not shown, has a blank in it, or before or behind it"),
        ("/run/s", Some("c4nary-5ecret，"), "not shown, has characters that are not ASCII"),
        ("/run/s", Some("c4nary-5ecret\0"), "not shown, does not fit"),
        ("/run/s", Some(&"x".repeat(4097)), "\"/run/s\" is larger"),
        ("", None, "path of its file is empty"),
        // The secret itself where its file's path should stand.
        (CANARY, None, "could be the secret itself, does not exist"),
    ] {
        let mut written = base().var("KINGDEE__CLIENT_SECRET_FILE", path);
        if let Some(content) = content {
            written = written.with(path, content);
        }
        let fault = written.only_fault();
        assert_speaks(&fault);
        assert!(fault.problem.contains(problem), "{fault}");
        assert_eq!(fault.key, "kingdee.client_secret");
    }
    let fault =
        base().var("KINGDEE__CLIENT_SECRET_FILE", "/s").var("KINGDEE__CLIENT_SECRET", CANARY).with("/s", "x");
    assert!(fault.only_fault().problem.contains("given twice"));
    let fault = Written::file("kingdee.client_secret_file = \"/s\"").with("/s", "x").only_fault();
    assert!(fault.problem.contains("given twice, also by"), "{fault}");
}

#[test]
fn combinations_that_cannot_be_name_both_keys() {
    for (name, value, other) in [
        ("KINGDEE__CONNECT_TIMEOUT", "4s", "kingdee.attempt_timeout is 3s (default)"),
        ("KINGDEE__ATTEMPT_TIMEOUT", "8500ms", "kingdee.call_timeout is 8s (default)"),
        ("KINGDEE__CALL_TIMEOUT", "10s", "history.caller_deadline is 9s (default)"),
        ("HISTORY__STALE_PATIENCE", "10s", "history.caller_deadline is 9s (default)"),
        ("HISTORY__CALLER_DEADLINE", "21s", "http.drain.deadline is 20s (default)"),
        ("HTTP__DRAIN__IDLE", "21s", "http.drain.deadline is 20s (default)"),
        ("HTTP__DRAIN__DEADLINE", "3s", "history.caller_deadline is 9s (default)"),
        ("HTTP__LIMITS__MAX_HEAD", "8191", ""),
        ("CACHE__FRESH", "2h", "cache.fresh_settled is 1h (default)"),
        ("CACHE__STALE_IF_ERROR", "1m", "cache.stale_while_revalidate is 5m (default)"),
        ("CACHE__COOLDOWN_MAX", "500ms", "cache.cooldown_first is 1s (default)"),
        ("KINGDEE__LANE__BURST", "451", "kingdee.lane.per_minute is 450 (default)"),
        ("HTTP__ADMIN_LISTEN", "127.0.0.1:8080", "http.listen is 0.0.0.0:8080 (default)"),
        ("HTTP__LISTEN", "[::]:9090", "http.admin_listen is 127.0.0.1:9090 (default)"),
    ] {
        let fault = Written::env().var(name, value).only_fault();
        assert_speaks(&fault);
        assert!(fault.problem.contains(other), "{fault}");
        assert_eq!(fault.source, Origin::Variable(format!("POINTS_GATEWAY__{name}")));
    }
    let endpoint = format!("http://otel.example:4317/v1/traces?key={CANARY}");
    let fault = Written::env().var("TRACE__PROTOCOL", "grpc").var("TRACE__ENDPOINT", &endpoint).only_fault();
    assert_speaks(&fault);
    let why = "trace.protocol is grpc (environment variable POINTS_GATEWAY__TRACE__PROTOCOL)";
    assert!(fault.key == "trace.endpoint" && fault.problem.contains(why), "{fault}");
    Written::env().var("TRACE__PROTOCOL", "grpc").var("TRACE__ENDPOINT", "http://otel.example:4317").good();
    Written::env().var("TRACE__ENDPOINT", &endpoint).good();
    Written::env().var("KINGDEE__LANE__PER_MINUTE", "0").good();
    Written::env().var("HTTP__LISTEN", "127.0.0.1:0").var("HTTP__ADMIN_LISTEN", "127.0.0.1:0").good();
    Written::env().var("HTTP__LISTEN", "127.0.0.2:9090").good();
}

#[test]
fn account_sets_that_make_no_sense() {
    let fixed = "app_key = \"abc\"\napp_secret = \"c4nary-5ecret\"\n";
    for (text, key, problem) in [
        (
            "[accounts.Shop]\napp_key = \"a\"\napp_secret = \"c4nary-5ecret\"".to_owned(),
            "accounts.Shop",
            "no name",
        ),
        ("[accounts.\"a.b\"]".to_owned(), "accounts.\"a.b\"", "no name"),
        ("[accounts.a]\n[accounts.b]".to_owned(), "default_account", "2 account sets"),
        (format!("[accounts.a]\n{fixed}"), "accounts.a.router_domain", "missing"),
        (
            format!("[accounts.a]\n{fixed}router_domain = \"https://evil.com\""),
            "accounts.a.router_domain",
            "not on kingdee.router_suffixes",
        ),
        (
            format!("[accounts.a]\n{fixed}router_domain = \"http://tf.jdy.com\""),
            "accounts.a.router_domain",
            "must start with https",
        ),
        (
            format!("[accounts.a]\n{fixed}router_domain = \"https://tf.jdy.com\"\naccount_id = \"1\""),
            "accounts.a.account_id",
            "static (inferred",
        ),
        (
            "[accounts.a]\nauthorization = \"pull\"\napp_secret = \"c4nary-5ecret\"".to_owned(),
            "accounts.a.app_secret",
            "is pull (file",
        ),
    ] {
        let fault = Written::file(&text).only_fault();
        assert_speaks(&fault);
        assert!(fault.key == key && fault.problem.contains(problem), "{text}: {fault}");
    }
    let text = "[accounts.a]\nauthorization = \"static\"\n";
    let missing: Vec<_> = Written::file(text).faults().into_iter().map(|fault| fault.key).collect();
    assert_eq!(missing, ["accounts.a.app_key", "accounts.a.app_secret", "accounts.a.router_domain"]);
    let many: String = (0..65).map(|n| format!("[accounts.a{n}]\n")).collect();
    let fault = Written::file(&format!("default_account = \"a1\"\n{many}")).only_fault();
    assert!(fault.problem.contains("65 account sets"), "{fault}");
}

#[test]
fn all_faults_come_at_once_in_a_stable_order() {
    let text = "kingdee.client_id = 205022\nkingdee.chunk_rows = 0\ntypo = 1\n[cache]\nfresh = \"1\"\ncooldown_max = \"10ms\"";
    let written = Written::bare_file(text).var("LOG__LEVEL", "loud").var("NOTHING", CANARY);
    let keys: Vec<_> = written.faults().into_iter().map(|fault| fault.key).collect();
    let wanted = [
        "typo",
        "nothing",
        "kingdee.client_id",
        "kingdee.chunk_rows",
        "cache.fresh",
        "log.level",
        "kingdee.client_secret",
        "cache.cooldown_max",
    ];
    assert_eq!(keys, wanted);
    let printed = written.load().unwrap_err().to_string();
    assert!(printed.starts_with(
        "8 faults in the configuration\n\ntypo\n  from:    file /etc/gateway/a.toml, line 3, column 1\n"
    ));
    assert_eq!(printed, written.load().unwrap_err().to_string());
    let nothing = Written::default().faults();
    assert_eq!(nothing.len(), 2);
    assert!(nothing[1].fix.contains("POINTS_GATEWAY__KINGDEE__CLIENT_SECRET_FILE"), "{}", nothing[1]);
}
