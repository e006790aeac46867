//! Bodies of answers, as connections get them: in portions.
//!
//! Small answers leave fastest when head and body are put together in the connection's own buffer: one copy, one `send`.
//! That buffer never shrinks, so that nothing large may ever be put there at once: a portion at a time it stays small,
//! and a whole page of a hundred rows still leaves in one go.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::{Buf, Bytes};
use http_body::{Frame, SizeHint};

mod whole;

pub use whole::{PageBytes, Whole};

/// Bytes of a portion at most.
const PORTION: usize = 16 << 10;

/// Body of an answer, whoever gave it.
#[derive(Debug)]
pub enum AnswerBody {
    /// It is all there: what is left of it.
    Whole(Option<Whole>),
    /// It comes as a handler sends it.
    Streamed {
        /// What is to come.
        body: Body,
        /// What is left of what has come.
        rest: Option<Bytes>,
    },
}

impl AnswerBody {
    /// All of it at once.
    pub fn whole(whole: Whole) -> AnswerBody {
        AnswerBody::Whole(Some(whole).filter(Buf::has_remaining))
    }

    /// What a handler sends.
    pub fn streamed(body: Body) -> AnswerBody {
        AnswerBody::Streamed { body, rest: None }
    }
}

impl http_body::Body for AnswerBody {
    type Data = Whole;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Whole>, axum::Error>>> {
        let (body, rest) = match self.get_mut() {
            AnswerBody::Whole(left) => {
                let portion = left.take().map(|whole| {
                    let (portion, rest) = whole.portion(PORTION);
                    *left = rest;
                    Ok(Frame::data(portion))
                });
                return Poll::Ready(portion);
            }
            AnswerBody::Streamed { body, rest } => (body, rest),
        };
        let frame = match rest.take() {
            Some(bytes) => Frame::data(bytes),
            None => match ready!(Pin::new(body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            },
        };
        Poll::Ready(Some(Ok(frame.map_data(|mut bytes| {
            *rest = (bytes.len() > PORTION).then(|| bytes.split_off(PORTION));
            Whole::Bytes(bytes)
        }))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            AnswerBody::Whole(left) => left.is_none(),
            AnswerBody::Streamed { body, rest } => rest.is_none() && body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            AnswerBody::Whole(left) => SizeHint::with_exact(left.as_ref().map_or(0, Buf::remaining) as u64),
            AnswerBody::Streamed { body, rest } => {
                let (mut hint, rest) = (body.size_hint(), rest.as_ref().map_or(0, Bytes::len) as u64);
                if let Some(upper) = hint.upper() {
                    hint.set_upper(upper + rest);
                }
                hint.set_lower(hint.lower() + rest);
                hint
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_large_body_comes_in_portions_and_whole() {
        for len in [0, 1, PORTION - 1, PORTION, PORTION + 1, 3 * PORTION, 5 * PORTION + 7] {
            let sent: Bytes = (0..len).map(|n| (n % 251) as u8).collect();
            let whole = AnswerBody::whole(Whole::Bytes(sent.clone()));
            for mut body in [whole, AnswerBody::streamed(sent.clone().into())] {
                let (mut got, mut portions) = (Vec::new(), 0);
                while !body.is_end_stream() {
                    assert_eq!(body.size_hint().exact(), Some((len - got.len()) as u64));
                    let mut portion = body.frame().await.unwrap().unwrap().into_data().unwrap();
                    assert!((1..=PORTION).contains(&portion.remaining()));
                    got.extend_from_slice(&portion.copy_to_bytes(portion.remaining()));
                    portions += 1;
                }
                assert_eq!((got == sent, portions), (true, len.div_ceil(PORTION)), "{len}");
                assert!(body.frame().await.is_none());
            }
        }
    }
}
