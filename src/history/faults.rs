//! Failures in the words of those who must do something about them.

use crate::domain::ledger::ChunkFault;
use crate::kingdee::KingdeeError;
use crate::kingdee::alarm::advice;
use crate::telemetry::faults::Fault;

/// A call to Kingdee that brought no answer.
pub(super) fn of_call(account: &str, error: &KingdeeError) -> Fault {
    Fault {
        account: Some(account.to_owned()),
        class: error.failure.label(),
        errcode: error.errcode,
        status: error.status,
        detail: error.detail.clone(),
        advice: advice(error),
    }
}

/// An answer that can't be believed.
pub(super) fn of_answer(account: &str, fault: &ChunkFault) -> Fault {
    let (class, detail, advice) = match fault {
        ChunkFault::RowsDisagreeWithCount { got, expected, count } => (
            "miscounted",
            format!("{got} rows came where a count of {count} promises {expected}"),
            "nothing was stored; if this lasts, lower kingdee.chunk_rows or set kingdee.count_check = \"report\"",
        ),
        ChunkFault::AllForeign { .. } => (FOREIGN_ROWS, fault.to_string(), TELL_KINGDEE),
        ChunkFault::CountTooLarge(_) | ChunkFault::TooLarge => {
            ("too-large", fault.to_string(), "nothing was stored; if this lasts, lower kingdee.chunk_rows")
        }
    };
    Fault { class, detail, advice, ..nothing(account) }
}

/// Some rows of an answer are somebody else's.
pub(super) fn of_foreign_rows(account: &str, rows: u64) -> Fault {
    let detail = format!("{rows} rows belong to another member; they were dropped");
    Fault { class: FOREIGN_ROWS, detail, advice: TELL_KINGDEE, ..nothing(account) }
}

const FOREIGN_ROWS: &str = "foreign-rows";
const TELL_KINGDEE: &str =
    "nobody was shown them and nothing was stored; tell Kingdee's support, with the time of the call";

fn nothing(account: &str) -> Fault {
    Fault {
        account: Some(account.to_owned()),
        class: "",
        errcode: None,
        status: None,
        detail: String::new(),
        advice: "",
    }
}
