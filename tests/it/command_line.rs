//! The verbs, as a shell sees them.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn gateway(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_points-gateway"))
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn sign_prints_every_stage_of_every_shared_vector() {
    let vectors: Value = serde_json::from_str(include_str!("data/signature-vectors.json")).unwrap();
    for case in vectors["cases"].as_array().unwrap() {
        for form in ["form", "percent"] {
            let output = gateway(&["sign", "--space-encoding", form], &case["input"].to_string());
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
            for stage in ["wire_query", "string_to_sign", "signature"] {
                assert_eq!(printed[stage], case[form][stage], "{} {form} {stage}", case["id"]);
            }
        }
    }
}

#[test]
fn sign_refuses_bad_input_in_one_line_without_the_secret() {
    let good = json!({
        "method": "GET", "path": "/a", "params": [["x", "1"]],
        "client_secret": "canary-secret", "nonce": "1", "timestamp": "1700000000000",
    });
    let with = |change: &dyn Fn(&mut Value)| {
        let mut bad = good.clone();
        change(&mut bad);
        bad.to_string()
    };
    let inputs = [
        String::new(),
        "{".into(),
        "[]".into(),
        with(&|v| drop(v.as_object_mut().unwrap().remove("nonce"))),
        with(&|v| v["params"] = json!({"x": "1"})),
        with(&|v| v["params"] = json!([["x"]])),
        with(&|v| v["timestamp"] = json!("1700000000")),
        with(&|v| v["nonce"] = json!("-1")),
        with(&|v| v["path"] = json!("a")),
        with(&|v| v["extra"] = json!(1)),
    ];
    for input in inputs {
        let output = gateway(&["sign"], &input);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{input}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        assert!(!said.contains("canary-secret"), "{said}");
        assert!(output.stdout.is_empty());
        assert_eq!(said.contains("input is empty: sign wants a request as JSON"), input.is_empty(), "{said}");
    }
}

#[test]
fn check_names_every_fault_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    std::fs::write(
        &file,
        "[kingdee]\nclient_id = 205022\nclient_secret = \"canary-secret\"\nspace_encodin = \"form\"\n[cache]\nfresh = \"soon\"\n",
    )
    .unwrap();
    let output = gateway(&["check", "--config", file.to_str().unwrap()], "");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{said}");
    for part in ["kingdee.client_id", "kingdee.space_encodin", "cache.fresh", "gateway.toml"] {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
    assert!(!said.contains("canary-secret"), "{said}");
}

#[test]
fn check_shows_what_a_good_configuration_amounts_to_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, "[kingdee]\nclient_id = \"00123\"\nclient_secret = \"canary-secret\"\n").unwrap();
    let output = gateway(&["check", "--config", file.to_str().unwrap()], "");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{:?}", String::from_utf8(output.stderr));
    assert!(said.contains("kingdee.client_id = 00123"), "{said}");
    assert!(said.contains("[redacted]") && !said.contains("canary-secret"), "{said}");
}

#[test]
fn check_remarks_on_a_shared_tier_whose_replicas_nobody_has_counted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    let kingdee = "[kingdee]\nclient_id = \"00123\"\nclient_secret = \"canary-secret\"\n";
    let shared = "[shared]\nurl = \"redis://u:canary-secret@127.0.0.1:1/0\"\n";
    for (text, remarked) in [
        (kingdee.to_owned(), false),
        (format!("{kingdee}{shared}"), true),
        (format!("{kingdee}{shared}replicas = 1\n"), false),
    ] {
        std::fs::write(&file, text).unwrap();
        let output = gateway(&["check", "--config", file.to_str().unwrap()], "");
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert_eq!(said.contains("Set shared.replicas to"), remarked, "{said}");
        assert!(!said.contains("canary-secret"), "{said}");
    }
}

#[test]
fn unknown_verbs_are_bad_usage_and_help_teaches() {
    assert_eq!(gateway(&["sevre"], "").status.code(), Some(64));
    let help = gateway(&["--help"], "");
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8(help.stdout).unwrap().contains("points-gateway demo"));
}

#[test]
fn openapi_prints_the_document() {
    let output = gateway(&["openapi"], "");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document["paths"]["/members/{member_id}/points-history"].is_object());
}

/// The verbs, as the help lists them: names stand two columns in, what goes on below further in.
fn verbs() -> Vec<String> {
    let help = String::from_utf8(gateway(&["--help"], "").stdout).unwrap();
    let listed =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let listed = listed.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    let names = listed.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

#[test]
fn the_help_of_every_verb_has_examples_and_exit_codes() {
    let verbs = verbs();
    for verb in ["serve", "demo", "sandbox", "check", "doctor", "sign", "openapi", "completions"] {
        assert!(verbs.iter().any(|listed| listed == verb), "{verb}: {verbs:?}");
    }
    for verb in &verbs {
        for arguments in [[verb, "--help"], ["help", verb]] {
            let output = gateway(&arguments, "");
            let said = String::from_utf8(output.stdout).unwrap();
            assert_eq!(output.status.code(), Some(0), "{arguments:?}");
            assert!(
                said.contains("Examples:\n") && said.contains(&format!("  points-gateway {verb}")),
                "{said}"
            );
            assert!(said.contains("Exit codes: 0 "), "{said}");
        }
    }
}

#[test]
fn the_version_tells_the_commit_and_its_date() {
    let said = String::from_utf8(gateway(&["--version"], "").stdout).unwrap();
    let inside = said.strip_prefix(concat!("points-gateway ", env!("CARGO_PKG_VERSION"), " (")).unwrap();
    let inside = inside.strip_suffix(")\n").unwrap();
    if inside != "commit unknown" {
        let (commit, date) = inside.split_once(", ").unwrap();
        assert!(commit.len() >= 7 && commit.bytes().all(|b| b.is_ascii_hexdigit()), "{said}");
        assert!(date.parse::<jiff::civil::Date>().is_ok(), "{said}");
    }
}

#[test]
fn completions_exist_for_every_shell_and_know_the_verbs() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = gateway(&["completions", shell], "");
        let script = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0));
        for word in verbs().iter().map(String::as_str).chain(["points-gateway", "space-encoding"]) {
            assert!(script.contains(word), "{word} is not in the script for {shell}");
        }
    }
    assert_eq!(gateway(&["completions", "tcsh"], "").status.code(), Some(64));
}

#[test]
fn a_file_that_cannot_be_read_is_a_fault_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.toml");
    let secretless = folder.path().join("gateway.toml");
    std::fs::write(&secretless, "[kingdee]\nclient_id = \"1\"\nclient_secret_file = \"./no-secret\"\n")
        .unwrap();
    for verb in ["check", "serve", "doctor"] {
        for (file, words) in [
            (missing.as_path(), "missing.toml"),
            (folder.path(), "Correct the path"),
            (secretless.as_path(), "no-secret"),
        ] {
            let output = gateway(&[verb, "--config", file.to_str().unwrap()], "");
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(78), "{verb}: {said}");
            assert!(said.contains(words) && said.contains("to do:"), "{verb}: {said}");
        }
    }
}

#[test]
fn a_port_that_is_taken_or_foreign_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, port) =
        (taken.local_addr().unwrap().to_string(), taken.local_addr().unwrap().port().to_string());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    let serve = |listen: &str| {
        let text = format!(
            "[kingdee]\nclient_id = \"1\"\nclient_secret = \"x\"\n[http]\nlisten = {listen:?}\nadmin_listen = \"127.0.0.1:0\"\n"
        );
        std::fs::write(&file, text).unwrap();
        gateway(&["serve", "--config", file.to_str().unwrap()], "")
    };
    for (output, words) in [
        (serve(&address), ["http.listen", "end what holds it"]),
        // Reserved for documents: nobody has it.
        (serve("192.0.2.1:8080"), ["http.listen", "no such address"]),
        (gateway(&["demo", "--port", &port, "--admin-port", "0"], ""), [port.as_str(), "--port"]),
        (gateway(&["sandbox", "--port", &port, "--admin-port", "0"], ""), ["can't listen", "--port"]),
    ] {
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{words:?}: {said}");
    }
}

#[test]
fn a_machine_without_root_certificates_is_told_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    let text = "[kingdee]\nclient_id = \"1\"\nclient_secret = \"canary-secret\"\n\
                [http]\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n";
    std::fs::write(&file, text).unwrap();
    let nowhere = folder.path().join("none");
    let output = Command::new(env!("CARGO_BIN_EXE_points-gateway"))
        .args(["serve", "--config", file.to_str().unwrap()])
        .env_clear()
        .envs([("SSL_CERT_FILE", &nowhere), ("SSL_CERT_DIR", &nowhere)])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the client for Kingdee") && said.contains("ca-certificates"), "{said}");
}

#[test]
fn examples_fit_a_narrow_terminal() {
    for verb in verbs() {
        let help = String::from_utf8(gateway(&[&verb, "--help"], "").stdout).unwrap();
        let examples =
            help.lines().skip_while(|line| *line != "Examples:").filter(|line| line.starts_with("  "));
        let long: Vec<_> = examples.filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "{verb}: {long:#?}");
    }
}
