//! Configuration: everything wrong is named, nothing secret is, and what is right reads the same when written anew.

use points_gateway::app::demo;
use points_gateway::config::{Config, Effective, Faults};

/// A secret. Where it stands is up to each input.
const CANARY: &str = "s3cr3t-canary";

/// What comes between the file and the variables.
const BETWEEN: &str = "\n#env\n";

/// Text of the file, then variables: `NAME=value` a line, `POINTS_GATEWAY__` left out unless a line begins with `!`.
pub fn config(data: &[u8]) {
    let Ok(input) = std::str::from_utf8(data) else { return };
    let (file, variables) = input.split_once(BETWEEN).unwrap_or((input, ""));
    let variables: Vec<(String, &str)> = variables.lines().filter_map(variable).collect();
    let borrowed: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let hidden = is_kept_secret(file, &variables);
    match demo::with(file, &borrowed) {
        Ok(config) => is_sound(&config, hidden),
        Err(faults) => are_told(&faults, hidden),
    }
}

fn variable(line: &str) -> Option<(String, &str)> {
    let (name, value) = line.split_once('=')?;
    let whole = name.strip_prefix('!').map(str::to_owned);
    Some((whole.unwrap_or_else(|| format!("POINTS_GATEWAY__{name}")), value))
        .filter(|(name, _)| !name.contains('\0'))
}

/// Whether the canary stands nowhere but where a secret belongs, or might have been meant to.
fn is_kept_secret(file: &str, variables: &[(String, &str)]) -> bool {
    let in_file = |line: &str| {
        let plain = |rest: &str| rest.bytes().all(|b| b.is_ascii_alphanumeric() || b" \"'-\r".contains(&b));
        let assigned =
            line.trim_start().strip_prefix("client_secret").or(line.trim_start().strip_prefix("app_secret"));
        assigned.and_then(|rest| rest.trim_start().strip_prefix('=')).is_some_and(plain)
    };
    let in_variable = |name: &str| {
        let name = name.strip_prefix("POINTS_GATEWAY__").unwrap_or_default().to_ascii_lowercase();
        ["client_secret", "app_secret", "client_secret_file"]
            .iter()
            .any(|key| name.ends_with(&format!("__{key}")))
    };
    !file.contains("\"\"\"")
        && !file.contains("'''")
        && file.split('\n').filter(|line| line.contains(CANARY)).all(in_file)
        && variables.iter().filter(|(name, value)| name.contains(CANARY) || value.contains(CANARY)).all(
            |(name, value)| in_variable(name) && !value.starts_with(['/', '.']) && !name.contains(CANARY),
        )
}

fn are_told(faults: &Faults, hidden: bool) {
    assert!(!faults.as_slice().is_empty());
    let text = faults.to_string();
    assert!(!hidden || !text.contains(CANARY), "{text}");
    let forging = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(forging), "{text:?}");
    for fault in faults.as_slice() {
        assert!(![&fault.key, &fault.problem, &fault.allowed, &fault.fix].iter().any(|text| text.is_empty()));
        assert_eq!(fault.to_string().lines().count(), 5, "{fault:?}");
    }
}

fn is_sound(config: &Config, hidden: bool) {
    let shown: String = config.effective().iter().map(|line| format!("{line}\n")).collect();
    let debug = format!("{config:?}");
    assert!(!hidden || !(shown.contains(CANARY) || debug.contains(CANARY)), "{shown}{debug}");
    assert_eq!(shown.lines().count(), config.effective().len());
    let accounts = config.kingdee.accounts.iter().map(|account| account.name.to_string());
    // A variable's name can't tell these underscores from those between its parts.
    if accounts.into_iter().any(|name| name.starts_with('_') || name.ends_with('_') || name.contains("__")) {
        return;
    }
    let written: Vec<_> = config.effective().iter().map(as_variable).collect();
    let borrowed: Vec<_> = written.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let again = demo::with("", &borrowed).unwrap_or_else(|faults| panic!("{faults}\n{shown}"));
    let values = |config: &Config| -> Vec<_> {
        config.effective().iter().map(|line| (line.key.clone(), line.value.clone())).collect()
    };
    assert_eq!(values(&again), values(config));
}

fn as_variable(line: &Effective) -> (String, String) {
    (format!("POINTS_GATEWAY__{}", line.key.to_ascii_uppercase().replace('.', "__")), line.value.clone())
}
