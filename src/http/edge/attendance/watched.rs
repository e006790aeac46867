//! A socket whose traffic is noted: whether the kernel takes what is written, and when it has taken all.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::TcpStream;

use super::Attendance;

/// A socket, and who is told about it.
pub(crate) struct Watched {
    io: TokioIo<TcpStream>,
    caller: Attendance,
    to_take: Duration,
}

impl Watched {
    /// From now on, for a caller who may take nothing for so long.
    pub(crate) fn by(caller: Attendance, io: TokioIo<TcpStream>, to_take: Duration) -> Watched {
        Watched { io, caller, to_take }
    }
}

impl Drop for Watched {
    /// What the kernel holds unsent of a closed connection it would offer for minutes, uncounted by anybody.
    fn drop(&mut self) {
        let socket = SockRef::from(self.io.inner());
        let _best_effort = match self.caller.is_stuck_for(self.to_take) {
            true => socket.set_linger(Some(Duration::ZERO)), // it was offered long enough
            false => socket.set_tcp_user_timeout(Some(self.to_take)),
        };
    }
}

impl Read for Watched {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, to)
    }
}

impl Write for Watched {
    #[inline]
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let took = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.caller.took(took.is_ready());
        took
    }

    #[inline]
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        if flushed.is_ready() {
            self.caller.flushed();
        }
        flushed
    }

    #[inline]
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    #[inline]
    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    #[inline]
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let took = Pin::new(&mut self.io).poll_write_vectored(cx, pieces);
        self.caller.took(took.is_ready());
        took
    }
}
