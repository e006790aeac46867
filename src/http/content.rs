//! Contents of answers: prepared bytes, or a page whose rows stay where the cache has them.

use std::io::IoSlice;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use smallvec::SmallVec;

use crate::history::page::Part;
use crate::history::{Page, PageName, PageTexts};

/// What an answer consists of, once its head is off.
#[derive(Debug)]
pub enum Content {
    /// Bytes.
    Bytes(Bytes),
    /// A page.
    Page(PageContent),
}

/// A page as a sequence of pieces: the envelope's beginning, the rows of one chunk or several, the envelope's end.
/// Nothing is copied before the kernel does it; whoever reads slowly keeps the chunk alive, not a copy of his own.
#[derive(Debug)]
pub struct PageContent {
    texts: Arc<(PageName, PageTexts)>,
    rows: SmallVec<[Part; 2]>,
    /// The piece to go on with, and how much of it is gone.
    at: (usize, usize),
    left: usize,
}

impl PageContent {
    /// The whole of a page.
    pub fn new(page: Page, texts: Arc<(PageName, PageTexts)>) -> PageContent {
        let rows: SmallVec<[Part; 2]> = page.into_parts().filter(|part| !part.json().is_empty()).collect();
        let commas = rows.len().saturating_sub(1);
        let left = texts.1.envelope.len() + commas + rows.iter().map(|part| part.json().len()).sum::<usize>();
        PageContent { texts, rows, at: (0, 0), left }
    }

    /// The piece after the last; `None` beyond the end.
    fn piece(&self, number: usize) -> Option<&[u8]> {
        let PageTexts { envelope, split, .. } = &self.texts.1;
        let last = (2 * self.rows.len()).max(1);
        match number {
            0 => envelope.get(..*split),
            n if n == last => envelope.get(*split..),
            n if n > last => None,
            n if n % 2 == 0 => Some(b","),
            n => self.rows.get(n / 2).map(Part::json),
        }
    }

    fn rest(&self, number: usize) -> Option<&[u8]> {
        let gone = if number == self.at.0 { self.at.1 } else { 0 };
        self.piece(number)?.get(gone..)
    }
}

impl Buf for PageContent {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        self.rest(self.at.0).unwrap_or_default()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slice, number) in slices.iter_mut().zip(self.at.0..) {
            let Some(rest) = self.rest(number) else { break };
            *slice = IoSlice::new(rest);
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, mut gone: usize) {
        self.left = self.left.saturating_sub(gone);
        while let Some(rest) = self.rest(self.at.0).map(<[u8]>::len) {
            if gone < rest {
                self.at.1 += gone;
                return;
            }
            gone -= rest;
            self.at = (self.at.0 + 1, 0);
        }
    }
}

impl Buf for Content {
    fn remaining(&self) -> usize {
        match self {
            Content::Bytes(bytes) => bytes.remaining(),
            Content::Page(page) => page.remaining(),
        }
    }

    fn chunk(&self) -> &[u8] {
        match self {
            Content::Bytes(bytes) => bytes.chunk(),
            Content::Page(page) => page.chunk(),
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        match self {
            Content::Bytes(bytes) => bytes.chunks_vectored(slices),
            Content::Page(page) => page.chunks_vectored(slices),
        }
    }

    fn advance(&mut self, gone: usize) {
        match self {
            Content::Bytes(bytes) => bytes.advance(gone),
            Content::Page(page) => page.advance(gone),
        }
    }
}

/// Bodies as hyper takes them: content that is all there, or whatever a handler streams.
#[derive(Debug)]
pub enum FrontBody {
    /// All there; nothing once it is taken.
    Whole(Option<Content>),
    /// From a handler.
    Streamed(axum::body::Body),
}

impl http_body::Body for FrontBody {
    type Data = Content;
    type Error = axum::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Content>, axum::Error>>> {
        match self.get_mut() {
            FrontBody::Whole(content) => {
                let content = content.take().filter(Content::has_remaining);
                std::task::Poll::Ready(content.map(|content| Ok(http_body::Frame::data(content))))
            }
            FrontBody::Streamed(body) => std::pin::Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map(|frame| frame.map_data(Content::Bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            FrontBody::Whole(content) => content.as_ref().is_none_or(|content| !content.has_remaining()),
            FrontBody::Streamed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match self {
            FrontBody::Whole(content) => {
                http_body::SizeHint::with_exact(content.as_ref().map_or(0, |c| c.remaining() as u64))
            }
            FrontBody::Streamed(body) => body.size_hint(),
        }
    }
}
