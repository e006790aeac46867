//! `sign`: how a request is signed, stage by stage, for whoever compares with another client.

use std::io::{IsTerminal as _, Read as _, Write as _, stderr, stdin};

use points_gateway::kingdee::settings::SpaceEncoding;
use points_gateway::kingdee::sign;

use super::{Ended, print};

/// A request that is larger than this is no request.
const MOST_BYTES: u64 = 1 << 20;

const WAITING: &str =
    "sign reads a request, as JSON, from this terminal; Ctrl-D on a line of its own ends it\n";
const EMPTY: &str = "standard input is empty: sign wants a request as JSON; points-gateway help sign has one";

pub(super) fn run(space_encoding: SpaceEncoding) -> Ended {
    let mut input = String::new();
    if stdin().is_terminal() {
        // Whoever forgot the input would otherwise wait for us as we for them.
        let _nobody_reads = stderr().write_all(WAITING.as_bytes());
    }
    match stdin().lock().take(MOST_BYTES + 1).read_to_string(&mut input) {
        Ok(length) if length as u64 > MOST_BYTES => Ended::Usage("the input is larger than 1 MiB".into()),
        Ok(_) if input.trim().is_empty() => Ended::Usage(EMPTY.into()),
        Ok(_) => match sign::cli(&input, space_encoding) {
            Ok(line) => print(&line),
            Err(why) => Ended::Usage(why),
        },
        Err(why) => Ended::Usage(format!("standard input can't be read as UTF-8 text: {why}")),
    }
}
