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
