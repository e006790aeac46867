//! Bodies in portions, so that no connection holds more than a portion or two.
//!
//! Small answers leave fastest when head and body are put together in the connection's own buffer, whatever its size
//! then: it never shrinks. A portion at a time it stays small, and a whole page of a hundred rows still leaves in one
//! write.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

/// Bytes of a portion at most.
const PORTION: usize = 16 << 10;

/// Data that can be had in portions.
pub trait Portions: Buf + Sized {
    /// The first `most` bytes, and the rest if there is one.
    fn portion(self, most: usize) -> (Self, Option<Self>);
}

impl Portions for Bytes {
    fn portion(mut self, most: usize) -> (Bytes, Option<Bytes>) {
        match self.len() > most {
            true => (self.split_to(most), Some(self)),
            false => (self, None),
        }
    }
}

/// A body whose frames are portions.
pub(super) struct Portioned<B: Body> {
    body: B,
    rest: Option<B::Data>,
}

impl<B: Body> Portioned<B> {
    pub(super) fn new(body: B) -> Portioned<B> {
        Portioned { body, rest: None }
    }
}

impl<B> Body for Portioned<B>
where
    B: Body<Data: Portions + Unpin> + Unpin,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = match self.rest.take() {
            Some(rest) => Frame::data(rest),
            None => match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                end => return Poll::Ready(end),
            },
        };
        let frame = match frame.into_data() {
            Ok(data) => {
                let (portion, rest) = data.portion(PORTION);
                self.rest = rest;
                Frame::data(portion)
            }
            Err(trailers) => trailers,
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.as_ref().map_or(0, |rest| rest.remaining() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    #[tokio::test]
    async fn a_large_body_comes_in_portions_and_whole() {
        for len in [0, 1, PORTION - 1, PORTION, PORTION + 1, 3 * PORTION, 5 * PORTION + 7] {
            let sent: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
            let mut body = Portioned::new(Full::new(Bytes::from(sent.clone())));
            let (mut got, mut portions) = (Vec::new(), 0);
            while !body.is_end_stream() {
                assert_eq!(body.size_hint().exact(), Some((len - got.len()) as u64));
                let portion = body.frame().await.unwrap().unwrap().into_data().unwrap();
                assert!((1..=PORTION).contains(&portion.len()));
                got.extend_from_slice(&portion);
                portions += 1;
            }
            assert_eq!((got == sent, portions), (true, len.div_ceil(PORTION)), "{len}");
            assert!(body.frame().await.is_none());
        }
    }
}
