//! `sign`: how a request is signed, stage by stage, for whoever compares with another client.

use std::io::Read as _;

use points_gateway::kingdee::settings::SpaceEncoding;
use points_gateway::kingdee::sign;

use super::{Ended, print};

/// A request that is larger than this is no request.
const MOST_BYTES: u64 = 1 << 20;

pub(super) fn run(space_encoding: SpaceEncoding) -> Ended {
    let mut input = String::new();
    match std::io::stdin().lock().take(MOST_BYTES + 1).read_to_string(&mut input) {
        Ok(length) if length as u64 > MOST_BYTES => Ended::Usage("the input is larger than 1 MiB".into()),
        Ok(_) => match sign::cli(&input, space_encoding) {
            Ok(line) => print(&line),
            Err(why) => Ended::Usage(why),
        },
        Err(why) => Ended::Usage(format!("standard input can't be read as UTF-8 text: {why}")),
    }
}
