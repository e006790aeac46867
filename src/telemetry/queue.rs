//! The queue before the log's writer: bounded in entries and in bytes; what finds no room is dropped and counted.
//!
//! A thread of its own writes, asleep while there is nothing to write. Not `tracing-appender`'s, which bounds entries alone,
//! though one of ours can be ten thousand times as long as another; copies each of them; and looks for the next one again
//! and again before it sleeps, on a core that has hits to serve.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes that may wait for the reader, since serving goes on whatever happens to the log.
const MOST_BYTES: usize = 32 << 20;

/// Entries that may wait: lines, or batches of them.
const MOST_ENTRIES: usize = 16_384;

/// Between two looks of a writer who found nothing left: entries that follow closely need not wake him one by one.
const REST: Duration = Duration::from_millis(5);

/// How long the end of the process waits for a reader who does not take what was said last.
const FAREWELL: Duration = Duration::from_secs(1);

/// The queue; clones put into the same one.
#[derive(Clone)]
pub struct Queue(Arc<Shared>);

/// The writer's end of it: when this is dropped, all that was put in is written, if the reader takes it in time.
pub struct Writing(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// Said to a writer that sleeps, and by one that has ended.
    news: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    /// What is being written stays the first, taken out of its place, until it is written.
    entries: VecDeque<Vec<u8>>,
    bytes: usize,
    asleep: bool,
    closed: bool,
    ended: bool,
}

impl Queue {
    /// An empty queue, and a thread that writes what is put in.
    ///
    /// # Errors
    /// Those of starting a thread.
    pub fn before(writer: impl Write + Send + 'static) -> io::Result<(Queue, Writing)> {
        let shared = Arc::<Shared>::default();
        let queue = Arc::clone(&shared);
        std::thread::Builder::new().name("log".into()).spawn(move || queue.write_into(writer))?;
        Ok((Queue(Arc::clone(&shared)), Writing(shared)))
    }

    /// Puts an entry in as it is.
    pub fn put(&self, entry: Vec<u8>) {
        let mut waiting = self.0.waiting();
        if waiting.ended || !waiting.has_room_for(entry.capacity()) {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.bytes += entry.capacity();
        waiting.entries.push_back(entry);
        if std::mem::take(&mut waiting.asleep) {
            drop(waiting);
            self.0.news.notify_all();
        }
    }

    /// Entries that found no room, or no writer any more.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

impl Write for Queue {
    /// One entry; it never fails.
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        self.put(entry.to_vec());
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Waiting {
    fn has_room_for(&self, bytes: usize) -> bool {
        self.entries.len() < MOST_ENTRIES && self.bytes + bytes <= MOST_BYTES
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes until the queue is closed and empty.
    fn write_into(&self, mut writer: impl Write) {
        let _ends_with_this = Ending(self);
        while let Some(entry) = self.next() {
            let _goes_on = writer.write_all(&entry); // a reader who is gone, or a full disk: serving does not depend on it
            let mut waiting = self.waiting();
            waiting.entries.pop_front();
            waiting.bytes -= entry.capacity();
        }
        let _goes_on = writer.flush();
    }

    /// The next entry, waited for; its place stays taken.
    fn next(&self) -> Option<Vec<u8>> {
        let mut waiting = self.waiting();
        if waiting.entries.is_empty() {
            let rested = self.news.wait_timeout_while(waiting, REST, |waiting| !waiting.closed);
            waiting = rested.unwrap_or_else(PoisonError::into_inner).0;
        }
        loop {
            if let Some(entry) = waiting.entries.front_mut() {
                return Some(std::mem::take(entry));
            }
            if waiting.closed {
                return None;
            }
            waiting.asleep = true;
            waiting = self.news.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The end of the thread, however it comes: nobody waits for it any more, and what is put in counts as dropped.
struct Ending<'a>(&'a Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        *waiting = Waiting { ended: true, ..Waiting::default() };
        self.0.news.notify_all();
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.closed = true;
        self.0.news.notify_all();
        let _ended_or_late = self.0.news.wait_timeout_while(waiting, FAREWELL, |waiting| !waiting.ended);
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
            let (mut queue, guard) = Queue::before(Reader(told, took)).unwrap();
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

    #[test]
    fn the_end_waits_for_a_slow_reader_but_not_for_ever() {
        let (leave, told) = sync_channel(0);
        let (took, taken) = std::sync::mpsc::channel();
        let (mut queue, writing) = Queue::before(Reader(told, took)).unwrap();
        queue.write_all(b"last words").unwrap();
        std::thread::spawn(move || leave.send(()));
        drop(writing);
        assert_eq!(taken.try_recv(), Ok(10));
        queue.write_all(b"too late").unwrap();
        assert_eq!(queue.dropped(), 1);

        let (_never, told) = sync_channel(0);
        let (mut queue, writing) = Queue::before(Reader(told, std::sync::mpsc::channel().0)).unwrap();
        queue.write_all(b"to nobody").unwrap();
        let begun = tokio::time::Instant::now();
        drop(writing);
        assert!((FAREWELL..10 * FAREWELL).contains(&begun.elapsed()));
    }

    #[test]
    fn a_writer_that_sleeps_is_woken_and_one_that_panics_is_not_waited_for() {
        let (leave, told) = sync_channel(1);
        let (took, taken) = std::sync::mpsc::channel();
        let (mut queue, _writing) = Queue::before(Reader(told, took)).unwrap();
        let begun = tokio::time::Instant::now();
        while !queue.0.waiting().asleep {
            assert!(begun.elapsed() < Duration::from_secs(10));
            std::thread::yield_now();
        }
        queue.write_all(b"good morning").unwrap();
        leave.send(()).unwrap();
        assert_eq!(taken.recv_timeout(Duration::from_secs(10)), Ok(12));

        struct Panics;
        impl Write for Panics {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                panic!("a writer that can't")
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (mut queue, writing) = Queue::before(Panics).unwrap();
        queue.write_all(b"lost").unwrap();
        let begun = tokio::time::Instant::now();
        drop(writing);
        assert!(begun.elapsed() < FAREWELL);
        queue.write_all(b"too late").unwrap();
        assert_eq!(queue.dropped(), 1);
    }
}
