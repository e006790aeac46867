//! The parsers of this endpoint, for those who feed them text from strangers: fuzzing, and the tests that replay it.

use super::ask::{self, Account};
use super::{body, cursor};
use crate::domain::account::AccountIndex;
use crate::domain::query::{Cursor, HistoryQuery, Position};
use crate::http::parameter::ParameterFault;

/// The question that path and query ask of `account`, or every fault of it; `None` for the path of another endpoint.
pub fn question(
    account: &Account,
    path: &str,
    query: Option<&str>,
) -> Option<Result<HistoryQuery, Vec<ParameterFault>>> {
    let route = ask::route(path)?;
    Some(ask::read(AccountIndex::DEFAULT, account, route.member, query))
}

/// The query that asks `question` again, spelled as `Link` spells it.
pub fn query_of(question: &HistoryQuery, account: &Account) -> String {
    let (name, value) = match &question.position {
        Position::Page { number, .. } => ("page", number.get().to_string()),
        Position::After { cursor, .. } => ("cursor", cursor_text(cursor, account.cursor_keys.current())),
    };
    format!("{name}={value}&page_size={}{}", question.position.size().get(), body::filters(question))
}

/// A cursor as text.
pub fn cursor_text(cursor: &Cursor, key: u64) -> String {
    let mut text = Vec::new();
    cursor::encode(cursor, key, &mut text);
    text.into_iter().map(char::from).collect() // base64url: ASCII
}

/// A cursor from text, which must belong to `selection`.
///
/// # Errors
/// Why it is refused.
pub fn cursor_of(text: &str, selection: u64, key: u64) -> Result<Cursor, &'static str> {
    cursor::decode(text, selection, &[key]).map_err(cursor::CursorFault::text)
}
