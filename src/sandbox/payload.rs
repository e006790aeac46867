//! Response bodies, whole or deliberately broken.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use serde_json::Value;

/// What the sandbox answers.
pub type Answer = Response<Payload>;

/// A body: its bytes, and what happens after them.
#[derive(Debug)]
pub struct Payload {
    bytes: Option<Bytes>,
    then: Then,
    rested: bool,
}

/// What happens after a body's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It ends, as announced.
    End,
    /// The connection breaks.
    Break,
    /// Nothing, for ever.
    Silence,
    /// The same bytes again, for ever.
    Again,
}

impl Payload {
    /// Bytes and a fate.
    pub fn new(bytes: impl Into<Bytes>, then: Then) -> Payload {
        Payload { bytes: Some(bytes.into()), then, rested: false }
    }

    /// Fails, but not before hyper has had one chance to send what it has: it throws its buffer away with the error.
    fn give_up(&mut self, context: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if std::mem::replace(&mut self.rested, true) {
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let bytes = if self.then == Then::Again { self.bytes.clone() } else { self.bytes.take() };
        match (bytes, self.then) {
            (Some(bytes), _) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            (None, Then::Break) => self.give_up(context),
            (None, Then::Silence) => Poll::Pending, // hyper drops it with the connection
            (None, _) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.then == Then::End && self.bytes.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        match (self.then, &self.bytes) {
            (Then::End, Some(bytes)) => SizeHint::with_exact(bytes.len() as u64),
            _ => SizeHint::default(),
        }
    }
}

/// An answer of any type.
pub fn answer(status: StatusCode, content_type: &'static str, payload: Payload) -> Answer {
    let mut response = Response::new(payload);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A JSON answer as the platform sends it.
pub fn json(status: StatusCode, value: &Value) -> Answer {
    answer(status, "application/json;charset=UTF-8", Payload::new(value.to_string(), Then::End))
}

/// An HTML page as nginx sends it.
pub fn html(status: StatusCode, title: &str) -> Answer {
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    answer(status, "text/html", Payload::new(page, Then::End))
}

/// The status with this number, or 500 for a number that HTTP doesn't have.
pub fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
