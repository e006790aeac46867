//! Response bodies, whole or deliberately broken.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use serde_json::Value;
use tokio::time::{Sleep, sleep};

/// Content-Type of every honest answer.
pub const JSON: &str = "application/json;charset=UTF-8";

/// What the sandbox answers.
pub type Answer = Response<Payload>;

/// Between two bytes of a dripping body.
const DRIP: Duration = Duration::from_secs(1);

type Polled = Poll<Option<Result<Frame<Bytes>, io::Error>>>;

/// A body and how it comes.
pub struct Payload(Source);

enum Source {
    /// Bytes, and what happens after them.
    Whole { bytes: Option<Bytes>, then: Then, rested: bool },
    /// Piece by piece, each made when the one before is gone.
    Pieces(Box<dyn Iterator<Item = Bytes> + Send>),
    /// Byte by byte.
    Drip { left: Bytes, pause: Pin<Box<Sleep>> },
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
        Payload(Source::Whole { bytes: Some(bytes.into()), then, rested: false })
    }

    /// Pieces that are made when they are wanted, however many.
    pub fn pieces(pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Payload {
        Payload(Source::Pieces(Box::new(pieces)))
    }

    /// One byte a second.
    pub fn drip(bytes: impl Into<Bytes>) -> Payload {
        Payload(Source::Drip { left: bytes.into(), pause: Box::pin(sleep(Duration::ZERO)) })
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        match &mut self.0 {
            Source::Whole { bytes, then, rested } => {
                let bytes = if *then == Then::Again { bytes.clone() } else { bytes.take() };
                match (bytes, then) {
                    (Some(bytes), _) => data(Some(bytes)),
                    (None, Then::Break) => give_up(rested, context),
                    (None, Then::Silence) => Poll::Pending, // hyper drops it with the connection
                    (None, _) => Poll::Ready(None),
                }
            }
            Source::Pieces(pieces) => data(pieces.next()),
            Source::Drip { left, .. } if left.is_empty() => Poll::Ready(None),
            Source::Drip { left, pause } => {
                std::task::ready!(pause.as_mut().poll(context));
                pause.set(sleep(DRIP));
                data(Some(left.split_to(1)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Source::Whole { bytes, then: Then::End, .. } if bytes.as_ref().is_none_or(Bytes::is_empty))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Whole { bytes: Some(bytes), then: Then::End, .. } => {
                SizeHint::with_exact(bytes.len() as u64)
            }
            _ => SizeHint::default(),
        }
    }
}

fn data(bytes: Option<Bytes>) -> Polled {
    Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
}

/// Fails, but not before hyper has had one chance to send what it has: it throws its buffer away with the error.
fn give_up(rested: &mut bool, context: &Context<'_>) -> Polled {
    if std::mem::replace(rested, true) {
        return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
    }
    context.waker().wake_by_ref();
    Poll::Pending
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
    answer(status, JSON, Payload::new(value.to_string(), Then::End))
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
