//! Kinds of problems: the one table of labels, statuses, titles and what to do.

use http::StatusCode;

/// Every kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A parameter can't be used.
    InvalidParameter,
    /// The request as a whole can't be used.
    MalformedRequest,
    /// There is nothing at this path.
    NotFound,
    /// The path exists, but not for this method.
    MethodNotAllowed,
    /// The cursor's row is gone.
    CursorLost,
    /// The request target is too long.
    UriTooLong,
    /// The configuration that was read again is wrong.
    ConfigurationRefused,
    /// A bug of ours.
    Internal,
    /// Kingdee refuses how the gateway calls it.
    UpstreamRejected,
    /// Kingdee's answer can't be read or believed.
    UpstreamInvalid,
    /// Kingdee, its quota or the way there is not available.
    UpstreamUnavailable,
    /// The gateway has too much to do.
    Overloaded,
    /// Kingdee took too long.
    UpstreamTimeout,
    /// Only cached rows were wanted, and there are none.
    NotCached,
}

/// A row of the table.
struct Row {
    label: &'static str,
    status: StatusCode,
    title: &'static str,
    help: &'static str,
}

const fn row(label: &'static str, status: StatusCode, title: &'static str, help: &'static str) -> Row {
    Row { label, status, title, help }
}

impl Kind {
    /// All kinds, for the document and the tests.
    pub const ALL: [Kind; 14] = [
        Kind::InvalidParameter,
        Kind::MalformedRequest,
        Kind::NotFound,
        Kind::MethodNotAllowed,
        Kind::CursorLost,
        Kind::UriTooLong,
        Kind::ConfigurationRefused,
        Kind::Internal,
        Kind::UpstreamRejected,
        Kind::UpstreamInvalid,
        Kind::UpstreamUnavailable,
        Kind::Overloaded,
        Kind::UpstreamTimeout,
        Kind::NotCached,
    ];

    const fn in_table(self) -> Row {
        match self {
            Kind::InvalidParameter => row(
                "invalid-parameter",
                StatusCode::BAD_REQUEST,
                "A parameter can't be used",
                "errors lists every parameter that is wrong and what may be sent instead",
            ),
            Kind::MalformedRequest => row(
                "malformed-request",
                StatusCode::BAD_REQUEST,
                "The request can't be understood",
                "the request breaks HTTP's own rules; look at the client that built it",
            ),
            Kind::NotFound => row(
                "not-found",
                StatusCode::NOT_FOUND,
                "There is nothing here",
                "check the path against /openapi.json; account sets are named as in the gateway's configuration",
            ),
            Kind::MethodNotAllowed => row(
                "method-not-allowed",
                StatusCode::METHOD_NOT_ALLOWED,
                "This method is not allowed here",
                "the Allow header lists the methods of this path",
            ),
            Kind::CursorLost => row(
                "cursor-lost",
                StatusCode::GONE,
                "The row that the cursor names is gone",
                "start again at the first page",
            ),
            Kind::UriTooLong => row(
                "uri-too-long",
                StatusCode::URI_TOO_LONG,
                "The request target is too long",
                "no question that this service answers needs a target this long",
            ),
            // The request is in order; what it meets is not, and asking again makes sense once that is mended (RFC 9110 §15.5.10).
            Kind::ConfigurationRefused => row(
                "configuration-refused",
                StatusCode::CONFLICT,
                "The configuration can't be taken over",
                "faults lists everything that is wrong with it; the one before it stays in force until that is mended",
            ),
            Kind::Internal => row(
                "internal-error",
                StatusCode::INTERNAL_SERVER_ERROR,
                "The gateway failed",
                "this is a bug of the gateway; tell its operators the request_id",
            ),
            Kind::UpstreamRejected => row(
                "upstream-rejected",
                StatusCode::BAD_GATEWAY,
                "Kingdee refuses the gateway",
                "somebody must fix the gateway's configuration or authorisation; its log says what; asking again does not help",
            ),
            Kind::UpstreamInvalid => row(
                "upstream-invalid",
                StatusCode::BAD_GATEWAY,
                "Kingdee's answer can't be used",
                "the answer could not be read or contradicts itself, so nothing of it is shown; the gateway's log says more",
            ),
            Kind::UpstreamUnavailable => row(
                "upstream-unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "Kingdee can't be asked now",
                "Kingdee fails, or its quota is spent; ask again after Retry-After",
            ),
            Kind::Overloaded => row(
                "overloaded",
                StatusCode::SERVICE_UNAVAILABLE,
                "The gateway is overloaded",
                "too many requests wait already; ask again after Retry-After",
            ),
            Kind::UpstreamTimeout => row(
                "upstream-timeout",
                StatusCode::GATEWAY_TIMEOUT,
                "Kingdee did not answer in time",
                "ask again later; an answer that comes in meanwhile is kept",
            ),
            Kind::NotCached => row(
                "not-cached",
                StatusCode::GATEWAY_TIMEOUT,
                "Not in the cache",
                "the request said only-if-cached, and these rows are not cached",
            ),
        }
    }

    /// Stable label for `type`, metrics and the log.
    pub const fn label(self) -> &'static str {
        self.in_table().label
    }

    /// The status that goes with it.
    pub const fn status(self) -> StatusCode {
        self.in_table().status
    }

    /// Short text for people.
    pub const fn title(self) -> &'static str {
        self.in_table().title
    }

    /// What to do about it.
    pub const fn help(self) -> &'static str {
        self.in_table().help
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_label_of_its_own_and_an_error_status() {
        let labels: HashSet<_> = Kind::ALL.iter().map(|k| k.label()).collect();
        assert_eq!(labels.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert!(kind.status().is_client_error() || kind.status().is_server_error());
            assert!(kind.label().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
        }
    }
}
