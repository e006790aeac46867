//! What the tier is asked to do in one go. Scripts are sent as they are: one that is named by its hash costs two more ways
//! there and back where the tier does not know it (after its restart, at the start of the first replica), in the time of
//! whoever happens to ask.

use redis::Cmd;

/// A script in Lua.
#[derive(Debug)]
pub struct Script(String);

impl Script {
    /// Of this text.
    pub fn new(code: impl Into<String>) -> Script {
        Script(code.into())
    }

    /// The command that runs it on these keys; arguments are still to be added.
    pub fn on(&self, keys: &[&str]) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(&self.0).arg(keys.len()).arg(keys);
        command
    }
}
