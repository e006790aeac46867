//! Sources that a test writes down, and what comes of them. Nothing that comes may hold the canary.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::config::{Config, Fault, Faults, Sources};

/// Appears wherever a secret could be written, and must never come out.
pub const CANARY: &str = "c4nary-5ecret";

/// Sources that a test writes down.
#[derive(Default)]
pub struct Written {
    pub text: Option<String>,
    pub variables: Vec<(String, String)>,
    pub files: BTreeMap<PathBuf, String>,
}

impl Written {
    /// A file that holds what is required, and `more`.
    pub fn file(more: &str) -> Written {
        let text = format!("kingdee.client_id = \"205022\"\nkingdee.client_secret = \"{CANARY}\"\n{more}");
        Written::bare_file(&text)
    }

    pub fn bare_file(text: &str) -> Written {
        Written { text: Some(text.to_owned()), ..Written::default() }
    }

    /// Variables for what is required.
    pub fn env() -> Written {
        Written::default().var("KINGDEE__CLIENT_ID", "205022").var("KINGDEE__CLIENT_SECRET", CANARY)
    }

    pub fn var(mut self, name: &str, value: &str) -> Written {
        self.variables.push((format!("POINTS_GATEWAY__{name}"), value.to_owned()));
        self
    }

    pub fn with(mut self, path: &str, content: &str) -> Written {
        self.files.insert(path.into(), content.to_owned());
        self
    }

    pub fn load(&self) -> Result<Config, Faults> {
        let mut files = self.files.clone();
        let file = self.text.as_ref().map(|text| {
            files.insert("/etc/gateway/a.toml".into(), text.clone());
            PathBuf::from("/etc/gateway/a.toml")
        });
        let environment = self.variables.iter().map(|(n, v)| (n.into(), v.into())).collect();
        let result = Config::from_sources(&Sources { file, environment, files: &files });
        let said = match &result {
            Ok(config) => format!("{config:?} {:?}", config.effective()),
            Err(faults) => format!("{faults} {faults:?}"),
        };
        assert!(!said.contains(CANARY), "a secret came out: {said}");
        result
    }

    pub fn good(&self) -> Config {
        self.load().unwrap_or_else(|faults| panic!("{faults}"))
    }

    pub fn faults(&self) -> Vec<Fault> {
        self.load().expect_err("faults").as_slice().to_vec()
    }

    pub fn only_fault(&self) -> Fault {
        let mut faults = self.faults();
        assert_eq!(faults.len(), 1, "{faults:#?}");
        faults.remove(0)
    }
}

/// Keys and values, without their sources.
pub fn values(config: &Config) -> Vec<(String, String)> {
    config.effective().iter().map(|line| (line.key.clone(), line.value.clone())).collect()
}
