//! `check`: is the configuration good, and what does it amount to? Asks nobody, tells no secret.

use super::{ConfigFile, Ended, load, print};

pub(super) fn run(file: &ConfigFile) -> Ended {
    match load(file) {
        Ok(config) => {
            let mut text = String::from("The configuration is good. It amounts to:\n\n");
            for line in config.effective() {
                text.push_str(&format!("{line}\n"));
            }
            for remark in config.remarks() {
                text.push_str(&format!("\nProbably not meant: {remark}\n"));
            }
            print(&text)
        }
        Err(ended) => ended,
    }
}
