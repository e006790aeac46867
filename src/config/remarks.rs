//! What is right and probably not meant. A fault stops; a remark is told.

use super::{Config, Effective, Origin};

impl Config {
    /// Sentences that say what is odd and what to do.
    pub fn remarks(&self) -> Vec<&'static str> {
        let given = |key: &str| {
            let named = |line: &&Effective| line.key == key;
            self.effective.iter().find(named).is_some_and(|line| line.source != Origin::Default)
        };
        let mut remarks = Vec::new();
        if given("shared.url") && !given("shared.replicas") {
            remarks.push(
                "shared.url is set and shared.replicas is not: while the shared tier is away each replica would use the \
                 whole quota. Set shared.replicas to how many gateways are meant to run (1 if it is one).",
            );
        }
        remarks
    }
}
