//! What spans and their attributes are called; `docs/traces.md` explains them, compared by a test.

/// Spans whose name is fixed. The span of a request is called `GET /route/{template}`, that of an attempt `GET /path`.
pub mod spans {
    /// Looking in memory.
    pub const LOOK_UP: &str = "cache look-up";
    /// Waiting for a fetch, one's own or somebody else's.
    pub const WAIT: &str = "wait for fetch";
    /// One fetch of one chunk, however many wait for it.
    pub const FETCH: &str = "fetch";
    /// Looking in the tier that replicas share, and waiting for one that is reading already.
    pub const SHARED: &str = "shared look-up";
    /// Waiting for a turn in the account set's lane.
    pub const LANE: &str = "lane";
    /// Waiting for an authorisation or a token that was not at hand.
    pub const CREDENTIAL: &str = "credential";
    /// Pausing before another attempt.
    pub const BACK_OFF: &str = "back-off";

    /// All of them.
    pub const ALL: [&str; 7] = [LOOK_UP, WAIT, FETCH, SHARED, LANE, CREDENTIAL, BACK_OFF];
}

/// Attributes. Names without our prefix are OpenTelemetry's conventions.
pub mod attributes {
    /// Method of a request or an attempt.
    pub const METHOD: &str = "http.request.method";
    /// Template of the route, never the path.
    pub const ROUTE: &str = "http.route";
    /// Status of the answer.
    pub const STATUS: &str = "http.response.status_code";
    /// Path at Kingdee, without a query.
    pub const PATH: &str = "url.template";
    /// Class of a failure, or kind of a problem.
    pub const ERROR: &str = "error.type";
    /// Where the rows came from, as in log and metrics.
    pub const OUTCOME: &str = "points_gateway.outcome";
    /// `X-Request-Id`
    pub const REQUEST_ID: &str = "points_gateway.request_id";
    /// Age of the rows in seconds.
    pub const AGE: &str = "points_gateway.age_seconds";
    /// Keyed hash of the member's id, as in the log.
    pub const MEMBER: &str = "points_gateway.member";
    /// Name of the account set.
    pub const ACCOUNT: &str = "points_gateway.account";
    /// Number of the chunk, from 0.
    pub const CHUNK: &str = "points_gateway.chunk";
    /// Whose turn it is in the lane: `user`, `refresh`, `export`.
    pub const PRIORITY: &str = "points_gateway.priority";
    /// Whether somebody else had begun the fetch.
    pub const JOINED: &str = "points_gateway.joined";
    /// Kingdee's code for a refusal.
    pub const ERRCODE: &str = "points_gateway.errcode";

    /// All of them.
    pub const ALL: [&str; 14] = [
        METHOD, ROUTE, STATUS, PATH, ERROR, OUTCOME, REQUEST_ID, AGE, MEMBER, ACCOUNT, CHUNK, PRIORITY,
        JOINED, ERRCODE,
    ];
}
