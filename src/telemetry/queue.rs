//! The queue before the log's writer: bounded in entries and in bytes; what finds no room is dropped and counted.
//!
//! A thread of `tracing-appender` writes, which bounds entries alone; a batch of the access log is one, and can be ten
//! thousand times as long as another. So what waits is counted here, from when it is handed over until it is written.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};

/// Bytes that may wait for the reader, since serving goes on whatever happens to the log.
const MOST_BYTES: usize = 32 << 20;

/// Entries that may wait: lines, or batches of them.
const MOST_ENTRIES: usize = 16_384;

/// The queue; clones put into the same one.
#[derive(Clone)]
pub struct Queue {
    entries: NonBlocking,
    waiting: Arc<Waiting>,
}

#[derive(Default)]
struct Waiting {
    entries: AtomicUsize,
    bytes: AtomicUsize,
    dropped: AtomicU64,
}

impl Queue {
    /// An empty queue; all that was put in is written before the guard is gone.
    pub fn before(writer: impl Write + Send + 'static) -> (Queue, WorkerGuard) {
        let waiting = Arc::<Waiting>::default();
        let writer = Written { writer, waiting: Arc::clone(&waiting) };
        let (entries, guard) =
            NonBlockingBuilder::default().lossy(true).buffered_lines_limit(MOST_ENTRIES).finish(writer);
        (Queue { entries, waiting }, guard)
    }

    /// Entries that found no room so far.
    pub fn dropped(&self) -> u64 {
        self.waiting.dropped.load(Ordering::Relaxed)
    }
}

impl Waiting {
    /// Makes room, if there is any.
    fn begin(&self, bytes: usize) -> bool {
        let entries = self.entries.fetch_add(1, Ordering::Relaxed);
        let held = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = entries < MOST_ENTRIES && held + bytes <= MOST_BYTES;
        if !fits {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            self.end(bytes);
        }
        fits
    }

    fn end(&self, bytes: usize) {
        self.entries.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Write for Queue {
    /// One entry; it never fails.
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        if self.waiting.begin(entry.len()) { self.entries.write(entry) } else { Ok(entry.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts down what is written, or can't be.
struct Written<W> {
    writer: W,
    waiting: Arc<Waiting>,
}

impl<W: Write> Write for Written<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, entry: &[u8]) -> io::Result<()> {
        let written = self.writer.write_all(entry);
        self.waiting.end(entry.len());
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};

    use super::*;

    /// A reader that takes an entry for every word of leave, and says how long it was.
    struct Reader(Receiver<()>, std::sync::mpsc::Sender<usize>);

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _until_told = self.0.recv();
            let _nobody_asks = self.1.send(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stalls_costs_bounded_memory_and_gets_what_had_room_once_it_reads() {
        for (entry, fit) in [(MOST_BYTES / 8, 8), (10, MOST_ENTRIES)] {
            let (leave, told) = sync_channel(MOST_ENTRIES + 100);
            let (took, taken) = std::sync::mpsc::channel();
            let (mut queue, guard) = Queue::before(Reader(told, took));
            let line = vec![b'x'; entry];
            for _ in 0..fit + 50 {
                queue.write_all(&line).unwrap();
            }
            assert_eq!(queue.dropped(), 50);
            for _ in 0..fit {
                leave.send(()).unwrap();
            }
            for _ in 0..fit {
                assert_eq!(taken.recv().unwrap(), entry);
            }
            leave.send(()).unwrap();
            queue.write_all(b"room again").unwrap();
            assert_eq!((taken.recv().unwrap(), queue.dropped()), (10, 50));
            drop(guard);
        }
    }
}
