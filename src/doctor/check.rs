//! The checks: one list, in the order in which they are told.

use serde::{Serialize, Serializer};

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The configuration, and the account set in it.
    Configuration,
    /// The tier that replicas share, if there is one.
    Shared,
    /// The name of `kingdee.base_url`.
    Dns,
    /// A connection.
    Tcp,
    /// TLS and any answer at all.
    Tls,
    /// This machine's clock against the `Date` of that answer.
    Clock,
    /// `push_app_authorize`, or what is configured instead.
    Authorization,
    /// `kingdee_auth_token`
    Token,
    /// `integral_record`
    History,
    /// `+` or `%20`.
    SpaceEncoding,
    /// Whether a record at exactly `start_date` is inside.
    WindowStart,
    /// Whether a record at exactly `end_date` is inside.
    WindowEnd,
    /// Whether filters are read by the clock that records are dated by.
    FilterZone,
    /// Whether that clock is in the configured zone.
    RecordZone,
    /// How records are sorted, and whether twice the same.
    RowOrder,
    /// The largest page that is what it says.
    PageSize,
    /// Whether `count` and rows agree.
    Count,
    /// What a member id brings that nobody has.
    UnknownMember,
    /// How long a token lives.
    TokenLife,
}

impl Check {
    /// What must work.
    pub const STEPS: [Check; 9] = [
        Check::Configuration,
        Check::Shared,
        Check::Dns,
        Check::Tcp,
        Check::Tls,
        Check::Clock,
        Check::Authorization,
        Check::Token,
        Check::History,
    ];
    /// What the documents leave open.
    pub const PROBES: [Check; 10] = [
        Check::SpaceEncoding,
        Check::WindowStart,
        Check::WindowEnd,
        Check::FilterZone,
        Check::RecordZone,
        Check::RowOrder,
        Check::PageSize,
        Check::Count,
        Check::UnknownMember,
        Check::TokenLife,
    ];

    /// Stable name in JSON.
    pub fn id(self) -> &'static str {
        match self {
            Check::Configuration => "configuration",
            Check::Shared => "shared",
            Check::Dns => "dns",
            Check::Tcp => "tcp",
            Check::Tls => "tls",
            Check::Clock => "clock",
            Check::Authorization => "authorization",
            Check::Token => "token",
            Check::History => "history",
            Check::SpaceEncoding => "space_encoding",
            Check::WindowStart => "window_start",
            Check::WindowEnd => "window_end",
            Check::FilterZone => "filter_zone",
            Check::RecordZone => "record_zone",
            Check::RowOrder => "row_order",
            Check::PageSize => "page_size",
            Check::Count => "count",
            Check::UnknownMember => "unknown_member",
            Check::TokenLife => "token_life",
        }
    }

    /// What people read.
    pub fn title(self) -> &'static str {
        match self {
            Check::Configuration => "configuration",
            Check::Shared => "shared tier",
            Check::Dns => "DNS",
            Check::Tcp => "connection",
            Check::Tls => "TLS",
            Check::Clock => "clock",
            Check::Authorization => "authorisation",
            Check::Token => "token",
            Check::History => "history call",
            Check::SpaceEncoding => "space encoding",
            Check::WindowStart => "start of window",
            Check::WindowEnd => "end of window",
            Check::FilterZone => "zone of filters",
            Check::RecordZone => "zone of records",
            Check::RowOrder => "row order",
            Check::PageSize => "page size",
            Check::Count => "count and rows",
            Check::UnknownMember => "unknown member",
            Check::TokenLife => "token life",
        }
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}
