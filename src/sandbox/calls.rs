//! What arrived: calls counted, requests kept as they came.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The three endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// push_app_authorize
    Authorize,
    /// kingdee_auth_token
    Token,
    /// integral_record
    Record,
}

/// Calls that arrived since the start or the last `Control::reset_counts`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// push_app_authorize, refused ones too.
    pub authorize: u64,
    /// kingdee_auth_token, refused ones too.
    pub token: u64,
    /// integral_record, refused ones too.
    pub record: u64,
    /// Refusals by code: errcode, or HTTP status where nginx refuses. Injected faults are not among them.
    pub refused: BTreeMap<u64, u64>,
}

/// One request as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// Which endpoint it was for.
    pub endpoint: Endpoint,
    /// Path and query, nothing decoded.
    pub target: String,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Received {
    /// The query as it came; empty if there is none.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// A header's value, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

impl std::fmt::Debug for Received {
    /// Never more than the endpoint: the rest is signatures, tokens and people.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Received({:?})", self.endpoint)
    }
}
