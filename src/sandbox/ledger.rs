//! The ledger behind `integral_record`: filters, pages, and the rows that tests put on top.

use std::sync::atomic::{AtomicU64, Ordering};

use super::members::MEMBERS;
use super::question::Question;
use super::readings::{Readings, UnknownMember};
use super::refusal::Refusal;
use super::rows::{self, Row, RowId};

/// All members' rows, and how many were inserted since the start.
#[derive(Debug)]
pub struct Ledger {
    inserted: [AtomicU64; MEMBERS.len()],
}

/// One page of an answer, before it takes Kingdee's shape.
#[derive(Debug)]
pub struct Page {
    /// Rows that match, on all pages.
    pub count: u64,
    /// Rows of this page, in the order that is switched on.
    pub rows: Vec<Row>,
}

impl Ledger {
    /// The seeded ledger.
    pub fn new() -> Ledger {
        Ledger { inserted: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// Puts `rows` newer rows on top of a member's ledger, up to [`MOST_INSERTED`] in all; false if the account set has no such member.
    pub fn insert(&self, account: &str, member: &str, rows: u64) -> bool {
        let who = MEMBERS.iter().position(|m| m.account == account && m.id == member);
        who.is_some_and(|who| {
            let more = |inserted: u64| Some(inserted.saturating_add(rows).min(MOST_INSERTED));
            let _ = self.inserted[who].fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
            true
        })
    }

    /// Rows inserted, for members who have any: accountId, member_id, rows.
    pub fn inserted(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let rows = self.inserted.iter().map(|count| count.load(Ordering::SeqCst));
        MEMBERS.iter().zip(rows).filter(|(_, rows)| *rows > 0).map(|(m, rows)| (m.account, m.id, rows))
    }

    /// Takes away what was inserted.
    pub fn reset(&self) {
        self.inserted.iter().for_each(|count| count.store(0, Ordering::SeqCst));
    }

    /// Rows of a member now.
    fn rows_of(&self, who: usize) -> u64 {
        MEMBERS[who].rows + self.inserted[who].load(Ordering::SeqCst)
    }

    /// The question as it is meant where it names a member that the account set doesn't have.
    ///
    /// # Errors
    /// Where such a question is refused.
    pub fn acquaint(
        &self,
        account: &str,
        question: Question,
        readings: &Readings,
    ) -> Result<Question, Refusal> {
        let is_known = |id: &str| MEMBERS.iter().any(|m| m.account == account && m.id == id);
        match readings.unknown_member {
            UnknownMember::Empty => Ok(question),
            _ if question.member.as_deref().is_none_or(is_known) => Ok(question),
            UnknownMember::Refused => Err(Refusal::NotFound("member_id")),
            UnknownMember::Everybody => Ok(Question { member: None, ..question }),
        }
    }

    /// The page that `question` asks for in an account set. Beyond the last page it is empty.
    pub fn page(&self, account: &str, question: &Question, readings: &Readings) -> Page {
        let cut = question.page_size.min(readings.page_size_cap);
        let first = (question.page - 1).saturating_mul(cut);
        if let Some(id) = &question.id {
            return self.record(account, question, id, readings);
        }
        let members = || {
            MEMBERS.iter().enumerate().filter(|(_, member)| {
                member.account == account
                    && question.member.as_deref().is_none_or(|id| id == member.id)
                    && question.mobile.as_deref().is_none_or(|mobile| mobile == member.mobile)
            })
        };
        // Counted once, so that an insertion in between can't tear the page.
        let ledgers: Vec<(usize, u64)> = members().map(|(who, _)| (who, self.rows_of(who))).collect();
        let listed = ledgers
            .iter()
            .flat_map(|&(who, rows)| (0..rows).map(move |place| (who, readings.index_at(place, rows))));
        let to_row = |(who, index): (usize, u64)| rows::row(who, index);
        let (first, cut) =
            (usize::try_from(first).unwrap_or(usize::MAX), usize::try_from(cut).unwrap_or(usize::MAX));
        if question.kind.is_none() && question.start.is_none() && question.end.is_none() {
            let count = ledgers.iter().map(|(_, rows)| rows).sum();
            return Page { count, rows: listed.skip(first).take(cut).filter_map(to_row).collect() };
        }
        let matching = listed.filter_map(to_row).filter(|row| question.takes(row, readings));
        let (mut count, mut page) = (0, Vec::new());
        for (place, row) in matching.enumerate() {
            count += 1;
            if (first..first.saturating_add(cut)).contains(&place) {
                page.push(row);
            }
        }
        Page { count, rows: page }
    }

    fn record(&self, account: &str, question: &Question, id: &str, readings: &Readings) -> Page {
        let row = id.parse().ok().and_then(|id| rows::find(id, |who| self.rows_of(who)));
        let found = row.and_then(|(who, index)| rows::row(who, index)).filter(|row| {
            matches!(row.id, RowId::Number(number) if number.to_string() == id)
                && row.member.account == account
                && question.member.as_deref().is_none_or(|id| id == row.member.id)
                && question.mobile.as_deref().is_none_or(|mobile| mobile == row.member.mobile)
                && question.takes(row, readings)
        });
        let count = u64::from(found.is_some());
        Page { count, rows: found.filter(|_| question.page == 1).into_iter().collect() }
    }
}

/// Most rows inserted for a member; above it a test has a typing error.
pub const MOST_INSERTED: u64 = 1_000_000;

impl Question {
    /// Type and window.
    fn takes(&self, row: &Row, readings: &Readings) -> bool {
        self.kind.as_deref().is_none_or(|kind| kind == row.kind.number)
            && readings.is_between(self.start, self.end, row.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::members::{FLAGSHIP, OUTLET};

    fn ask(query: &str) -> Page {
        Ledger::new().page(FLAGSHIP, &Question::read(query).unwrap(), &Readings::default())
    }

    #[test]
    fn pages_of_any_size_show_the_same_rows() {
        let walk = |size: u64| -> Vec<Row> {
            (1..=1_234_u64.div_ceil(size))
                .flat_map(|page| ask(&format!("member_id=1006&page={page}&page_size={size}")).rows)
                .collect()
        };
        let by_hundred = walk(100);
        assert_eq!(by_hundred.len(), 1_234);
        assert_eq!(walk(33), by_hundred);
        assert_eq!(ask("member_id=1006&page=14&page_size=100").rows, []);
    }

    #[test]
    fn a_window_includes_both_ends() {
        let rows = ask("member_id=1006&page_size=100").rows;
        let (newest, oldest) = (rows[10].at, rows[20].at);
        let question = Question {
            member: Some("1006".into()),
            start: Some(oldest),
            end: Some(newest),
            page: 1,
            page_size: 100,
            ..Question::default()
        };
        let page = Ledger::new().page(FLAGSHIP, &question, &Readings::default());
        assert_eq!((page.count, page.rows.as_slice()), (11, &rows[10..=20]));
    }

    #[test]
    fn types_divide_a_ledger() {
        let counts = ["001", "002", "003", "004", "005", "006"]
            .map(|kind| ask(&format!("member_id=1007&integral_type={kind}")).count);
        assert_eq!(counts.iter().sum::<u64>(), 25_000);
        assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    }

    #[test]
    fn one_record_is_found_by_its_id_in_its_own_account_set_only() {
        let RowId::Number(id) = ask("member_id=1007&page=100").rows[3].id else { panic!("no id") };
        let question = Question::read(&format!("id={id}")).unwrap();
        assert_eq!(Ledger::new().page(FLAGSHIP, &question, &Readings::default()).rows.len(), 1);
        assert_eq!(Ledger::new().page(OUTLET, &question, &Readings::default()).count, 0);
        assert_eq!(ask(&format!("id={id}&member_id=1006")).count, 0);
        assert_eq!(ask(&format!("id=0{id}")).count, 0);
    }

    #[test]
    fn one_member_id_means_two_people_in_two_account_sets() {
        let question = Question::read("member_id=1003").unwrap();
        let (here, there) = (
            Ledger::new().page(FLAGSHIP, &question, &Readings::default()),
            Ledger::new().page(OUTLET, &question, &Readings::default()),
        );
        assert_eq!((here.count, there.count), (57, 12));
        assert_ne!(here.rows[0].member.name, there.rows[0].member.name);
    }

    #[test]
    fn inserted_rows_appear_on_top() {
        let ledger = Ledger::new();
        let question = Question::read("member_id=1004").unwrap();
        let before = ledger.page(FLAGSHIP, &question, &Readings::default()).rows;
        assert!(ledger.insert(FLAGSHIP, "1004", 3));
        assert!(!ledger.insert(OUTLET, "1004", 3));
        let after = ledger.page(FLAGSHIP, &question, &Readings::default());
        assert_eq!((after.count, &after.rows[3..]), (103, &before[..7]));
        ledger.reset();
        assert_eq!(ledger.page(FLAGSHIP, &question, &Readings::default()).rows, before);
    }
}
