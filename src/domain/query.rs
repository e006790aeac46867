//! What is asked: a window in time, a type of business, a position in the list.

use compact_str::CompactString;
use jiff::Timestamp;
use smallvec::SmallVec;

use super::account::AccountIndex;
use super::member::MemberId;

/// One valid question about one member's points records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Whose rows, with which filters.
    pub selection: Selection,
    /// Which part of them.
    pub position: Position,
}

/// Which rows belong to the answer, before it is cut into pages. Part of every cache key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selection {
    /// The account set.
    pub account: AccountIndex,
    /// The member.
    pub member: MemberId,
    /// The time window.
    pub window: Window,
    /// Code of the points business type (积分业务类型编码), if only one is wanted.
    pub kind: Option<TypeNumber>,
}

impl Selection {
    /// A fingerprint that is the same in every process and version: cursors are bound to it.
    ///
    /// `chunk_rows` is not part of it; a cursor counts rows, not chunks.
    pub fn fingerprint(&self, account_name: &str) -> u64 {
        let mut text: SmallVec<[u8; 192]> = SmallVec::new();
        let mut digits = itoa::Buffer::new();
        let mut part = |p: &str| {
            text.extend_from_slice(p.as_bytes());
            text.push(0); // none of the parts may contain it
        };
        part("points-history/1");
        part(account_name);
        part(self.member.as_str());
        for bound in [self.window.from, self.window.to] {
            part(bound.map_or("", |t| digits.format(t.as_second())));
        }
        part(self.kind.as_ref().map_or("", TypeNumber::as_str));
        xxhash_rust::xxh3::xxh3_64(&text)
    }
}

/// A half-open window `[from, to)` in whole seconds, the resolution Kingdee's filters have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Window {
    /// First instant inside, if bounded.
    pub from: Option<Timestamp>,
    /// First instant after, if bounded.
    pub to: Option<Timestamp>,
}

impl Window {
    /// A window from bounds, each rounded up to a whole second; `None` if nothing can lie inside.
    pub fn new(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<Window> {
        let (from, to) = (from.map(ceil_to_second), to.map(ceil_to_second));
        match (from, to) {
            (Some(from), Some(to)) if from >= to => None,
            _ => Some(Window { from, to }),
        }
    }
}

fn ceil_to_second(t: Timestamp) -> Timestamp {
    // Times before 1970 have a negative fraction; they are refused at the edge, and truncation rounds them up.
    let seconds = if t.subsec_nanosecond() > 0 { t.as_second() + 1 } else { t.as_second() };
    Timestamp::from_second(seconds).unwrap_or(t)
}

/// Code of a points business type: 1 to 64 characters, none of them control characters, no blank ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TypeNumber(CompactString);

impl TypeNumber {
    /// Longest code in characters.
    pub const MAX_CHARS: usize = 64;

    /// Accepts a code that keeps the rule; anything else is `None`.
    pub fn parse(text: &str) -> Option<TypeNumber> {
        let length = text.chars().count();
        let good = (1..=Self::MAX_CHARS).contains(&length)
            && text.trim() == text
            && !text.chars().any(char::is_control);
        good.then(|| TypeNumber(text.into()))
    }

    /// The code as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Rows a caller wants at once: 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u8);

impl PageSize {
    /// Most rows in one page.
    pub const MAX: u8 = 100;
    /// What a caller gets who names none.
    pub const DEFAULT: PageSize = PageSize(20);

    /// A size in range, or `None`.
    pub fn new(rows: u64) -> Option<PageSize> {
        u8::try_from(rows).ok().filter(|n| (1..=Self::MAX).contains(n)).map(PageSize)
    }

    /// The number itself.
    pub fn get(self) -> u8 {
        self.0
    }

    /// The number of rows.
    pub fn rows(self) -> u64 {
        u64::from(self.0)
    }
}

/// Number of a page, from 1. Bounded, so that a row's place always fits Kingdee's `page` and our arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageNumber(u32);

impl PageNumber {
    /// Highest page that may be asked for.
    pub const MAX: u32 = 1_000_000;
    /// The page of a caller who names none.
    pub const FIRST: PageNumber = PageNumber(1);

    /// A number in range, or `None`.
    pub fn new(number: u64) -> Option<PageNumber> {
        u32::try_from(number).ok().filter(|n| (1..=Self::MAX).contains(n)).map(PageNumber)
    }

    /// The number itself.
    pub fn get(self) -> u32 {
        self.0
    }
}

/// Where in the list a caller wants to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// A numbered page.
    Page {
        /// Which one.
        number: PageNumber,
        /// How long.
        size: PageSize,
    },
    /// Right after the row that a cursor names.
    After {
        /// The row, and where it was.
        cursor: Cursor,
        /// How many rows.
        size: PageSize,
    },
}

impl Position {
    /// Rows that a full answer has.
    pub fn size(&self) -> PageSize {
        match self {
            Position::Page { size, .. } | Position::After { size, .. } => *size,
        }
    }
}

/// Names the last row that a caller has seen, and where it stood when it was seen.
///
/// It rests on one assumption, that the order in which Kingdee lists rows is *stable*, and on none about
/// *which* order that is: the row is looked up by its anchor near the two places where it can be if rows were
/// added before it or after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The selection it belongs to ([`Selection::fingerprint`]).
    pub selection: u64,
    /// Place of the row, from 0, when it was seen.
    pub place: u32,
    /// Rows in the whole selection at that time.
    pub count: u32,
    /// What identifies the row (`ledger::Chunk::anchor_at`).
    pub anchor: CompactString,
}
